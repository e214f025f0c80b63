import type { Aggregate } from "@millrace/model"
import { checkFunction } from "../setting.ts"
import { extreme, type Ordered } from "./extreme.ts"
import type { OrNull } from "./record.ts"

/**
 * The smallest of numbers, bigints, strings or dates. Missing values (null, undefined) are passed over; the smallest of
 * none is null. NaN, or an invalid date, makes the result that.
 *
 * @example `.aggregate({ earliest: min((f) => f.date) })`
 */
export function min<T, V extends Ordered | null | undefined>(
  of: (value: T) => V,
): Aggregate<T, OrNull<NonNullable<V>, V>> {
  checkFunction(of, "min")
  return extreme("min", -1, of)
}
