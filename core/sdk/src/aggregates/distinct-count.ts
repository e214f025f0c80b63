import { type Aggregate, limits, MillraceError } from "@millrace/model"
import { checkFunction } from "../setting.ts"

/** Values that are equal when they look equal; of a date, count its `getTime()`. */
export type Scalar = string | number | bigint | boolean

/**
 * How many different values there are, exactly. Missing values (null, undefined) are passed over. At most 100,000 for
 * one key and window: a record with one more becomes a dead letter (MR1205).
 *
 * @example `.aggregate({ cards: distinctCount((p) => p.card) })`
 */
export function distinctCount<T>(of: (value: T) => Scalar | null | undefined): Aggregate<T, number> {
  checkFunction(of, "distinctCount")
  return {
    kind: "distinctCount",
    slots: 1,
    mutable: true,
    init(acc, at) {
      acc[at] = new Set()
    },
    add(acc, at, value) {
      const given = of(value)
      if (given !== null && given !== undefined) include(acc[at] as Set<Scalar>, given)
    },
    merge(acc, at, other) {
      for (const item of other[at] as ReadonlySet<Scalar>) include(acc[at] as Set<Scalar>, item)
    },
    // A number where members are kept one by one.
    result: (acc, at) => (typeof acc[at] === "number" ? acc[at] : (acc[at] as ReadonlySet<Scalar>).size),
    member(value) {
      const given = of(value)
      if (typeof given === "object" && given !== null) throw notScalar()
      return given
    },
  }
}

function notScalar(): MillraceError {
  return new MillraceError(
    "MR1201",
    "distinctCount was given an object; give a string, number, bigint or boolean made from it.",
  )
}

function include(set: Set<Scalar>, given: Scalar): void {
  if (typeof given === "object") {
    // Two objects that look alike are two members of a set: the count would be wrong without a word.
    throw notScalar()
  }
  if (set.size >= limits.collectItemsMax && !set.has(given)) {
    throw new MillraceError(
      "MR1205",
      `distinctCount holds ${limits.collectItemsMax} values of one key and window and takes no more. ` +
        "Make the window shorter or the key finer.",
      { most: limits.collectItemsMax },
    )
  }
  set.add(given)
}
