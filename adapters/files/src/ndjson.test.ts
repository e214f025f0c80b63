import assert from "node:assert/strict"
import { test } from "node:test"
import { gunzipSync } from "node:zlib"
import fc from "fast-check"
import type { Row } from "@millrace/engine"
import { asHandedOut, literal, queryTable } from "../test/duckdb.ts"
import { written } from "../test/scratch.ts"
import { appearing, cell, type CellKind, tables } from "../test/tables.ts"
import { fileEncoder } from "./index.ts"
import { isoText } from "./instant.ts"

const ndjson = (rows: readonly Row[]): Promise<Uint8Array> => Promise.resolve(fileEncoder.encode("ndjson", rows))
const textOf = async (rows: readonly Row[]): Promise<string> => Buffer.from(await ndjson(rows)).toString()

test("a row's text is what JSON.stringify writes, where that loses nothing", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.dictionary(fc.string(), fc.oneof(fc.jsonValue(), fc.date()), { noNullPrototype: true }), {
        maxLength: 20,
      }),
      async (rows) => {
        assert.equal(await textOf(rows), rows.map((row) => `${JSON.stringify(row)}\n`).join(""))
      },
    ),
    { numRuns: 300 },
  )
})

test("instants are written as Date writes them, from the first year to the last", () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.date({ noInvalidDate: true }),
        fc.date({ min: new Date(-1e10), max: new Date(1e10), noInvalidDate: true }),
      ),
      (date) => {
        assert.equal(isoText(date.getTime()), date.toISOString())
      },
    ),
    { numRuns: 3000 },
  )
  for (const ms of [-8.64e15, 8.64e15, -1, 0, 1, 86_399_999, -86_400_000, -62_167_219_200_001])
    assert.equal(isoText(ms), new Date(ms).toISOString())
})

const duckTypes: Readonly<Record<CellKind, string>> = {
  double: "DOUBLE",
  int64: "BIGINT",
  boolean: "BOOLEAN",
  string: "VARCHAR",
  timestamp: "TIMESTAMPTZ",
  json: "JSON",
}

test("DuckDB reads back every value of random NDJSON files", async () => {
  await fc.assert(
    fc.asyncProperty(tables, async (table) => {
      const names = appearing(table)
      // JSON has no infinities and no NaN; and of a single column of nested values DuckDB makes the whole row.
      fc.pre(
        names.length > 1 &&
          table.rows.every(
            (row) => !names.some((name) => typeof cell(row, name) === "number" && !Number.isFinite(cell(row, name))),
          ),
      )
      const kinds = new Map(table.columns.map(({ name, kind }) => [name, kind]))
      const types = names.map((name) => `${literal(name)}: '${duckTypes[kinds.get(name) as CellKind]}'`)
      const file = written("a.ndjson", await ndjson(table.rows))
      const read = await queryTable(
        `select * from read_json(${literal(file)}, format = 'newline_delimited', columns = {${types.join(", ")}})`,
      )
      assert.equal(read.rows.length, table.rows.length)
      for (const [number, row] of table.rows.entries()) {
        for (const [at, name] of names.entries()) {
          const wanted = cell(row, name)
          const value = read.rows[number]?.[at]
          if (wanted === null || wanted === undefined) assert.equal(value, null)
          else if (typeof wanted === "string") assert.equal(value, asHandedOut(wanted))
          else if (wanted === 0) assert.ok(value === 0)
          else if (kinds.get(name) === "json")
            assert.deepEqual(
              JSON.parse(value as string),
              JSON.parse(
                JSON.stringify(wanted)
                  .toWellFormed()
                  .replace(/\\u(d[89a-f]..)/g, "\\ufffd"),
              ),
            )
          else assert.deepEqual(value, wanted)
        }
      }
    }),
    { numRuns: 150 },
  )
})

test("nothing that JSON lacks is lost silently", async () => {
  const row = {
    big: 12345678901234567890n,
    map: new Map<string, unknown>([
      ["a", 1n],
      ["__proto__", new Set([1, "b"])],
    ]),
    bytes: new Uint8Array([0, 255]),
    list: [undefined, 2n, new Date(0)],
    left: undefined,
    half: "a\ud800b",
  }
  assert.equal(
    await textOf([row]),
    '{"big":12345678901234567890,"map":{"a":1,"__proto__":[1,"b"]},"bytes":"AP8=","list":[null,2,"1970-01-01T00:00:00.000Z"],"half":"a\ufffdb"}\n',
  )
})

test("a value that contains itself, and a Map with keys that are not text, are MR1502 with column and row", async () => {
  const cycle: Record<string, unknown> = {}
  cycle["again"] = cycle
  for (const value of [cycle, new Map([[1, 1]])]) {
    for (const format of ["ndjson", "csv", "parquet"] as const) {
      await assert.rejects(async () => fileEncoder.encode(format, [{}, { a: value }]), {
        code: "MR1502",
        message: /^Column "a", row 1 of the file/,
        details: { column: "a", row: 1 },
      })
    }
  }
})

test("a gzipped file is its text, and the same rows give the same bytes whatever the time and the system", async () => {
  const rows = Array.from({ length: 100 }, (_, id) => ({ id, name: `n${id % 7}` }))
  const bytes = await fileEncoder.encode("ndjson.gz", rows)
  assert.equal(gunzipSync(bytes).toString(), await textOf(rows))
  assert.deepEqual(bytes.subarray(0, 10), new Uint8Array([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255]))
  assert.deepEqual(await fileEncoder.encode("ndjson.gz", structuredClone(rows)), bytes)
  const { rows: read } = await queryTable(
    `select sum(id), count(*) from read_json(${literal(written("a.ndjson.gz", bytes))})`,
  )
  assert.deepEqual(read, [[4950n, 100n]])
})
