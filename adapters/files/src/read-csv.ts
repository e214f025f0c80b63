/**
 * Reads CSV with a header row. Values stay text, which schemas coerce (`z.coerce.number()`). An empty field has no
 * value: the property is left out, so that a number's schema does not read it as 0; an empty text is `""`, quoted.
 */
import { TextDecoder } from "node:util"
import { limits, MillraceError } from "@millrace/model"
import type { Parser } from "csv-parse"
import type { Input } from "./input.ts"

/** A row of a CSV file: text by column. */
export type CsvRow = Record<string, string>

/**
 * The rows, in batches as the bytes come.
 *
 * @throws MR1603 naming input and line for a ragged row, a stray or unclosed quote, two columns of one name
 */
export async function* readCsv({ name, bytes }: Input): AsyncGenerator<CsvRow[], void, undefined> {
  const { parse } = await import("csv-parse")
  let rows: CsvRow[] = []
  let header: readonly string[] | undefined
  const parser = parse({
    bom: true,
    skip_empty_lines: true,
    max_record_size: limits.requestBytesMax,
    // Told apart here, while it is known which empty fields were quoted.
    cast: (value, { quoting }) => (value === "" && !quoting ? undefined : value),
    // Taken over at once: nothing waits in the stream, so a write is done when its rows are here.
    on_record: (fields: ReadonlyArray<string | undefined>, { lines }) => {
      if (header === undefined) header = headerOf(fields, name, lines)
      else rows.push(rowOf(header, fields))
      return null
    },
  })
  // Whoever writes is told of faults; the event would say them twice.
  parser.on("error", () => undefined)
  // The parser would take damage for U+FFFD.
  const decoder = new TextDecoder("utf-8", { fatal: true })
  try {
    for await (const chunk of bytes) {
      assertUtf8(decoder, chunk, name, parser.info.lines)
      await written(parser, chunk)
      if (rows.length === 0) continue
      yield rows
      rows = []
    }
    assertUtf8(decoder, undefined, name, parser.info.lines)
    await ended(parser)
  } catch (fault) {
    throw csvFault(name, fault)
  } finally {
    parser.destroy()
  }
  if (rows.length > 0) yield rows
}

/** Checks a chunk, or at the end (undefined) that no character was cut short. */
function assertUtf8(decoder: TextDecoder, chunk: Uint8Array | undefined, name: string, line: number): void {
  try {
    decoder.decode(chunk, { stream: chunk !== undefined })
  } catch {
    throw new MillraceError(
      "MR1603",
      `${name}, after line ${line}: not UTF-8. Convert the input: iconv -f latin1 -t utf-8.`,
      { input: name, line },
    )
  }
}

function written(parser: Parser, chunk: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    parser.write(chunk, (fault) => (fault instanceof Error ? reject(fault) : resolve()))
  })
}

function ended(parser: Parser): Promise<void> {
  return new Promise((resolve, reject) => {
    parser.once("error", reject)
    parser.once("end", resolve)
    parser.resume()
    parser.end()
  })
}

function headerOf(fields: ReadonlyArray<string | undefined>, name: string, line: number): string[] {
  const header = fields.map((field) => field ?? "")
  const twice = header.find((column, at) => header.indexOf(column) !== at)
  if (twice !== undefined) {
    throw new MillraceError(
      "MR1603",
      `${name}, line ${line}: the header names the column ${JSON.stringify(twice)} twice. Rename one of them.`,
      {
        input: name,
        line,
        column: twice,
      },
    )
  }
  return header
}

function rowOf(header: readonly string[], fields: ReadonlyArray<string | undefined>): CsvRow {
  const row: CsvRow = {}
  for (let at = 0; at < header.length; at++) {
    const value = fields[at]
    if (value === undefined) continue
    const column = header[at] as string
    if (column === "__proto__")
      Object.defineProperty(row, column, { value, enumerable: true, configurable: true, writable: true })
    else row[column] = value
  }
  return row
}

const mends: Readonly<Record<string, string>> = {
  CSV_RECORD_INCONSISTENT_FIELDS_LENGTH:
    "The row has more or fewer fields than the header. Quote fields that hold commas, and check the line before",
  CSV_QUOTE_NOT_CLOSED: "A quoted field is never closed. Close it, or double a quote that belongs to the text",
  CSV_INVALID_CLOSING_QUOTE: "Something stands after a closing quote. Double a quote that belongs to the text",
  INVALID_OPENING_QUOTE:
    "A quote stands in the middle of a field that is not quoted. Quote the field and double the quote",
  CSV_MAX_RECORD_SIZE: "A row is longer than a request may be. Is a quote left open, or is the input not CSV",
}

function csvFault(name: string, fault: unknown): unknown {
  const { code, lines } = fault as { code?: unknown; lines?: unknown }
  if (typeof code !== "string" || typeof lines !== "number") return fault
  return new MillraceError(
    "MR1603",
    `${name}, line ${lines}: ${mends[code] ?? (fault as Error).message}. (${code})`,
    { input: name, line: lines, code },
    fault,
  )
}
