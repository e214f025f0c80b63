/**
 * CSV as RFC 4180 has it, in UTF-8, with a header row and `\n` after each line (every reader takes it, and `cut` and
 * `grep` leave no `\r` behind). Null and undefined are an empty field; an empty text is `""`.
 */
import { setImmediate } from "node:timers/promises"
import { type ColumnTypes, limits, MillraceError } from "@millrace/model"
import type { Row } from "@millrace/engine"
import { isoText } from "./instant.ts"
import { inCell, jsonText } from "./json-text.ts"
import { assertRow, type CellReader, cellReader, ColumnNames } from "./row.ts"
import { TextBytes } from "./text-bytes.ts"

/** Text that a reader would take apart, trim or mistake for something else unless quoted. */
const needsQuotes = /[",\r\n\ufeff]|^[\s#]|\s$|^$/

/** Rows as CSV. @throws MR1502 for what JSON cannot say within a nested value, naming row and column */
export async function encodeCsv(rows: readonly Row[], columns: ColumnTypes = {}): Promise<Uint8Array> {
  const found = new ColumnNames(Object.keys(columns))
  for (let number = 0; number < rows.length; number++) {
    if (number > 0 && number % limits.encodeSliceRowsMax === 0) await setImmediate()
    const row: unknown = rows[number]
    assertRow(row, number)
    const keys = Object.keys(row)
    for (let at = 0; at < keys.length; at++) found.place(keys[at] as string, at)
  }

  const { names } = found
  if (names.length === 0) {
    if (rows.length === 0) return new Uint8Array()
    throw new MillraceError("MR1502", "The rows of a CSV file have no columns; map them to objects with at least one.")
  }
  const readers = names.map(cellReader)
  const text = new TextBytes()
  text.add(`${names.map(quoted).join(",")}\n`)
  // A line that is empty altogether would be skipped by readers: the only column's null is then written as empty text.
  const nullText = names.length === 1 ? '""' : ""
  for (let number = 0; number < rows.length; number++) {
    if (number > 0 && number % limits.encodeSliceRowsMax === 0) await setImmediate()
    const row = rows[number] as Row
    let line = ""
    for (let at = 0; at < readers.length; at++) {
      const value = (readers[at] as CellReader)(row)
      const field = fieldText(value, names, at, number) ?? nullText
      line += at === 0 ? field : `,${field}`
    }
    text.add(`${line}\n`)
  }
  return text.take()
}

function quoted(text: string): string {
  return needsQuotes.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

/** Undefined for null and what has no value. */
function fieldText(value: unknown, names: readonly string[], at: number, row: number): string | undefined {
  switch (typeof value) {
    case "string":
      return quoted(value)
    case "number":
    case "bigint":
    case "boolean":
      return String(value)
    case "object": {
      if (value === null) return undefined
      if (value instanceof Date) return isoText(value.getTime())
      const text = nestedText(value, names[at] as string, row)
      return text === undefined ? undefined : quoted(text)
    }
    case "undefined":
    case "function":
    case "symbol":
      return undefined
  }
}

function nestedText(value: object, column: string, row: number): string | undefined {
  if (value instanceof Uint8Array)
    return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("base64")
  return inCell(column, row, () => jsonText(value))
}
