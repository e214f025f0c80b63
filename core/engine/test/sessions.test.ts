// Session windows against a model that makes all sessions anew at every step.
import assert from "node:assert/strict"
import { test } from "node:test"
import { collect, count, max, service, session, stream, sum } from "@millrace/sdk"
import { files } from "@millrace/sdk/files"
import fc from "fast-check"
import { events } from "./events.ts"
import { Rig } from "./rig.ts"
import { atOnce, drive, type Turn, turns } from "./schedule.ts"
import { type SessionResult, type SessionRule, sessionResultsOf } from "./session-model.ts"
import type { Event } from "./window-model.ts"

const rule: fc.Arbitrary<SessionRule> = fc.record({
  gap: fc.integer({ min: 1, max: 30 }),
  lateness: fc.oneof(fc.constant(0), fc.nat(60)),
  outOfOrder: fc.oneof(fc.constant(0), fc.nat(40)),
})

/** What is kept for the sessions. */
const scopes = ["s/w", "s/w@looks", "s/w@results"]

function program({ gap, lateness, outOfOrder }: SessionRule) {
  const input = stream("in", { partitions: 1, key: (e: Event) => e.k, time: (e) => e.t, outOfOrder })
  const sessions = input
    .window("w", session({ gap }), { allowedLateness: lateness })
    .aggregate({ n: count(), sum: sum((e) => e.v), top: max((e) => e.v) })
  return service("s", [sessions.to(files("results")), sessions.late.to(files("late"))])
}

type Row = Omit<SessionResult, "start" | "end"> & { readonly start: Date; readonly end: Date }

async function outcome(each: SessionRule, given: readonly Event[], way: readonly Turn[], ended: boolean) {
  const rig = await Rig.open(program(each))
  rig.produce("in", given)
  if (ended) rig.end("in")
  await drive(rig, rig.seat("in"), way)
  const results = await rig.records("s/results.rows")
  return {
    rig,
    results: results.map(({ value }) => plain(value as Row)),
    times: results.map(({ key, time }) => ({ key, time })),
    late: await rig.values("s/late.rows"),
    bytes: [await rig.bytes("s/results.rows"), await rig.bytes("s/late.rows")],
  }
}

function plain({ start, end, pane, ...rest }: Row): SessionResult {
  return { ...rest, start: start.getTime(), end: end.getTime(), pane }
}

async function agree(each: SessionRule, given: readonly Event[], way: readonly Turn[], ended: boolean): Promise<void> {
  const expected = sessionResultsOf(given, each, ended)
  const found = await outcome(each, given, way, ended)
  assert.deepEqual(found.results, expected.results)
  assert.deepEqual(found.late, expected.late)
  assert.equal(found.rig.late()["w"] ?? 0, expected.late.length)
  assert.deepEqual(await found.rig.deadLetters("in"), [])
  assert.deepEqual(
    found.times,
    expected.results.map(({ key, end }) => ({ key, time: end - 1 })),
  )
  if (ended) assert.deepEqual(await found.rig.kept(...scopes), [])
}

test("sessions give what the plainest model gives, however input is cut and wherever it crashes, and nothing stays behind", async () => {
  await fc.assert(fc.asyncProperty(rule, events, turns, fc.boolean(), agree), { numRuns: 1500 })
})

test("any batch cut and any crash give the same bytes of sessions and of late records", async () => {
  await fc.assert(
    fc.asyncProperty(rule, events, turns, async (each, given, way) => {
      const [one, other] = [await outcome(each, given, atOnce, true), await outcome(each, given, way, true)]
      assert.deepEqual(other.bytes, one.bytes)
    }),
    { numRuns: 500 },
  )
})

test("folding results by key and bounds, retractions taken out, leaves the sessions of all records that were not late", async () => {
  await fc.assert(
    fc.asyncProperty(rule, events, turns, async (each, given, way) => {
      const { results, late } = await outcome(each, given, way, true)
      const held = new Map<string, SessionResult>()
      for (const result of results) {
        const name = `${result.key} ${result.start} ${result.end}`
        if (result.pane === "retracted") {
          const { pane: _, ...before } = held.get(name) as SessionResult
          const { pane: __, ...taken } = result
          assert.deepEqual(taken, before, "a retraction says what was given")
          held.delete(name)
        } else held.set(name, result)
      }
      const total = [...held.values()].reduce((sum, { n }) => sum + n, 0)
      assert.equal(total, given.length - late.length)
      // One that comes when its session is gone already may begin another that overlaps it, as in Flink.
      if (!given.every(({ t }, i) => given.slice(0, i).every((other) => t >= other.t - each.outOfOrder - each.lateness))) return
      for (const { key, start, end } of held.values()) {
        const others = [...held.values()].filter((other) => other.key === key && other.start < end && other.end > start)
        assert.equal(others.length, 1, "sessions of a key do not overlap")
      }
    }),
    { numRuns: 500 },
  )
})

