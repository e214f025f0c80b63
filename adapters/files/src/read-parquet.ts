/**
 * Reads Parquet files, row group by row group: at most one row group is in memory. 64-bit integers become numbers, or
 * decimal text where a number would lose digits; bytes that are not text come as they are.
 */
import { open } from "node:fs/promises"
import { limits, MillraceError } from "@millrace/model"
import type { AsyncBuffer, ParquetParsers } from "hyparquet"
import { unreadable } from "./input.ts"
import { dayText, isoText } from "./instant.ts"

/** One column of a row group: a value a row, null where there is none. */
export type ColumnValues = ArrayLike<unknown>

/** Rows of a file as columns. */
export interface ColumnBatch {
  /** Place of the first row in the file. */
  readonly rowStart: number
  readonly rowCount: number
  /** By column, in the order of the file or as asked for. */
  readonly columns: ReadonlyMap<string, ColumnValues>
}

export interface ReadColumnsOptions {
  /** Columns to read. @default all */
  readonly columns?: readonly string[]
  /**
   * What instants become: ISO 8601 text in UTC, or milliseconds since the epoch (fractions for finer units).
   *
   * @default "text"
   */
  readonly instants?: "text" | "ms"
}

/**
 * A file's columns, a row group at a time: a third of the time that rows take.
 *
 * @throws MR1603 for a file that is missing, damaged or not Parquet, and for a column that it does not have
 */
export async function* readColumns(
  path: string,
  options: ReadColumnsOptions = {},
): AsyncGenerator<ColumnBatch, void, undefined> {
  const [{ parquetMetadataAsync, parquetScan }, { compressors }] = await Promise.all([
    import("hyparquet"),
    import("hyparquet-compressors"),
  ])
  const handle = await open(path, "r").catch((fault: unknown) => {
    throw unreadable(path, fault)
  })
  let rowStart = 0
  try {
    const { size } = await handle.stat()
    const file: AsyncBuffer = {
      byteLength: size,
      async slice(from, to = size) {
        const bytes = new Uint8Array(to - from)
        const { bytesRead } = await handle.read(bytes, 0, bytes.length, from)
        if (bytesRead < bytes.length)
          throw new Error(`the file ends at byte ${from + bytesRead}, before the data that its footer names`)
        return bytes.buffer
      },
    }
    const parsers = options.instants === "ms" ? instantsAsMs : instantsAsText
    const metadata = await parquetMetadataAsync(file, { parsers, geoparquet: false })
    const inFile = topColumns(metadata.schema)
    const columns = options.columns ?? inFile
    const missing = columns.find((column) => !inFile.includes(column))
    if (missing !== undefined) {
      throw new MillraceError(
        "MR1603",
        `${path}: there is no column ${JSON.stringify(missing)}; its columns are ${inFile.join(", ")}.`,
        { path, column: missing },
      )
    }
    const scan = await parquetScan({ file, metadata, columns: [...columns], compressors, parsers, geoparquet: false })
    for (const group of metadata.row_groups) {
      const rowCount = Number(group.num_rows)
      const rowEnd = rowStart + rowCount
      const values = new Map<string, ColumnValues>()
      for (const column of columns) values.set(column, plainValues(await scan.readColumn({ column, rowStart, rowEnd })))
      yield { rowStart, rowCount, columns: values }
      rowStart = rowEnd
    }
  } catch (fault) {
    throw damage(path, rowStart, fault)
  } finally {
    await handle.close()
  }
}

/** A row of a Parquet file. */
export type ParquetRow = Record<string, unknown>

/**
 * A file's rows in batches of at most `limits.readBatchRowsMax`; instants are ISO 8601 text in UTC.
 *
 * @throws as {@link readColumns}
 */
