/** What `min` and `max` share: the slot of the value that beats all others. */
import { type Aggregate, kindOf, MillraceError } from "@millrace/model"
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
      const given = of(value)
      const best = acc[at] as Ordered | null
      // Of one type they have an order, but for objects; a first value has to have one with itself.
      if (given !== null && given !== undefined && (typeof given !== typeof best || typeof given === "object")) {
        checkOrder(kind, given, best ?? given)
      }
      offer(acc, at, given)
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

/** @throws MR1201 where a comparison would say nothing, so that the result would depend on which came first */
function checkOrder(kind: string, given: unknown, best: unknown): void {
  const order = orderOf(given)
  if (order !== undefined && order === orderOf(best)) return
  const what = order === undefined ? "" : ` and of type ${nameOf(best)}`
  throw new MillraceError(
    "MR1201",
    `${kind} was given a value of type ${nameOf(given)}${what}, which have no order. Give it numbers, texts or dates, all of one kind, or null to leave a value out.`,
  )
}

/** Values of one answer can be compared; those of none with nothing. */
function orderOf(value: unknown): string | undefined {
  if (value instanceof Date) return "date"
  return typeof value === "bigint" ? "number" : typeof value === "object" || typeof value === "function" || typeof value === "symbol" ? undefined : typeof value
}

function nameOf(value: unknown): string {
  return value instanceof Date ? "date" : kindOf(value)
}
