import type { Aggregate } from "@millrace/model"
import { checkFunction } from "../setting.ts"
import type { OrNull } from "./record.ts"
import { timed } from "./timed.ts"

/**
 * The value of the record with the earliest event time; of records with the same time, the first to arrive. Missing
 * values (null, undefined) are passed over; the first of none is null.
 *
 * @example `.aggregate({ opening: first((trade) => trade.price) })`
 */
export function first<T, V>(of: (value: T) => V): Aggregate<T, OrNull<NonNullable<V>, V>> {
  checkFunction(of, "first")
  return timed("first", of)
}
