/** Joins with tables, in the plan. */
import type { JoinContext, JoinType } from "./plan-join.ts"

export type TableJoinShape =
  /** `[0, record]` and `[1, [old, new]]`: each record with the row that its key has when it is processed. */
  | { readonly kind: "enrich"; readonly type: "inner" | "left" }
  /** `[0, record]` and `[1, version]`: each record with the version that was valid at its event time. */
  | { readonly kind: "as-of"; readonly type: "inner" | "left" }
  /** `[0, [old, new]]` and `[1, [old, new]]`: rows of two tables that have one key. */
  | { readonly kind: "table-join"; readonly type: JoinType }
  /** Sends each row of the left table to the key that it names in the right one. */
  | { readonly kind: "foreign-send" }
  /** `[0, sent row]` and `[1, [old, new]]`: where rows of the left table meet the row that they name. */
  | { readonly kind: "foreign-meet"; readonly type: "inner" | "left" }
  /** Back at the left table's keys: of what was sent, the newest. */
  | { readonly kind: "foreign-settle" }
  /** `[0, record]` and `[1, [old, new]]`, the latter in every partition: each record with all rows of the table. */
  | { readonly kind: "broadcast" }

export type TableJoinCode =
  | { readonly kind: "enrich" | "table-join" | "foreign-meet"; readonly combine: (left: never, right: never, at: JoinContext) => unknown }
  | {
      readonly kind: "as-of"
      readonly combine: (left: never, right: never, at: JoinContext) => unknown
      readonly deleted?: (version: never) => boolean
    }
  | { readonly kind: "foreign-send"; readonly on: (row: never) => string | null | undefined }
  | { readonly kind: "foreign-settle" }
  | {
      readonly kind: "broadcast"
      readonly fn: (value: never, rows: ReadonlyMap<string, never>, at: JoinContext) => Iterable<unknown>
    }
