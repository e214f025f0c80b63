import assert from "node:assert/strict"
import { test } from "node:test"
import { openMemoryStore } from "@millrace/memory"
import { readValue, StateChangesWriter, valueBytes, valueFrom, writeValue } from "@millrace/model"
import fc from "fast-check"
import type { StateReader, Store } from "./ports/store.ts"
import { StateMemory } from "./state/memory.ts"
import { KeyedState, rowKey, type Scope, type StateCodec } from "./state.ts"

/** A value that is changed in place, so that a copy forgotten anywhere shows. */
interface Sum {
  total: number
}

const codec: StateCodec<Sum> = {
  write: (to, value) => writeValue(to, value),
  read: (from) => readValue(from) as Sum,
  copy: (value) => ({ ...value }),
}

const scopes = ["a", "b"]
const ids = [-60, 0]
// The last two are in another order by their UTF-16 code units.
const keys = ["k", "", "\uff5e", "\u{1f600}"]

type Step =
  | { readonly kind: "add"; readonly scope: number; readonly id: number; readonly key: string; readonly by: number }
  | { readonly kind: "remove"; readonly scope: number; readonly id: number; readonly key: string }
  | { readonly kind: "drop"; readonly scope: number; readonly id: number }
  | { readonly kind: "look"; readonly scope: number; readonly id: number }
  | { readonly kind: "savepoint" }
  | { readonly kind: "rollback"; readonly to: number }
  | { readonly kind: "forget-savepoint" }
  | { readonly kind: "commit" }
  | { readonly kind: "fold" }
  | { readonly kind: "get"; readonly scope: number; readonly id: number; readonly key: string }
  | { readonly kind: "restart" }

const scope = fc.nat(scopes.length - 1)
const id = fc.constantFrom(...ids)
const key = fc.constantFrom(...keys)
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({ kind: fc.constant("add" as const), scope, id, key, by: fc.integer({ min: -9, max: 9 }) }),
  },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant("remove" as const), scope, id, key }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("drop" as const), scope, id }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("look" as const), scope, id }) },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant("savepoint" as const) }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("rollback" as const), to: fc.nat(5) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("forget-savepoint" as const) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("commit" as const) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("fold" as const) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("get" as const), scope, id, key }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("restart" as const) }) },
)

/** scope, bucket and key to total. */
type Model = Map<string, number>

function place(scopeAt: number, bucket: number, name: string): string {
  return JSON.stringify([scopes[scopeAt], bucket, name])
}

/** State, its store, and a map that must always hold the same. */
class History {
  readonly #store: Store
  readonly #memory: StateMemory
  #state: KeyedState
  #scopes: Scope<Sum>[]
  #model: Model = new Map()
  #savepoints: { readonly mark: number; readonly model: Model }[] = []

  /** @param bytesMost - what may stay in memory */
  constructor(store: Store, bytesMost: number) {
    this.#store = store
    this.#memory = new StateMemory(bytesMost, bytesMost)
    this.#state = new KeyedState(store.state, 3, this.#memory)
    this.#scopes = scopes.map((name) => this.#state.scope(name, codec))
  }

