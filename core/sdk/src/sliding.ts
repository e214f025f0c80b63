/** Sliding windows: their shape. */
import { type Duration, limits, MillraceError, type SlidingSpan } from "@millrace/model"
import type { Length } from "./length.ts"
import { checkedMs, checkedWhole, checkKeys } from "./setting.ts"

/** A window for each record, from {@link sliding}. */
export interface SlidingWindow {
  readonly kind: "sliding"
  readonly size?: Duration
  readonly rows?: number
}

/** What the window of a record holds. */
export type SlidingOptions<Size = Duration> =
  | {
      /** The records of the key that came at most this before it, itself included: those in (time - size, time]. */
      readonly size: Length<Size>
      readonly rows?: never
    }
  | {
      /** The last so many records of the key, itself included; 1 to 1,000. */
      readonly rows: number
      readonly size?: never
    }

/**
 * For each record the window that ends with it, as SQL's `OVER (PARTITION BY key ORDER BY time …)`: with `size` the records of that
 * time before it (`RANGE`), with `rows` the last so many (`ROWS`). Records count in the order of their event times; results come in
 * that order, once the watermark proves that no earlier record is missing. With `size`, records of one time share one window and
 * give one result; with `rows`, each gives its own.
 *
 * With `rows`, what a result takes grows with them: each is looked at.
 *
 * @example
 * ```ts
 * payments.window("last-hour", sliding({ size: "1h" })).aggregate({ total: sum((p) => p.amount) })
 * sales.window("last-eleven", sliding({ rows: 11 })).aggregate({ mean: mean((s) => s.price), sale: last((s) => s) })
 * ```
 */
export function sliding<const Size extends Duration>(options: SlidingOptions<Size>): SlidingWindow {
  checkKeys(options, ["size", "rows"], "sliding")
  return Object.freeze({ ...(options as SlidingOptions), kind: "sliding" })
}

/** @throws MR1101 */
export function slidingSpan({ size, rows }: SlidingWindow, what: string): SlidingSpan {
  if ((size === undefined) === (rows === undefined)) {
    throw new MillraceError("MR1101", `${what}: a sliding window has a size, such as "1h", or a number of rows: give one of both.`)
  }
  if (rows !== undefined) return Object.freeze({ kind: "rows", rows: checkedWhole(rows, 1, limits.slidingRowsMax, `${what}, rows`) })
  return Object.freeze({ kind: "time", sizeMs: checkedMs(size as Duration, `${what}, size`, 1) })
}
