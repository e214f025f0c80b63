import assert from "node:assert/strict"
import { test } from "node:test"
import { count, cumulating, hopping, service, stream, sum } from "@millrace/sdk"
import { files } from "@millrace/sdk/files"
import fc from "fast-check"
import { events } from "./events.ts"
import { Rig } from "./rig.ts"
import { atOnce, drive, type Turn, turns } from "./schedule.ts"
import { type Event, type Result, type WindowRule, windowsOf } from "./window-model.ts"

const rule: fc.Arbitrary<WindowRule> = fc
  .record({
    size: fc.integer({ min: 1, max: 20 }),
    hops: fc.integer({ min: 1, max: 4 }),
    offset: fc.nat(7),
    lateness: fc.oneof(fc.constant(0), fc.nat(30)),
    outOfOrder: fc.oneof(fc.constant(0), fc.nat(20)),
  })
  .map(({ size, hops, offset, lateness, outOfOrder }) => {
    const every = Math.max(1, Math.floor(size / hops))
    return { size, every, offset: offset % every, lateness, outOfOrder }
  })

const tumblingRule = rule.map((each) => ({ ...each, every: each.size, offset: each.offset % each.size }))

const cumulatingRule = rule.map(({ every, ...each }) => ({ ...each, every, size: every * (1 + (each.size % 5)), cumulating: true }))

function program({ size, every, offset, lateness, outOfOrder, cumulating: cumulates }: WindowRule) {
  const input = stream("in", { partitions: 1, key: (e: Event) => e.k, time: (e) => e.t, outOfOrder })
  const windowed = input
    .window("w", cumulates === true ? cumulating({ size, every, offset }) : hopping({ size, every, offset }), { allowedLateness: lateness })
    .aggregate({ n: count(), sum: sum((e) => e.v) })
  return service("s", [windowed.to(files("results")), windowed.late.to(files("late"))])
}

async function outcome(each: WindowRule, given: readonly Event[], way: readonly Turn[], ended: boolean) {
  const rig = await Rig.open(program(each))
  rig.produce("in", given)
  if (ended) rig.end("in")
  await drive(rig, rig.seat("in"), way)
  const results = await rig.records("s/results.rows")
  return {
    results: results.map(({ value }) => plain(value as Row)),
    times: results.map(({ key, time }) => ({ key, time })),
    late: await rig.values("s/late.rows"),
    counted: rig.late()["w"] ?? 0,
    bytes: [await rig.bytes("s/results.rows"), await rig.bytes("s/late.rows")],
    deadLetters: await rig.deadLetters("in"),
    records: rig.seat("in").transactions.reduce((total, { records }) => total + records, 0),
  }
}

interface Row extends Omit<Result, "start" | "end"> {
  readonly start: Date
  readonly end: Date
}

function plain({ key, start, end, n, sum: total }: Row): Result {
  return { key, start: start.getTime(), end: end.getTime(), n, sum: total }
}

async function agree(each: WindowRule, given: readonly Event[], way: readonly Turn[], ended: boolean): Promise<void> {
  const expected = windowsOf(given, each, ended)
  const found = await outcome(each, given, way, ended)
  assert.deepEqual(found.results, expected.results)
  assert.deepEqual(found.late, expected.late)
  assert.equal(found.counted, expected.late.length)
  assert.equal(found.records, given.length)
  assert.deepEqual(found.deadLetters, [])
  assert.deepEqual(
    found.times,
    expected.results.map(({ key, end }) => ({ key, time: end - 1 })),
  )
}

test("tumbling windows give what the plainest model gives, however input is cut and wherever it crashes", async () => {
  await fc.assert(fc.asyncProperty(tumblingRule, events, turns, fc.boolean(), agree), { numRuns: 800 })
})

test("hopping windows give what the plainest model gives, however input is cut and wherever it crashes", async () => {
  await fc.assert(fc.asyncProperty(rule, events, turns, fc.boolean(), agree), { numRuns: 800 })
})

test("cumulating windows give what the plainest model gives, however input is cut and wherever it crashes", async () => {
  await fc.assert(fc.asyncProperty(cumulatingRule, events, turns, fc.boolean(), agree), { numRuns: 800 })
})

test("any batch cut and any crash give the same bytes of results and of late records", async () => {
  await fc.assert(
    fc.asyncProperty(rule, events, turns, async (each, given, way) => {
      const [one, other] = [await outcome(each, given, atOnce, true), await outcome(each, given, way, true)]
      assert.deepEqual(other.bytes, one.bytes)
      assert.equal(other.counted, one.counted)
    }),
    { numRuns: 800 },
  )
})
