// Early results by event time, against a model that keeps everything.
import assert from "node:assert/strict"
import { test } from "node:test"
import { count, type FixedWindow, hopping, service, session, stream, sum, tumbling, type SessionWindow } from "@millrace/sdk"
import { files } from "@millrace/sdk/files"
import fc from "fast-check"
import { events } from "./events.ts"
import { FrameModel, type FrameResult, hoppingFrames } from "./frame-model.ts"
import { Rig } from "./rig.ts"
import { atOnce, drive, type Turn, turns } from "./schedule.ts"
import { sessionResultsOf } from "./session-model.ts"
import type { Event } from "./window-model.ts"

interface Rule {
  readonly shape: FixedWindow | SessionWindow
  readonly lateness: number
  readonly early: number
  readonly outOfOrder: number
}

/** What is kept for the window. */
const scopes = ["s/w", "s/w@looks", "s/w@results", "s/w@early", "s/w@closing"]

async function outcome({ shape, lateness, early, outOfOrder }: Rule, given: readonly Event[], way: readonly Turn[], ended: boolean) {
  const input = stream("in", { partitions: 1, key: (e: Event) => e.k, time: (e) => e.t, outOfOrder })
  const windows = input.window("w", shape, { allowedLateness: lateness, early }).aggregate({ n: count(), sum: sum((e) => e.v) })
  const rig = await Rig.open(service("s", [windows.to(files("results")), windows.late.to(files("late"))]))
  rig.produce("in", given)
  if (ended) rig.end("in")
  await drive(rig, rig.seat("in"), way)
  const rows = (await rig.values("s/results.rows")) as (Omit<FrameResult, "start" | "end"> & { start: Date; end: Date })[]
  const results = rows.map(({ start, end, ...rest }) => ({ ...rest, start: start.getTime(), end: end.getTime() }))
  assert.deepEqual(await rig.deadLetters("in"), [])
  return { rig, results, late: await rig.values("s/late.rows"), bytes: await rig.bytes("s/results.rows") }
}

const numbers = {
  lateness: fc.oneof(fc.constant(0), fc.nat(40)),
  early: fc.integer({ min: 1, max: 12 }),
  outOfOrder: fc.oneof(fc.constant(0), fc.nat(20)),
}

const aligned = fc.record({ ...numbers, size: fc.integer({ min: 1, max: 40 }), hops: fc.integer({ min: 1, max: 4 }), offset: fc.nat(7) })

test("early results of windows are those of the plainest model, however input is cut and wherever it crashes", async () => {
  await fc.assert(
    fc.asyncProperty(aligned, events, turns, fc.boolean(), async ({ size, hops, offset, lateness, early, outOfOrder }, given, way, ended) => {
      const every = Math.max(1, Math.floor(size / hops))
      const shape = hopping({ size, every, offset })
      const model = new FrameModel({ frames: hoppingFrames(size, every, offset % every), lateness, early })
      for (const event of given) {
        model.move(event.t - outOfOrder)
        model.add(event, event.t)
      }
      if (ended) model.move(Number.POSITIVE_INFINITY)
      const found = await outcome({ shape, lateness, early, outOfOrder }, given, way, ended)
      assert.deepEqual(found.results, model.results)
      assert.deepEqual(found.late, model.late)
      if (ended) assert.deepEqual(await found.rig.kept(...scopes), [])
    }),
    { numRuns: 800 },
  )
})

test("early results of sessions are those of the plainest model, however input is cut and wherever it crashes", async () => {
  await fc.assert(
    fc.asyncProperty(fc.record({ ...numbers, gap: fc.integer({ min: 1, max: 30 }) }), events, turns, fc.boolean(), async (rule, given, way, ended) => {
      const expected = sessionResultsOf(given, rule, ended)
      const found = await outcome({ shape: session({ gap: rule.gap }), ...rule }, given, way, ended)
      assert.deepEqual(found.results, expected.results.map(({ key, start, end, pane, n, sum: total }) => ({ key, start, end, pane, n, sum: total })))
      assert.deepEqual(found.late, expected.late)
      if (ended) assert.deepEqual(await found.rig.kept(...scopes), [])
    }),
    { numRuns: 1200 },
  )
})

test("any batch cut and any crash give the same bytes of early results", async () => {
  await fc.assert(
    fc.asyncProperty(fc.record({ ...numbers, gap: fc.integer({ min: 1, max: 30 }) }), fc.boolean(), events, turns, async (rule, inSessions, given, way) => {
      const shape = inSessions ? session({ gap: rule.gap }) : tumbling(rule.gap)
      const [one, other] = [await outcome({ shape, ...rule }, given, atOnce, true), await outcome({ shape, ...rule }, given, way, true)]
      assert.deepEqual(other.results, one.results)
      assert.deepEqual(other.bytes, one.bytes)
    }),
    { numRuns: 500 },
  )
})

const at = (k: string, t: number, v = 1): Event => ({ k, t, v })

test("a window that has changed gives an early result at each multiple, one that has not gives none", async () => {
  const rule = { shape: tumbling(100), lateness: 0, early: 10, outOfOrder: 0 }
  const given = [at("a", 1), at("a", 5), at("b", 12), at("b", 31), at("a", 35), at("b", 52), at("b", 100)]
  const { results } = await outcome(rule, given, atOnce, false)
  assert.deepEqual(
    results.map(({ key, end, pane, n }) => [key, end, pane, n]),
    [
      ["a", 100, "early", 2],
      ["b", 100, "early", 1],
      ["a", 100, "early", 3],
      ["b", 100, "early", 2],
      ["b", 100, "early", 3],
      ["a", 100, "final", 3],
      ["b", 100, "final", 3],
    ],
  )
})

test("an early result of a session that has grown is taken back right before the next one", async () => {
  const rule = { shape: session({ gap: 20 }), lateness: 0, early: 10, outOfOrder: 0 }
  const { results } = await outcome(rule, [at("a", 1), at("a", 12), at("b", 60)], atOnce, false)
  assert.deepEqual(
    results.map(({ start, end, pane, n }) => [start, end, pane, n]),
    [
      [1, 21, "early", 1],
      [1, 21, "retracted", 1],
      [1, 32, "early", 2],
      [1, 32, "final", 2],
    ],
  )
})
