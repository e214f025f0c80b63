// Windows by the clock, against the models of event time with the clock in its place.
import assert from "node:assert/strict"
import { test } from "node:test"
import { count, type FixedWindow, hopping, type Outlet, service, session, stream, sum, tumbling, type SessionWindow } from "@millrace/sdk"
import { files } from "@millrace/sdk/files"
import fc from "fast-check"
import { FrameModel, type FrameResult, hoppingFrames } from "./frame-model.ts"
import { Rig } from "./rig.ts"
import { drive, turns, type Turn } from "./schedule.ts"
import type { Event } from "./window-model.ts"

/** The clock moves, then records are processed. */
interface Round {
  readonly by: number
  readonly events: readonly Event[]
}

const event: fc.Arbitrary<Event> = fc.record({ k: fc.constantFrom("a", "b", "ä"), t: fc.integer({ min: -50, max: 90 }), v: fc.integer({ min: -9, max: 9 }) })

/** The clock may be set back. */
const rounds: fc.Arbitrary<readonly Round[]> = fc.array(
  fc.record({ by: fc.integer({ min: -15, max: 30 }), events: fc.array(event, { maxLength: 5 }) }),
  { maxLength: 12, size: "max" },
)

interface Rule {
  readonly shape: FixedWindow | SessionWindow
  readonly early: number
}

const begin = 1_000

interface Row extends Omit<FrameResult, "start" | "end"> {
  readonly start: Date
  readonly end: Date
}

/** What is kept for the window, the time up to which it has closed apart. */
const scopes = ["s/w", "s/w@looks", "s/w@results", "s/w@early", "s/w@closing"]

async function outcome({ shape, early }: Rule, given: readonly Round[], way: readonly Turn[], ended: boolean) {
  const input = stream("in", { partitions: 1, key: (e: Event) => e.k, time: (e) => e.t })
  const windows = input
    .window("w", shape, early === 0 ? { time: "processing" } : { time: "processing", early })
    .aggregate({ n: count(), sum: sum((e) => e.v) })
  const outlets: Outlet[] = [windows.to(files("results")), windows.late.to(files("late"))]
  const rig = await Rig.open(service("s", outlets), begin)
  const seat = rig.seat("in")
  let turn = 0
  for (const { by, events } of given) {
    rig.now += by
    while (seat.machine.tickAt <= rig.now) {
      rig.tick(seat)
      if (way[turn++ % way.length]?.crash === true) await rig.restart(seat)
    }
    rig.produce("in", events)
    await drive(rig, seat, way)
  }
  if (ended) rig.end("in")
  await drive(rig, seat, way)
  const rows = await rig.records("s/results.rows")
  const results: FrameResult[] = rows.map(({ value }) => {
    const { start, end, ...rest } = value as Row
    return { ...rest, pane: rest.pane, start: start.getTime(), end: end.getTime() }
  })
  assert.deepEqual(await rig.deadLetters("in"), [])
  assert.deepEqual(await rig.values("s/late.rows"), [])
  return { rig, results, times: rows.map(({ time }) => time) }
}

const frames = fc.record({
  size: fc.integer({ min: 1, max: 40 }),
  hops: fc.integer({ min: 1, max: 4 }),
  offset: fc.nat(7),
  early: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 12 })),
})

test("tumbling and hopping windows by the clock hold what was processed within them, however input is cut and wherever it crashes", async () => {
  await fc.assert(
    fc.asyncProperty(frames, rounds, turns, fc.boolean(), async ({ size, hops, offset, early }, given, way, ended) => {
      const every = Math.max(1, Math.floor(size / hops))
      const model = new FrameModel({ frames: hoppingFrames(size, every, offset % every), lateness: 0, early })
      let now = begin
      for (const { by, events } of given) {
        now += by
        model.tick(now)
        const at = Math.max(now, model.reached)
        for (const each of events) model.add(each, at, at)
      }
      if (ended) model.tick(Number.POSITIVE_INFINITY)
      const found = await outcome({ shape: hopping({ size, every, offset }), early }, given, way, ended)
      assert.deepEqual(found.results, model.results)
      assert.deepEqual(model.late, [])
      // No watermark is ahead of the clock here.
      assert.deepEqual(found.times, model.results.map(({ end }) => end - 1))
      if (ended) assert.deepEqual(await found.rig.kept(...scopes), [])
    }),
    { numRuns: 800 },
  )
})

interface Session {
  readonly key: string
  readonly first: number
  readonly last: number
  readonly n: number
  readonly sum: number
}

