/** What `min` and `max` share: the slot of the value that beats all others. */
import type { Aggregate } from "@millrace/model"
import type { OrNull } from "./record.ts"

/** Values with an order: numbers and bigints by size, dates by instant, strings by UTF-16 units. */
export type Ordered = number | bigint | string | Date

/** `sign` 1 keeps the largest, -1 the smallest. */
export function extreme<T, V extends Ordered | null | undefined>(
  kind: string,
  sign: 1 | -1,
  of: (value: T) => V,
): Aggregate<T, OrNull<NonNullable<V>, V>> {
  const offer = (acc: unknown[], at: number, given: Ordered | null | undefined): void => {
    if (given === null || given === undefined) return
    const best = acc[at] as Ordered | null
    if (best === null || (sign === 1 ? given > best : given < best) || isNaN(given)) acc[at] = given
  }
  return {
    kind,
    slots: 1,
    mutable: false,
    inParts: true,
    init(acc, at) {
      acc[at] = null
    },
    add(acc, at, value) {
      offer(acc, at, of(value))
    },
    merge(acc, at, other) {
      offer(acc, at, other[at] as Ordered | null)
    },
    rows: { of, give: sign === 1 ? "greatest" : "least" },
    result: (acc, at) => acc[at] as OrNull<NonNullable<V>, V>,
  }
}

/** NaN and invalid dates: no comparison with them is true, so once kept they stay. */
function isNaN(given: Ordered): boolean {
  return typeof given === "number" ? given !== given : given instanceof Date && Number.isNaN(given.getTime())
}
