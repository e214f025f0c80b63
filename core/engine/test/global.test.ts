// Global windows with count triggers and triggers of one's own, against models that keep everything.
import assert from "node:assert/strict"
import { test } from "node:test"
import { collect, count, global, type GlobalWindow, service, stream, sum } from "@millrace/sdk"
import { files } from "@millrace/sdk/files"
import fc from "fast-check"
import { events } from "./events.ts"
import { Rig } from "./rig.ts"
import { atOnce, drive, type Turn, turns } from "./schedule.ts"
import { countRule, type Decision, everything, everythingRule, type Held, type Rule } from "./trigger-model.ts"
import type { Event } from "./window-model.ts"

interface Result {
  readonly key: string
  readonly time: number
  readonly values: readonly number[]
}

function program(shape: GlobalWindow<Event>, outOfOrder: number, time: "event" | "processing" = "event") {
  const input = stream("in", { partitions: 1, key: (e: Event) => e.k, time: (e) => e.t, outOfOrder })
  const windows = input.window("w", shape, { time }).aggregate({ n: count(), values: collect((e) => e.v) })
  return service("s", [windows.to(files("results"))])
}

async function resultsOf(rig: Rig): Promise<Result[]> {
  return (await rig.records("s/results.rows")).map(({ time, value }) => {
    const { key, n, values } = value as { key: string; n: number; values: number[] }
    assert.equal(n, values.length)
    return { key, time, values }
  })
}

async function outcome(shape: GlobalWindow<Event>, outOfOrder: number, given: readonly Event[], way: readonly Turn[], ended: boolean) {
  const rig = await Rig.open(program(shape, outOfOrder))
  rig.produce("in", given)
  if (ended) rig.end("in")
  await drive(rig, rig.seat("in"), way)
  assert.deepEqual(await rig.deadLetters("in"), [])
  return { rig, results: await resultsOf(rig), bytes: await rig.bytes("s/results.rows") }
}

/** Results in order, of a rule in the plainest way. */
function expectedOf(given: readonly Event[], rule: Rule, outOfOrder: number, ended: boolean): Result[] {
  const results: Result[] = []
  const held = new Map<string, Held>()
  let watermark = Number.NEGATIVE_INFINITY
  const decide = (key: string, mine: Held, decision: Decision, time: number): void => {
    if (decision.startsWith("fire")) {
      results.push({ key, time: Math.max(time, watermark), values: mine.events.map(({ v }) => v) })
      mine.fresh = 0
    }
    if (decision.endsWith("purge")) held.delete(key)
  }
  const move = (to: number): void => {
    for (;;) {
      const due = [...held].flatMap(([key, { timers }]) => [...timers].map((time) => ({ key, time })))
      const [next] = due.filter(({ time }) => time <= to).toSorted((a, b) => a.time - b.time || (a.key < b.key ? -1 : 1))
      if (next === undefined) break
      const mine = held.get(next.key) as Held
      mine.timers.delete(next.time)
      if (mine.fresh > 0) decide(next.key, mine, rule.onTime(next.time, mine), next.time)
      // All timers of one time are one step.
      if (!due.some(({ key, time }) => time === next.time && key > next.key)) watermark = Math.max(watermark, next.time)
    }
    watermark = Math.max(watermark, to)
  }
  for (const event of given) {
    if (event.t - outOfOrder > watermark) move(event.t - outOfOrder)
    const mine = held.get(event.k) ?? { events: [], fresh: 0, timers: new Set(), seen: 0 }
    held.set(event.k, mine)
    mine.events.push(event)
    mine.fresh++
    decide(event.k, mine, rule.onRecord(event, mine), event.t)
  }
  if (!ended) return results
  move(Number.MAX_SAFE_INTEGER)
  watermark = Number.NEGATIVE_INFINITY
  for (const [key, mine] of [...held].toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    if (mine.fresh > 0) results.push({ key, time: Math.max(...mine.events.map(({ t }) => t)), values: mine.events.map(({ v }) => v) })
  }
  return results
}

/** At the end of the input results bear the latest time of their records, or how far event time had come. */
const untimed = (results: readonly Result[]) => results.map(({ key, values }) => ({ key, values }))

test("a count trigger fires at each so many records of a key and begins anew or keeps them, however input is cut and wherever it crashes", async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 5 }), fc.boolean(), fc.nat(40), events, turns, fc.boolean(), async (every, keep, outOfOrder, given, way, ended) => {
      const expected = expectedOf(given, countRule(every, keep), outOfOrder, ended)
      const found = await outcome(global({ every, keep }), outOfOrder, given, way, ended)
      assert.deepEqual(untimed(found.results), untimed(expected))
      if (!ended) assert.deepEqual(found.results, expected)
      else assert.equal(await left(found.rig), 0)
    }),
    { numRuns: 600 },
  )
})

const eventful = global<Event, { seen: number }>({ trigger: everything })

/** Without an end: a trigger that says neither is asked at each of its times for ever, as a process is. */
test("a trigger of one's own fires and purges at records and timers as it says, however input is cut and wherever it crashes", async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(40), events, turns, async (outOfOrder, given, way) => {
      const found = await outcome(eventful, outOfOrder, given, way, false)
      assert.deepEqual(found.results, expectedOf(given, everythingRule, outOfOrder, false))
    }),
    { numRuns: 1000 },
  )
})

