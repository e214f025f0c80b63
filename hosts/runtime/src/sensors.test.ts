// Streams that services write, and windows by another key, over several stages and workers, against a naive model.
import assert from "node:assert/strict"
import fs from "node:fs"
import path from "node:path"
import { it } from "node:test"
import { limits } from "@millrace/model"
import fc from "fast-check"
import type { Node } from "./node.ts"
import { codeOf, idle, openNode, send, statusOf, until, valuesOf } from "../test/bench.ts"
import type { Reading, Total } from "../test/services/sensor-flows.ts"

/** Sums by region and stretch of time, as one would write them down. */
function totalsOf(readings: readonly { region: string; at: number; n: number; sum: number }[], size: number): Total[] {
  const totals = new Map<string, Total>()
  for (const { region, at, n, sum } of readings) {
    const start = Math.floor(at / size) * size
    const name = `${region} ${start}`
    const before = totals.get(name) ?? { region, start, n: 0, sum: 0 }
    totals.set(name, { ...before, n: before.n + n, sum: before.sum + sum })
  }
  return sorted([...totals.values()])
}

function sorted(totals: readonly Total[]): Total[] {
  return totals.toSorted((a, b) => a.start - b.start || a.region.localeCompare(b.region))
}

function readingsOf(count: number, sensors: number, stepMs: number, from = 0): Reading[] {
  return Array.from({ length: count }, (_, i) => ({
    sensor: `s${(i * 7) % sensors}`,
    region: `r${(i * 13) % 5}`,
    // Up to a second out of order, which the stream allows for.
    at: from + i * stepMs + ((i * 37) % 1_000),
    value: (i % 11) + 1,
  }))
}

function rowsIn(dir: string): Total[] {
  const at = path.join(dir, "out", "regions")
  if (!fs.existsSync(at)) return []
  const names = fs.readdirSync(at, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".ndjson"))
  return names.flatMap((name) => fs.readFileSync(path.join(at, name), "utf8").trim().split("\n").map((row) => JSON.parse(row) as Total))
}

it("windows by another key give what a naive model gives, through all stages, for any workers and any restart", async (t) => {
  const property = fc.asyncProperty(
    fc.integer({ min: 1, max: 300 }),
    fc.integer({ min: 1, max: 12 }),
    fc.integer({ min: 1, max: 400 }),
    fc.constantFrom(1, 2, 4),
    fc.option(fc.constantFrom(1, 3)),
    fc.constantFrom(limits.transactionBytes, 1, 3_000),
    async (count, sensors, stepMs, workers, restartWith, transactionBytes) => {
      const readings = readingsOf(count, sensors, stepMs)
      const bounds = { transactionBytes }
      const bench = await openNode(t, ["sensors"], { workers, bounds })
      const { dir } = bench
      let { node } = bench
      const half = Math.floor(count / 2)
      for (let i = 0; i < half; i += 50) await send(node, "readings", readings.slice(i, Math.min(half, i + 50)))
      if (restartWith !== null) {
        await node.close()
        ;({ node } = await openNode(t, ["sensors"], { workers: restartWith, dir, bounds }))
      }
      await send(node, "readings", readings.slice(half))
      await node.end("readings")
      await node.end("readings")
      await idle(node)
      const regions = totalsOf(readings.map(({ region, at, value }) => ({ region, at, n: 1, sum: value })), 1_000)
      assert.deepEqual(sorted(await valuesOf<Total>(node, "totals")), regions)
      const days = totalsOf(regions.map(({ region, start, n, sum }) => ({ region, at: start, n, sum })), 10_000)
      assert.deepEqual(sorted(await valuesOf<Total>(node, "days")), days)
      assert.deepEqual(sorted(rowsIn(dir)), regions)
      await node.close()
    },
  )
  await fc.assert(property, { numRuns: 10 })
})

