import assert from "node:assert/strict"
import { test } from "node:test"
import fc from "fast-check"
import { limits } from "@millrace/model"
import type { Row } from "@millrace/engine"
import { asHandedOut, describe, literal, query, queryTable } from "../test/duckdb.ts"
import { written } from "../test/scratch.ts"
import { appearing, cell, tables } from "../test/tables.ts"
import { fileEncoder } from "./index.ts"

const parquet = (rows: readonly Row[], columns = {}): Promise<Uint8Array> =>
  Promise.resolve(fileEncoder.encode("parquet", rows, columns))
const from = (bytes: Uint8Array): string => `from read_parquet(${literal(written("a.parquet", bytes))})`

test("DuckDB reads back every value of random Parquet files", async () => {
  await fc.assert(
    fc.asyncProperty(tables, async (table) => {
      const kinds = new Map(table.columns.map(({ name, kind }) => [name, kind]))
      const expectedNames = appearing(table)
      fc.pre(expectedNames.length > 0)
      const read = await queryTable(`select * ${from(await parquet(table.rows))}`)
      assert.deepEqual(read.names, expectedNames)
      assert.equal(read.rows.length, table.rows.length)
      for (const [number, row] of table.rows.entries()) {
        for (const [at, name] of expectedNames.entries()) {
          const wanted = cell(row, name)
          const value = read.rows[number]?.[at]
          if (wanted === null || wanted === undefined) assert.equal(value, null)
          else if (kinds.get(name) === "json") assert.equal(value, JSON.stringify(wellFormed(wanted)))
          else if (typeof wanted === "string") assert.equal(value, asHandedOut(wanted))
          // -0 and 0 may share a place in a dictionary.
          else if (wanted === 0) assert.ok(value === 0)
          else assert.deepEqual(value, wanted)
        }
      }
    }),
    { numRuns: 150 },
  )
})

function wellFormed(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value), (_, item: unknown) => {
    if (typeof item === "string") return item.toWellFormed()
    if (typeof item !== "object" || item === null || Array.isArray(item)) return item
    const object = Object.create(null) as Record<string, unknown>
    for (const key of Object.keys(item)) object[key.toWellFormed()] = (item as Record<string, unknown>)[key]
    return object
  })
}

test("a byte order mark at the beginning of a text is kept", async () => {
  assert.deepEqual(await query(`select strlen(a) as bytes ${from(await parquet([{ a: "\ufeff" }]))}`), [{ bytes: 3n }])
})

test("each kind of value has its Parquet type, whichever values a file happens to hold", async () => {
  const row = {
    number: 12,
    big: 12n,
    flag: true,
    text: "a",
    at: new Date(0),
    nested: { a: [1] },
    bytes: new Uint8Array([1, 2]),
    nothing: null,
  }
  assert.deepEqual(await describe(`select * ${from(await parquet([row]))}`), [
    ["number", "DOUBLE"],
    ["big", "BIGINT"],
    ["flag", "BOOLEAN"],
    ["text", "VARCHAR"],
    ["at", "TIMESTAMP WITH TIME ZONE"],
    ["nested", "JSON"],
    ["bytes", "BLOB"],
    ["nothing", "VARCHAR"],
  ])
})

test("declared columns come first, in their order, and have their types in a file without a value of theirs", async () => {
  const columns = {
    count: "int64",
    when: "timestamp",
    score: "double",
    note: "string",
    flag: "boolean",
    extra: "json",
  } as const
  const empty = await parquet([{ other: 1 }], columns)
  const full = await parquet(
    [
      { other: 2, extra: "text", flag: true, note: "n", score: 1, when: "1969-12-31T23:59:59.999", count: 3 },
      { when: 5, count: 4n, extra: { a: 1 } },
    ],
    columns,
  )
  const expected = [
    ["count", "BIGINT"],
    ["when", "TIMESTAMP WITH TIME ZONE"],
    ["score", "DOUBLE"],
    ["note", "VARCHAR"],
    ["flag", "BOOLEAN"],
    ["extra", "JSON"],
    ["other", "DOUBLE"],
  ]
  assert.deepEqual(await describe(`select * ${from(empty)}`), expected)
  assert.deepEqual(await describe(`select * ${from(full)}`), expected)
  assert.deepEqual(await query(`select * ${from(full)}`), [
    { count: 3n, when: new Date(-1), score: 1, note: "n", flag: true, extra: '"text"', other: 2 },
    { count: 4n, when: new Date(5), score: null, note: null, flag: null, extra: '{"a":1}', other: null },
  ])
})

