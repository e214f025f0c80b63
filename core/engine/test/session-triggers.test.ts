// Triggers of sessions, against a model that keeps everything.
import assert from "node:assert/strict"
import { test } from "node:test"
import { collect, count, type MergingTrigger, service, session, stream } from "@millrace/sdk"
import { files } from "@millrace/sdk/files"
import fc from "fast-check"
import { events } from "./events.ts"
import { Rig } from "./rig.ts"
import { atOnce, drive, type Turn, turns } from "./schedule.ts"
import { expectedOf, type SessionResult, type SessionShape } from "./session-trigger-model.ts"
import { countRule, everything, everythingRule } from "./trigger-model.ts"
import type { Event } from "./window-model.ts"

type Trigger = MergingTrigger<Event, { seen: number }>

const shapes: fc.Arbitrary<SessionShape> = fc.record({
  gap: fc.integer({ min: 1, max: 30 }),
  lateness: fc.constantFrom(0, 0, 15, 60),
  outOfOrder: fc.oneof(fc.constant(0), fc.nat(60)),
})

function program({ gap, lateness, outOfOrder }: SessionShape, trigger: Trigger, time: "event" | "processing" = "event") {
  const input = stream("in", { partitions: 1, key: (e: Event) => e.k, time: (e) => e.t, outOfOrder })
  const shape = session({ gap })
  const window = time === "event" ? input.window("w", shape, { allowedLateness: lateness }) : input.window("w", shape, { time })
  const windows = window.trigger(trigger).aggregate({ n: count(), values: collect((e) => e.v) })
  return service("s", [windows.to(files("results")), windows.late.to(files("late"))])
}

async function resultsOf(rig: Rig): Promise<SessionResult[]> {
  return (await rig.values("s/results.rows")).map((value) => {
    const { key, start, end, pane, n, values } = value as { key: string; start: Date; end: Date; pane: string; n: number; values: number[] }
    assert.equal(n, values.length)
    return { key, start: Number(start), end: Number(end), pane, values }
  })
}

async function outcome(shape: SessionShape, trigger: Trigger, given: readonly Event[], way: readonly Turn[]) {
  const rig = await Rig.open(program(shape, trigger))
  rig.produce("in", given)
  rig.end("in")
  await drive(rig, rig.seat("in"), way)
  assert.deepEqual(await rig.deadLetters("in"), [])
  await rig.store.fold()
  for (const scope of ["s/w", "s/w@looks", "s/w@results", "s/w@trigger", "s/w@timers"]) assert.deepEqual([...rig.store.state.buckets(scope, 0)], [], scope)
  return { results: await resultsOf(rig), late: await rig.values("s/late.rows"), bytes: await rig.bytes("s/results.rows") }
}

test("a count trigger of a session gives a result at each so many records and the rest at its end, also of sessions that merge", async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 4 }), fc.boolean(), shapes, events, turns, async (every, keep, shape, given, way) => {
      const { results, late } = await outcome(shape, { every, keep }, given, way)
      assert.deepEqual({ results, late }, expectedOf(given, countRule(every, keep), shape))
    }),
    { numRuns: 600 },
  )
})

/** Knows its session's bounds, which hold the record in hand, and keeps in order what it has seen. */
const merging: MergingTrigger<Event, { seen: number }> = {
  ...everything,
  onRecord(event, ctx) {
    assert.ok(ctx.start <= event.t && event.t < ctx.end)
    return everything.onRecord(event, ctx)
  },
  merge(earlier, later) {
    later.seen += earlier.seen
    return later
  },
}

test("a session's own trigger fires and purges at records and timers as it says, its state merges, and the end gives what is left", async () => {
  await fc.assert(
    fc.asyncProperty(shapes, events, turns, async (shape, given, way) => {
      const found = await outcome(shape, merging, given, way)
      const { results, late } = expectedOf(given, everythingRule, shape)
      assert.deepEqual(found.results, results)
      assert.deepEqual(found.late, late)
      assert.deepEqual(found.bytes, (await outcome(shape, merging, given, atOnce)).bytes)
    }),
    { numRuns: 1000 },
  )
})

const at = (k: string, t: number, v = 1): Event => ({ k, t, v })
const plain: SessionShape = { gap: 10, lateness: 0, outOfOrder: 100 }
const told = (results: readonly SessionResult[]) => results.map(({ start, end, pane, values }) => [start, end, pane, values])

