import assert from "node:assert/strict"
import fs from "node:fs"
import path from "node:path"
import { test } from "node:test"
import fc from "fast-check"
import type { PathColumn } from "@millrace/model"
import type { Row } from "@millrace/engine"
import { literal, query } from "../test/duckdb.ts"
import { fresh } from "../test/scratch.ts"
import { escapedForPath, fileEncoder, fileName, groupRows, openDirectory, sinkFiles } from "./index.ts"

const pathOf = (value: unknown, by: PathColumn["by"]): string | undefined =>
  groupRows([{ c: value, other: 1 }], [{ column: "c", by }])[0]?.path

test("names sort by partition and number, and hold sink and partition columns", () => {
  assert.equal(
    fileName({ sink: "hourly", path: "", partition: 3, number: 12, format: "ndjson.gz" }),
    "hourly/part-0003-00000012.ndjson.gz",
  )
  assert.equal(
    fileName({ sink: "a/b", path: "start_day=2001-01-31", partition: 1023, number: 123_456_789, format: "parquet" }),
    "a%2Fb/start_day=2001-01-31/part-1023-123456789.parquet",
  )
})

test("a time becomes its UTC hour, day, month or year, whether it is a Date, milliseconds or text", () => {
  const moment = new Date("2001-01-31T23:59:59.999Z")
  for (const value of [
    moment,
    moment.getTime(),
    BigInt(moment.getTime()),
    "2001-01-31T23:59:59.999Z",
    "2001-01-31 23:59:59.999",
    "2001-02-01T01:59:59.999+02:00",
  ]) {
    assert.equal(pathOf(value, "hour"), "c_hour=2001-01-31-23")
    assert.equal(pathOf(value, "day"), "c_day=2001-01-31")
    assert.equal(pathOf(value, "month"), "c_month=2001-01")
    assert.equal(pathOf(value, "year"), "c_year=2001")
  }
  assert.equal(pathOf("2001-01-31", "hour"), "c_hour=2001-01-31-00")
  assert.equal(pathOf(new Date(-1), "hour"), "c_hour=1969-12-31-23")
  assert.equal(pathOf(new Date(-62_198_755_200_000), "year"), "c_year=-000001")
})

test("null, no value, empty text and what is no time go where Hive puts nulls", () => {
  for (const value of [null, undefined, ""]) assert.equal(pathOf(value, "value"), "c=__HIVE_DEFAULT_PARTITION__")
  for (const value of [null, undefined, "", "yesterday", "2001", new Date(Number.NaN), Number.NaN, true, {}]) {
    assert.equal(pathOf(value, "day"), "c_day=__HIVE_DEFAULT_PARTITION__")
  }
})

test("odd characters are escaped as Spark escapes them", () => {
  // Known answers: `charToEscape` of ExternalCatalogUtils.scala in Apache Spark, which took the list from Hive.
  assert.equal(escapedForPath("a b-c.d_é漢"), "a b-c.d_é漢")
  assert.equal(
    escapedForPath("\u0001\n\t\"#%'*/:=?\\\u007f{[]^"),
    "%01%0A%09%22%23%25%27%2A%2F%3A%3D%3F%5C%7F%7B%5B%5D%5E",
  )
  assert.equal(pathOf("..", "value"), "c=..")
  assert.equal(pathOf("../../etc", "value"), "c=..%2F..%2Fetc")
  assert.equal(pathOf(new Date(0), "value"), "c=1970-01-01T00%3A00%3A00.000Z")
  assert.equal(pathOf(1.5, "value"), "c=1.5")
  assert.equal(pathOf(false, "value"), "c=false")
})

test("a value too long for a path is MR1502, naming column and row", () => {
  assert.throws(() => groupRows([{ c: "a" }, { c: "é".repeat(127) }], [{ column: "c", by: "value" }]), {
    code: "MR1502",
    details: { column: "c", row: 1 },
  })
  assert.equal(pathOf("é".repeat(126), "value"), `c=${"é".repeat(126)}`)
})

test("rows are split by path in the order of their first rows, keep their order, and lose only columns that the path holds", () => {
  const rows: Row[] = [
    { id: 1, origin: "ATL", start: new Date("2001-01-01T05:00:00Z") },
    { id: 2, origin: "LAS", start: new Date("2001-01-01T06:00:00Z") },
    { id: 3, start: new Date("2001-01-01T07:00:00Z"), origin: "ATL" },
    { id: 4, origin: "ATL", start: new Date("2001-01-02T05:00:00Z") },
  ]
  const by: PathColumn[] = [
    { column: "origin", by: "value" },
    { column: "start", by: "day" },
  ]
  assert.deepEqual(groupRows(rows, by), [
    {
      path: "origin=ATL/start_day=2001-01-01",
      rows: [
        { id: 1, start: rows[0]?.["start"] },
        { id: 3, start: rows[2]?.["start"] },
      ],
    },
    { path: "origin=LAS/start_day=2001-01-01", rows: [{ id: 2, start: rows[1]?.["start"] }] },
    { path: "origin=ATL/start_day=2001-01-02", rows: [{ id: 4, start: rows[3]?.["start"] }] },
  ])
  assert.deepEqual(groupRows(rows, []), [{ path: "", rows }])
  assert.deepEqual(groupRows([], by), [])
  assert.deepEqual(groupRows([], []), [])
})

test("no row is lost or doubled by splitting", () => {
  const values = fc.oneof(
    fc.string({ unit: "binary", maxLength: 40 }),
    fc.integer(),
    fc.date(),
    fc.constantFrom(null, undefined, "", "__proto__", true),
  )
  fc.assert(
    fc.property(fc.array(fc.record({ a: values, b: values })), (cells) => {
      const rows: Row[] = cells.map((each, id) => ({ id, ...each }))
      const groups = groupRows(rows, [
        { column: "a", by: "value" },
        { column: "b", by: "hour" },
      ])
      assert.deepEqual(
        groups.flatMap((group) => group.rows.map(({ id }) => id as number)).toSorted((x, y) => x - y),
        rows.map((_, id) => id),
      )
      assert.equal(new Set(groups.map((group) => group.path)).size, groups.length)
      for (const group of groups) {
        assert.ok(
          group.rows.every((row, at) => at === 0 || (row["id"] as number) > (group.rows[at - 1]?.["id"] as number)),
        )
        assert.equal(path.posix.normalize(`/${group.path}`), `/${group.path}`)
        assert.equal(group.path.split("/").length, 2)
      }
    }),
  )
})

test("DuckDB gives the columns of the path back, null and escaped ones too, beside those of the file", async () => {
  const out = fresh("out")
  const place = await openDirectory(out)
  const sink = {
    name: "trips",
    format: "parquet",
    partitionBy: [
      { column: "zip", by: "value" },
      { column: "at", by: "day" },
    ],
  } as const
  const rows = ["01234", null, "a/b=c%d é", "x:y?"].map((zip, id) => ({ id, zip, at: new Date(id * 86_400_000 - 1) }))
  for (const file of sinkFiles(sink, 0, 0, rows))
    await place.put(file.name, await fileEncoder.encode("parquet", file.rows))
  await place.close()
  const days = ["1969-12-31", "1970-01-01", "1970-01-02", "1970-01-03"]
  assert.deepEqual(
    await query(
      `select id, "at", zip, at_day::varchar as day from ${literal(`${out}/trips/**/*.parquet`)} order by id`,
    ),
    rows.map((row, id) => ({ id, at: row.at, zip: row.zip, day: days[id] })),
  )
  assert.deepEqual(fs.readdirSync(out), ["trips"])
})
