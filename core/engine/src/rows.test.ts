import assert from "node:assert/strict"
import { test } from "node:test"
import { openMemoryStore } from "@millrace/memory"
import { readValue, StateChangesWriter, writeValue } from "@millrace/model"
import fc from "fast-check"
import { StateMemory } from "./state/memory.ts"
import { KeyedState, rowKey, rowNumber, rowOf, type StateCodec } from "./state.ts"

const codec: StateCodec<number> = {
  write: (to, value) => writeValue(to, value),
  read: (from) => readValue(from) as number,
  copy: (value) => value,
}

type Step =
  | { readonly kind: "add" | "remove"; readonly key: string; readonly row: number }
  | { readonly kind: "savepoint" | "rollback" | "commit" | "fold" | "restart" }

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constantFrom("add" as const, "add" as const, "remove" as const),
      // A key may hold the mark that parts keys from rows.
      key: fc.constantFrom("a", "b", "a\u0000a"),
      row: fc.nat(40),
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constantFrom("savepoint" as const, "rollback" as const, "commit" as const, "fold" as const, "restart" as const) }) },
)

test("the rows of a key are in their order, whatever was changed, undone, stored and read again", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60, size: "max" }), fc.constantFrom(Number.POSITIVE_INFINITY, 0, 500, 2_000), async (steps, bytesMost) => {
      const store = await openMemoryStore({ now: () => 0, onLost: () => undefined })
      const memory = new StateMemory(bytesMost, bytesMost)
      let state = new KeyedState(store.state, 0, memory)
      let rows = state.rows("rows", codec)
      let model = new Map<string, number>()
      let kept = new Map(model)
      let saved = new Map(model)
      let mark = state.savepoint()
      const commit = () => {
        const changes = new StateChangesWriter()
        state.writeChanges(changes)
        store.append({ appends: [], state: [changes.take()] })
        kept = new Map(model)
        saved = new Map(model)
        mark = state.savepoint()
      }
      for (const each of steps) {
        const bucket = rows.bucket(7)
        if (each.kind === "add") {
          const name = rowKey(each.key, rowNumber(each.row))
          rows.change(bucket, name, () => each.row)
          model.set(name, each.row)
        } else if (each.kind === "remove") {
          rows.remove(bucket, rowKey(each.key, rowNumber(each.row)))
          model.delete(rowKey(each.key, rowNumber(each.row)))
        } else if (each.kind === "savepoint") {
          mark = state.savepoint()
          saved = new Map(model)
        } else if (each.kind === "rollback") {
          state.rollback(mark)
          model = new Map(saved)
        } else if (each.kind === "commit") commit()
        else if (each.kind === "fold") {
          await store.fold()
          state.onFolded(state.transaction - 1)
        }
        else {
          await store.fold()
          state.close()
          state = new KeyedState(store.state, 0, memory)
          rows = state.rows("rows", codec)
          model = new Map(kept)
          saved = new Map(kept)
          mark = state.savepoint()
        }
        for (const key of ["a", "b", "a\u0000a"]) {
          const expected = [...model].filter(([name]) => name.slice(0, name.lastIndexOf("\u0000")) === key).toSorted(([a], [b]) => (a < b ? -1 : 1))
          const found = rows.group(rows.bucket(7), key)
          assert.deepEqual(found.map((cell) => [rowOf(cell.key), cell.value]), expected.map(([name, value]) => [rowOf(name), value]))
        }
        assert.ok(rows.size <= model.size)
      }
    }),
  )
})

test("a part of the memory has a bound of its own, and counts to the whole", async () => {
  const store = await openMemoryStore({ now: () => 0, onLost: () => undefined })
  const whole = new StateMemory(100_000, 0)
  const parts = [whole.within(10_000), whole.within(10_000)]
  const states = [...parts, whole].map((memory) => new KeyedState(store.state, 0, memory))
  const scopes = states.map((state, at) => state.scope(`scope ${at}`, codec))
  const write = (state: KeyedState) => {
    const changes = new StateChangesWriter()
    state.writeChanges(changes)
    store.append({ appends: [], state: [changes.take()] })
  }
  for (const scope of scopes) for (let key = 0; key < 200; key++) scope.change(scope.bucket(0), String(key), () => key)
  // What the newest transactions have used stays, too.
  for (let i = 0; i < 3; i++) for (const state of states) write(state)
  assert.ok(whole.bytes > 100_000, "what the store does not have stays")
  await store.fold()
  for (const state of states) state.onFolded(state.transaction - 1)
  for (const { bytes } of parts) assert.ok(bytes > 0 && bytes <= 10_000, `a part takes ${bytes} bytes`)
  assert.equal(states[2]?.size, 200, "the whole has room for what has no bound of its own")
  assert.ok(whole.bytes < 100_000)
  // All of it is there for who asks.
  for (const scope of scopes) for (let key = 0; key < 200; key++) assert.equal(scope.get(scope.bucket(0), String(key))?.value, key)
  for (const state of states) state.close()
  assert.equal(whole.bytes, 0)
})
