import type { Aggregate } from "@millrace/model"
import { checkFunction } from "../setting.ts"
import type { OrNull } from "./record.ts"

/**
 * The sum of numbers, added in the order of arrival. Missing values (null, undefined) are passed over; the sum of none
 * is null. NaN makes the sum NaN.
 *
 * @example `.aggregate({ total: sum((p) => p.amount) })`
 */
export function sum<T, V extends number | null | undefined>(of: (value: T) => V): Aggregate<T, OrNull<number, V>> {
  checkFunction(of, "sum")
  return {
    kind: "sum",
    // The sum, and how many it is made of: numbers from the start, because an array of numbers alone is kept unboxed.
    slots: 2,
    mutable: false,
    init(acc, at) {
      acc[at] = 0
      acc[at + 1] = 0
    },
    add(acc, at, value) {
      const given = of(value)
      if (given === null || given === undefined) return
      acc[at] = (acc[at] as number) + given
      acc[at + 1] = (acc[at + 1] as number) + 1
    },
    merge(acc, at, other) {
      acc[at] = (acc[at] as number) + (other[at] as number)
      acc[at + 1] = (acc[at + 1] as number) + (other[at + 1] as number)
    },
    result: (acc, at) => (acc[at + 1] === 0 ? null : acc[at]) as OrNull<number, V>,
  }
}
