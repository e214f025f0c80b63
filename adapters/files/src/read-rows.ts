/** Reads tables of any format that sinks write. */
import { type FileFormat, MillraceError } from "@millrace/model"
import { type InputSource, openInput } from "./input.ts"
import { readCsv } from "./read-csv.ts"
import { gunzipped, readNdjson } from "./read-ndjson.ts"
import { readParquet } from "./read-parquet.ts"

/** The formats by the ends of names. */
const extensions: ReadonlyArray<readonly [extension: string, format: FileFormat]> = [
  [".parquet", "parquet"],
  [".ndjson", "ndjson"],
  [".jsonl", "ndjson"],
  [".ndjson.gz", "ndjson.gz"],
  [".jsonl.gz", "ndjson.gz"],
  [".csv", "csv"],
]

/** The format that a path's ending names; undefined if none. */
export function formatOf(path: string): FileFormat | undefined {
  const lower = path.toLowerCase()
  return extensions.find(([extension]) => lower.endsWith(extension))?.[1]
}

export interface ReadRowsOptions {
  /** @default what the path's ending names; `ndjson` for a stream */
  readonly format?: FileFormat
  /** Names a stream in errors. @default "standard input" */
  readonly name?: string
}

type Batches = AsyncGenerator<readonly unknown[], void, undefined>

/**
 * Reads rows from a file or a stream of bytes, in batches as they come; memory stays bounded whatever the input's size.
 * Rows are objects; a line of NDJSON may be any JSON value.
 *
 * @throws MR1001 for a line that is not JSON, MR1013 for one that is too long, MR1603 for an input that cannot be read
 * as what it is said to be; each names the input, the line or row, and the mend
 */
export function readRows(source: InputSource, options: ReadRowsOptions = {}): Batches {
  const format = options.format ?? (typeof source === "string" ? formatOfNamed(source) : "ndjson")
  return readers[format](source, options.name ?? "standard input")
}

function formatOfNamed(path: string): FileFormat {
  const format = formatOf(path)
  if (format !== undefined) return format
  const known = extensions.map(([extension]) => extension).join(", ")
  throw new MillraceError(
    "MR1603",
    `${path}: the name does not tell the format. Name the format, or end the name in one of ${known}.`,
    { path },
  )
}

const readers: Readonly<Record<FileFormat, (source: InputSource, name: string) => Batches>> = {
  ndjson: (source, name) => readNdjson(openInput(source, name)),
  "ndjson.gz": (source, name) => readNdjson(gunzipped(openInput(source, name))),
  csv: (source, name) => readCsv(openInput(source, name)),
  parquet: (source, name) => {
    if (typeof source === "string") return readParquet(source)
    throw new MillraceError(
      "MR1603",
      `${name}: Parquet has its index at the end, so it cannot be read from a stream. Write it to a file and give ` +
        `the path.`,
      { input: name },
    )
  },
}
