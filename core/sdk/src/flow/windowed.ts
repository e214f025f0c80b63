/** Windows on their way to a result: a shape and its lateness, to which `.aggregate(…)` adds what is computed. */
import type { Duration, WindowBounds, WindowPlan } from "@millrace/model"
import { type AggregateOf, type Aggregates, type AggregatesOf, checkAggregates } from "../aggregates/record.ts"
import type { Origin } from "../definition.ts"
import { Aggregated } from "./flow.ts"

/** What a window takes besides its name and shape. */
export interface WindowOptions {
  /**
   * How long after its end, in event time, a window still takes records. It gives its result at its end, and once more
   * for each record that comes within this time. A record that comes later still goes to `late`.
   *
   * @default "0s"
   */
  readonly allowedLateness?: Duration
}

/** A window that still lacks its aggregates. */
export class Windowed<T> {
  readonly #from: Origin
  readonly #name: string
  readonly #window: WindowPlan
  readonly #allowedLatenessMs: number

  constructor(from: Origin, name: string, window: WindowPlan, allowedLatenessMs: number) {
    this.#from = from
    this.#name = name
    this.#window = window
    this.#allowedLatenessMs = allowedLatenessMs
  }

  /**
   * Computes aggregates for each key and window. The result comes when the watermark reaches the window's end: an
   * object with `key`, `start`, `end` and one field per aggregate. Its event time is the window's last millisecond.
   *
   * @throws MR1101 for an aggregate named `key`, `start` or `end`, or that is not an aggregate
   * @example `.aggregate({ flights: count(), worst: max((f) => f.delay) })`
   */
  aggregate<A extends Aggregates<T>>(aggregates: A & AggregatesOf<T>): Aggregated<WindowResult<A>, T> {
    checkAggregates(aggregates, `window ${JSON.stringify(this.#name)}`)
    const code = { kind: "window" as const, aggregates: Object.freeze({ ...aggregates }) }
    return new Aggregated({
      kind: "stateful",
      name: this.#name,
      inputs: [{ from: this.#from }],
      shape: {
        kind: "window",
        window: this.#window,
        allowedLatenessMs: this.#allowedLatenessMs,
        aggregates: Object.freeze(Object.keys(aggregates)),
      },
      code: Object.freeze(code),
    })
  }
}

/** What a window gives: its key and bounds beside the aggregates' results. */
export type WindowResult<A> = WindowBounds & { readonly [N in keyof A]: AggregateOf<A[N]> } extends infer R
  ? { readonly [N in keyof R]: R[N] }
  : never
