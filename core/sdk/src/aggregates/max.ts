import type { Aggregate } from "@millrace/model"
import { checkFunction } from "../setting.ts"
import { extreme, type Ordered } from "./extreme.ts"
import type { OrNull } from "./record.ts"

/**
 * The largest of numbers, bigints, strings or dates. Missing values (null, undefined) are passed over; the largest of
 * none is null. NaN, or an invalid date, makes the result that.
 *
 * @example `.aggregate({ worstDelay: max((f) => f.delay) })`
 */
export function max<T, V extends Ordered | null | undefined>(
  of: (value: T) => V,
): Aggregate<T, OrNull<NonNullable<V>, V>> {
  checkFunction(of, "max")
  return extreme("max", 1, of)
}
