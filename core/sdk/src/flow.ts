/**
 * Flows: typed values on their way through a service. Every operator makes a new flow and changes nothing; nothing runs
 * until a service that contains it is started. Functions given to operators are synchronous and see one record at a
 * time; they must depend on nothing but their arguments, so that a record processed again gives the same result.
 */
import {
  type Duration,
  MillraceError,
  type OperatorCode,
  type ProcessContext,
  type RecordContext,
  type WindowBounds,
  type WindowPlan,
} from "@millrace/model"
import type { AggregateOf, Aggregates, AggregatesOf } from "./aggregates/record.ts"
import { checkAggregates } from "./aggregates/record.ts"
import type { Definition, Origin, StatelessDefinition } from "./definition.ts"
import { checkedMs, checkedName, checkFunction, checkKeys } from "./setting.ts"
import type { Outlet, Target } from "./target.ts"
import { type WindowShape, windowPlan } from "./window.ts"

/** Whether the records of a flow have a key, which stateful operators need. */
export type Keying = "keyed" | "unkeyed"

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

/** A custom operator with state by key: see {@link Flow.process}. */
export interface ProcessOptions<T, State, OnRecord, OnTimer> {
  /** The state of a key that has none yet. */
  readonly state: () => State
  /** Called for each record; what it yields or returns goes on under the same key and event time. */
  onRecord(value: T, ctx: ProcessContext<State>): Iterable<OnRecord> | undefined | void
  /** Called once the watermark has reached a time given to `ctx.setTimer`; `ctx.time` is that time. */
  onTimer?(ctx: ProcessContext<State>): Iterable<OnTimer> | undefined | void
}

/** A flow of values of type `T`. */
export class Flow<T, K extends Keying> {
  /** Never there: makes the compiler tell keyed flows from unkeyed ones. */
  declare readonly "~keying": K
  readonly "~origin": Origin

  constructor(from: Origin) {
    this["~origin"] = Object.freeze(from)
  }

  /**
   * Turns each value into another; key and event time stay.
   *
   * @example `flights.map((f) => ({ ...f, hours: f.delay / 60 }))`
   */
  map<U>(fn: (value: T, at: RecordContext) => U): Flow<U, K> {
    checkFunction(fn, "map")
    return after(this["~origin"], { kind: "map", fn })
  }

  /**
   * Keeps the values for which `fn` answers true. A type guard narrows the type.
   *
   * @example `flights.filter((f) => f.delay > 15)`
   */
  filter<U extends T>(fn: (value: T, at: RecordContext) => value is U): Flow<U, K>
  filter(fn: (value: T, at: RecordContext) => boolean): Flow<T, K>
  filter(fn: (value: T, at: RecordContext) => boolean): Flow<T, K> {
    checkFunction(fn, "filter")
    return after(this["~origin"], { kind: "filter", fn })
  }

  /**
   * Turns each value into any number of others: what `fn` returns or yields. Key and event time stay.
   *
   * @example `orders.flatMap((order) => order.lines)`
   */
  flatMap<U>(fn: (value: T, at: RecordContext) => Iterable<U>): Flow<U, K> {
    checkFunction(fn, "flatMap")
    return after(this["~origin"], { kind: "flatMap", fn })
  }

  /**
   * Looks at each value and passes it on: for logging and counting. It may see a record again after a crash.
   *
   * @example `flights.peek((f, at) => console.log(at.key, f.delay))`
   */
  peek(fn: (value: T, at: RecordContext) => void): Flow<T, K> {
    checkFunction(fn, "peek")
    return after(this["~origin"], { kind: "peek", fn })
  }

  /**
   * Gives each value another key: 1 to 256 characters. Before the next stateful operator, records move to the partition
   * of their new key through an internal stream.
   *
   * @example `flights.keyBy((f) => f.destination)`
   */
  keyBy(fn: (value: T) => string): Flow<T, "keyed"> {
    checkFunction(fn, "keyBy")
    return after(this["~origin"], { kind: "rekey", fn })
  }

