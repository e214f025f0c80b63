import assert from "node:assert/strict"
import { test } from "node:test"
import fc from "fast-check"
import type { Row } from "@millrace/engine"
import { asHandedOut, literal, query, queryTable } from "../test/duckdb.ts"
import { written } from "../test/scratch.ts"
import { appearing, cell, tables } from "../test/tables.ts"
import { fileEncoder, readRows } from "./index.ts"

const csv = (rows: readonly Row[], columns = {}): Promise<Uint8Array> =>
  Promise.resolve(fileEncoder.encode("csv", rows, columns))
const textOf = async (rows: readonly Row[], columns = {}): Promise<string> =>
  Buffer.from(await csv(rows, columns)).toString()

/** The text that a cell must be; undefined for none. */
function fieldOf(value: unknown): string | undefined {
  if (value === null || value === undefined) return undefined
  if (value instanceof Date) return value.toISOString()
  if (typeof value === "object") return JSON.stringify(value).replace(/\\u(d[89a-f]..)/g, "\ufffd")
  return (value as string | number | bigint | boolean).toString().toWellFormed()
}

test("DuckDB reads back every field of random CSV files, null and empty text apart", async () => {
  await fc.assert(
    fc.asyncProperty(tables, async (table) => {
      const names = appearing(table)
      fc.pre(names.length > 1)
      const columns = names.map((name) => `${literal(name)}: 'VARCHAR'`).join(", ")
      const file = literal(written("a.csv", await csv(table.rows)))
      const read = await queryTable(
        `select * from read_csv(${file}, header = true, columns = {${columns}}, auto_detect = false, delim = ',', ` +
          `quote = '"', escape = '"', ` +
          "new_line = '\\n', nullstr = '', allow_quoted_nulls = false, parallel = false)",
      )
      assert.equal(read.rows.length, table.rows.length)
      for (const [number, row] of table.rows.entries()) {
        for (const [at, name] of names.entries()) {
          const wanted = fieldOf(cell(row, name))
          assert.equal(read.rows[number]?.[at], wanted === undefined ? null : asHandedOut(wanted))
        }
      }
    }),
    { numRuns: 150 },
  )
})

test("what is written is read back: null is left out, empty text is kept", async () => {
  await fc.assert(
    fc.asyncProperty(tables, async (table) => {
      const names = appearing(table)
      fc.pre(names.length > 1)
      const read: Row[] = []
      for await (const batch of readRows(written("a.csv", await csv(table.rows)))) read.push(...(batch as Row[]))
      assert.equal(read.length, table.rows.length)
      for (const [number, row] of table.rows.entries()) {
        for (const name of names) assert.equal(cell(read[number] ?? {}, name), fieldOf(cell(row, name)))
      }
    }),
    { numRuns: 150 },
  )
})

test("DuckDB finds out format and types by itself", async () => {
  const rows = [
    { id: 1, name: 'a "b", c\nd', moment: new Date(-1), ok: true, big: 2n ** 53n + 1n, list: [1, "x"], none: null },
    { id: 2.5, name: "", moment: new Date(0), ok: false, big: 1n, list: { a: 1 }, none: undefined },
  ]
  assert.equal(
    await textOf(rows),
    'id,name,moment,ok,big,list,none\n1,"a ""b"", ' +
      'c\nd",1969-12-31T23:59:59.999Z,true,9007199254740993,"[1,""x""]",\n2.5,"",1970-01-01T00:00:00.000Z,false,1,"{""a"":1}",\n',
  )
  assert.deepEqual(
    await query(
      `select id, name, moment, ok, big, none from read_csv(${literal(written("a.csv", await csv(rows)))}, ` +
        `allow_quoted_nulls = false)`,
    ),
    [
      { id: 1, name: 'a "b", c\nd', moment: new Date(-1), ok: true, big: 2n ** 53n + 1n, none: null },
      { id: 2.5, name: "", moment: new Date(0), ok: false, big: 1n, none: null },
    ],
  )
})

test("declared columns stand in the header first, in their order, whatever the rows have", async () => {
  assert.equal(await textOf([{ b: 1, x: 2 }], { a: "string", b: "double" }), "a,b,x\n,1,2\n")
})

test("a row whose only column is null is still a line", async () => {
  assert.equal(await textOf([{ a: null }, { a: "x" }, {}]), 'a\n""\nx\n""\n')
})
