import assert from "node:assert/strict"
import { test } from "node:test"
import type { SinkPlan } from "@millrace/model"
import { day, files, hour, month, year } from "./files.ts"
import { compile, service, stream, type Target } from "./index.ts"

interface Reading {
  readonly room: string
  readonly at: Date
}

function sinkOf(target: Target<Reading>): SinkPlan | undefined {
  return compile(service("s", [stream<Reading>("readings").to(target)])).plan.sinks[0]
}

test("a file sink is NDJSON in the node's own directory unless told otherwise", () => {
  assert.deepEqual(sinkOf(files("out")), {
    kind: "files",
    name: "out",
    format: "ndjson",
    partitionBy: [],
    roll: { bytes: 134_217_728, everyMs: 300_000, watermarkMs: 0 },
    stream: "s/out.rows",
    stage: "readings",
    operator: "sink/out",
  })
})

test("files roll with the watermark at the finest time of their path", () => {
  const hourMs = 3_600_000
  assert.equal(sinkOf(files("a", { partitionBy: ["room"] }))?.roll.watermarkMs, 0)
  assert.equal(sinkOf(files("a", { partitionBy: ["room", hour("at")] }))?.roll.watermarkMs, hourMs)
  for (const segment of [day("at"), month("at"), year("at")]) {
    assert.equal(sinkOf(files("a", { partitionBy: [segment] }))?.roll.watermarkMs, 24 * hourMs)
  }
  assert.equal(
    sinkOf(files("a", { partitionBy: [day("at")], roll: { watermark: "6h" } }))?.roll.watermarkMs,
    6 * hourMs,
  )
})

test("declared columns keep their order and types", () => {
  const columns = sinkOf(files("a", { columns: { n: "int64", at: "timestamp" } }))?.columns ?? {}
  assert.deepEqual(Object.entries(columns), [
    ["n", "int64"],
    ["at", "timestamp"],
  ])
})

test("a declared column of an unknown type, or one that stands in the path, is MR1101", () => {
  const wrong = { n: "integer" as "int64" }
  assert.throws(() => files("a", { columns: wrong }), {
    code: "MR1101",
    message: /files "a", columns, n: "integer" is none of boolean, double, int64/,
  })
  assert.throws(() => files("a", { columns: [] as never }), { code: "MR1101" })
  assert.throws(() => files("a", { partitionBy: ["room"], columns: { room: "string" } }), {
    code: "MR1101",
    message: /room is partitioned by value/,
  })
})

test("one time column may make several path segments", () => {
  assert.deepEqual(
    sinkOf(files("a", { partitionBy: [year("at"), month("at")] }))?.partitionBy.map(({ by }) => by),
    ["year", "month"],
  )
})

test("path segments keep their order", () => {
  assert.deepEqual(sinkOf(files("a", { partitionBy: [day("at"), "room"] }))?.partitionBy, [
    { column: "at", by: "day" },
    { column: "room", by: "value" },
  ])
})

test("what is no row is refused where it is written: a number, a list, a promise", () => {
  const readings = stream<Reading>("readings")
  // @ts-expect-error a number is no row
  readings.map(() => 1).to(files("a"))
  // @ts-expect-error a list is no row
  readings.map(() => [1]).to(files("a"))
  // @ts-expect-error a promise is no row
  readings.map(async (reading) => reading).to(files("a"))
  assert.equal(sinkOf(files("a"))?.name, "a")
})
