/** Old entries are deleted while nobody wants them. */
import assert from "node:assert/strict"
import type { Store, Stretch } from "@millrace/engine"
import { isMillraceError } from "@millrace/model"
import { append, bucketOf, change, changes, commit, lines, numbers, readLines } from "./store-model.ts"
import type { StoreTests } from "./store-test.ts"

export const sweeping: StoreTests = (check) => {
  /** 60 commits of one entry each, 10 ms apart. */
  const fill = async (store: Store, clock: { now: number }): Promise<void> => {
    for (let i = 0; i < 60; i++) {
      clock.now = 1000 + i * 10
      await store.durable(
        store.append({
          appends: [append(lines("a", 0, `line ${i}`))],
          state: [changes(change([["k", `${i}`.padEnd(100)]]))],
        }).sequence,
      )
    }
  }

  check("deletes what is not wanted and says so when it is asked for", async (store, _, clock) => {
    await fill(store, clock)
    await store.fold()
    assert.ok((await store.sweep(() => false)) > 0)
    const { first, durable, next } = store.extent("a", 0)
    assert.ok(first > 0)
    assert.deepEqual([durable, next], [60, 60])
    assert.deepEqual(await readLines(store, "a", 0, first, 100), numbers(first, 60))
    await assert.rejects(
      store.read("a", 0, first - 1, 100),
      (error) => isMillraceError(error) && error.code === "MR1014" && error.message.includes(`${first}`),
    )
    assert.deepEqual(bucketOf(store, "s", 0, 0), [["k", "59".padEnd(100)]])
  })

  check("keeps all from the first wanted stretch on", async (store, _, clock) => {
    await fill(store, clock)
    await store.fold()
    await store.sweep(({ end }) => end > 30)
    const { first } = store.extent("a", 0)
    assert.ok(first <= 30)
    assert.deepEqual(await readLines(store, "a", 0, first, 100), numbers(first, 60))
    assert.equal(await store.sweep(({ end }) => end > first), 0)
  })

  check("tells when the last entry of a stretch was appended", async (store, _, clock) => {
    await fill(store, clock)
    await store.fold()
    const stretches: Stretch[] = []
    await store.sweep((stretch) => {
      stretches.push(stretch)
      return false
    })
    assert.ok(stretches.length > 0)
    for (const { stream, partition, end, appendedAt } of stretches) {
      assert.deepEqual([stream, partition], ["a", 0])
      assert.equal(appendedAt, 1000 + (end - 1) * 10)
    }
  })

  check("never deletes what is not folded", async (store, _, clock) => {
    await fill(store, clock)
    assert.equal(await store.sweep(() => false), 0)
    assert.deepEqual(await readLines(store, "a", 0, 0, 100), numbers(0, 60))
  })

  check("keeps counting where it was", async (store, _, clock) => {
    await fill(store, clock)
    await store.fold()
    await store.sweep(() => false)
    assert.deepEqual(store.append(commit([lines("a", 0, "line 60")])), { sequence: 60, bases: [60] })
  })
}
