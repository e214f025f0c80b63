// Random tables for properties: columns of one kind each, with nulls, gaps and awkward values.
import fc from "fast-check"
import type { Row } from "@millrace/engine"

export type CellKind = "double" | "int64" | "boolean" | "string" | "timestamp" | "json"

export interface Table {
  readonly columns: ReadonlyArray<{ readonly name: string; readonly kind: CellKind }>
  readonly rows: readonly Row[]
}

/**
 * Text with quotes, line breaks, separators, other scripts, and halves of surrogate pairs; no NUL, which DuckDB's CSV
 * reader refuses.
 */
const text = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.string({
    unit: fc.constantFrom(
      ",",
      '"',
      "\n",
      "\r",
      "'",
      " ",
      "#",
      "\ufeff",
      "\ud800",
      "\udc00",
      "é",
      "漢",
      "\ud83d\ude00",
      "a",
      "\\",
      "null",
    ),
  }),
  fc.constantFrom("", " ", "NULL", "\r\n", '""', "\\N", "1", "true"),
)
const cleanText = text.map((each) => each.replaceAll("\0", ""))

const instant = fc.date({
  min: new Date("0001-01-01T00:00:00.000Z"),
  max: new Date("9999-12-31T23:59:59.999Z"),
  noInvalidDate: true,
})

const cellsByKind: Readonly<Record<CellKind, fc.Arbitrary<unknown>>> = {
  double: fc.oneof(
    fc.double(),
    fc.integer(),
    fc.constantFrom(0, -0, Number.MAX_SAFE_INTEGER, 5e-324, Number.MAX_VALUE),
  ),
  int64: fc.oneof(
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
    fc.constantFrom(0n, 2n ** 53n + 1n, -(2n ** 63n), 2n ** 63n - 1n),
  ),
  boolean: fc.boolean(),
  string: cleanText,
  timestamp: instant,
  json: fc.oneof(
    fc.array(fc.oneof(fc.integer(), cleanText, fc.constant(null)), { maxLength: 4 }),
    // Keys of whole characters: two that differ in half a pair alone would become one.
    fc.dictionary(
      fc.oneof(
        cleanText.map((key) => key.toWellFormed()),
        fc.constantFrom("__proto__", "constructor"),
      ),
      fc.oneof(fc.integer(), cleanText, fc.boolean(), fc.array(fc.integer(), { maxLength: 3 })),
      { maxKeys: 4 },
    ),
  ),
}

const names = fc.oneof(
  fc.string({ unit: "grapheme", minLength: 1, maxLength: 12 }),
  fc.constantFrom("a", "b", "c", "constructor", "__proto__", "toString", "a,b", 'quo"te', "line\nbreak", "größe", "列"),
)

/** DuckDB tells columns apart without regard to case, and trims none. */
const columnNames = fc.uniqueArray(
  names.map((name) => name.replaceAll("\0", "").trim()).filter((name) => name !== "" && name.isWellFormed()),
  { minLength: 1, maxLength: 5, selector: (name) => name.toLowerCase().normalize("NFC") },
)

export const tables: fc.Arbitrary<Table> = columnNames.chain((chosen) =>
  fc
    .tuple(...chosen.map(() => fc.constantFrom<CellKind>("double", "int64", "boolean", "string", "timestamp", "json")))
    .chain((kinds) => {
      const columns = chosen.map((name, at) => ({ name, kind: kinds[at] ?? "string" }))
      const cells = columns.map(({ kind }) =>
        fc.oneof(
          { weight: 5, arbitrary: cellsByKind[kind] },
          { weight: 1, arbitrary: fc.constantFrom(null, undefined, absent) },
        ),
      )
      return fc
        .array(fc.tuple(...cells), { minLength: 1, maxLength: 40 })
        .map((lines) => ({ columns, rows: lines.map((line) => rowOf(columns, line)) }))
    }),
)

const absent = Symbol("absent")

function rowOf(columns: Table["columns"], line: readonly unknown[]): Row {
  const row: Record<string, unknown> = {}
  for (const [at, { name }] of columns.entries()) {
    if (line[at] === absent) continue
    Object.defineProperty(row, name, { value: line[at], enumerable: true, configurable: true, writable: true })
  }
  return row
}

/** A row's own value; never what objects inherit. */
export function cell(row: Row, name: string): unknown {
  return Object.hasOwn(row, name) ? row[name] : undefined
}

/** The columns that some row has, in the order in which they first appear. */
export function appearing(table: Table): string[] {
  return [...new Set(table.rows.flatMap((row) => Object.keys(row)))]
}
