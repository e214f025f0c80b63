// Triggers of windows with bounds, against a model that keeps everything.
import assert from "node:assert/strict"
import { test } from "node:test"
import { type AlignedWindow, collect, count, type EarlyTrigger, hopping, service, stream, tumbling } from "@millrace/sdk"
import { files } from "@millrace/sdk/files"
import fc from "fast-check"
import { events } from "./events.ts"
import { Rig } from "./rig.ts"
import { atOnce, drive, type Turn, turns } from "./schedule.ts"
import { countRule, type Decision, everything, everythingRule, type Held, type Rule } from "./trigger-model.ts"
import type { Event } from "./window-model.ts"

interface Result {
  readonly key: string
  readonly start: number
  readonly pane: string
  readonly values: readonly number[]
}

interface Shape {
  readonly size: number
  readonly every: number
  readonly lateness: number
  readonly outOfOrder: number
}

const shapes: fc.Arbitrary<Shape> = fc
  .record({ every: fc.integer({ min: 8, max: 30 }), times: fc.integer({ min: 1, max: 3 }), lateness: fc.constantFrom(0, 0, 15), outOfOrder: fc.nat(40) })
  .map(({ every, times, ...rest }) => ({ ...rest, every, size: every * times }))

function program({ size, every, lateness, outOfOrder }: Shape, trigger: EarlyTrigger<Event, { seen: number }>, time: "event" | "processing" = "event") {
  const input = stream("in", { partitions: 1, key: (e: Event) => e.k, time: (e) => e.t, outOfOrder })
  const shape: AlignedWindow = size === every ? tumbling(size) : hopping({ size, every })
  const window = time === "event" ? input.window("w", shape, { allowedLateness: lateness }) : input.window("w", shape, { time })
  const windows = window.trigger(trigger).aggregate({ n: count(), values: collect((e) => e.v) })
  return service("s", [windows.to(files("results")), windows.late.to(files("late"))])
}

async function outcome(shape: Shape, trigger: EarlyTrigger<Event, { seen: number }>, given: readonly Event[], way: readonly Turn[]) {
  const rig = await Rig.open(program(shape, trigger))
  rig.produce("in", given)
  rig.end("in")
  await drive(rig, rig.seat("in"), way)
  assert.deepEqual(await rig.deadLetters("in"), [])
  const results = (await rig.records("s/results.rows")).map(({ time, value }): Result => {
    const { key, start, end, pane, n, values } = value as { key: string; start: Date; end: Date; pane: string; n: number; values: number[] }
    assert.equal(n, values.length)
    assert.equal(time, Number(end) - 1)
    return { key, start: Number(start), pane, values }
  })
  return { rig, results, late: await rig.values("s/late.rows"), bytes: await rig.bytes("s/results.rows") }
}

function expectedOf(given: readonly Event[], rule: Rule, { size, every, lateness, outOfOrder }: Shape) {
  const results: Result[] = []
  const late: Event[] = []
  const held = new Map<number, Map<string, Held>>()
  const closed = new Set<number>()
  let watermark = Number.NEGATIVE_INFINITY
  const inOrder = (keys: Map<string, Held>) => [...keys].toSorted(([a], [b]) => (a < b ? -1 : 1))
  const give = (start: number, key: string, pane: string, { events: all }: Held): void => {
    results.push({ key, start, pane, values: all.map(({ v }) => v) })
  }
  const decide = (start: number, key: string, mine: Held, decision: Decision): void => {
    if (decision.startsWith("fire")) {
      give(start, key, "early", mine)
      mine.fresh = 0
    }
    if (decision.endsWith("purge")) held.get(start)?.delete(key)
  }
  /** The timer that is due first; of one time, in the order of keys, the oldest window first. */
  const nextTimer = (to: number) =>
    [...held]
      .filter(([start]) => !closed.has(start))
      .flatMap(([start, keys]) => [...keys].flatMap(([key, mine]) => [...mine.timers].map((time) => ({ start, key, mine, time }))))
      .filter(({ start, time }) => time <= to && time < start + size)
      .toSorted((a, b) => a.time - b.time || (a.key < b.key ? -1 : a.key > b.key ? 1 : a.start - b.start))[0]
  const move = (to: number): void => {
    for (;;) {
      const timer = nextTimer(to)
      const start = [...held.keys()].filter((each) => !closed.has(each) && each + size <= to).toSorted((a, b) => a - b)[0]
      if (timer !== undefined && (start === undefined || timer.time <= start + size)) {
        timer.mine.timers.delete(timer.time)
        if (timer.mine.fresh > 0) decide(timer.start, timer.key, timer.mine, rule.onTime(timer.time, timer.mine))
      } else if (start !== undefined) {
        for (const [key, mine] of inOrder(held.get(start) as Map<string, Held>)) give(start, key, "final", mine)
        closed.add(start)
      } else break
    }
    watermark = to
    for (const start of held.keys()) if (start + size + lateness <= to) held.delete(start)
  }
  for (const event of given) {
    if (event.t - outOfOrder > watermark) move(event.t - outOfOrder)
    let taken = false
    for (let start = Math.floor((event.t - size) / every) * every + every; start <= event.t; start += every) {
      if (start + size + lateness <= watermark) continue
      taken = true
      const keys = held.get(start) ?? new Map<string, Held>()
      held.set(start, keys)
      const mine = keys.get(event.k) ?? { events: [], fresh: 0, timers: new Set<number>(), seen: 0 }
      keys.set(event.k, mine)
      mine.events.push(event)
      mine.fresh++
      if (start + size > watermark) decide(start, event.k, mine, rule.onRecord(event, mine))
      else {
        closed.add(start)
        give(start, event.k, "refined", mine)
      }
    }
    if (!taken) late.push(event)
  }
  move(Number.MAX_SAFE_INTEGER)
  return { results, late }
}

