/**
 * The file sink as data: rows to Parquet, NDJSON or CSV files in a directory or a bucket, each file whole and exactly
 * once. Which adapter writes them, the host decides.
 */
import {
  type ByteSize,
  type ColumnType,
  type ColumnTypes,
  type Duration,
  type FileFormat,
  limits,
  MillraceError,
  type PathColumn,
  sizeBytes,
} from "@millrace/model"
import { checkedMs, checkedName, checkedWhole, checkKeys } from "./setting.ts"
import type { SinkDefinition, Target } from "./target.ts"

/** A path segment made of a time column: from {@link hour}, {@link day}, {@link month} or {@link year}. */
export interface TimeSegment<Column extends string> extends PathColumn {
  readonly column: Column
  readonly by: "hour" | "day" | "month" | "year"
}

/** Any object that is a row: lists, maps, sets and promises are not. */
export interface Row {
  readonly [Symbol.iterator]?: "a row is an object with columns, not a list: .map((list) => ({ list }))"
  readonly then?: "a row is not a promise: use .mapAsync(…) where the function is asynchronous"
}

/** A row of any columns: an object. A number or a text becomes one with `.map((value) => ({ value }))`. */
export type RowObject = object & Row

/** What a column may hold whose value becomes a path segment. */
export type SegmentValue = string | number | bigint | boolean | Date | null | undefined

/** The rows that a sink with these path segments takes: objects that have their columns. */
export type RowOf<Segments extends ReadonlyArray<string | TimeSegment<string>>> = RowObject & {
    readonly [C in Extract<Segments[number], string>]: SegmentValue
  } & { readonly [S in Extract<Segments[number], TimeSegment<string>> as S["column"]]: Date }

/** When a file is full: whichever comes first. */
export interface RollOptions {
  /**
   * At this many bytes of rows in Millrace's own coding; at most 1 GB, as a file is made in memory.
   *
   * @default "128MB"
   */
  readonly size?: ByteSize
  /** This long after the file's first row came. @default "5m" */
  readonly every?: Duration
  /**
   * Whenever the watermark passes a multiple of this: then everything before that time is in sealed files.
   *
   * @default "1h" or "1d", the finest time segment of `partitionBy`; without one, never
   */
  readonly watermark?: Duration
}

export interface FilesOptions<Segments> {
  /** @default "ndjson" */
  readonly format?: FileFormat
  /** A directory, or `s3://bucket/prefix`; the sink's name is appended. @default the node's own output directory */
  readonly to?: string
  /** Path segments `column=value`, outermost first: names of columns, or times such as `day("start")`. @default none */
  readonly partitionBy?: Segments
  /**
   * Columns that every file has, first and in this order, and their types: `"boolean"`, `"double"`, `"int64"`,
   * `"string"`, `"timestamp"` or `"json"`. For counts, which are `"double"` otherwise, and for columns that may be all
   * null in one file. NDJSON, which has no types, takes no notice.
   *
   * @default each column is typed by its values
   */
  readonly columns?: ColumnTypes
  readonly roll?: RollOptions
}

const columnTypes: Readonly<Record<ColumnType, true>> = {
  boolean: true,
  double: true,
  int64: true,
  string: true,
  timestamp: true,
  json: true,
}

const formats: readonly FileFormat[] = ["parquet", "ndjson", "ndjson.gz", "csv"]
const dayMs = 86_400_000
const segmentMs: Readonly<Record<PathColumn["by"], number>> = {
  value: Number.POSITIVE_INFINITY,
  hour: 3_600_000,
  day: dayMs,
  // Months and years begin with a day, so a file that rolls daily never holds two of them.
  month: dayMs,
  year: dayMs,
}

/**
 * A sink of files named `{name}/{column=value}/…/part-{partition}-{number}.{format}`. Its rows are plain objects that
 * have the columns of `partitionBy`. A file appears whole or not at all, and each row is in exactly one file.
 *
 * @param name - stable and unique within the service: positions are kept and files are found under it
 * @throws MR1101 when a setting is not valid
 * @example
 * ```ts
 * hourly.to(files("hourly-delays", { format: "parquet", partitionBy: [day("start")] }))
 * ```
 */