it("an end is kept: repeated after a restart it changes nothing, and records after it are refused", async (t) => {
  const readings = readingsOf(100, 4, 100)
  const { node, dir } = await openNode(t, ["sensors"])
  await send(node, "readings", readings)
  await Promise.all([node.end("readings"), node.end("readings")])
  await idle(node)
  const totals = sorted(await valuesOf<Total>(node, "totals"))
  const ends = statusOf(node).stages.map(({ consumed }) => consumed)
  await node.end("readings")
  await node.close()
  const { node: again } = await openNode(t, ["sensors"], { dir })
  await again.end("readings")
  await idle(again)
  assert.ok(statusOf(again).stages.every(({ ended }) => ended))
  assert.deepEqual(statusOf(again).stages.map(({ consumed }) => consumed), ends)
  assert.equal(await codeOf(() => send(again, "readings", readingsOf(10, 4, 1))), "MR1033")
  await again.reopen("readings")
  await again.reopen("readings")
  await again.close()
  const { node: open } = await openNode(t, ["sensors"], { dir })
  await send(open, "readings", readingsOf(10, 4, 1))
  await idle(open)
  assert.deepEqual(sorted(await valuesOf<Total>(open, "totals")), totals)
  assert.equal(open.samples().find(({ name }) => name === "millrace_stage_late_records_total")?.values.reduce((sum, { value }) => sum + value, 0), 10)
  await open.end("readings")
  assert.equal(await codeOf(() => send(open, "readings", readingsOf(10, 4, 1))), "MR1033")
})

it("all that was taken lies before the end, and a repeat of it is answered after it", async (t) => {
  const { node } = await openNode(t, ["sensors"])
  // All of one instant, so that none can be late before the end.
  const body = readingsOf(200, 4, 100).map((reading) => ({ ...reading, at: 1_000 }))
  const sendings = Array.from({ length: 20 }, (_, i) => send(node, "readings", body.slice(i * 10, i * 10 + 10), `part-${i}`))
  const ending = node.end("readings")
  assert.equal(await codeOf(() => send(node, "readings", readingsOf(1, 4, 1))), "MR1033")
  const answers = await Promise.all(sendings)
  await ending
  await idle(node)
  assert.equal(node.samples().find(({ name }) => name === "millrace_stage_late_records_total")?.values.reduce((sum, { value }) => sum + value, 0), 0)
  assert.deepEqual(await send(node, "readings", body.slice(0, 10), "part-0"), answers[0])
})

it("an upstream partition without input holds the watermark back only until it is idle", async (t) => {
  const { node } = await openNode(t, ["sensors-idle"])
  // One sensor: the other partitions of the stream never had a record.
  const readings = readingsOf(40, 1, 100)
  await send(node, "readings", readings)
  const last = Math.max(...readings.map(({ at }) => at)) - 1_000
  // A moment later than they are idle: others may be about to go on.
  await until("windows close without the other partitions", () => statusOf(node).stages.every(({ stage, watermark }) => !stage.endsWith(".repartition") || (watermark !== null && Date.parse(watermark) >= last)))
  await idle(node)
  const closed = totalsOf(readings.map(({ region, at, value }) => ({ region, at, n: 1, sum: value })), 1_000).filter(({ start }) => start + 1_000 <= last)
  assert.deepEqual(sorted(await valuesOf<Total>(node, "totals")), closed)
})

it("the time during which a node was down makes none of its partitions idle", async (t) => {
  const sensors = ["s0", "s1", "s2", "s3", "s4", "s5", "s6", "s7"]
  const at = (time: number, of: readonly string[]): Reading[] => of.map((sensor) => ({ sensor, region: "r", at: time, value: 1 }))
  let now = Date.UTC(2026, 0, 1)
  const clock = (): number => now
  const { node, dir } = await openNode(t, ["sensors"], { clock })
  await send(node, "readings", at(10_000, sensors))
  await idle(node)
  const watermarks = (of: Node): (number | null)[] =>
    statusOf(of).stages.flatMap(({ stage, watermark }) => (stage.endsWith(".repartition") ? [watermark === null ? null : Date.parse(watermark)] : []))
  const before = watermarks(node)
  await node.close()
  now += 3_600_000
  const { node: again } = await openNode(t, ["sensors"], { dir, clock })
  const [one = ""] = sensors
  await send(again, "readings", at(60_000, [one]))
  await idle(again)
  now += 29_000
  await send(again, "readings", at(61_000, [one]))
  await idle(again)
  assert.deepEqual(watermarks(again), before)
  await send(again, "readings", at(62_000, sensors))
  await idle(again)
  assert.deepEqual(new Set(watermarks(again)), new Set([61_000]))
  assert.equal(again.samples().find(({ name }) => name === "millrace_stage_late_records_total")?.values.reduce((sum, { value }) => sum + value, 0), 0)
})