test("rows beyond a row group go into the next one, and none is lost", async () => {
  const count = limits.rowGroupRowsMax + 3
  const rows = Array.from({ length: count }, (_, id) => ({ id, name: `n${id % 7}`, time: new Date(id * 1000) }))
  const file = written("groups.parquet", await parquet(rows))
  assert.deepEqual(
    await query(`select distinct row_group_num_rows as n from parquet_metadata(${literal(file)}) order by 1`),
    [{ n: 3n }, { n: BigInt(limits.rowGroupRowsMax) }],
  )
  assert.deepEqual(
    await query(
      `select count(*) as n, count(distinct id) as ids, min(id = file_row_number) as in_order, max(time) as latest ` +
        `from read_parquet(${literal(file)}, file_row_number = true)`,
    ),
    [{ n: BigInt(count), ids: BigInt(count), in_order: true, latest: new Date((count - 1) * 1000) }],
  )
})

test("the same rows give the same bytes", async () => {
  const rows = Array.from({ length: 1000 }, (_, id) => ({ id, name: `n${id % 7}`, at: new Date(id), list: [id] }))
  assert.deepEqual(await parquet(rows), await parquet(structuredClone(rows)))
})

test("a column of two types is MR1502, naming the column, the types and the first row of each", async () => {
  await assert.rejects(
    parquet([{ a: 1 }, { a: null, b: 1 }, { b: 2, a: "x" }]),
    (fault: { code?: string; message: string; details: unknown }) => {
      assert.equal(fault.code, "MR1502")
      assert.match(fault.message, /Column "a" holds numbers \(first in row 0 of the file\) and text \(first in row 2\)/)
      assert.deepEqual(fault.details, {
        column: "a",
        types: [
          { type: "double", row: 0 },
          { type: "string", row: 2 },
        ],
      })
      return true
    },
  )
})

test("what has no place in a column is MR1502, naming column and row", async () => {
  const misfits: ReadonlyArray<
    readonly [Row, Record<string, "int64" | "timestamp" | "double" | "string" | "boolean">]
  > = [
    [{ a: new Date(Number.NaN) }, {}],
    [{ a: 2n ** 63n }, {}],
    [{ a: 1.5 }, { a: "int64" }],
    [{ a: "yesterday" }, { a: "timestamp" }],
    [{ a: "1" }, { a: "double" }],
    [{ a: 1 }, { a: "string" }],
    [{ a: [1] }, { a: "boolean" }],
    [{ a: new Map([[1, 2]]) }, {}],
  ]
  for (const [row, columns] of misfits) {
    await assert.rejects(
      parquet([{}, row], columns),
      (fault: { code?: string; message: string; details: { row?: number } }) => {
        assert.equal(fault.code, "MR1502")
        assert.match(fault.message, /Column "a", row 1 of the file/)
        assert.equal(fault.details.row, 1)
        return true
      },
    )
  }
})

test("rows that are no objects, and rows without columns, are MR1502", async () => {
  for (const row of [1, "a", null, [1], new Date(0)]) {
    for (const format of ["parquet", "ndjson", "csv"] as const) {
      await assert.rejects(async () => fileEncoder.encode(format, [{ a: 1 }, row as unknown as Row]), {
        code: "MR1502",
        message: /Row 1 of the file/,
      })
    }
  }
  await assert.rejects(parquet([{}, {}]), { code: "MR1502" })
  await assert.rejects(async () => fileEncoder.encode("csv", [{}]), { code: "MR1502" })
})