export function files<const Segments extends ReadonlyArray<string | TimeSegment<string>> = readonly []>(
  name: string,
  options: FilesOptions<Segments> = {},
): Target<Segments extends readonly [] ? RowObject : RowOf<Segments>> {
  checkedName(name, "files")
  const what = `files ${JSON.stringify(name)}`
  checkKeys(options, ["format", "to", "partitionBy", "columns", "roll"], what)
  const { format = "ndjson", to, roll = {} } = options
  if (!formats.includes(format)) {
    throw new MillraceError("MR1101", `${what}, format: ${JSON.stringify(format)} is none of ${formats.join(", ")}.`, {
      given: format,
    })
  }
  if (to !== undefined && (typeof to !== "string" || to === "" || /^s3:\/\/(\/|$)/.test(to))) {
    throw new MillraceError(
      "MR1101",
      `${what}, to: ${JSON.stringify(to)} is neither a directory nor s3://bucket/prefix.`,
      { given: to },
    )
  }
  const partitionBy = pathColumns(options.partitionBy ?? [], what)
  checkKeys(roll, ["size", "every", "watermark"], `${what}, roll`)
  const finest = Math.min(...partitionBy.map(({ by }) => segmentMs[by]))
  const definition: SinkDefinition = Object.freeze({
    kind: "files",
    name,
    format,
    ...(to === undefined ? {} : { to }),
    partitionBy,
    ...(options.columns === undefined ? {} : { columns: typedColumns(options.columns, partitionBy, what) }),
    roll: Object.freeze({
      bytes: checkedWhole(
        sizeBytes(roll.size ?? "128MB", `${what}, roll size`),
        1,
        limits.rollBytesMax,
        `${what}, roll size`,
      ),
      everyMs: checkedMs(roll.every ?? "5m", `${what}, roll every`, 1),
      watermarkMs:
        roll.watermark === undefined
          ? Number.isFinite(finest)
            ? finest
            : 0
          : checkedMs(roll.watermark, `${what}, roll watermark`),
    }),
  })
  return Object.freeze({ "~target": definition })
}

/** The UTC hour of a time column as a path segment: `start_hour=2001-01-31-15`. */
export function hour<const Column extends string>(column: Column): TimeSegment<Column> {
  return Object.freeze({ column, by: "hour" })
}

/** The UTC day of a time column as a path segment: `start_day=2001-01-31`. */
export function day<const Column extends string>(column: Column): TimeSegment<Column> {
  return Object.freeze({ column, by: "day" })
}

/** The UTC month of a time column as a path segment: `start_month=2001-01`. */
export function month<const Column extends string>(column: Column): TimeSegment<Column> {
  return Object.freeze({ column, by: "month" })
}

/** The UTC year of a time column as a path segment: `start_year=2001`. */
export function year<const Column extends string>(column: Column): TimeSegment<Column> {
  return Object.freeze({ column, by: "year" })
}

function typedColumns(columns: ColumnTypes, partitionBy: readonly PathColumn[], what: string): ColumnTypes {
  if (typeof columns !== "object" || columns === null || Array.isArray(columns)) {
    throw new MillraceError(
      "MR1101",
      `${what}, columns: ${JSON.stringify(columns)} is no object such as { flights: "int64" }.`,
    )
  }
  for (const [column, type] of Object.entries(columns)) {
    if (!Object.hasOwn(columnTypes, type)) {
      throw new MillraceError(
        "MR1101",
        `${what}, columns, ${column}: ${JSON.stringify(type)} is none of ${Object.keys(columnTypes).join(", ")}.`,
        { column, given: type },
      )
    }
    if (partitionBy.some((path) => path.by === "value" && path.column === column)) {
      throw new MillraceError(
        "MR1101",
        `${what}, columns: ${column} is partitioned by value, so its values stand in the path and not in the file. ` +
          `Leave it out.`,
        { column },
      )
    }
  }
  return Object.freeze({ ...columns })
}

function pathColumns(segments: ReadonlyArray<string | TimeSegment<string>>, what: string): readonly PathColumn[] {
  const columns = segments.map((segment): PathColumn => {
    const path: PathColumn = typeof segment === "string" ? { column: segment, by: "value" } : segment
    if (typeof path.column === "string" && path.column !== "" && Object.hasOwn(segmentMs, path.by))
      return Object.freeze({ ...path })
    throw new MillraceError(
      "MR1101",
      `${what}, partitionBy: ${JSON.stringify(segment)} is neither a column nor a time such as day("start").`,
    )
  })
  // Readers of such paths take each name for a column, so a name stands in a path once.
  const names = columns.map(({ column, by }) => (by === "value" ? column : `${column}_${by}`))
  const twice = names.find((name, index) => names.indexOf(name) < index)
  if (twice === undefined) return Object.freeze(columns)
  throw new MillraceError(
    "MR1101",
    `${what}, partitionBy: the path would hold ${JSON.stringify(twice)} twice. Take one of them out.`,
    { name: twice },
  )
}
