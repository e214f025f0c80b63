/** The JSON bodies about tables: one type a message. Their schemas are in `schemas.ts`. */

/** The id of what is told of a table before all its rows were: whoever comes back with it is told all of them again. */
export const tableBegun = "begun"

/** What a node says of a table. */
export interface TableFacts {
  /** By which it is asked for: the operator's name, or `service/name` where two services have one of that name. */
  readonly name: string
  readonly service: string
  /** The stream that it is made from, whose offsets a position holds. */
  readonly stream: string
  readonly partitions: number
}

export interface TableList {
  readonly tables: readonly TableFacts[]
}

/** What rows reflect. */
export interface Reflected {
  readonly table: string
  readonly stream: string
  /** The first offset of each partition of `stream` that is not reflected, joined by dots. */
  readonly position: string
}

/** The row of a key. */
export interface TableRow<Row = unknown> extends Reflected {
  readonly key: string
  readonly value: Row
}

/** A page of rows, in the order of their keys as UTF-8 bytes. */
export interface TablePage<Row = unknown> extends Reflected {
  readonly rows: ReadonlyArray<{ readonly key: string; readonly value: Row }>
  /** Give it as `cursor` for the next page; absent on the last. */
  readonly next?: string
}

export interface TableReadOptions {
  /** Only keys that begin with this. @default all */
  readonly prefix?: string
  /** Most rows of the page. @default 100 */
  readonly limit?: number
  /** `next` of the page before. */
  readonly cursor?: string
}

export interface TableLiveOptions {
  /** Only keys that begin with this. @default all */
  readonly prefix?: string
  /** `earliest`: first the rows that are there, then what changes. @default "latest": what changes alone */
  readonly from?: "earliest" | "latest"
  /** Ends the iteration. */
  readonly signal?: AbortSignal
}

/** What one who follows a table is told. */
export type TableEvent<Row = unknown> =
  /** What was told before may miss changes: with `from: "earliest"`, all rows follow; forget those that you have. */
  | { readonly kind: "begin"; readonly position: string }
  /** All rows that were there have been told. */
  | { readonly kind: "ready"; readonly position: string }
  /** The newest row of a key; `value` is missing when the row has gone. */
  | { readonly kind: "row"; readonly position: string; readonly key: string; readonly value?: Row }
