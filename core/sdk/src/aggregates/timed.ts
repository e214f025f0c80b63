/** What `first` and `last` share: a value and its event time. */
import type { Aggregate } from "@millrace/model"
import type { OrNull } from "./record.ts"

/** "first" keeps the earliest, of equals the first to arrive; "last" the latest, of equals the last to arrive. */
export function timed<T, V>(end: "first" | "last", of: (value: T) => V): Aggregate<T, OrNull<NonNullable<V>, V>> {
  const offer = (acc: unknown[], at: number, given: unknown, time: number): void => {
    if (given === null || given === undefined) return
    const kept = acc[at + 1] as number
    if (acc[at] !== null && (end === "first" ? time >= kept : time < kept)) return
    acc[at] = given
    acc[at + 1] = time
  }
  return {
    kind: end,
    slots: 2,
    mutable: false,
    inParts: true,
    init(acc, at) {
      acc[at] = null
      acc[at + 1] = 0
    },
    add(acc, at, value, time) {
      offer(acc, at, of(value), time)
    },
    merge(acc, at, other) {
      offer(acc, at, other[at], other[at + 1] as number)
    },
    result: (acc, at) => acc[at] as OrNull<NonNullable<V>, V>,
  }
}
