/**
 * Where the command line meets the adapters. Each is loaded when it is first used: a service that only names a sink,
 * and a command that reads no file, should not pay for a reader.
 */
import type { Inspection } from "@millrace/disk"
import type { ColumnBatch, ReadColumnsOptions, ReadRowsOptions } from "@millrace/files"
import type { FileFormat } from "@millrace/model"

export type { Inspection } from "@millrace/disk"
export type { ColumnBatch, ColumnValues, ReadColumnsOptions } from "@millrace/files"

/**
 * The columns of a Parquet file, a row group at a time.
 *
 * @throws MR1603 for a file that is missing, damaged or not Parquet, and for a column that it does not have
 */
export async function* readColumns(
  path: string,
  options: ReadColumnsOptions = {},
): AsyncGenerator<ColumnBatch, void, undefined> {
  const files = await import("@millrace/files")
  yield* files.readColumns(path, options)
}

/** Rows of a table in any format that sinks write; see the files adapter. */
export async function* readRows(
  source: string | AsyncIterable<Uint8Array>,
  options: ReadRowsOptions = {},
): AsyncGenerator<readonly unknown[], void, undefined> {
  const files = await import("@millrace/files")
  yield* files.readRows(source, options)
}

/** The format that a path's ending names; undefined if none. */
export async function formatOf(path: string): Promise<FileFormat | undefined> {
  return (await import("@millrace/files")).formatOf(path)
}

/** Looks at a data directory without taking it. */
export async function inspectDirectory(dir: string): Promise<Inspection> {
  return (await import("@millrace/disk")).inspectDirectory(dir)
}
