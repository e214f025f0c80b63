import { type Aggregate, kindOf, MillraceError } from "@millrace/model"

/**
 * What is made of a sum of numbers and how many they are. Missing values (null, undefined) are passed over; what is
 * no number is refused, as adding it would join texts. Both are numbers from
 * the start, because an array of numbers alone is kept unboxed.
 */
export function total<T, R>(
  kind: string,
  of: (value: T) => number | null | undefined,
  result: (sum: number, count: number) => R,
): Aggregate<T, R> {
  return {
    kind,
    slots: 2,
    mutable: false,
    inParts: true,
    init(acc, at) {
      acc[at] = 0
      acc[at + 1] = 0
    },
    add(acc, at, value) {
      const given = of(value)
      if (typeof given !== "number") {
        if (given === null || given === undefined) return
        throw noNumber(kind, given)
      }
      acc[at] = (acc[at] as number) + given
      acc[at + 1] = (acc[at + 1] as number) + 1
    },
    merge(acc, at, other) {
      acc[at] = (acc[at] as number) + (other[at] as number)
      acc[at + 1] = (acc[at + 1] as number) + (other[at + 1] as number)
    },
    remove(acc, at, value) {
      const given = of(value)
      if (given === null || given === undefined) return
      const left = (acc[at + 1] as number) - 1
      acc[at + 1] = left
      // Of none, exactly nothing is left, whatever rounding there was.
      acc[at] = left === 0 ? 0 : (acc[at] as number) - given
    },
    result: (acc, at) => result(acc[at] as number, acc[at + 1] as number),
  }
}

function noNumber(kind: string, given: unknown): MillraceError {
  return new MillraceError(
    "MR1201",
    `${kind} takes numbers and was given a value of type ${kindOf(given)}. Make a number of it, or null to leave it out.`,
  )
}
