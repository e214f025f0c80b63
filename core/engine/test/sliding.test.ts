// Sliding windows, by size and by rows, against a model that keeps everything.
import assert from "node:assert/strict"
import { test } from "node:test"
import { aggregate, collect, count, last, service, sliding, type SlidingOptions, stream, sum } from "@millrace/sdk"
import { files } from "@millrace/sdk/files"
import fc from "fast-check"
import { events } from "./events.ts"
import { Rig } from "./rig.ts"
import { atOnce, drive, type Turn, turns } from "./schedule.ts"
import type { Event } from "./window-model.ts"

interface Result {
  readonly key: string
  readonly start: number
  readonly end: number
  readonly n: number
  readonly values: readonly number[]
}

type Row = Omit<Result, "start" | "end"> & { readonly start: Date; readonly end: Date }

/** An event and the time at which it counts. */
interface Counted {
  readonly event: Event
  readonly time: number
}

/** All windows whose last time is in [from, to), in the plainest way. */
function closing(counted: readonly Counted[], options: SlidingOptions, from: number, to: number): Result[] {
  const times = [...new Set(counted.map(({ time }) => time))].filter((time) => time >= from && time < to).toSorted((a, b) => a - b)
  const keys = [...new Set(counted.map(({ event }) => event.k))].toSorted()
  return times.flatMap((time) =>
    keys.flatMap((key): Result[] => {
      const mine = counted.filter(({ event }) => event.k === key).toSorted((a, b) => a.time - b.time)
      const end = time + 1
      if (options.rows !== undefined) {
        return mine.flatMap((each, i): Result[] => {
          if (each.time !== time) return []
          const held = mine.slice(Math.max(0, i + 1 - options.rows), i + 1)
          return [{ key, start: held[0]?.time ?? 0, end, n: held.length, values: held.map(({ event }) => event.v) }]
        })
      }
      if (!mine.some((each) => each.time === time)) return []
      const start = end - Number(options.size)
      const held = mine.filter((each) => each.time >= start && each.time < end)
      return [{ key, start, end, n: held.length, values: held.map(({ event }) => event.v) }]
    }),
  )
}

const options: fc.Arbitrary<SlidingOptions> = fc.oneof(
  fc.integer({ min: 1, max: 60 }).map((size) => ({ size })),
  fc.integer({ min: 1, max: 5 }).map((rows) => ({ rows })),
)

function program(shape: SlidingOptions, outOfOrder: number, time: "event" | "processing") {
  const input = stream("in", { partitions: 1, key: (e: Event) => e.k, time: (e) => e.t, outOfOrder })
  const windows = input.window("w", sliding(shape), { time }).aggregate({ n: count(), values: collect((e) => e.v) })
  return service("s", [windows.to(files("results")), windows.late.to(files("late"))])
}

async function resultsOf(rig: Rig) {
  const rows = await rig.records("s/results.rows")
  const results = rows.map(({ value }): Result => {
    const { key, start, end, n, values } = value as Row
    return { key, start: start.getTime(), end: end.getTime(), n, values }
  })
  assert.deepEqual(await rig.deadLetters("in"), [])
  return { results, times: rows.map(({ time }) => time), late: await rig.values("s/late.rows") }
}

async function outcome(shape: SlidingOptions, outOfOrder: number, given: readonly Event[], way: readonly Turn[], ended: boolean) {
  const rig = await Rig.open(program(shape, outOfOrder, "event"))
  rig.produce("in", given)
  if (ended) rig.end("in")
  await drive(rig, rig.seat("in"), way)
  return { rig, ...(await resultsOf(rig)), bytes: await rig.bytes("s/results.rows") }
}

