/**
 * The names of a sink's files: `{sink}/{column=value}/…/part-{partition}-{number}.{format}`, in the layout of Hive,
 * which Spark, DuckDB, Athena and Trino read back as columns.
 *
 * A column partitioned by value is named as it is, and left out of the file: readers take it from the path, and most of
 * them refuse or override a column that is in both. A time column stays in the file, so its segment has a name of its
 * own: `start_day=2001-01-31`.
 */
import { type FileFormat, limits, MillraceError, type PathColumn, type SinkPlan } from "@millrace/model"
import type { Row } from "@millrace/engine"
import { dayText, instantMs, isoText } from "./instant.ts"
import { jsonText } from "./json-text.ts"
import { cellReader } from "./row.ts"

/** What stands for null, no value and empty text in a path; Hive's word for it. */
export const noValue = "__HIVE_DEFAULT_PARTITION__"

const dayMs = 86_400_000

/**
 * What a segment says of an instant: all of it in UTC, all of it safe in paths, and sorted as text it is sorted in
 * time.
 */
const timeTexts: Readonly<Record<Exclude<PathColumn["by"], "value">, (ms: number) => string>> = {
  hour: (ms) => `${dayText(Math.floor(ms / dayMs))}-${(isoText(ms) as string).slice(-13, -11)}`,
  day: (ms) => dayText(Math.floor(ms / dayMs)),
  month: (ms) => dayText(Math.floor(ms / dayMs)).slice(0, -3),
  year: (ms) => dayText(Math.floor(ms / dayMs)).slice(0, -6),
}

/** What Spark escapes in paths: controls and `" # % ' * / : = ? \ DEL { [ ] ^`. */
const odd = /[\u0000-\u001f"#%'*/:=?\\\u007f{[\]^]/g // oxlint-disable-line no-control-regex

/** Text as a part of a path, percent-encoded as Hive and Spark do. */
export function escapedForPath(text: string): string {
  return text
    .toWellFormed()
    .replace(odd, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`)
}

/**
 * The rows of one file, and the segments that their partition columns make: `origin=ATL/start_day=2001-01-31`, or
 * empty.
 */
export interface PathRows {
  readonly path: string
  readonly rows: readonly Row[]
}

/**
 * Splits rows by where their partition columns send them. Paths come in the order of their first rows, rows keep their
 * order. Columns partitioned by value are left out of the rows.
 *
 * @throws MR1502 when a value is too long for a path
 */
export function groupRows(rows: readonly Row[], partitionBy: readonly PathColumn[]): PathRows[] {
  if (partitionBy.length === 0) return rows.length === 0 ? [] : [{ path: "", rows }]
  const segments = partitionBy.map(segmentOf)
  const byValue = new Set(partitionBy.filter(({ by }) => by === "value").map(({ column }) => column))
  const groups = new Map<string, Row[]>()
  for (let number = 0; number < rows.length; number++) {
    const row = rows[number] as Row
    let path = ""
    for (const segment of segments) path += path === "" ? segment(row, number) : `/${segment(row, number)}`
    const group = groups.get(path)
    const kept = byValue.size === 0 ? row : without(row, byValue)
    if (group === undefined) groups.set(path, [kept])
    else group.push(kept)
  }
  return Array.from(groups, ([path, group]) => ({ path, rows: group }))
}

type Segment = (row: Row, number: number) => string

function segmentOf({ column, by }: PathColumn): Segment {
  const read = cellReader(column)
  const prefix = `${escapedForPath(by === "value" ? column : `${column}_${by}`)}=`
  const text = by === "value" ? valueText : timeText(by)
  // Rows of one file fall into few partitions: most segments were made before.
  const made = new Map<unknown, string>()
  return (row, number) => {
    const value = read(row)
    const known = made.get(value)
    if (known !== undefined) return known
    const segment = prefix + (escapedForPath(text(value) ?? "") || noValue)
    assertFits(segment, column, number)
    // Dates and other objects are never found again.
    if (typeof value !== "object") made.set(value, segment)
    return segment
  }
}

function timeText(by: Exclude<PathColumn["by"], "value">): CellText {
  const ofInstant = timeTexts[by]
  return (value) => {
    const ms = instantMs(value)
    return Number.isNaN(ms) ? undefined : ofInstant(ms)
  }
}

type CellText = (value: unknown) => string | undefined

function valueText(value: unknown): string | undefined {
  if (typeof value === "string") return value
  if (value instanceof Date) return isoText(value.getTime())
  if (value === null) return undefined
  return typeof value === "number" ? String(value) : jsonText(value)
}

function assertFits(segment: string, column: string, row: number): void {
  const bytes = Buffer.byteLength(segment)
  if (bytes <= limits.pathSegmentBytesMax) return
  throw new MillraceError(
    "MR1502",
    `Column "${column}", row ${row} of the file: its value takes ${bytes} bytes in a path, and file systems take ` +
      `${limits.pathSegmentBytesMax}; ` +
      "partition the sink by a column with short values.",
    { column, row },
  )
}

function without(row: Row, columns: ReadonlySet<string>): Row {
  const kept: Record<string, unknown> = {}
  for (const key of Object.keys(row)) {
    if (columns.has(key)) continue
    if (key === "__proto__")
      Object.defineProperty(kept, key, { value: row[key], enumerable: true, configurable: true, writable: true })
    else kept[key] = row[key]
  }
  return kept
}

/** Which file of a sink this is. */
export interface FilePart {
  readonly sink: string
  /** Segments of its partition columns, as from {@link groupRows}; empty: none. */
  readonly path: string
  readonly partition: number
  /** Number of the file within the sink and partition, from 0. */
  readonly number: number
  readonly format: FileFormat
}

/** The name of a file within its place. Within a directory, names sort by partition, then by number. */
export function fileName({ sink, path, partition, number, format }: FilePart): string {
  const part = `part-${String(partition).padStart(4, "0")}-${String(number).padStart(8, "0")}.${format}`
  return path === "" ? `${escapedForPath(sink)}/${part}` : `${escapedForPath(sink)}/${path}/${part}`
}

/** One file of a sink: its name within the place, and its rows. */
export interface SinkFile {
  readonly name: string
  readonly rows: readonly Row[]
}

/**
 * The files that the rows of one range of a sink's partition make: one for each path. The same rows give the same
 * files.
 *
 * @throws MR1502 when a value is too long for a path
 */
export function sinkFiles(
  sink: Pick<SinkPlan, "name" | "format" | "partitionBy">,
  partition: number,
  number: number,
  rows: readonly Row[],
): SinkFile[] {
  return groupRows(rows, sink.partitionBy).map((group) => ({
    name: fileName({ sink: sink.name, path: group.path, partition, number, format: sink.format }),
    rows: group.rows,
  }))
}
