/** What a node and the thread that reads its tables say to each other. Everything is plain data; rows are JSON texts. */
import type { ErrorData } from "@millrace/model"
import type { ShardsByStream } from "../reshard/shards.ts"
import type { ServiceCode } from "../service-code.ts"

export interface TableThreadData {
  readonly code: ServiceCode
  readonly dataDir: string
  /** See `limits.tableChangesMax`. */
  readonly changesMost: number
  /** Of streams that were split or merged. */
  readonly shards: ShardsByStream
}

/** A table, by its service and its own name. */
export interface TableName {
  readonly service: string
  readonly name: string
}

export interface TableRange {
  /** Keys that begin with this. */
  readonly prefix: string
  /** Those behind this key. */
  readonly after?: string
  readonly limit: number
}

export type TableQuestion =
  | { readonly kind: "row"; readonly table: TableName; readonly key: string }
  | { readonly kind: "page"; readonly table: TableName; readonly range: TableRange }
  /** From here on, changes of rows are gathered under a number of the asker's. */
  | { readonly kind: "follow"; readonly table: TableName; readonly prefix: string; readonly follower: number }
  /** Answers once rows have changed since the last answer, or the follower leaves. */
  | { readonly kind: "take"; readonly follower: number }

export type ToTables =
  /** `sequence`: the answer is as of all commits before it at least, which are durable. */
  | { readonly kind: "ask"; readonly id: number; readonly sequence: number; readonly question: TableQuestion }
  | { readonly kind: "advance"; readonly sequence: number }
  | { readonly kind: "leave"; readonly follower: number }
  /** It is to collect its garbage; answered by `collected`. */
  | { readonly kind: "collect" }
  | { readonly kind: "end" }

export interface TableRow {
  readonly key: string
  /** JSON text; undefined: the key has no row. */
  readonly value: string | undefined
}

export interface TableRows {
  /** In the order of the keys' UTF-8 bytes; what has changed, in no order. */
  readonly rows: readonly TableRow[]
  /** The next offset of each partition of the table's input that the rows do not reflect. */
  readonly position: readonly number[]
  /** Whether there are more rows behind the last. */
  readonly more: boolean
}

export type FromTables =
  | { readonly kind: "answer"; readonly id: number; readonly rows: TableRows }
  | { readonly kind: "failed"; readonly id: number; readonly error: ErrorData }
  | { readonly kind: "advanced" }
  /** So much of the heap is in use now. */
  | { readonly kind: "collected"; readonly bytes: number }
