/**
 * Parquet files. For what other systems make of the types see docs/guide/files.md.
 *
 * 1. A column's type follows from the kind of its values, never from which values one file happens to hold: a number is
 *    a DOUBLE even where all of them are whole, and a column without a value is text. So the files of a sink fit
 *    together.
 * 2. Every column may hold nulls, whether or not this file has one, for the same reason.
 * 3. The same rows and columns give the same bytes: no time, no randomness and no version goes in.
 */
import { setImmediate } from "node:timers/promises"
import { type ColumnTypes, limits, MillraceError } from "@millrace/model"
import type { Row } from "@millrace/engine"
import type { SchemaElement } from "hyparquet"
import { type ColumnKindName, columnKinds, kindOf } from "./column-kinds.ts"
import { inCell, jsonText } from "./json-text.ts"
import { assertRow, type CellReader, cellReader, ColumnNames } from "./row.ts"

/** Readers parse "name version number"; it is fixed, for invariant 3. */
const createdBy = "millrace version 1"

interface Column {
  readonly name: string
  readonly read: CellReader
  readonly kind: ColumnKindName
}

/**
 * Rows as one Parquet file, compressed with Snappy, in row groups of `limits.rowGroupRowsMax` rows.
 *
 * @throws MR1502 for a column of mixed types, a value that does not fit its declared type, rows without columns
 */
export async function encodeParquet(rows: readonly Row[], declared: ColumnTypes = {}): Promise<Uint8Array> {
  const columns = await columnsOf(rows, declared)
  if (columns.length === 0)
    throw new MillraceError(
      "MR1502",
      "The rows of a Parquet file have no columns; map them to objects with at least one.",
    )
  // Loaded by the first Parquet file: a node without such a sink does not pay for it.
  const { ByteWriter, ParquetWriter } = await import("hyparquet-writer")
  const writer = new ByteWriter()
  const file = new ParquetWriter({ writer, schema: schemaOf(columns), codec: "SNAPPY", createdBy })
  for (let from = 0; from < rows.length; from += limits.rowGroupRowsMax) {
    if (from > 0) await setImmediate()
    const to = Math.min(from + limits.rowGroupRowsMax, rows.length)
    const columnData = columns.map((column) => ({
      name: column.name,
      data: cells(rows, from, to, column),
      statistics: columnKinds[column.kind].statistics,
    }))
    await file.write({ columnData, rowGroupSize: limits.rowGroupRowsMax })
  }
  await file.finish()
  return new Uint8Array(writer.getBuffer())
}

function schemaOf(columns: readonly Column[]): SchemaElement[] {
  const leaves = columns.map(({ name, kind }): SchemaElement => ({
    name,
    repetition_type: "OPTIONAL",
    ...columnKinds[kind].element,
  }))
  return [{ name: "root", num_children: columns.length }, ...leaves]
}

/** Walks all rows once: which columns there are, and of which kind. */
async function columnsOf(rows: readonly Row[], declared: ColumnTypes): Promise<Column[]> {
  const found = new ColumnNames(Object.keys(declared))
  const declaredCount = found.names.length
  const kinds: Array<ColumnKindName | undefined> = Object.values(declared)
  const firstRows: number[] = []
  for (let number = 0; number < rows.length; number++) {
    if (number > 0 && number % limits.encodeSliceRowsMax === 0) await setImmediate()
    const row: unknown = rows[number]
    assertRow(row, number)
    const keys = Object.keys(row)
    for (let at = 0; at < keys.length; at++) {
      const key = keys[at] as string
      const place = found.place(key, at)
      if (place < declaredCount) continue
      const kind = kindOf(row[key])
      if (kind === undefined || kind === kinds[place]) continue
      if (kinds[place] !== undefined) throw mixed(key, kinds[place], firstRows[place] as number, kind, number)
      kinds[place] = kind
      firstRows[place] = number
    }
  }
  return found.names.map((name, place) => ({ name, read: cellReader(name), kind: kinds[place] ?? "string" }))
}

function mixed(
  column: string,
  kind: ColumnKindName,
  row: number,
  otherKind: ColumnKindName,
  otherRow: number,
): MillraceError {
  return new MillraceError(
    "MR1502",
    `Column "${column}" holds ${columnKinds[kind].takes} (first in row ${row} of the file) and ` +
      `${columnKinds[otherKind].takes} ` +
      `(first in row ${otherRow}); a Parquet column has one type: map the values to one, or declare the column as ` +
      `"json".`,
    {
      column,
      types: [
        { type: kind, row },
        { type: otherKind, row: otherRow },
      ],
    },
  )
}

/** The cells of one column in the rows [from, to). */
function cells(rows: readonly Row[], from: number, to: number, { name, read, kind }: Column): unknown[] {
  const { cell, takes } = columnKinds[kind]
  const data: unknown[] = []
  for (let number = from; number < to; number++) {
    const value = read(rows[number] as Row)
    if (value === null || kindOf(value) === undefined) {
      data.push(null)
      continue
    }
    const stored = kind === "json" ? inCell(name, number, () => cell(value)) : cell(value)
    if (stored === undefined) throw misfit(name, kind, takes, value, number)
    data.push(stored)
  }
  return data
}

function misfit(column: string, type: ColumnKindName, takes: string, value: unknown, row: number): MillraceError {
  const what =
    value instanceof Date
      ? "an invalid date"
      : `${inCell(column, row, () => jsonText(value))?.slice(0, 100)} (${kindOf(value)})`
  return new MillraceError(
    "MR1502",
    `Column "${column}", row ${row} of the file: ${what} does not fit the type ${type}, which takes ${takes}; map ` +
      `the value, or declare another type.`,
    { column, row, type },
  )
}
