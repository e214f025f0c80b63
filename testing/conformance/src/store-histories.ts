/** Random histories of a store, each step held against the model. */
import assert from "node:assert/strict"
import { it } from "node:test"
import type { Store } from "@millrace/engine"
import fc from "fast-check"
import { type Change, commit, type Lines, readLines, stateOf, StoreModel } from "./store-model.ts"
import type { StorePlace } from "./store-place.ts"
import { neverLost } from "./store-test.ts"

const streams = ["a", "b"]
const partitions = [0, 1]
const scopes = ["s", "t"]

type Step =
  | { readonly kind: "append"; readonly appends: readonly Lines[]; readonly state: readonly Change[] }
  | { readonly kind: "durable" }
  | { readonly kind: "fold" }
  | { readonly kind: "sweep"; readonly keep: number }
  | {
      readonly kind: "read"
      readonly stream: string
      readonly partition: number
      readonly back: number
      readonly bytesMost: number
    }
  | { readonly kind: "reopen"; readonly fold: boolean }

const stream = fc.constantFrom(...streams)
const partition = fc.constantFrom(...partitions)
const lines: fc.Arbitrary<Lines> = fc.record({
  stream,
  partition,
  lines: fc.array(fc.string({ maxLength: 60 }), { maxLength: 6 }),
})
const change: fc.Arbitrary<Change> = fc.record({
  scope: fc.constantFrom(...scopes),
  partition,
  bucket: fc.constantFrom(-1.5, 0, 7, Infinity),
  cleared: fc.boolean(),
  entries: fc.array(
    fc.tuple(fc.constantFrom("k", "l", "kk", ""), fc.option(fc.string({ maxLength: 8 }), { nil: undefined })),
    { maxLength: 3 },
  ),
})
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({
      kind: fc.constant("append" as const),
      appends: fc.array(lines, { maxLength: 3 }),
      state: fc.array(change, { maxLength: 3 }),
    }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("durable" as const) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("fold" as const) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("sweep" as const), keep: fc.nat(30) }) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("read" as const),
      stream,
      partition,
      back: fc.nat(30),
      bytesMost: fc.nat(400),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("reopen" as const), fold: fc.boolean() }) },
)

export function storeHistories(newPlace: () => StorePlace): void {
  it("holds what a list and a map would, through any history", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        const place = newPlace()
        const history = new History(await open(place), place)
        try {
          for (const each of steps) await history.take(each)
          await history.end()
        } finally {
          await place.remove()
        }
      }),
      { numRuns: 60 },
    )
  })
}

function open(place: StorePlace): Promise<Store> {
  return place.open({ now: () => 0, onLost: neverLost })
}

class History {
  #store: Store
  readonly #place: StorePlace
  readonly #model = new StoreModel()
  #sequence = 0

  constructor(store: Store, place: StorePlace) {
    this.#store = store
    this.#place = place
  }

  async take(step: Step): Promise<void> {
    const store = this.#store
    switch (step.kind) {
      case "append":
        assert.deepEqual(store.append(commit(step.appends, ...step.state)), {
          sequence: this.#sequence++,
          bases: this.#model.append(step.appends, step.state),
        })
        return
      case "durable":
        if (this.#sequence > 0) await store.durable(this.#sequence - 1)
        assert.equal(store.durableSequence, this.#sequence)
        return
      case "fold":
        await this.take({ kind: "durable" })
        await store.fold()
        this.#model.fold()
        this.#checkState()
        return
      case "sweep":
        await store.sweep(({ stream, partition, end }) => end > this.#model.log(stream, partition).length - step.keep)
        for (const stream of streams) for (const partition of partitions) this.#checkKept(stream, partition, step.keep)
        return
      case "read": {
        const { first, next } = store.extent(step.stream, step.partition)
        const from = Math.max(first, next - step.back)
        const read = await readLines(store, step.stream, step.partition, from, step.bytesMost)
        assert.deepEqual(read, this.#model.log(step.stream, step.partition).slice(from))
        return
      }
      case "reopen":
        if (!this.#place.survives) return
        await store.close({ fold: step.fold })
        this.#store = await open(this.#place)
        this.#model.fold()
        this.#checkState()
        assert.equal(this.#store.durableSequence, this.#sequence)
        return
    }
  }

  async end(): Promise<void> {
    await this.take({ kind: "fold" })
    for (const stream of streams) for (const partition of partitions) await this.#checkLog(stream, partition)
    await this.take({ kind: "reopen", fold: false })
    for (const stream of streams) for (const partition of partitions) await this.#checkLog(stream, partition)
    await this.#store.close()
  }

  #checkState(): void {
    for (const scope of scopes) {
      for (const partition of partitions)
        assert.deepEqual(stateOf(this.#store, scope, partition), this.#model.state(scope, partition))
    }
  }

  #checkKept(stream: string, partition: number, keep: number): void {
    const { first, next } = this.#store.extent(stream, partition)
    const { length } = this.#model.log(stream, partition)
    assert.equal(next, length)
    assert.ok(
      first <= Math.max(0, length - keep),
      `offset ${first} is the first kept of ${length}, ${keep} were wanted`,
    )
  }

  async #checkLog(stream: string, partition: number): Promise<void> {
    const log = this.#model.log(stream, partition)
    const { first, durable, next } = this.#store.extent(stream, partition)
    assert.deepEqual([durable, next], [log.length, log.length])
    assert.deepEqual(await readLines(this.#store, stream, partition, first, 200), log.slice(first))
  }
}
