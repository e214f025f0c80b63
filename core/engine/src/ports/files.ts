/**
 * What the delivery of files asks of the outside: an encoder that turns rows into the bytes of a file, and a place
 * that takes a file whole or not at all under a name.
 */
import type { ColumnTypes, FileFormat } from "@millrace/model"

/** A row: a plain object; its keys are the columns. */
export type Row = Readonly<Record<string, unknown>>

/** Turns rows into the bytes of one file. The same rows always give the same bytes. */
export interface FileEncoder {
  /**
   * @param columns - columns that the file has in any case, in this order; others follow as they appear
   * @throws MR1502 when a row does not fit (a column of mixed types, a value with no place in the format)
   */
  encode(format: FileFormat, rows: readonly Row[], columns?: ColumnTypes): Promise<Uint8Array> | Uint8Array
}

/** A place for files: a directory, a bucket. */
export interface FilePlace {
  /**
   * Puts a file under a name (segments separated by `/`), whole or not at all; putting it again under the same name
   * replaces it. Durable when it resolves.
   *
   * @throws MR1501 when the place refuses; a retry may help
   */
  put(name: string, bytes: Uint8Array): Promise<void>
  close(): Promise<void>
}

/** A place whose files are found, read again, and removed. */
export interface ObjectPlace extends FilePlace {
  /**
   * The names that begin with a prefix, in the order of their bytes; what is put or removed meanwhile may be among them or not.
   *
   * @throws MR1501 when the place refuses; a retry may help
   */
  list(prefix: string): AsyncIterable<string>
  /** Undefined: there is none of this name. @throws MR1501 when the place refuses; a retry may help */
  get(name: string): Promise<Uint8Array | undefined>
  /** Removing what is not there changes nothing. @throws MR1501 when the place refuses; a retry may help */
  remove(name: string): Promise<void>
}
