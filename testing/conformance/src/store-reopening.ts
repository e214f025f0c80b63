/** A store that was closed and is opened again, where anything survives that. */
import assert from "node:assert/strict"
import type { Store } from "@millrace/engine"
import { isMillraceError } from "@millrace/model"
import { change, commit, lines, readLines, stateOf } from "./store-model.ts"
import type { StorePlace } from "./store-place.ts"
import { neverLost, type StoreTests } from "./store-test.ts"

const reopened = async (store: Store, place: StorePlace): Promise<Store> => {
  await store.close()
  return await place.open({ now: () => 1000, onLost: neverLost })
}

export const reopening: StoreTests = (check) => {
  check("finds entries, offsets, sequence and state", async (store, place) => {
    for (let i = 0; i < 20; i++)
      store.append(commit([lines("a", i % 3, `line ${i}`), lines("b", 0, `b ${i}`)], change([[`k${i % 4}`, `${i}`]])))
    const again = await reopened(store, place)
    assert.equal(again.durableSequence, 20)
    assert.equal(again.unfoldedBytes, 0)
    assert.deepEqual(again.extent("a", 2), { first: 0, durable: 6, next: 6 })
    assert.deepEqual(
      await readLines(again, "b", 0, 0, 64),
      Array.from({ length: 20 }, (_, i) => `b ${i}`),
    )
    assert.deepEqual(stateOf(again, "s", 0), [
      [
        0,
        [
          ["k0", "16"],
          ["k1", "17"],
          ["k2", "18"],
          ["k3", "19"],
        ],
      ],
    ])
    assert.deepEqual(again.append(commit([lines("a", 2, "new")])), { sequence: 20, bases: [6] })
    await again.close()
  })

  check("remembers the end of a stream whose entries are all deleted", async (store, place) => {
    store.append(commit([lines("gone", 2, "0", "1", "2")]))
    for (let i = 0; i < 60; i++)
      await store.durable(store.append(commit([lines("a", 0, `line ${i}`.padEnd(100))])).sequence)
    await store.fold()
    await store.sweep(() => false)
    assert.deepEqual(store.extent("gone", 2), { first: 3, durable: 3, next: 3 })
    const again = await reopened(store, place)
    assert.deepEqual(again.extent("gone", 2), { first: 3, durable: 3, next: 3 })
    await assert.rejects(again.read("gone", 2, 0, 100), (error) => isMillraceError(error) && error.code === "MR1014")
    assert.deepEqual(again.append(commit([lines("gone", 2, "3")])).bases, [3])
    assert.deepEqual(await readLines(again, "gone", 2, 3, 100), ["3"])
    await again.close()
  })

  check("finds an empty store empty, and again", async (store, place) => {
    const again = await reopened(store, place)
    assert.equal(again.durableSequence, 0)
    const third = await reopened(again, place)
    assert.deepEqual(third.append(commit([lines("a", 0, "0")])), { sequence: 0, bases: [0] })
    await third.close()
  })
}
