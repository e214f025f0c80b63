import assert from "node:assert/strict"
import fs from "node:fs"
import { test } from "node:test"
import { gzipSync } from "node:zlib"
import fc from "fast-check"
import { limits } from "@millrace/model"
import { literal, query } from "../test/duckdb.ts"
import { fresh, written } from "../test/scratch.ts"
import { cell, tables } from "../test/tables.ts"
import { fileEncoder, formatOf, type InputSource, readRows, type ReadRowsOptions } from "./index.ts"

async function all(source: InputSource, options: ReadRowsOptions = {}): Promise<unknown[]> {
  const rows: unknown[] = []
  for await (const batch of readRows(source, options)) {
    assert.ok(batch.length > 0)
    rows.push(...batch)
  }
  return rows
}

/** Bytes in chunks of the given sizes, over and over. */
async function* chunks(bytes: Uint8Array, sizes: readonly number[]): AsyncGenerator<Uint8Array> {
  for (let at = 0, turn = 0; at < bytes.length; turn++) {
    const part = bytes.slice(at, at + (sizes[turn % sizes.length] ?? 1))
    yield part
    at += part.length
  }
}

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text)
const sizes = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 5 })

test("the format follows from the end of the name", () => {
  assert.deepEqual(
    ["a.parquet", "a.ndjson", "b/c.JSONL", "a.ndjson.gz", "a.jsonl.gz", "a.csv", "a.gz", "parquet"].map(formatOf),
    ["parquet", "ndjson", "ndjson", "ndjson.gz", "ndjson.gz", "csv", undefined, undefined],
  )
  assert.throws(() => readRows("a.txt"), { code: "MR1603", message: /a\.txt: the name does not tell the format/ })
})

test("NDJSON is read the same however its bytes are cut", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.jsonValue()),
      sizes,
      fc.constantFrom("\n", "\r\n", "\n\n \n"),
      fc.boolean(),
      async (values, cut, end, last) => {
        const lines = values.map((value) => JSON.stringify(value)).join(end) + (last ? end : "")
        const expected = values.map((value): unknown => JSON.parse(JSON.stringify(value)))
        assert.deepEqual(await all(chunks(utf8(lines), cut)), expected)
        assert.deepEqual(await all(chunks(utf8(`\ufeff${lines}`), cut)), expected)
        assert.deepEqual(await all(chunks(gzipSync(lines), cut), { format: "ndjson.gz" }), expected)
      },
    ),
  )
})

test("CSV is read the same however its bytes are cut", async () => {
  const text = 'id,name,note\r\n1,"a, ""b""\nc",\r\n2,é漢😀,""\r\n\r\n3,,x'
  const expected = [
    { id: "1", name: 'a, "b"\nc' },
    { id: "2", name: "é漢😀", note: "" },
    { id: "3", note: "x" },
  ]
  await fc.assert(
    fc.asyncProperty(sizes, async (cut) => {
      assert.deepEqual(await all(chunks(utf8(text), cut), { format: "csv" }), expected)
      assert.deepEqual(await all(chunks(utf8(`\ufeff${text}`), cut), { format: "csv" }), expected)
    }),
  )
})

test("Parquet files of random tables are read back", async () => {
  await fc.assert(
    fc.asyncProperty(tables, async ({ rows, columns }) => {
      const declared = Object.fromEntries(columns.map(({ name, kind }) => [name, kind]))
      fc.pre(!columns.some(({ name }) => name === "__proto__"))
      const read = await all(written("a.parquet", await fileEncoder.encode("parquet", rows, declared)))
      assert.equal(read.length, rows.length)
      for (const [number, row] of rows.entries()) {
        for (const { name } of columns)
          assert.deepEqual(positive(cell(read[number] as Record<string, unknown>, name)), asRead(cell(row, name)))
      }
    }),
    { numRuns: 150 },
  )
})

/** -0 and 0 may share a place in a dictionary. */
function positive(value: unknown): unknown {
  return value === 0 ? 0 : value
}

