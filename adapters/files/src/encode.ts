/** The encoder of files: one entry a format. */
import type { ColumnTypes, FileFormat } from "@millrace/model"
import type { FileEncoder, Row } from "@millrace/engine"
import { encodeCsv } from "./csv.ts"
import { encodeNdjson, encodeNdjsonGzip } from "./ndjson.ts"
import { encodeParquet } from "./parquet.ts"

type Encode = (rows: readonly Row[], columns?: ColumnTypes) => Promise<Uint8Array>

const encoders: Readonly<Record<FileFormat, Encode>> = {
  parquet: encodeParquet,
  ndjson: encodeNdjson,
  "ndjson.gz": encodeNdjsonGzip,
  csv: encodeCsv,
}

/**
 * Encodes the files of sinks. It holds no state: any thread may use it, and as many files at once as there is memory
 * for. It takes about as many bytes beside the rows as the file has, Parquet twice that. The event loop gets a turn
 * every `limits.encodeSliceRowsMax` rows (Parquet: every row group).
 */
export const fileEncoder: FileEncoder = {
  encode: (format, rows, columns) => encoders[format](rows, columns),
}
