/** NDJSON: one JSON object a line, UTF-8, `\n` after each. Plain or gzipped. */
import { promisify } from "node:util"
import { gzip } from "node:zlib"
import { setImmediate } from "node:timers/promises"
import { limits } from "@millrace/model"
import type { Row } from "@millrace/engine"
import { inCell, jsonText } from "./json-text.ts"
import { assertRow } from "./row.ts"
import { TextBytes } from "./text-bytes.ts"

const gzipped = promisify(gzip)

/** Rows as NDJSON. @throws MR1502 for what JSON cannot say, naming row and column */
export async function encodeNdjson(rows: readonly Row[]): Promise<Uint8Array> {
  const text = new TextBytes()
  // What stands before a value, by column: `,"origin":`.
  const prefixes = new Map<string, string>()
  for (let number = 0; number < rows.length; number++) {
    if (number > 0 && number % limits.encodeSliceRowsMax === 0) await setImmediate()
    const row: unknown = rows[number]
    assertRow(row, number)
    text.add(rowText(row, number, prefixes))
  }
  return text.take()
}

function rowText(row: Row, number: number, prefixes: Map<string, string>): string {
  let text = ""
  for (const column of Object.keys(row)) {
    let prefix = prefixes.get(column)
    if (prefix === undefined) {
      prefix = `,${jsonText(column)}:`
      prefixes.set(column, prefix)
    }
    const value = row[column]
    const said = typeof value === "object" ? inCell(column, number, () => jsonText(value)) : jsonText(value)
    if (said !== undefined) text += prefix + said
  }
  return `{${text.slice(1)}}\n`
}

/**
 * Byte 9 of a gzip header names the operating system; 255 is "unknown", so the same rows are the same bytes everywhere.
 */
const operatingSystemAt = 9

/** Rows as gzipped NDJSON. The time in the header is 0. @throws MR1502 as {@link encodeNdjson} */
export async function encodeNdjsonGzip(rows: readonly Row[]): Promise<Uint8Array> {
  const bytes = await gzipped(await encodeNdjson(rows))
  bytes[operatingSystemAt] = 255
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