function asRead(value: unknown): unknown {
  if (value === undefined || value === null) return null
  if (typeof value === "bigint") return Number.isSafeInteger(Number(value)) ? Number(value) : String(value)
  if (typeof value === "string") return value.toWellFormed()
  if (value instanceof Date) return value.toISOString()
  return typeof value !== "object"
    ? positive(value)
    : (JSON.parse(JSON.stringify(value).replace(/\\u(d[89a-f]..)/g, "\ufffd")) as unknown)
}

test("types of Parquet files that others wrote become plain values, digits and time to the last", async () => {
  const file = fresh("types.parquet")
  await query(
    `copy (
      select 9007199254740993::bigint as big, 7::bigint as small, 18446744073709551615::ubigint as unsigned,
        date '1969-12-31' as day, timestamp '1969-12-31 23:59:59.999999' as micros,
        timestamp_ns '2001-01-01 00:00:00.000000001' as nanos, timestamp_ms '2001-01-01 00:00:00.001' as millis,
        timestamptz '2001-01-01 00:00:00+01' as zoned, 1.25::decimal(9, 2) as price, 1.5::float as single,
        true as flag, 'x'::varchar as name, [1::bigint, null] as list,
        {a: 9007199254740993::bigint, b: date '2001-01-01'} as pair, null::double as nothing
    ) to ${literal(file)} (format parquet, compression zstd)`,
  )
  assert.deepEqual(await all(file), [
    {
      big: "9007199254740993",
      small: 7,
      unsigned: "18446744073709551615",
      day: "1969-12-31",
      micros: "1969-12-31T23:59:59.999999Z",
      nanos: "2001-01-01T00:00:00.000000001Z",
      millis: "2001-01-01T00:00:00.001Z",
      zoned: "2000-12-31T23:00:00.000Z",
      price: 1.25,
      single: 1.5,
      flag: true,
      name: "x",
      list: [1, null],
      pair: { a: "9007199254740993", b: "2001-01-01" },
      nothing: null,
    },
  ])
})

test("batches of Parquet rows are bounded", async () => {
  const count = limits.readBatchRowsMax * 2 + 5
  const file = written(
    "a.parquet",
    await fileEncoder.encode(
      "parquet",
      Array.from({ length: count }, (_, id) => ({ id })),
    ),
  )
  const lengths: number[] = []
  let next = 0
  for await (const batch of readRows(file)) {
    lengths.push(batch.length)
    for (const row of batch) assert.equal((row as { id: number }).id, next++)
  }
  assert.deepEqual(lengths, [limits.readBatchRowsMax, limits.readBatchRowsMax, 5])
})