test("each record's window holds what the plainest model says, in the order of times, however input is cut and wherever it crashes", async () => {
  await fc.assert(
    fc.asyncProperty(options, fc.nat(40), events, turns, fc.boolean(), async (shape, outOfOrder, given, way, ended) => {
      const counted: Counted[] = []
      const late: Event[] = []
      const expected: Result[] = []
      let watermark = Number.NEGATIVE_INFINITY
      const move = (to: number): void => {
        if (!(to > watermark)) return
        expected.push(...closing(counted, shape, watermark, to))
        watermark = to
      }
      for (const event of given) {
        move(event.t - outOfOrder)
        if (event.t < watermark) late.push(event)
        else counted.push({ event, time: event.t })
      }
      if (ended) move(Number.POSITIVE_INFINITY)
      const found = await outcome(shape, outOfOrder, given, way, ended)
      assert.deepEqual(found.results, expected)
      assert.deepEqual(found.late, late)
      assert.equal(found.rig.late()["w"] ?? 0, late.length)
      assert.deepEqual(found.times, expected.map(({ end }) => end - 1))
      if (ended) assert.ok((await left(found.rig)) <= (shape.rows === undefined ? 0 : 3 * (shape.rows - 1)), "no more is left than later windows may hold")
    }),
    { numRuns: 1500 },
  )
})

test("any batch cut and any crash give the same bytes of sliding windows", async () => {
  await fc.assert(
    fc.asyncProperty(options, fc.nat(40), events, turns, async (shape, outOfOrder, given, way) => {
      const [one, other] = [await outcome(shape, outOfOrder, given, atOnce, true), await outcome(shape, outOfOrder, given, way, true)]
      assert.deepEqual(other.bytes, one.bytes)
    }),
    { numRuns: 400 },
  )
})

test("sliding windows by the clock hold what was processed before each record, wherever it crashes", async () => {
  const round = fc.record({ by: fc.integer({ min: 1, max: 30 }), given: fc.array(fc.record({ k: fc.constantFrom("a", "b"), v: fc.nat(9) }), { maxLength: 4 }) })
  await fc.assert(
    fc.asyncProperty(options, fc.array(round, { maxLength: 10 }), turns, async (shape, rounds, way) => {
      const rig = await Rig.open(program(shape, 0, "processing"), 1_000)
      const seat = rig.seat("in")
      const counted: Counted[] = []
      for (const { by, given } of rounds) {
        rig.now += by
        while (seat.machine.tickAt <= rig.now) rig.tick(seat)
        const now = given.map(({ k, v }) => ({ k, v, t: 5 }))
        counted.push(...now.map((event) => ({ event, time: rig.now })))
        rig.produce("in", now)
        await drive(rig, seat, way)
      }
      rig.end("in")
      await drive(rig, seat, way)
      assert.deepEqual((await resultsOf(rig)).results, closing(counted, shape, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY))
    }),
    { numRuns: 300 },
  )
})

/** Many records of one key, close together, with values whose sums depend on the order of adding. */
const crowd = fc
  .array(fc.record({ step: fc.integer({ min: -4, max: 6 }), v: fc.integer({ min: -99, max: 99 }) }), { minLength: 100, maxLength: 250, size: "max" })
  .map((all) => {
    let t = -200
    return all.map(({ step, v }): Event => ({ k: "a", t: (t += step), v: v / 10 }))
  })

test("windows of many records hold what the plainest model says, and their sums are the same to the last bit wherever it crashes", async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 900 }), crowd, turns, async (size, given, way) => {
      const found = await outcome({ size }, 1_000, given, way, true)
      const counted = given.map((event) => ({ event, time: event.t }))
      assert.deepEqual(found.results, closing(counted, { size }, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY))
      const input = stream("in", { partitions: 1, key: (e: Event) => e.k, time: (e) => e.t, outOfOrder: 50 })
      const sums = input.window("w", sliding({ size })).aggregate({ sum: sum((e) => e.v), spread: spread() })
      const bytes: Uint8Array[] = []
      for (const each of [atOnce, way]) {
        const rig = await Rig.open(service("s", [sums.to(files("results"))]))
        rig.produce("in", given)
        rig.end("in")
        await drive(rig, rig.seat("in"), each)
        bytes.push(await rig.bytes("s/results.rows"))
      }
      assert.deepEqual(bytes[1], bytes[0])
    }),
    { numRuns: 150 },
  )
})