  /**
   * Groups values by key and event time into windows; follow it with `.aggregate(…)`. Needs a keyed flow.
   *
   * @param name - stable and unique within the service: the state is kept under it
   * @throws MR1101 for a name, shape or lateness that is not valid
   * @example `flights.window("hourly-delays", tumbling("1h"))`
   */
  window(this: Flow<T, "keyed">, name: string, shape: WindowShape, options: WindowOptions = {}): Windowed<T> {
    checkedName(name, "window")
    const what = `window ${JSON.stringify(name)}`
    checkKeys(options, ["allowedLateness"], what)
    const plan = windowPlan(shape, what)
    return new Windowed(
      this["~origin"],
      name,
      plan,
      checkedMs(options.allowedLateness ?? 0, `${what}, allowedLateness`),
    )
  }

  /**
   * A custom operator: state of your own by key, and timers in event time. Needs a keyed flow.
   *
   * @param name - stable and unique within the service: the state is kept under it
   * @throws MR1101 for a name or option that is not valid
   * @example
   * ```ts
   * payments.process("first-of-card", {
   *   state: () => ({ seen: false }),
   *   *onRecord(payment, ctx) {
   *     if (!ctx.state.seen) yield payment
   *     ctx.state.seen = true
   *   },
   * })
   * ```
   */
  process<State, OnRecord = never, OnTimer = never>(
    this: Flow<T, "keyed">,
    name: string,
    options: ProcessOptions<T, State, OnRecord, OnTimer>,
  ): Flow<OnRecord | OnTimer, "keyed"> {
    checkedName(name, "process")
    const what = `process ${JSON.stringify(name)}`
    checkKeys(options, ["state", "onRecord", "onTimer"], what)
    checkFunction(options.state, `${what}, state`)
    checkFunction(options.onRecord, `${what}, onRecord`)
    checkFunction(options.onTimer, `${what}, onTimer`, "optional")
    const { state } = options
    const onRecord = options.onRecord.bind(options)
    const onTimer = options.onTimer?.bind(options)
    const code = { kind: "process" as const, state, onRecord, ...(onTimer === undefined ? {} : { onTimer }) }
    return flow({ kind: "process", name, from: this["~origin"], code: Object.freeze(code) })
  }

  /**
   * Ends the flow in a stream or a sink. A stream takes its own key and event time from the values; the values must fit
   * its schema's input. Front doors can no longer write a stream that a service writes.
   *
   * @returns an outlet: the flow becomes part of a service once it is given to `service(name, […])`
   * @example `hourly.to(files("hourly-delays", { format: "parquet" }))`
   */
  to(to: Target<T>): Outlet {
    const given = (to as Partial<Target<T>> | undefined)?.["~target"]
    if (given === undefined) {
      throw new MillraceError("MR1101", 'to: give a stream, or a sink such as files("name", { format: "parquet" }).')
    }
    return Object.freeze({ "~outlet": Object.freeze({ from: this["~origin"], target: given }) })
  }
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
      kind: "window",
      name: this.#name,
      from: this.#from,
      window: this.#window,
      allowedLatenessMs: this.#allowedLatenessMs,
      code: Object.freeze(code),
    })
  }
}

/** What a window gives: its key and bounds beside the aggregates' results. */
export type WindowResult<A> = WindowBounds & { readonly [N in keyof A]: AggregateOf<A[N]> } extends infer R
  ? { readonly [N in keyof R]: R[N] }
  : never

/** The results of a window, and the records that came too late for it. */
export class Aggregated<Result, T> extends Flow<Result, "keyed"> {
  /** Records that came when all of their windows had closed, unchanged, under their own key and event time. */
  readonly late: Flow<T, "keyed">

  constructor(definition: Definition) {
    const frozen = Object.freeze(definition)
    super({ definition: frozen, port: "out" })
    this.late = new Flow({ definition: frozen, port: "late" })
  }
}

function flow<U, K extends Keying>(definition: Definition): Flow<U, K> {
  return new Flow({ definition: Object.freeze(definition), port: "out" })
}

function after<U, K extends Keying>(
  from: Origin,
  code: OperatorCode & { kind: StatelessDefinition["kind"] },
): Flow<U, K> {
  return flow({ kind: code.kind, from, code: Object.freeze(code) })
}
