/**
 * Tables in the plan. A table travels as a flow of changes: `[old, new]` by key, `undefined` where there is no row; each change's
 * old is the new of the one before.
 */
import type { Aggregate } from "./aggregate.ts"

export type TableShape =
  /** One value of each key: the newest by event time, or the oldest. */
  | { readonly kind: "table"; readonly keep: "first" | "last" }
  /** Of the records of a key less than `withinMs` after the first of them, one, once it is certain. */
  | { readonly kind: "deduplicate"; readonly keep: "first" | "last"; readonly withinMs: number }
  /** Each key's values made one, as they come. */
  | { readonly kind: "reduce" }
  /** Running aggregates of each key: over records, or over the rows of a table, which also go. */
  | { readonly kind: "running"; readonly input: "records" | "changes"; readonly aggregates: Readonly<Record<string, string>> }
  /** The first `n` records of each key, in an order. */
  | { readonly kind: "top"; readonly n: number; readonly order: "descending" | "ascending" }
  /** The first `n` rows of each group of a table, in an order. */
  | { readonly kind: "top-rows"; readonly n: number; readonly order: "descending" | "ascending" }
  /** Lets a record pass when none like it has passed, ever or within a time. */
  | { readonly kind: "distinct"; readonly withinMs?: number }

export type TableCode =
  | { readonly kind: "table"; readonly deleted?: (value: never) => boolean }
  | { readonly kind: "deduplicate" }
  | { readonly kind: "reduce"; readonly fn: (before: never, value: never) => unknown }
  | { readonly kind: "running"; readonly aggregates: Readonly<Record<string, Aggregate<never, unknown>>> }
  | { readonly kind: "top"; readonly by: (value: never) => unknown }
  | { readonly kind: "top-rows"; readonly by: (row: never) => unknown }
  | { readonly kind: "distinct"; readonly of?: (value: never) => unknown }

/** A row that came, went or changed. */
export interface Change<T> {
  readonly key: string
  /** The row before; undefined: there was none. */
  readonly old: T | undefined
  /** The row now; undefined: it is gone. */
  readonly new: T | undefined
}
