import assert from "node:assert/strict"
import path from "node:path"
import { test } from "node:test"
import { literal, query } from "../test/duckdb.ts"
import { written } from "../test/scratch.ts"
import { fileEncoder, readColumns } from "./index.ts"

const flights = path.join(import.meta.dirname, "../../../node_modules/vega-datasets/data/flights-3m.parquet")

/** Sums that tell any change of a value, its kind or its place: each value counts by a weight of its row. */
const weight = 9973

test("all 3,000,000 flights are read as DuckDB reads them, row by row and group by group", async () => {
  const sums = await query(
    `with
      f as (
        select *, file_row_number % ${weight} as w from read_parquet(${literal(flights)}, file_row_number = true)
      ),
      groups as (select distinct row_group_id, row_group_num_rows as n from parquet_metadata(${literal(flights)})),
      g as (select row_group_id, n, sum(n) over (order by row_group_id) - n as a from groups)
    select row_group_id::integer as id, count(*)::double as n,
      sum(epoch_ms(date) // 1000 * w % 1000003)::double as date,
      sum(delay * w)::double as delay, sum(distance * w)::double as distance,
      sum((unicode(origin) * 65536 + unicode(origin[2:]) * 256 + unicode(origin[3:])) * w)::double as origin,
      sum(
        (unicode(destination) * 65536 + unicode(destination[2:]) * 256 + unicode(destination[3:])) * w
      )::double as destination
    from f join g on file_row_number >= a and file_row_number < a + n group by all order by id`,
  )
  const code = (text: string): number => text.charCodeAt(0) * 65536 + text.charCodeAt(1) * 256 + text.charCodeAt(2)
  const got: unknown[] = []
  let rows = 0
  for await (const { rowStart, rowCount, columns } of readColumns(flights, { instants: "ms" })) {
    assert.equal(rowStart, rows)
    assert.deepEqual([...columns.keys()], ["date", "delay", "distance", "origin", "destination"])
    const [date, delay, distance, origin, destination] = [...columns.values()]
    const sum = { id: got.length, n: rowCount, date: 0, delay: 0, distance: 0, origin: 0, destination: 0 }
    for (let at = 0; at < rowCount; at++) {
      const w = (rowStart + at) % weight
      sum.date += (((date?.[at] as number) / 1000) * w) % 1_000_003
      sum.delay += (delay?.[at] as number) * w
      sum.distance += (distance?.[at] as number) * w
      sum.origin += code(origin?.[at] as string) * w
      sum.destination += code(destination?.[at] as string) * w
    }
    got.push(sum)
    rows += rowCount
  }
  assert.equal(rows, 3_000_000)
  assert.deepEqual(got, sums)
})

test("only the columns that are asked for are read, in that order", async () => {
  const file = written(
    "a.parquet",
    await fileEncoder.encode("parquet", [
      { a: 1, at: new Date(-1), c: "x" },
      { a: null, at: null },
    ]),
  )
  const got: unknown[] = []
  for await (const batch of readColumns(file, { columns: ["at", "a"], instants: "ms" })) got.push(batch)
  assert.deepEqual(got, [
    {
      rowStart: 0,
      rowCount: 2,
      columns: new Map([
        ["at", [-1, null]],
        ["a", [1, null]],
      ]),
    },
  ])
})

test("a column that the file does not have is MR1603, naming those that it has", async () => {
  const file = written("a.parquet", await fileEncoder.encode("parquet", [{ a: 1, b: [1, { c: 2 }] }]))
  await assert.rejects(
    async () => {
      for await (const _ of readColumns(file, { columns: ["c"] })) assert.fail()
    },
    { code: "MR1603", message: /there is no column "c"; its columns are a, b/ },
  )
})
