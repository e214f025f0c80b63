/** What a commit is given: a sequence, offsets, a promise. */
import assert from "node:assert/strict"
import { commit, lines, readLines } from "./store-model.ts"
import type { StoreTests } from "./store-test.ts"

export const appending: StoreTests = (check) => {
  check("numbers commits from 0 without gaps", async (store) => {
    for (let i = 0; i < 5; i++) assert.equal(store.append(commit([lines("a", 0, "x")])).sequence, i)
    await store.durable(4)
    assert.equal(store.durableSequence, 5)
  })

  check("gives each entry of a stream and partition the next offset", async (store) => {
    assert.deepEqual(
      store.append(commit([lines("a", 0, "0", "1"), lines("a", 1, "0"), lines("b", 0, "0")])).bases,
      [0, 0, 0],
    )
    assert.deepEqual(
      store.append(commit([lines("b", 0, "1"), lines("a", 1, "1"), lines("a", 0, "2")])).bases,
      [1, 1, 2],
    )
    await store.durable(1)
    assert.deepEqual(await readLines(store, "a", 0, 0, 1e6), ["0", "1", "2"])
    assert.deepEqual(await readLines(store, "a", 1, 0, 1e6), ["0", "1"])
    assert.deepEqual(await readLines(store, "b", 0, 0, 1e6), ["0", "1"])
  })

  check("appends twice to a partition within one commit, in order", async (store) => {
    assert.deepEqual(store.append(commit([lines("a", 0, "0", "1"), lines("a", 0, "2")])).bases, [0, 2])
    assert.deepEqual(await readLines(store, "a", 0, 0, 1e6), ["0", "1", "2"])
  })

  check("takes no offset for an append of no entries", async (store) => {
    assert.deepEqual(store.append(commit([lines("a", 0), lines("a", 0, "0"), lines("a", 0)])).bases, [0, 0, 1])
    await store.durable(0)
    assert.deepEqual(await readLines(store, "a", 0, 0, 1e6), ["0"])
    assert.deepEqual(store.extent("a", 0), { first: 0, durable: 1, next: 1 })
  })

  check("takes a commit of nothing", async (store) => {
    assert.deepEqual(store.append(commit([])), { sequence: 0, bases: [] })
    await store.durable(0)
    await store.fold()
    assert.equal(store.durableSequence, 1)
  })

  check("resolves durable for each commit and refuses one that was never appended", async (store) => {
    for (let i = 0; i < 3; i++) store.append(commit([lines("a", 0, "x")]))
    await Promise.all([store.durable(2), store.durable(0), store.durable(1)])
    await store.durable(0)
    assert.equal(store.queuedBytes, 0)
    await assert.rejects(store.durable(3))
  })

  check("keeps large and small blocks of one commit apart", async (store) => {
    const texts = ["s", "L".repeat(50_000), "m".repeat(5_000), "t"]
    store.append(commit(texts.map((text, i) => lines("a", i, text))))
    await store.durable(0)
    for (const [i, text] of texts.entries()) assert.deepEqual(await readLines(store, "a", i, 0, 10), [text])
  })

  check("takes no more commits once closed", async (store) => {
    await store.close()
    assert.throws(() => store.append(commit([])))
  })
}
