import type { Aggregate } from "@millrace/model"
import { checkFunction } from "../setting.ts"

/**
 * How many records there are, or how many satisfy a condition.
 *
 * @param where - counts only the records for which it answers true
 * @example `.aggregate({ flights: count(), delayed: count((f) => f.delay > 15) })`
 */
export function count<T = unknown>(where?: (value: T) => boolean): Aggregate<T, number> {
  checkFunction(where, "count", "optional")
  return {
    kind: "count",
    slots: 1,
    mutable: false,
    inParts: true,
    init(acc, at) {
      acc[at] = 0
    },
    add(acc, at, value) {
      if (where === undefined || where(value)) acc[at] = (acc[at] as number) + 1
    },
    merge(acc, at, other) {
      acc[at] = (acc[at] as number) + (other[at] as number)
    },
    remove(acc, at, value) {
      if (where === undefined || where(value)) acc[at] = (acc[at] as number) - 1
    },
    result: (acc, at) => acc[at] as number,
  }
}
