// Random ways through a shard: outcomes, restarts from what was kept, other numbers of lanes; judged by what AWS promises,
// by a model that knows nothing of the machine but what it was told and what it invoked.
import assert from "node:assert/strict"
import { test } from "node:test"
import fc from "fast-check"
import { MappingRig } from "../../test/mapping-rig.ts"
import type { Verdict } from "./verdict.ts"

interface History {
  readonly lanes: number
  readonly batchSize: number
  readonly bisects: boolean
  readonly retries: number
  readonly windowMs: number
  readonly keys: readonly number[]
  /** What becomes of each invocation: 0 to 9, below. */
  readonly fates: readonly number[]
  /** After which invocations the process dies before anything of it is kept. */
  readonly deaths: readonly number[]
  readonly lanesAfter: number
  readonly batchAfter: number
  /** Most records of one read. */
  readonly page: number
}

const history: fc.Arbitrary<History> = fc.record({
  lanes: fc.integer({ min: 1, max: 4 }),
  batchSize: fc.integer({ min: 1, max: 7 }),
  bisects: fc.boolean(),
  retries: fc.integer({ min: -1, max: 3 }),
  windowMs: fc.constantFrom(0, 3_000),
  keys: fc.array(fc.integer({ min: 0, max: 5 }), { minLength: 1, maxLength: 40 }),
  fates: fc.array(fc.integer({ min: 0, max: 9 }), { maxLength: 60 }),
  deaths: fc.uniqueArray(fc.integer({ min: 0, max: 40 }), { maxLength: 4 }),
  lanesAfter: fc.integer({ min: 1, max: 4 }),
  batchAfter: fc.integer({ min: 1, max: 7 }),
  page: fc.integer({ min: 1, max: 50 }),
})

class Death extends Error {}

/** Plays a history to its end, where nothing fails any more, and gives back what was seen. */
function play({ lanes, batchSize, bisects, retries, windowMs, keys, fates, deaths, lanesAfter, batchAfter, page }: History) {
  const settings = {
    parallelizationFactor: lanes,
    batchSize,
    bisectBatchOnFunctionError: bisects,
    maximumRetryAttempts: retries,
    batchingWindowMs: windowMs,
  }
  /** Offsets that an invocation took for good, in order, and how often each batch failed. */
  const taken: number[] = []
  const failures = new Map<string, number>()
  let calls = 0
  let verdict: Verdict
  const rig = new MappingRig(settings, ({ offsets }) => {
    const call = calls++
    const fate = fates[call] ?? 9
    if (fate < 3) verdict = { kind: "failed", error: "Unhandled" }
    else if (fate === 3) verdict = { kind: "throttled" }
    else if (fate < 6) verdict = { kind: "partial", index: call % offsets.length }
    else verdict = { kind: "done" }
    const good = verdict.kind === "done" ? offsets.length : verdict.kind === "partial" ? verdict.index : 0
    taken.push(...offsets.slice(0, good))
    if (verdict.kind === "failed" || verdict.kind === "partial") {
      const name = offsets.slice(good).join()
      failures.set(name, (failures.get(name) ?? 0) + 1)
    }
    if (deaths.includes(call)) throw new Death()
    return verdict
  })
  rig.page = page
  let dropped: number[] = []
  const live = (act: () => void): void => {
    for (;;) {
      try {
        act()
        return
      } catch (error) {
        if (!(error instanceof Death)) throw error
        rig.restart(deaths.length % 2 === 0 ? {} : { parallelizationFactor: lanesAfter, batchSize: batchAfter })
      }
    }
  }
  for (const [i, key] of keys.entries()) {
    rig.put([`key ${key}`])
    if (i % 5 === 4) live(() => rig.advance(700))
  }
  live(() => rig.advance(3_600_000))
  live(() => rig.close())
  dropped = rig.discards.flatMap(({ offsets }) => offsets)
  return { rig, taken, dropped, failures }
}

test("every record is in a batch that succeeded, or was given up with a reason; a closed shard comes to its end", () => {
  fc.assert(
    fc.property(history, (given) => {
      const { rig, taken, dropped } = play(given)
      const settled = new Set([...taken, ...dropped])
      for (const offset of given.keys.keys()) assert.ok(settled.has(offset), `record ${offset} is in no batch`)
      assert.ok(rig.machine.isOver)
    }),
    { numRuns: 500 },
  )
})

test("records of a key are first invoked in their order", () => {
  fc.assert(
    fc.property(history, (given) => {
      const { rig } = play(given)
      const first = new Map<string, number>()
      const seen = new Set<number>()
      for (const { offsets } of rig.invocations) {
        for (const offset of offsets) {
          if (seen.has(offset)) continue
          seen.add(offset)
          const key = rig.log[offset]?.key ?? ""
          assert.ok((first.get(key) ?? -1) < offset, `record ${offset} of ${key} comes after a later one`)
          first.set(key, offset)
        }
      }
    }),
    { numRuns: 500 },
  )
})

test("without deaths and splits a batch is given up after retries + 1 failures, and only then", () => {
  fc.assert(
    fc.property(history, (given) => {
      const { rig } = play({ ...given, deaths: [], bisects: false })
      for (const { attempts } of rig.discards) assert.equal(attempts, given.retries + 1)
      if (given.retries < 0) assert.deepEqual(rig.discards, [])
    }),
    { numRuns: 300 },
  )
})

test("without deaths nothing that was done is invoked again", () => {
  fc.assert(
    fc.property(history, (given) => {
      const { taken, dropped } = play({ ...given, deaths: [] })
      assert.equal(new Set(taken).size, taken.length)
      assert.equal(new Set(dropped).size, dropped.length)
      for (const offset of dropped) assert.ok(!taken.includes(offset), `record ${offset} was done and given up`)
    }),
    { numRuns: 500 },
  )
})

test("what is kept never lies beyond a record that is neither done nor given up", () => {
  fc.assert(
    fc.property(history, fc.integer({ min: 0, max: 30 }), (given, calls) => {
      const settled = new Set<number>()
      let left = calls
      const rig = new MappingRig(
        { parallelizationFactor: given.lanes, batchSize: given.batchSize, maximumRetryAttempts: given.retries, bisectBatchOnFunctionError: given.bisects },
        ({ offsets }) => {
          // The rest stays under way for ever.
          if (left-- <= 0) return undefined
          const fate = given.fates[left] ?? 9
          if (fate < 4) return { kind: "failed", error: null }
          for (const offset of offsets) settled.add(offset)
          return { kind: "done" }
        },
      )
      rig.put(given.keys.map((key) => `key ${key}`))
      rig.advance(60_000)
      rig.keep()
      for (const { offsets } of rig.discards) for (const offset of offsets) settled.add(offset)
      rig.restart()
      rig.invocations.length = 0
      rig.handler = () => ({ kind: "done" })
      rig.advance(3_600_000)
      for (const { offsets } of rig.discards) for (const offset of offsets) settled.add(offset)
      for (const offset of rig.offsets.flat()) settled.add(offset)
      assert.equal(settled.size, given.keys.length)
    }),
    { numRuns: 300 },
  )
})
