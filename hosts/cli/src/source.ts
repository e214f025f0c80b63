/** Records of a file or of standard input, in any format that sinks write. */
import { createReadStream, statSync } from "node:fs"
import { pipeline, Readable } from "node:stream"
import { createGunzip } from "node:zlib"
import { type FileFormat, MillraceError } from "@millrace/model"
import { linesOf, rowsAsRecords, type SourceRecord } from "./batches.ts"
import { formatOf, readRows } from "./compose.ts"

/**
 * Opens a source. Lines of NDJSON are passed on as they are, so that the node judges each by itself; other formats are
 * read here, row by row.
 *
 * @param name - a path, or `-` for standard input
 * @throws MR1601 when the name does not tell the format, MR1603 when the file is not there
 */
export async function openSource(
  name: string,
  stdin: AsyncIterable<Uint8Array>,
  given: FileFormat | undefined,
): Promise<AsyncIterable<SourceRecord>> {
  const format = given ?? (name === "-" ? "ndjson" : await formatOf(name))
  if (format === undefined) {
    throw new MillraceError(
      "MR1601",
      `The name of ${name} does not tell its format; add --format ndjson, csv or parquet.`,
    )
  }
  if (name !== "-" && statSync(name, { throwIfNoEntry: false })?.isFile() !== true) {
    throw new MillraceError("MR1603", `There is no file ${name}; check the path, or give - to read standard input.`, {
      path: name,
    })
  }
  if (format === "ndjson") return linesOf(name === "-" ? stdin : bytesOf(name))
  if (format === "ndjson.gz") return linesOf(gunzipped(name === "-" ? stdin : bytesOf(name)))
  return rowsAsRecords(objectsOf(readRows(name === "-" ? stdin : name, { format })))
}

function bytesOf(file: string): AsyncIterable<Uint8Array> {
  return createReadStream(file, { highWaterMark: 256 * 1024 })
}

function gunzipped(bytes: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  // A failure of either comes out of the iteration.
  return pipeline(Readable.from(bytes), createGunzip(), () => {})
}

async function* objectsOf(
  batches: AsyncIterable<readonly unknown[]>,
): AsyncGenerator<Readonly<Record<string, unknown>>> {
  for await (const batch of batches) yield* batch as readonly Readonly<Record<string, unknown>>[]
}
