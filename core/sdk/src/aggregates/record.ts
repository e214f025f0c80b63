/**
 * The record of aggregates that a window takes, and its types. Inputs follow SQL: null and undefined are no values and
 * are passed over; what aggregates no value is null. NaN is a number and spreads, as it does in JavaScript.
 */
import { type Aggregate, MillraceError } from "@millrace/model"

/** The aggregates of a window, by the name of their field in the result. */
export type Aggregates<T> = Readonly<Record<string, Aggregate<T, unknown>>>

/** What the aggregates must be besides: exact in what they take, and not named like the window's own fields. */
export type AggregatesOf<T> = Readonly<
  Record<string, { readonly add: (acc: unknown[], at: number, value: T, time: number) => void }>
> & {
  readonly key?: never
  readonly start?: never
  readonly end?: never
  readonly pane?: never
}

/** What an aggregate gives. */
export type AggregateOf<A> = A extends { result(acc: readonly unknown[], at: number): infer Out } ? Out : never

/** What an aggregate of possibly missing values gives: null only where values can be missing. */
export type OrNull<Result, Value> = Value & (null | undefined) extends never ? Result : Result | null

const reserved = ["key", "start", "end", "pane", "__proto__"]

/** @throws MR1101 */
export function checkAggregates(aggregates: unknown, what: string): void {
  if (typeof aggregates !== "object" || aggregates === null) {
    throw new MillraceError("MR1101", `${what}: aggregate takes an object such as { flights: count() }.`)
  }
  const entries = Object.entries(aggregates)
  if (entries.length === 0) {
    throw new MillraceError("MR1101", `${what}: there is nothing to aggregate; name at least one, such as { flights: count() }.`)
  }
  for (const [name, aggregate] of entries) {
    if (reserved.includes(name)) {
      throw new MillraceError(
        "MR1101",
        `${what}: an aggregate cannot be named ${JSON.stringify(name)}, which the result has already; ` +
          "name it otherwise.",
      )
    }
    if (!isAggregate(aggregate)) {
      throw new MillraceError(
        "MR1101",
        `${what}: ${JSON.stringify(name)} is not an aggregate; ` +
          "use count(), sum(…) and their like, or aggregate({ … }).",
      )
    }
  }
}

function isAggregate(thing: unknown): boolean {
  if (typeof thing !== "object" || thing === null) return false
  const { slots, init, add, merge, result } = thing as Partial<Aggregate<never, unknown>>
  return Number.isInteger(slots) && [init, add, merge, result].every((part) => typeof part === "function")
}

/** Their kinds by name, for the plan. */
export function kindsOf(aggregates: Aggregates<never>): Readonly<Record<string, string>> {
  return Object.freeze(Object.fromEntries(Object.entries(aggregates).map(([name, { kind }]) => [name, kind])))
}