test("any batch cut and any crash give the same bytes of global windows", async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(40), events, turns, async (outOfOrder, given, way) => {
      const [one, other] = [await outcome(eventful, outOfOrder, given, atOnce, false), await outcome(eventful, outOfOrder, given, way, false)]
      assert.deepEqual(other.bytes, one.bytes)
    }),
    { numRuns: 400 },
  )
})

/** How many cells are left in the store of the window. */
async function left(rig: Rig): Promise<number> {
  return (await rig.kept("s/w", "s/w@trigger", "s/w@timers")).length
}

const at = (k: string, t: number, v = 1): Event => ({ k, t, v })

/** Fires at each multiple of ten, for ever. */
const byTens = global<Event, undefined>({
  trigger: {
    onRecord: (_, ctx) => ctx.setTimer(Math.floor(ctx.time / 10) * 10 + 10),
    onTime(ctx) {
      ctx.setTimer(ctx.time + 10)
      return "fire"
    },
  },
})

test("a timer that comes when there is nothing new is passed over, so a trigger that always sets the next one has an end", async () => {
  const { rig, results } = await outcome(byTens, 0, [at("a", 1, 1), at("a", 2, 2), at("b", 45, 9), at("a", 46, 3)], atOnce, true)
  assert.deepEqual(results, [
    { key: "a", time: 10, values: [1, 2] },
    { key: "a", time: 50, values: [1, 2, 3] },
    { key: "b", time: 50, values: [9] },
  ])
  assert.equal(await left(rig), 0)
})

test("at the end of the input each key gives what it has not given yet, dated by its latest record", async () => {
  const { results } = await outcome(global({ every: 3 }), 10, [at("b", 20, 5), at("a", 25, 1), at("a", 17, 2)], atOnce, true)
  assert.deepEqual(results, [
    { key: "a", time: 25, values: [1, 2] },
    { key: "b", time: 20, values: [5] },
  ])
})

test("a result that a late record gives is not late for what comes behind it", async () => {
  const { results } = await outcome(global({ every: 2 }), 0, [at("a", 50), at("b", 90), at("a", 10)], atOnce, false)
  assert.deepEqual(results.map(({ time }) => time), [90])
})

test("by the clock a trigger's timers follow the clock", async () => {
  const rig = await Rig.open(program(byTens, 0, "processing"), 1_001)
  const seat = rig.seat("in")
  rig.produce("in", [at("a", 5, 1)])
  await rig.settle()
  assert.equal(seat.machine.tickAt, 1_010)
  rig.now = 1_010
  rig.tick(seat)
  assert.deepEqual(await resultsOf(rig), [{ key: "a", time: 1_010, values: [1] }])
})

test("a trigger that says what is no decision, or sets a timer that it cannot, makes dead letters of its own records", async () => {
  const wrong = global<Event, undefined>({
    trigger: {
      onRecord({ v }, ctx) {
        if (v === 1) return "stop" as "fire"
        if (v === 2) ctx.setTimer(Number.NaN)
        if (v === 3) ctx.setTimer(ctx.time + 1)
        return "continue"
      },
      onTime: (ctx) => ctx.setTimer(ctx.time),
    },
  })
  const input = stream("in", { partitions: 1, key: (e: Event) => e.k, time: (e) => e.t })
  const timeless = global<Event, undefined>({ trigger: { onRecord: (_, ctx) => ctx.setTimer(5) } })
  const windows = input.window("w", wrong).aggregate({ sum: sum((e) => e.v) })
  const others = input.filter(({ v }) => v === 4).window("x", timeless).aggregate({ n: count() })
  const rig = await Rig.open(service("s", [windows.to(files("results")), others.to(files("others"))]))
  rig.produce("in", [at("a", 1, 1), at("a", 2, 2), at("b", 3, 3), at("c", 9, 4)])
  await rig.settle()
  const letters = (await rig.deadLetters("in")).map(({ error }) => `${error.code} ${error.message}`)
  assert.deepEqual(letters, [
    'MR1201 operator "w": its trigger said "stop"; it may say "fire", "fire-and-purge", "purge" or "continue".',
    'MR1201 operator "w": its trigger sets a timer for NaN; that is no time in ms.',
    'MR1201 operator "w": its trigger sets a timer for 4; in onTime it must be later than the timer in hand.',
    'MR1201 operator "x": its trigger sets a timer but has no onTime to call then.',
  ])
})

test("a trigger that fails at a timer may set that time again for other keys when the batch is run anew", async () => {
  const failing = global<Event, undefined>({
    trigger: {
      onRecord: (_, ctx) => ctx.setTimer(10),
      onTime(ctx) {
        if (ctx.key === "a") throw new Error("told to")
        return "fire-and-purge"
      },
    },
  })
  const rig = await Rig.open(program(failing, 0))
  rig.produce("in", [at("a", 1, 1), at("b", 2, 2), at("c", 20, 3)])
  await rig.settle()
  assert.deepEqual(await resultsOf(rig), [{ key: "b", time: 10, values: [2] }])
  assert.deepEqual((await rig.deadLetters("in")).map(({ key, error }) => `${key} ${error.message}`), ["a Error: told to"])
})