/** A plain sum of doubles: another order of adding gives other last bits. */
function spread() {
  return aggregate({ init: () => 0, add: (acc, { v }: Event) => acc + v * 1.1, merge: (one, other) => one + other, result: (acc) => acc })
}

test("a window of many records is folded in few steps", async () => {
  let merges = 0
  const counting = aggregate({
    init: () => 0,
    add: (acc, { v }: Event) => acc + v,
    merge(one, other) {
      merges++
      return one + other
    },
    result: (acc) => acc,
  })
  const input = stream("in", { partitions: 1, key: (e: Event) => e.k, time: (e) => e.t })
  const sums = input.window("w", sliding({ size: 3_000 })).aggregate({ sum: counting })
  const rig = await Rig.open(service("s", [sums.to(files("results"))]))
  rig.produce("in", Array.from({ length: 5_000 }, (_, t) => ({ k: "a", t, v: 1 })))
  rig.end("in")
  await rig.settle()
  const rows = (await rig.values("s/results.rows")) as { sum: number }[]
  assert.deepEqual(rows.map((row) => row.sum), Array.from({ length: 5_000 }, (_, t) => Math.min(t + 1, 3_000)))
  assert.ok(merges / 5_000 < 64, `${merges / 5_000} steps for each window of 3,000`)
})

/** How many cells are left in the store of the window. */
async function left(rig: Rig): Promise<number> {
  return (await rig.kept("s/w", "s/w@looks")).length
}

const at = (k: string, t: number, v = 1): Event => ({ k, t, v })

test("by size, records of one time give one result, and one exactly size before is not in it", async () => {
  const { results } = await outcome({ size: 10 }, 0, [at("a", 0, 1), at("a", 9, 2), at("a", 10, 3), at("a", 10, 4)], atOnce, true)
  assert.deepEqual(
    results.map(({ start, end, values }) => [start, end, values]),
    [
      [-9, 1, [1]],
      [0, 10, [1, 2]],
      [1, 11, [2, 3, 4]],
    ],
  )
})

test("by rows, each record gives a result of its own with the records before it, ordered by time and then by arrival", async () => {
  const { results } = await outcome({ rows: 3 }, 100, [at("a", 5, 1), at("a", 3, 2), at("a", 5, 3), at("a", 9, 4), at("b", 4, 5)], atOnce, true)
  assert.deepEqual(
    results.map(({ key, start, end, values }) => [key, start, end, values]),
    [
      ["a", 3, 4, [2]],
      ["b", 4, 5, [5]],
      ["a", 3, 6, [2, 1]],
      ["a", 3, 6, [2, 1, 3]],
      ["a", 5, 10, [1, 3, 4]],
    ],
  )
})

test("the last record of a window by rows is the one that it belongs to", async () => {
  const input = stream("in", { partitions: 1, key: (e: Event) => e.k, time: (e) => e.t })
  const windows = input.window("w", sliding({ rows: 2 })).aggregate({ sum: sum((e) => e.v), record: last((e) => e) })
  const rig = await Rig.open(service("s", [windows.to(files("results"))]))
  rig.produce("in", [at("a", 1, 1), at("a", 1, 2), at("a", 2, 4)])
  rig.end("in")
  await rig.settle()
  const rows = (await rig.values("s/results.rows")) as { sum: number; record: Event }[]
  assert.deepEqual(rows.map(({ sum: total, record }) => [total, record.v]), [[1, 1], [3, 2], [6, 4]])
})

test("a sliding window shows the window of its newest record", async () => {
  for (const [shape, values, start] of [
    [{ size: 5 }, [2, 4], 4],
    [{ rows: 3 }, [1, 2, 4], 1],
  ] as const) {
    const { rig } = await outcome(shape, 100, [at("a", 8, 4), at("a", 1, 1), at("a", 5, 2)], atOnce, false)
    const shown = rig.seat("in").machine.view("w")
    assert.deepEqual(shown?.stateOf?.("a"), { key: "a", start: new Date(start), end: new Date(9), n: values.length, values })
    assert.equal(shown?.stateOf?.("b"), undefined)
  }
})