  async take(each: Step): Promise<void> {
    switch (each.kind) {
      case "add": {
        const target = this.#scope(each.scope)
        const cell = target.change(target.bucket(each.id), each.key, () => ({ total: 0 }))
        const value = cell.value as Sum
        value.total += each.by
        const at = place(each.scope, each.id, each.key)
        this.#model.set(at, (this.#model.get(at) ?? 0) + each.by)
        return
      }
      case "remove": {
        const target = this.#scope(each.scope)
        target.remove(target.bucket(each.id), each.key)
        this.#model.delete(place(each.scope, each.id, each.key))
        return
      }
      case "drop": {
        const target = this.#scope(each.scope)
        if (target.has(each.id)) target.drop(target.bucket(each.id))
        for (const name of keys) this.#model.delete(place(each.scope, each.id, name))
        return
      }
      case "look":
        this.#scope(each.scope).bucket(each.id)
        return
      case "savepoint":
        this.#savepoints.push({ mark: this.#state.savepoint(), model: new Map(this.#model) })
        return
      case "rollback": {
        const found = this.#savepoints.splice(Math.max(0, this.#savepoints.length - 1 - each.to))[0]
        if (found === undefined) return
        this.#state.rollback(found.mark)
        this.#model = new Map(found.model)
        return
      }
      case "forget-savepoint":
        this.#savepoints.pop()
        return
      case "commit":
        this.#commit()
        return
      case "fold":
        await this.#store.fold()
        this.#state.onFolded(this.#state.transaction - 1)
        return
      case "get": {
        const target = this.#scope(each.scope)
        const found = target.get(target.bucket(each.id), each.key)?.value?.total
        assert.equal(found, this.#model.get(place(each.scope, each.id, each.key)))
        return
      }
      case "restart":
        this.#commit()
        await this.#store.fold()
        this.#state.close()
        assert.equal(this.#memory.bytes, 0, "nothing is counted twice, nothing forgotten")
        this.#state = new KeyedState(this.#store.state, 3, this.#memory)
        this.#scopes = scopes.map((name) => this.#state.scope(name, codec))
        return
    }
  }

  /** What the state holds, through its own words. */
  check(): void {
    const found: Model = new Map()
    for (const [i, target] of this.#scopes.entries()) {
      for (const bucket of target.ids()) {
        const entries = [...target.entries(target.bucket(bucket))]
        for (const { key: name, value } of entries) found.set(place(i, bucket, name), value.total)
        const names = entries.map((each) => each.key)
        assert.deepEqual(target.keys(target.bucket(bucket)), names)
        assert.deepEqual(
          names.map((name) => Buffer.from(name, "utf8").toString("hex")),
          names.map((name) => Buffer.from(name, "utf8").toString("hex")).toSorted(),
        )
        const [first] = names
        if (first === undefined) continue
        const rest = [...target.entries(target.bucket(bucket), first)].map((each) => each.key)
        assert.deepEqual(rest, names.slice(1))
      }
    }
    assert.deepEqual(sorted(found), sorted(this.#model))
    assert.ok(this.#state.size <= this.#model.size)
  }

  /** S3: what the store holds once all has been written. */
  async checkStored(): Promise<void> {
    this.#commit()
    await this.#store.fold()
    assert.deepEqual(sorted(stored(this.#store.state)), sorted(this.#model))
  }

  #commit(): void {
    const writer = new StateChangesWriter()
    this.#state.check(0)
    this.#state.writeChanges(writer)
    this.#store.append({ appends: [], state: [writer.take()] })
    this.#savepoints = []
  }

  #scope(at: number): Scope<Sum> {
    return this.#scopes.at(at) as Scope<Sum>
  }
}

function stored(reader: StateReader): Model {
  const found: Model = new Map()
  for (const [i, name] of scopes.entries()) {
    for (const bucket of reader.buckets(name, 3)) {
      for (const [each, bytes] of reader.entries(name, 3, bucket))
        found.set(place(i, bucket, each), (valueFrom(bytes) as Sum).total)
    }
  }
  return found
}

function sorted(model: Model): (readonly [string, number])[] {
  return [...model].sort(([a], [b]) => (a < b ? -1 : 1))
}

async function run(steps: readonly Step[], bytesMost: number): Promise<void> {
  const history = new History(await openStore(), bytesMost)
  for (const each of steps) {
    await history.take(each)
    history.check()
  }
  await history.checkStored()
}

function openStore(): Promise<Store> {
  return openMemoryStore({ now: () => 0, onLost: () => undefined })
}

test("state holds what a map would through any history of changes, rollbacks, commits and restarts", async () => {
  const bytesMost = fc.constantFrom(Number.POSITIVE_INFINITY, 0, 300, 600)
  await fc.assert(fc.asyncProperty(fc.array(step, { maxLength: 60, size: "max" }), bytesMost, run), { numRuns: 1_000 })
})

test("a value changed in place after a savepoint is given back as it was", async () => {
  const state = new KeyedState((await openStore()).state, 0)
  const sums = state.scope("s", codec)
  const change = (by: number): void => {
    const value = sums.change(sums.bucket(0), "k", () => ({ total: 0 })).value as Sum
    value.total += by
  }
  change(1)
  const outer = state.savepoint()
  change(10)
  const inner = state.savepoint()
  change(100)
  change(1000)
  const total = (): number | undefined => sums.bucket(0).cells.get("k")?.value?.total
  assert.equal(total(), 1111)
  state.rollback(inner)
  assert.equal(total(), 11)
  change(5)
  state.rollback(outer)
  assert.equal(total(), 1)
})

test("a key removed before the store has heard of it does not come back when its bucket is let go of", async () => {
  const change = (kind: "add" | "remove", name: string): Step => ({ kind, scope: 1, id: 0, key: name, ...(kind === "add" ? { by: 1 } : {}) }) as Step
  // Found by the property above with its seed 1329687947.
  await run([change("add", ""), change("add", "k"), { kind: "restart" }, change("remove", "k"), { kind: "commit" }, change("add", "\uff5e"), { kind: "commit" }], 300)
})

test("keys that are removed, and others that come into memory by it, while a bucket is gone through are each met once", async () => {
  const store = await openStore()
  const first = new KeyedState(store.state, 0)
  const rows = first.rows("s", codec)
  const names = ["0", "1", "2"].map((row) => rowKey("k", row))
  for (const name of names) rows.change(rows.bucket(0), name, () => ({ total: 1 }))
  const writer = new StateChangesWriter()
  first.writeChanges(writer)
  store.append({ appends: [], state: [writer.take()] })
  await store.fold()
  // Found by the properties of joinAsOf: only the first row is read at once.
  const again = new KeyedState(store.state, 0, new StateMemory(0, 0)).rows("s", codec)
  const met: string[] = []
  for (const { key } of again.entries(again.bucket(0))) {
    met.push(key)
    again.remove(again.bucket(0), key)
  }
  assert.deepEqual(met, names)
  assert.deepEqual(again.keys(again.bucket(0)), [])
})

test("a bucket dropped twice stays dropped when only the second drop is undone", async () => {
  const add: Step = { kind: "add", scope: 0, id: 0, key: "k", by: 1 }
  const other: Step = { kind: "add", scope: 0, id: 0, key: "", by: 1 }
  const drop: Step = { kind: "drop", scope: 0, id: 0 }
  await run([
    add,
    { kind: "restart" },
    drop,
    other,
    { kind: "savepoint" },
    drop,
    { kind: "rollback", to: 0 },
    { kind: "restart" },
  ], Number.POSITIVE_INFINITY)
})

test("a bucket that was emptied is not known any more", async () => {
  const state = new KeyedState((await openStore()).state, 0)
  const sums = state.scope("s", codec)
  const commit = (): void => state.writeChanges(new StateChangesWriter())
  sums.change(sums.bucket(5), "k", () => ({ total: 1 }))
  commit()
  assert.deepEqual([...sums.ids()], [5])
  sums.remove(sums.bucket(5), "k")
  commit()
  assert.deepEqual([...sums.ids()], [])
  sums.change(sums.bucket(5), "k", () => ({ total: 1 }))
  commit()
  sums.drop(sums.bucket(5))
  sums.change(sums.bucket(5), "l", () => ({ total: 1 }))
  sums.remove(sums.bucket(5), "l")
  commit()
  assert.deepEqual([...sums.ids()], [])
})

test("a bucket is loaded when it is first touched, and no other", async () => {
  const store = await openStore()
  const first = new KeyedState(store.state, 0)
  const sums = first.scope("s", codec)
  for (const bucket of [1, 2, 3]) sums.change(sums.bucket(bucket), "k", () => ({ total: bucket }))
  const writer = new StateChangesWriter()
  first.writeChanges(writer)
  store.append({ appends: [], state: [writer.take()] })
  await store.fold()
  const asked: number[] = []
  const reader: StateReader = {
    buckets: (name, partition) => store.state.buckets(name, partition),
    get: (name, partition, bucket, each) => store.state.get(name, partition, bucket, each),
    entries: (name, partition, bucket) => {
      asked.push(bucket)
      return store.state.entries(name, partition, bucket)
    },
    close: () => undefined,
  }
  const again = new KeyedState(reader, 0).scope("s", codec)
  assert.deepEqual([...again.ids()], [1, 2, 3])
  assert.deepEqual(asked, [])
  assert.equal(again.bucket(2).cells.get("k")?.value?.total, 2)
  again.bucket(2)
  assert.deepEqual(asked, [2])
})

test("a value that cannot be written leaves the transaction open, to be undone", async () => {
  const state = new KeyedState((await openStore()).state, 0)
  const things = state.scope<{ thing: unknown }>("s", {
    write: (to, value) => writeValue(to, value),
    read: (from) => readValue(from) as { thing: unknown },
    copy: (value) => valueFrom(valueBytes(value)) as { thing: unknown },
  })
  things.change(things.bucket(0), "good", () => ({ thing: 1 }))
  const mark = state.savepoint()
  things.change(things.bucket(0), "bad", () => ({ thing: () => 1 }))
  assert.throws(() => state.check(mark), /function/)
  assert.throws(() => state.writeChanges(new StateChangesWriter()), /function/)
  state.rollback(mark)
  state.check(0)
  const writer = new StateChangesWriter()
  state.writeChanges(writer)
  assert.deepEqual([...things.bucket(0).cells.keys()], ["good"])
  assert.ok(writer.length > 0)
})

test("released keys leave memory and stay in the store, changed ones stay", async () => {
  const store = await openStore()
  const state = new KeyedState(store.state, 0)
  const sums = state.scope("s", codec)
  const commit = async (): Promise<void> => {
    const writer = new StateChangesWriter()
    state.writeChanges(writer)
    store.append({ appends: [], state: [writer.take()] })
    await store.fold()
  }
  sums.change(sums.bucket(0), "old", () => ({ total: 1 }))
  await commit()
  sums.change(sums.bucket(0), "new", () => ({ total: 2 }))
  sums.release(sums.bucket(0))
  assert.deepEqual([...sums.bucket(0).cells.keys()], ["new"])
  assert.equal(state.size, 1)
  await commit()
  assert.deepEqual(
    [...store.state.entries("s", 0, 0)].map(([name]) => name),
    ["new", "old"],
  )
})