export async function* readParquet(path: string): AsyncGenerator<ParquetRow[], void, undefined> {
  for await (const { rowCount, columns } of readColumns(path)) {
    const names = [...columns.keys()]
    const values = [...columns.values()]
    for (let from = 0; from < rowCount; from += limits.readBatchRowsMax) {
      const to = Math.min(from + limits.readBatchRowsMax, rowCount)
      const rows: ParquetRow[] = []
      for (let at = from; at < to; at++) {
        const row: ParquetRow = {}
        for (let column = 0; column < names.length; column++)
          row[names[column] as string] = (values[column] as ColumnValues)[at]
        rows.push(row)
      }
      yield rows
    }
  }
}

/** Names of the schema's top level. */
function topColumns(schema: ReadonlyArray<{ readonly name: string; readonly num_children?: number }>): string[] {
  const names: string[] = []
  let at = 1
  const skip = (): void => {
    const children = schema[at++]?.num_children ?? 0
    for (let child = 0; child < children; child++) skip()
  }
  while (at < schema.length) {
    names.push((schema[at] as { name: string }).name)
    skip()
  }
  return names
}

// A byte order mark at the beginning of a text is the text's own.
const decoder = new TextDecoder("utf-8", { ignoreBOM: true })
const stringFromBytes = (bytes: Uint8Array): string => decoder.decode(bytes)

const instantsAsText: Partial<ParquetParsers> = {
  stringFromBytes,
  timestampFromMilliseconds: (ms: bigint) => isoText(Number(ms)) ?? String(ms),
  timestampFromMicroseconds: (micros: bigint) => fineText(micros, 1000n, 3),
  timestampFromNanoseconds: (nanos: bigint) => fineText(nanos, 1_000_000n, 6),
  dateFromDays: (days: number) => dayText(days),
}

const instantsAsMs: Partial<ParquetParsers> = {
  stringFromBytes,
  timestampFromMilliseconds: (ms: bigint) => Number(ms),
  timestampFromMicroseconds: (micros: bigint) => Number(micros) / 1000,
  timestampFromNanoseconds: (nanos: bigint) => Number(nanos) / 1_000_000,
  dateFromDays: (days: number) => days * 86_400_000,
}

/** ISO text with the digits below a millisecond, if there are any. */
function fineText(ticks: bigint, ticksPerMs: bigint, digits: number): string {
  let ms = ticks / ticksPerMs
  let fine = ticks - ms * ticksPerMs
  // Division truncates; an instant before 1970 counts from the millisecond before it.
  if (fine < 0n) {
    ms -= 1n
    fine += ticksPerMs
  }
  const text = isoText(Number(ms))
  if (text === undefined) return String(ticks)
  return fine === 0n ? text : `${text.slice(0, -1)}${String(fine).padStart(digits, "0")}Z`
}

/** Numbers for bigints, null for what is not there. */
function plainValues(values: ArrayLike<unknown>): ColumnValues {
  if (!Array.isArray(values) && !(values instanceof BigInt64Array) && !(values instanceof BigUint64Array)) return values
  const plain: unknown[] = []
  for (let at = 0; at < values.length; at++) plain.push(plainValue(values[at]))
  return plain
}

function plainValue(value: unknown): unknown {
  switch (typeof value) {
    case "bigint": {
      const number = Number(value)
      return Number.isSafeInteger(number) ? number : String(value)
    }
    case "object":
      return nested(value)
    case "undefined":
      return null
    case "number":
    case "string":
    case "boolean":
    case "function":
    case "symbol":
      return value
  }
}

function nested(value: object | null): unknown {
  if (value === null || value instanceof Uint8Array) return value
  if (value instanceof Date) return isoText(value.getTime()) ?? null
  if (Array.isArray(value)) return value.map(plainValue)
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plainValue(item)]))
}

function damage(path: string, rowStart: number, fault: unknown): unknown {
  const known = unreadable(path, fault)
  if (known instanceof MillraceError || !(fault instanceof Error)) return known
  return new MillraceError(
    "MR1603",
    `${path}, row group from row ${rowStart} on: ${fault.message}. The file is damaged, cut short or not Parquet; ` +
      `fetch it again.`,
    { path, row: rowStart },
    fault,
  )
}
