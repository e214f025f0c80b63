import type { Aggregate } from "@millrace/model"
import { checkFunction } from "../setting.ts"
import type { OrNull } from "./record.ts"
import { total } from "./total.ts"

/**
 * The sum of numbers, added in the order of arrival. Missing values (null, undefined) are passed over; the sum of none
 * is null. NaN makes the sum NaN.
 *
 * @example `.aggregate({ total: sum((p) => p.amount) })`
 */
export function sum<T, V extends number | null | undefined>(of: (value: T) => V): Aggregate<T, OrNull<number, V>> {
  checkFunction(of, "sum")
  return total("sum", of, (all, counted) => (counted === 0 ? null : all) as OrNull<number, V>)
}