test("a count trigger of a window gives a result at each so many records and the rest at its end, however input is cut and wherever it crashes", async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 4 }), fc.boolean(), shapes, events, turns, async (every, keep, shape, given, way) => {
      const found = await outcome(shape, { every, keep }, given, way)
      const { results, late } = expectedOf(given, countRule(every, keep), shape)
      assert.deepEqual(found.results, results)
      assert.deepEqual(found.late, late)
    }),
    { numRuns: 300 },
  )
})

/** Knows the bounds of its window, too. */
const bounded: EarlyTrigger<Event, { seen: number }> = {
  ...everything,
  onRecord(event, ctx) {
    assert.ok(ctx.start <= event.t && event.t < ctx.end)
    return everything.onRecord(event, ctx)
  },
}

test("a window's own trigger fires and purges at records and timers as it says, and the end gives what is left, however input is cut and wherever it crashes", async () => {
  await fc.assert(
    fc.asyncProperty(shapes, events, turns, async (shape, given, way) => {
      const found = await outcome(shape, bounded, given, way)
      const { results, late } = expectedOf(given, everythingRule, shape)
      assert.deepEqual(found.results, results)
      assert.deepEqual(found.late, late)
      const one = await outcome(shape, bounded, given, atOnce)
      assert.deepEqual(found.bytes, one.bytes)
      await found.rig.store.fold()
      for (const scope of ["s/w", "s/w@trigger", "s/w@timers"]) assert.deepEqual([...found.rig.store.state.buckets(scope, 0)], [], scope)
    }),
    { numRuns: 600 },
  )
})

const at = (k: string, t: number, v = 1): Event => ({ k, t, v })
const plain: Shape = { size: 100, every: 100, lateness: 0, outOfOrder: 0 }

test("by the clock a window's triggers follow the clock, and its timers can be seen", async () => {
  const trigger: EarlyTrigger<Event, { seen: number }> = { onRecord: (_, ctx) => ctx.setTimer(ctx.start + 10), onTime: () => "fire" }
  const rig = await Rig.open(program(plain, trigger, "processing"), 1_001)
  const seat = rig.seat("in")
  rig.produce("in", [at("a", 5)])
  await rig.settle()
  assert.deepEqual([...(seat.machine.view("w")?.timers?.() ?? [])], [{ key: "a", time: 1_010, by: "processing" }])
  for (const now of [1_010, 1_100]) {
    assert.equal(seat.machine.tickAt, now)
    rig.now = now
    rig.tick(seat)
  }
  assert.deepEqual((await rig.values("s/results.rows")).map((row) => (row as { pane: string }).pane), ["early", "final"])
})

test("a window's trigger that says what is no decision, or fails at a timer, makes dead letters, and the window goes on", async () => {
  const trigger: EarlyTrigger<Event, { seen: number }> = {
    onRecord({ v }, ctx) {
      if (v === 1) return "stop" as "fire"
      ctx.setTimer(v === 2 ? Number.NaN : 10)
      return "continue"
    },
    onTime(ctx) {
      if (ctx.key === "b") throw new Error("told to")
      return "fire"
    },
  }
  const rig = await Rig.open(program(plain, trigger))
  rig.produce("in", [at("a", 1, 1), at("a", 2, 2), at("b", 3, 3), at("c", 4, 4), at("a", 50, 5)])
  rig.end("in")
  await rig.settle()
  const letters = (await rig.deadLetters("in")).map(({ key, error }) => `${key} ${error.message}`)
  assert.deepEqual(letters, [
    'a operator "w": its trigger said "stop"; it may say "fire", "fire-and-purge", "purge" or "continue".',
    'a operator "w": its trigger sets a timer for NaN; that is no time in ms.',
    "b Error: told to",
  ])
  const rows = (await rig.values("s/results.rows")) as { key: string; pane: string; values: number[] }[]
  assert.deepEqual(rows.map(({ key, pane, values }) => [key, pane, values]), [
    ["c", "early", [4]],
    ["a", "early", [5]],
    ["a", "final", [5]],
    ["b", "final", [3]],
    ["c", "final", [4]],
  ])
})
