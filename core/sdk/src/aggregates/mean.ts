import type { Aggregate } from "@millrace/model"
import { checkFunction } from "../setting.ts"
import type { OrNull } from "./record.ts"
import { total } from "./total.ts"

/**
 * The arithmetic mean of numbers. Missing values (null, undefined) are passed over and not counted; the mean of none is
 * null. NaN makes the mean NaN.
 *
 * @example `.aggregate({ meanDelay: mean((f) => f.delay) })`
 */
export function mean<T, V extends number | null | undefined>(of: (value: T) => V): Aggregate<T, OrNull<number, V>> {
  checkFunction(of, "mean")
  return total("mean", of, (all, counted) => (counted === 0 ? null : all / counted) as OrNull<number, V>)
}
