import type { Aggregate } from "@millrace/model"
import { checkFunction, checkKeys } from "../setting.ts"

/**
 * An aggregate of your own. `A` is what it accumulates in, as `init` gives it: plain data, also dates, maps, sets,
 * bigints and bytes.
 */
export interface AggregateOptions<T, A, R> {
  /** The accumulator of nothing. */
  readonly init: () => A
  /** The accumulator with a value more: `acc` changed in place, or a new one. `time` is the event time in ms. */
  add(acc: NoInfer<A>, value: T, time: number): NoInfer<A>
  /** Both as one; the values of `later` arrived later. May change and return `acc`. */
  merge(acc: NoInfer<A>, later: NoInfer<A>): NoInfer<A>
  /**
   * The accumulator without a value that was added before: over the groups of a table, whose rows change and go. `acc` changed in
   * place, or a new one. @default it cannot: for windows and running aggregates of a flow, which only grow
   */
  remove?(acc: NoInfer<A>, value: T, time: number): NoInfer<A>
  /** What the window's result holds; must leave `acc` as it is and share nothing with it that `add` changes. */
  result(acc: NoInfer<A>): R
}

/**
 * An aggregate of your own: an accumulator, how it takes a value, how two become one, and what it gives.
 *
 * @example
 * ```ts
 * const spread = aggregate({
 *   init: () => ({ low: Infinity, high: -Infinity }),
 *   add: (acc, f: { delay: number }) => ({ low: Math.min(acc.low, f.delay), high: Math.max(acc.high, f.delay) }),
 *   merge: (a, b) => ({ low: Math.min(a.low, b.low), high: Math.max(a.high, b.high) }),
 *   result: (acc) => acc.high - acc.low,
 * })
 * ```
 */
export function aggregate<T, A, R>(options: AggregateOptions<T, A, R>): Aggregate<T, R> {
  checkKeys(options, ["init", "add", "merge", "remove", "result"], "aggregate")
  for (const part of ["init", "add", "merge", "result"] as const) checkFunction(options[part], `aggregate, ${part}`)
  checkFunction(options.remove, "aggregate, remove", "optional")
  const remove = options.remove?.bind(options)
  return {
    kind: "custom",
    slots: 1,
    mutable: true,
    init(acc, at) {
      acc[at] = options.init()
    },
    add(acc, at, value, time) {
      acc[at] = options.add(acc[at] as A, value, time)
    },
    merge(acc, at, other) {
      acc[at] = options.merge(acc[at] as A, other[at] as A)
    },
    ...(remove === undefined
      ? {}
      : {
          remove(acc: unknown[], at: number, value: T, time: number) {
            acc[at] = remove(acc[at] as A, value, time)
          },
        }),
    result: (acc, at) => options.result(acc[at] as A),
  }
}