const at = (k: string, t: number, v = 1): Event => ({ k, t, v })

async function resultsOf(each: SessionRule, given: readonly Event[], ended = true): Promise<SessionResult[]> {
  return (await outcome(each, given, atOnce, ended)).results
}

test("a silence of exactly the gap ends a session, a millisecond less does not", async () => {
  const results = await resultsOf({ gap: 10, lateness: 0, outOfOrder: 0 }, [at("a", 0), at("a", 9), at("a", 19)])
  assert.deepEqual(
    results.map(({ start, end, n }) => [start, end, n]),
    [
      [0, 19, 2],
      [19, 29, 1],
    ],
  )
})

test("a record that closes the gap between two sessions makes them one", async () => {
  const results = await resultsOf({ gap: 10, lateness: 0, outOfOrder: 100 }, [at("a", 0, 1), at("a", 18, 2), at("a", 9, 4)])
  assert.deepEqual(results, [{ key: "a", start: 0, end: 28, pane: undefined, n: 3, sum: 7, top: 4 }])
})

test("a late record that makes two given sessions one retracts both right before the new result", async () => {
  const given = [at("a", 0, 1), at("a", 18, 2), at("b", 40), at("a", 9, 4)]
  const results = await resultsOf({ gap: 10, lateness: 100, outOfOrder: 0 }, given, false)
  assert.deepEqual(
    results.map(({ start, end, pane, n, sum: total }) => [start, end, pane, n, total]),
    [
      [0, 10, "final", 1, 1],
      [18, 28, "final", 1, 2],
      [0, 10, "retracted", 1, 1],
      [18, 28, "retracted", 1, 2],
      [0, 28, "refined", 3, 7],
    ],
  )
})

test("a late record that takes a given session beyond the watermark retracts it when the longer one closes", async () => {
  const given = [at("a", 0, 1), at("b", 12), at("a", 8, 2), at("b", 60)]
  const results = await resultsOf({ gap: 10, lateness: 100, outOfOrder: 0 }, given, false)
  assert.deepEqual(
    results.filter(({ key }) => key === "a").map(({ start, end, pane, n }) => [start, end, pane, n]),
    [
      [0, 10, "final", 1],
      [0, 10, "retracted", 1],
      [0, 18, "final", 2],
    ],
  )
})

test("a late record within a given session refines it under the same bounds", async () => {
  const given = [at("a", 0, 1), at("a", 5, 1), at("b", 20), at("a", 3, 5)]
  const results = await resultsOf({ gap: 10, lateness: 100, outOfOrder: 0 }, given, false)
  assert.deepEqual(
    results.map(({ start, end, pane, sum: total }) => [start, end, pane, total]),
    [
      [0, 15, "final", 2],
      [0, 15, "refined", 7],
    ],
  )
})

test("a record behind the watermark counts in a session that is still open, and is late where there is none", async () => {
  const { results, late } = await outcome({ gap: 10, lateness: 0, outOfOrder: 0 }, [at("a", 0), at("a", 9), at("a", 4), at("b", 18), at("b", 8)], atOnce, true)
  assert.deepEqual(late, [at("b", 8)])
  assert.deepEqual(
    results.map(({ key, n }) => [key, n]),
    [
      ["a", 3],
      ["b", 1],
    ],
  )
})

test("values that are collected of two sessions that merge come in the order of the sessions", async () => {
  const input = stream("in", { partitions: 1, key: (e: Event) => e.k, time: (e) => e.t, outOfOrder: 100 })
  const sessions = input.window("w", session({ gap: 10 })).aggregate({ values: collect((e) => e.v) })
  const rig = await Rig.open(service("s", [sessions.to(files("results"))]))
  rig.produce("in", [at("a", 18, 1), at("a", 20, 2), at("a", 0, 3), at("a", 9, 4)])
  rig.end("in")
  await rig.settle()
  assert.deepEqual((await rig.values("s/results.rows")).map((row) => (row as { values: number[] }).values), [[3, 1, 2, 4]])
})
