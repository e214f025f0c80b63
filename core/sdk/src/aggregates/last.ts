import type { Aggregate } from "@millrace/model"
import { checkFunction } from "../setting.ts"
import type { OrNull } from "./record.ts"
import { timed } from "./timed.ts"

/**
 * The value of the record with the latest event time; of records with the same time, the last to arrive. Missing
 * values (null, undefined) are passed over; the last of none is null.
 *
 * @example `.aggregate({ closing: last((trade) => trade.price) })`
 */
export function last<T, V>(of: (value: T) => V): Aggregate<T, OrNull<NonNullable<V>, V>> {
  checkFunction(of, "last")
  return timed("last", of)
}
