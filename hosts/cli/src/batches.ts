/**
 * Records on their way to a node: JSON texts gathered into requests. A batch is full at a number of records or of
 * bytes, whichever comes first, and depends on nothing but the records, so that the same input makes the same batches
 * again and an idempotency key made of a batch's number means the same bytes.
 */
import { TextDecoder } from "node:util"
import { limits } from "@millrace/model"

/** A record as it was read. */
export interface SourceRecord {
  /** Line of an NDJSON file, else number of the record; from 1. */
  readonly number: number
  /** One line of JSON, or of what should have been JSON. */
  readonly json: string
}

export interface Batch {
  /** From 0. */
  readonly number: number
  readonly records: readonly SourceRecord[]
}

/** A quarter of what a request may hold, so that UTF-8 and one long record more still fit. */
const batchUnitsMax = limits.requestBytesMax / 4

export async function* batchesOf(records: AsyncIterable<SourceRecord>, recordsMost: number): AsyncGenerator<Batch> {
  let gathered: SourceRecord[] = []
  let units = 0
  let number = 0
  for await (const record of records) {
    if (gathered.length > 0 && units + record.json.length > batchUnitsMax) {
      yield { number: number++, records: gathered }
      gathered = []
      units = 0
    }
    gathered.push(record)
    units += record.json.length + 1
    if (gathered.length >= recordsMost) {
      yield { number: number++, records: gathered }
      gathered = []
      units = 0
    }
  }
  if (gathered.length > 0) yield { number, records: gathered }
}

/** The body of a batch's request. */
export function ndjsonOf({ records }: Batch): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(records.map(({ json }) => json).join("\n"))
}

/** Lines that are not blank. Not parsed: a line that is not JSON is the node's to refuse, by its number. */
export async function* linesOf(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<SourceRecord> {
  const decoder = new TextDecoder()
  let number = 0
  let rest = ""
  for await (const chunk of chunks) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n")
    rest = lines.pop() as string
    for (const line of lines) {
      number++
      if (line.trim() !== "") yield { number, json: line }
    }
  }
  rest += decoder.decode()
  if (rest.trim() !== "") yield { number: number + 1, json: rest }
}

/** Rows as records. */
export async function* rowsAsRecords(
  rows: AsyncIterable<Readonly<Record<string, unknown>>>,
): AsyncGenerator<SourceRecord> {
  let number = 0
  for await (const row of rows) yield { number: ++number, json: JSON.stringify(row, plain) }
}

/** JSON knows no bigint: a whole number that fits stays a number, a larger one becomes a text. */
function plain(_: string, value: unknown): unknown {
  if (typeof value !== "bigint") return value
  const number = Number(value)
  return Number.isSafeInteger(number) ? number : value.toString()
}
