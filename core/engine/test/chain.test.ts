import assert from "node:assert/strict"
import { test } from "node:test"
import { aggregate, count, service, stream, sum, tumbling } from "@millrace/sdk"
import { files } from "@millrace/sdk/files"
import fc from "fast-check"
import {
  Chain,
  type ChainRule,
  type Event,
  failsAfterFirst,
  failsAfterSecond,
  failsInResult,
  type Outcome,
} from "./chain-model.ts"
import { Rig } from "./rig.ts"
import { atOnce, drive, type Turn, turns } from "./schedule.ts"

function program({ outOfOrder, first, second }: ChainRule) {
  const fail = (event: Event, at: Event["fault"]): void => {
    if (event.fault === at) throw new Error(`told to fail in ${at}`)
  }
  // Throws in add when told so, and in result: user code in the middle of the engine.
  const touchy = aggregate({
    init: () => ({ sum: 0 }),
    add: (acc, event: Event) => {
      acc.sum += event.v
      fail(event, "add")
      return acc
    },
    merge: (acc, later) => ({ sum: acc.sum + later.sum }),
    result: (acc) => {
      if (failsInResult(acc.sum)) throw new Error("told to fail in result")
      return acc.sum
    },
  })
  const windowed = stream("in", { partitions: 1, key: (event: Event) => event.k, time: (event) => event.t, outOfOrder })
    .flatMap(function* (event) {
      yield event
      fail(event, "flatMap")
    })
    .map((event) => {
      fail(event, "map")
      return event
    })
    .filter((event) => {
      fail(event, "filter")
      return true
    })
    .window("w1", tumbling(first.size), { allowedLateness: first.lateness })
    .aggregate({ n: count(), sum: touchy })
  const results = windowed.map((result) => {
    if (failsAfterFirst(result.sum)) throw new Error("told to fail after w1")
    return result
  })
  const again = results
    .window("w2", tumbling(second.size), { allowedLateness: second.lateness })
    .aggregate({ n: count(), sum: sum((result) => result.sum) })
    .map((result) => {
      if (failsAfterSecond(result.sum)) throw new Error("told to fail after w2")
      return result
    })
  const late = windowed.late.map((event) => {
    fail(event, "late")
    return event
  })
  return service("s", [results.to(files("first")), again.to(files("second")), late.to(files("late"))])
}

const rule: fc.Arbitrary<ChainRule> = fc.record({
  outOfOrder: fc.nat(12),
  first: fc.record({ size: fc.integer({ min: 1, max: 10 }), lateness: fc.oneof(fc.constant(0), fc.nat(20)) }),
  second: fc.record({ size: fc.integer({ min: 1, max: 30 }), lateness: fc.oneof(fc.constant(0), fc.nat(20)) }),
})

function events(faults: readonly Event["fault"][], values: fc.Arbitrary<number>): fc.Arbitrary<readonly Event[]> {
  return fc
    .array(
      fc.record({
        k: fc.constantFrom("a", "b"),
        step: fc.integer({ min: -20, max: 25 }),
        v: values,
        fault: fc.constantFrom<Event["fault"]>(...faults),
      }),
      { maxLength: 30, size: "max" },
    )
    .map((steps) => {
      let at = 0
      return steps.map(({ k, step, v, fault }) => {
        at += step
        return { k, t: at, v, fault }
      })
    })
}

interface Row {
  readonly key: string
  readonly start: Date
  readonly end: Date
  readonly n: number
  readonly sum: number
}

async function outcome(each: ChainRule, given: readonly Event[], way: readonly Turn[]): Promise<Outcome> {
  const rig = await Rig.open(program(each))
  rig.produce("in", given)
  rig.end("in")
  await drive(rig, rig.seat("in"), way)
  const results = async (name: string): Promise<Outcome["first"]> =>
    ((await rig.values(name)) as Row[]).map(({ key, start, end, n, sum: total }) => ({
      key,
      start: start.getTime(),
      end: end.getTime(),
      n,
      sum: total,
    }))
  const letters = await rig.deadLetters("in")
  for (const { attempts, error } of letters) assert.deepEqual([attempts, error.code], [3, "MR1201"])
  assert.equal(
    letters.length,
    rig.seat("in").transactions.reduce((total, { deadLetters }) => total + deadLetters, 0),
  )
  return {
    first: await results("s/first.rows"),
    second: await results("s/second.rows"),
    late: (await rig.values("s/late.rows")) as Event[],
    counts: rig.late(),
    dead: letters.map(({ operator, key, time }) => `${operator} ${key} ${Date.parse(time)}`),
  }
}

async function agree(each: ChainRule, given: readonly Event[], way: readonly Turn[]): Promise<void> {
  assert.deepEqual(await outcome(each, given, way), Chain.outcome(each, given))
}

test("a window behind a window gives what the plainest model gives, when nothing throws", async () => {
  // Multiples of 105 fail in none of the functions that look at sums.
  const values = fc.integer({ min: -3, max: 3 }).map((v) => v * 105)
  await fc.assert(fc.asyncProperty(rule, events(["none"], values), turns, agree), { numRuns: 300 })
})

test("exactly what throws becomes a dead letter, in any function at any place, and its neighbours are untouched", async () => {
  const values = fc.integer({ min: -20, max: 20 })
  const faults: readonly Event["fault"][] = ["none", "none", "none", "none", "flatMap", "map", "filter", "add", "late"]
  await fc.assert(fc.asyncProperty(rule, events(faults, values), turns, agree), { numRuns: 800 })
})

test("when a whole batch is run again because of one record, nothing of the first run is left", async () => {
  const values = fc.integer({ min: -20, max: 20 })
  await fc.assert(
    fc.asyncProperty(rule, events(["none", "none", "map", "add"], values), (each, given) => agree(each, given, atOnce)),
    { numRuns: 200 },
  )
})