test("a line that is not JSON is MR1001 with input, line and what stands there", async () => {
  const text = '{"a":1}\n\n{"a":2}\n{"a":3\n{"a":4}\n'
  for (const cut of [3, 1000]) {
    await assert.rejects(all(chunks(utf8(text), [cut])), {
      code: "MR1001",
      message: /^standard input, line 4: not valid JSON: .*\{\\"a\\":3/,
      details: { input: "standard input", line: 4 },
    })
  }
  const file = written("a.ndjson", text)
  await assert.rejects(all(file), { code: "MR1001", details: { input: file, line: 4 } })
})

test("rows before a fault are handed out first", async () => {
  const got: unknown[] = []
  await assert.rejects(async () => {
    for await (const batch of readRows(chunks(utf8("1\n2\nx\n"), [2]))) got.push(...batch)
  })
  assert.deepEqual(got, [1, 2])
})

test("bytes that are not UTF-8 are MR1001 with the line in NDJSON, MR1603 in CSV", async () => {
  const bytes = Buffer.concat([utf8('{"a":"é"}\n{"a":"'), Buffer.from([0xe9]), utf8('"}\n')])
  for (const cut of [1, 1000]) {
    await assert.rejects(all(chunks(bytes, [cut])), { code: "MR1001", message: /line 2: not UTF-8/ })
  }
  const csv = Buffer.concat([utf8("a,b\n1,é\n2,"), Buffer.from([0xe9]), utf8("\n")])
  for (const cut of [1, 1000]) {
    await assert.rejects(all(chunks(csv, [cut]), { format: "csv" }), { code: "MR1603", message: /not UTF-8/ })
  }
  await assert.rejects(all(chunks(csv.subarray(0, 7), [3]), { format: "csv" }), {
    code: "MR1603",
    message: /not UTF-8/,
  })
})

test("an endless line is MR1013, not endless memory", async () => {
  const chunk = new Uint8Array(1024 * 1024).fill(0x31)
  let given = 0
  async function* endless(): AsyncGenerator<Uint8Array> {
    for (;;) {
      given += chunk.length
      yield chunk
    }
  }
  await assert.rejects(all(endless()), { code: "MR1013", message: /standard input, line 1: longer than/ })
  assert.ok(given <= limits.requestBytesMax + 2 * chunk.length)
  await assert.rejects(all(endless(), { format: "csv" }), { code: "MR1603", message: /CSV_MAX_RECORD_SIZE/ })
})

test("CSV that is ragged, badly quoted or has a column twice is MR1603 with the line", async () => {
  const faults: ReadonlyArray<readonly [string, number, RegExp]> = [
    ["a,b\n1,2\n3\n", 3, /more or fewer fields/],
    ["a,b\n1,2\n3,4,5\n", 3, /more or fewer fields/],
    ['a,b\n1,"2\n3,4\n', 3, /never closed/],
    ['a,b\n1,"2"3\n', 2, /after a closing quote/],
    ['a,b\n1,2"3"\n', 2, /in the middle of a field/],
    ["a,b,a\n1,2,3\n", 1, /the column "a" twice/],
  ]
  for (const [text, line, message] of faults) {
    await assert.rejects(
      all(written("a.csv", text)),
      (fault: { code?: string; message: string; details: { line?: number } }) => {
        assert.equal(fault.code, "MR1603")
        assert.match(fault.message, message)
        assert.match(fault.message, /a\.csv, line \d/)
        assert.equal(fault.details.line, line)
        return true
      },
    )
  }
})

test("files that are missing, a directory, cut short or of another format are MR1603 with their path", async () => {
  const directory = fresh("directory")
  fs.mkdirSync(directory)
  const whole = await fileEncoder.encode(
    "parquet",
    Array.from({ length: 5000 }, (_, id) => ({ id, name: `n${id * 7919}` })),
  )
  const damaged = whole.slice()
  damaged.fill(0xff, 20, 400)
  const gz = await fileEncoder.encode("ndjson.gz", [{ a: 1 }, { a: 2 }])
  const cases: ReadonlyArray<readonly [string, ReadRowsOptions]> = [
    [fresh("missing.csv"), {}],
    [fresh("missing.parquet"), {}],
    [directory, { format: "ndjson" }],
    [directory, { format: "parquet" }],
    [written("short.parquet", whole.subarray(0, 1000)), {}],
    [written("empty.parquet", ""), {}],
    [written("damaged.parquet", damaged), {}],
    [written("text.parquet", "a,b\n1,2\n".repeat(100)), {}],
    [written("short.ndjson.gz", gz.subarray(0, gz.length - 9)), {}],
    [written("text.ndjson.gz", '{"a":1}\n'), {}],
  ]
  for (const [file, options] of cases) {
    await assert.rejects(all(file, options), (fault: { code?: string; message: string }) => {
      assert.equal(fault.code, "MR1603", `${file}: ${fault.message}`)
      assert.ok(fault.message.startsWith(file), fault.message)
      return true
    })
  }
})

test("Parquet from a stream is MR1603: it has to be a file", () => {
  assert.throws(() => readRows(chunks(utf8("PAR1"), [1]), { format: "parquet" }), {
    code: "MR1603",
    message: /^standard input: Parquet has its index at the end/,
  })
})