test("sessions by the clock end once nothing was processed for the gap, however input is cut and wherever it crashes", async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 40 }), rounds, turns, fc.boolean(), async (gap, given, way, ended) => {
      const results: FrameResult[] = []
      let open: Session[] = []
      let now = begin
      let passed = Number.NEGATIVE_INFINITY
      const close = (to: number): void => {
        const over = open.filter(({ last }) => last + gap <= to).toSorted((a, b) => a.last - b.last || (a.key < b.key ? -1 : 1))
        for (const { key, first, last, n, sum: total } of over) results.push({ key, start: first, end: last + gap, pane: undefined, n, sum: total })
        open = open.filter((each) => !over.includes(each))
        for (const { last } of over) passed = Math.max(passed, last + gap)
      }
      for (const { by, events } of given) {
        now += by
        close(now)
        for (const { k, v } of events) {
          const at = Math.max(now, passed)
          // A clock that is set back may bring two together.
          const mine = open.filter(({ key, first, last }) => key === k && at > first - gap && at < last + gap)
          const all = [...mine, { key: k, first: at, last: at, n: 1, sum: v }]
          open = open.filter((each) => !mine.includes(each))
          open.push({
            key: k,
            first: Math.min(...all.map(({ first }) => first)),
            last: Math.max(...all.map(({ last }) => last)),
            n: all.reduce((total, { n }) => total + n, 0),
            sum: all.reduce((total, { sum: each }) => total + each, 0),
          })
        }
      }
      if (ended) close(Number.POSITIVE_INFINITY)
      const found = await outcome({ shape: session({ gap }), early: 0 }, given, way, ended)
      assert.deepEqual(found.results, results)
      if (ended) assert.deepEqual(await found.rig.kept(...scopes), [])
    }),
    { numRuns: 800 },
  )
})

const at = (k: string, t: number, v = 1): Event => ({ k, t, v })
const plainly: readonly Turn[] = [{ cut: [Number.POSITIVE_INFINITY], room: Number.POSITIVE_INFINITY, crash: false }]

test("a window by the clock closes though nothing more comes, and its result is dated by the clock", async () => {
  const { results, times } = await outcome({ shape: tumbling(100), early: 0 }, [{ by: 10, events: [at("a", 5), at("a", -40)] }, { by: 95, events: [] }], plainly, false)
  assert.deepEqual(results, [{ key: "a", start: 1_000, end: 1_100, pane: undefined, n: 2, sum: 2 }])
  assert.deepEqual(times, [1_099])
})

test("where event time is ahead of the clock, results by the clock are not late for what comes behind them", async () => {
  const { times } = await outcome({ shape: tumbling(100), early: 0 }, [{ by: 10, events: [at("a", 5_000)] }, { by: 95, events: [] }], plainly, false)
  assert.deepEqual(times, [5_000])
})

test("a clock that is set back opens no window anew", async () => {
  const given = [{ by: 10, events: [at("a", 1)] }, { by: 100, events: [] }, { by: -60, events: [at("a", 2)] }]
  const { results } = await outcome({ shape: tumbling(100), early: 0 }, given, plainly, true)
  assert.deepEqual(results.map(({ start, n }) => [start, n]), [[1_000, 1], [1_100, 1]])
})

test("the end of the input closes the windows by the clock without waiting for their time", async () => {
  const { results } = await outcome({ shape: session({ gap: 50 }), early: 0 }, [{ by: 1, events: [at("b", 1), at("a", 1)] }], plainly, true)
  assert.deepEqual(results.map(({ key, start, end }) => [key, start, end]), [["a", 1_001, 1_051], ["b", 1_001, 1_051]])
})

test("what the clock makes due and cannot be processed becomes a dead letter of its own, and the rest stands", async () => {
  const input = stream("in", { partitions: 1, key: (e: Event) => e.k, time: (e) => e.t })
  const windows = input.window("w", tumbling(100), { time: "processing" }).aggregate({ n: count() })
  const lucky = windows.map((row) => {
    if (row.key === "b") throw new Error("told to")
    return row
  })
  const alarms = input.process("p", {
    state: () => 0,
    onRecord: (_, ctx) => ctx.setClockTimer(1_100),
    onClockTimer: function* (ctx) {
      yield { key: ctx.key }
      if (ctx.key === "a") throw new Error("told to, too")
    },
  })
  const rig = await Rig.open(service("s", [lucky.to(files("results")), alarms.to(files("alarms"))]), begin)
  const seat = rig.seat("in")
  rig.produce("in", [at("a", 1), at("b", 1), at("c", 1)])
  await rig.settle()
  rig.now = 1_100
  rig.tick(seat)
  assert.deepEqual((await rig.values("s/results.rows")).map((row) => (row as Row).key), ["a", "c"])
  assert.deepEqual((await rig.values("s/alarms.rows")).map((row) => (row as Row).key), ["b", "c"])
  assert.deepEqual((await rig.deadLetters("in")).map(({ key, operator, attempts, error }) => [key, operator, attempts, error.message]), [
    ["b", "w", 3, "Error: told to"],
    ["a", "p", 3, "Error: told to, too"],
  ])
  assert.ok(seat.machine.tickAt > rig.now)
})
