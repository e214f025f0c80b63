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
    slots: 1,
    mutable: false,
    init(acc, at) {
      acc[at] = null
    },
    add(acc, at, value) {
      const given = of(value)
      if (given !== null && given !== undefined) plus(acc, at, given)
    },
    merge(acc, at, other) {
      const given = other[at] as number | null
      if (given !== null) plus(acc, at, given)
    },
    result: (acc, at) => acc[at] as OrNull<number, V>,
  }
}

function plus(acc: unknown[], at: number, given: number): void {
  const before = acc[at] as number | null
  acc[at] = before === null ? given : before + given
}
