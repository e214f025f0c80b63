/** Values made one by a function, as an aggregate: what a window's `reduce` is made of. */
import type { Aggregate } from "@millrace/model"
import { aggregate } from "./aggregate.ts"

/** @param fn - must change neither of its arguments */
export function reduced<T>(fn: (soFar: T, value: T) => T): Aggregate<T, T> {
  const one = (acc: readonly T[], value: T): T[] => [acc.length === 0 ? value : fn(acc[0] as T, value)]
  const made = aggregate<T, readonly T[], T>({
    init: () => [],
    add: one,
    merge: (acc, later) => (later.length === 0 ? acc : one(acc, later[0] as T)),
    // A window without values gives no result.
    result: ([value]) => value as T,
  })
  return Object.freeze({ ...made, kind: "reduced" })
}
