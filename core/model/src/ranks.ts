/** The order of values that records are ranked by: numbers, texts, dates, bigints, booleans, and lists of these. */
import { MillraceError } from "./errors.ts"

/**
 * Below zero when `a` comes first in ascending order. Numbers and bigints compare with each other; NaN comes before all numbers.
 *
 * @throws MR1201 for values that have no order
 */
export function compareRanks(a: unknown, b: unknown, where: string): number {
  if (Array.isArray(a) && Array.isArray(b)) {
    for (let i = 0; i < Math.max(a.length, b.length); i++) {
      if (i >= a.length) return -1
      if (i >= b.length) return 1
      const order = compareRanks(a[i], b[i], where)
      if (order !== 0) return order
    }
    return 0
  }
  const one = a instanceof Date ? a.getTime() : a
  const other = b instanceof Date ? b.getTime() : b
  if (isNumeric(one) && isNumeric(other)) {
    if (Number.isNaN(one) || Number.isNaN(other)) return Number.isNaN(one) ? (Number.isNaN(other) ? 0 : -1) : 1
    return one < other ? -1 : one > other ? 1 : 0
  }
  if (typeof one === "string" && typeof other === "string") return one < other ? -1 : one > other ? 1 : 0
  if (typeof one === "boolean" && typeof other === "boolean") return Number(one) - Number(other)
  throw noOrder(where, kindOf(a), kindOf(b))
}

export function noOrder(where: string, one: string, other: string): MillraceError {
  return new MillraceError(
    "MR1201",
    `${where}: ${one} and ${other} have no order; rank by numbers, texts, dates, or lists of these, all of one kind.`,
  )
}

function isNumeric(value: unknown): value is number | bigint {
  return typeof value === "number" || typeof value === "bigint"
}

export function kindOf(value: unknown): string {
  return value === null ? "null" : Array.isArray(value) ? "a list" : typeof value
}
