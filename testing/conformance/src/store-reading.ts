/** Entries come back, from any offset, in pieces of any size. */
import assert from "node:assert/strict"
import { commit, lines, linesOf, numbers, readLines } from "./store-model.ts"
import type { StoreTests } from "./store-test.ts"

export const reading: StoreTests = (check) => {
  check("finds every entry once and in order, from any offset and in pieces of any size", async (store) => {
    const all = numbers(0, 60)
    for (let at = 0; at < 60;) {
      const size = 1 + (at % 7)
      const { sequence } = store.append(
        commit([lines("a", 3, ...all.slice(at, at + size)), lines("other", 3, "noise", "noise")]),
      )
      if (at % 3 === 0) await store.durable(sequence)
      at += size
    }
    const { next } = store.extent("a", 3)
    assert.equal(next, 60)
    for (const bytesMost of [0, 1, 30, 100, 333, 1000, 1e6]) {
      for (let from = 0; from <= next; from++)
        assert.deepEqual(await readLines(store, "a", 3, from, bytesMost), all.slice(from, next))
    }
  })

  check("shows what is appended and not yet durable", async (store) => {
    store.append(commit([lines("a", 0, "0")]))
    await store.durable(0)
    const { sequence } = store.append(commit([lines("a", 0, "1", "2")]))
    assert.deepEqual(await readLines(store, "a", 0, 2, 1e6), ["2"])
    await store.durable(sequence)
    assert.deepEqual(await readLines(store, "a", 0, 0, 1e6), ["0", "1", "2"])
  })

  check("gives nothing at the end, beyond it, and for a stream that was never written", async (store) => {
    store.append(commit([lines("a", 0, "0")]))
    assert.deepEqual(await store.read("a", 0, 1, 100), [])
    assert.deepEqual(await store.read("a", 0, 9, 100), [])
    assert.deepEqual(await store.read("a", 1, 0, 100), [])
    assert.deepEqual(await store.read("b", 0, 0, 100), [])
    assert.deepEqual(store.extent("b", 0), { first: 0, durable: 0, next: 0 })
  })

  check("hands out blocks that the reader may change", async (store) => {
    store.append(commit([lines("a", 0, "0")]))
    for (let i = 0; i < 2; i++) {
      const [slice] = await store.read("a", 0, 0, 100)
      assert.ok(slice)
      assert.deepEqual(linesOf(slice.block), ["0"])
      assert.equal(slice.block.byteLength, slice.block.buffer.byteLength, "a block can be transferred")
      slice.block.fill(0xff)
      await store.durable(0)
    }
  })

  check("reads while others append", async (store) => {
    const reading: Array<Promise<string[]>> = []
    for (let i = 0; i < 30; i++) {
      store.append(commit([lines("a", 0, `line ${i}`)]))
      reading.push(readLines(store, "a", 0, 0, 40))
      if (i % 4 === 0) await store.durable(i)
    }
    for (const [i, read] of reading.entries()) assert.deepEqual((await read).slice(0, i + 1), numbers(0, i + 1))
  })
}
