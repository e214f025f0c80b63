import type { Aggregate } from "@millrace/model"
import { checkFunction } from "../setting.ts"
import type { OrNull } from "./record.ts"

/**
 * The arithmetic mean of numbers. Missing values (null, undefined) are passed over and not counted; the mean of none is
 * null. NaN makes the mean NaN.
 *
 * @example `.aggregate({ meanDelay: mean((f) => f.delay) })`
 */
export function mean<T, V extends number | null | undefined>(of: (value: T) => V): Aggregate<T, OrNull<number, V>> {
  checkFunction(of, "mean")
  return {
    kind: "mean",
    // The sum, and how many it is made of.
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
    result(acc, at) {
      const counted = acc[at + 1] as number
      return (counted === 0 ? null : (acc[at] as number) / counted) as OrNull<number, V>
    },
  }
}