test("a record that makes two sessions one gives their trigger the records, timers and state of both, then asks it", async () => {
  const states: unknown[] = []
  const trigger: MergingTrigger<Event, { readonly of: readonly number[] }> = {
    state: () => ({ of: [] }),
    onRecord({ v }, ctx) {
      ctx.state = { of: [...ctx.state.of, v] }
      ctx.setTimer(v === 2 ? 25 : 26)
      states.push([ctx.start, ctx.end, ctx.count, ctx.state.of])
      return "continue"
    },
    onTime: () => "fire",
    merge: (earlier, later) => ({ of: [...earlier.of, ...later.of] }),
  }
  const { results } = await outcome(plain, trigger as unknown as Trigger, [at("a", 18, 2), at("a", 0, 1), at("a", 9, 4)], atOnce)
  assert.deepEqual(states.slice(0, 3), [
    [18, 28, 1, [2]],
    [0, 10, 1, [1]],
    [0, 28, 3, [1, 2, 4]],
  ])
  assert.deepEqual(told(results), [
    [0, 28, "early", [1, 2, 4]],
    [0, 28, "final", [1, 2, 4]],
  ])
})

test("a trigger that purges a session ends it: what it has given stands, and the next record begins another", async () => {
  const given = [at("a", 0, 1), at("a", 5, 2), at("a", 8, 3), at("a", 12, 4)]
  assert.deepEqual(told((await outcome({ ...plain, lateness: 50 }, { every: 2 }, given, atOnce)).results), [
    [0, 15, "early", [1, 2]],
    [8, 22, "early", [3, 4]],
  ])
  assert.deepEqual(told((await outcome({ ...plain, lateness: 50 }, { every: 2, keep: true }, given, atOnce)).results), [
    [0, 15, "early", [1, 2]],
    [0, 15, "retracted", [1, 2]],
    [0, 22, "early", [1, 2, 3, 4]],
    [0, 22, "final", [1, 2, 3, 4]],
  ])
})

test("a timer beyond a session's end is called if the session has grown by then, else forgotten", async () => {
  const trigger: Trigger = { state: () => ({ seen: 0 }), onRecord: (_, ctx) => ctx.setTimer(30), onTime: () => "fire", merge: (a) => a }
  const shape = { ...plain, outOfOrder: 0 }
  assert.deepEqual(told((await outcome(shape, trigger, [at("a", 0)], atOnce)).results), [[0, 10, "final", [1]]])
  const grown = [at("a", 14, 1), at("a", 22, 2), at("b", 31, 3)]
  assert.deepEqual(told((await outcome(shape, trigger, grown, atOnce)).results), [
    [14, 32, "early", [1, 2]],
    [31, 41, "early", [3]],
    [14, 32, "final", [1, 2]],
    [31, 41, "final", [3]],
  ])
})

test("by the clock a session's triggers follow the clock, and its timers can be seen", async () => {
  const trigger: MergingTrigger<Event, undefined> = { onRecord: (_, ctx) => ctx.setTimer(ctx.start + 5), onTime: () => "fire" }
  const rig = await Rig.open(program(plain, trigger as Trigger, "processing"), 1_001)
  const seat = rig.seat("in")
  rig.produce("in", [at("a", 5)])
  await rig.settle()
  assert.deepEqual([...(seat.machine.view("w")?.timers?.() ?? [])], [{ key: "a", time: 1_006, by: "processing" }])
  for (const now of [1_006, 1_011]) {
    assert.equal(seat.machine.tickAt, now)
    rig.now = now
    rig.tick(seat)
  }
  assert.deepEqual(told(await resultsOf(rig)), [
    [1_001, 1_011, "early", [1]],
    [1_001, 1_011, "final", [1]],
  ])
})

test("a trigger that fails to make one state of two makes dead letters of the records between, and both sessions go on as they were", async () => {
  const trigger: Trigger = {
    state: () => ({ seen: 0 }),
    onRecord: (_, ctx) => void ctx.state.seen++,
    merge(earlier, later) {
      later.seen += earlier.seen
      if (later.seen === 2) throw new Error("told to")
      return later
    },
  }
  const rig = await Rig.open(program(plain, trigger))
  rig.produce("in", [at("a", 0, 1), at("a", 18, 2), at("a", 9, 3), at("a", 9, 4)])
  rig.end("in")
  await rig.settle()
  // The second one finds the states as they were.
  assert.deepEqual((await rig.deadLetters("in")).map(({ key, error }) => `${key} ${error.message}`), ["a Error: told to", "a Error: told to"])
  assert.deepEqual(told(await resultsOf(rig)), [
    [0, 10, "final", [1]],
    [18, 28, "final", [2]],
  ])
})
