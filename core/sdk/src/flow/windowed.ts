/** Windows on their way to a result: a shape and its options, to which `.aggregate(…)` adds what is computed. */
import {
  type Aggregate,
  type Duration,
  MillraceError,
  type Pane,
  type TriggerCode,
  type WindowBounds,
  type WindowingCode,
  type WindowingShape,
  type WindowPlan,
} from "@millrace/model"
import { type AggregateOf, type Aggregates, type AggregatesOf, checkAggregates, kindsOf } from "../aggregates/record.ts"
import { reduced } from "../aggregates/reduced.ts"
import type { Origin } from "../definition.ts"
import { calendarPlan, type CalendarWindow } from "../calendar.ts"
import { type EarlyTrigger, earlyTriggerPlan, type GlobalWindow, type MergingTrigger, triggerCode, triggerPlan } from "../global.ts"
import type { NoTime } from "../length.ts"
import { type SessionWindow, sessionGapMs } from "../session.ts"
import { checkedMs, checkFunction, checkKeys } from "../setting.ts"
import { slidingSpan, type SlidingWindow } from "../sliding.ts"
import { alignedPlan, type AlignedWindow } from "../window.ts"
import { Aggregated } from "./flow.ts"

/** Windows that lie where they lie whatever the records are. */
export type FixedWindow = AlignedWindow | CalendarWindow

/** A window shape: give it to `.window(name, shape)` of a flow of `T`. */
export type WindowShape<T = never> = FixedWindow | SessionWindow | SlidingWindow | GlobalWindow<T>

/** What a window takes besides its name and shape. */
export type WindowOptions = EventTimeOptions | ProcessingTimeOptions

/** What windows take that give one result at a record or a time. */
export type TimeOptions = Pick<WindowOptions, "time">

/** Windows by the event time of the records. */
export interface EventTimeOptions {
  /** @default "event" */
  readonly time?: "event"
  /**
   * How long after its end, in event time, a window still takes records. It gives its result at its end, and once more
   * for each record that comes within this time; results then say in `pane` which they are. A record that comes later still
   * goes to `late`.
   *
   * @default "0s"
   */
  readonly allowedLateness?: Duration
  /**
   * A window that has changed gives a result ahead of its end whenever the watermark passes a multiple of this since
   * 1970-01-01T00:00Z; results then say in `pane` which they are. By event time, so that the same records give the same results.
   *
   * @default no early results
   */
  readonly early?: Duration
}

/**
 * Windows by the clock of the node: a record belongs to the window in which it is processed, whatever its event time. No record is
 * late, and windows close though no more records come. The same records processed again give other windows.
 */
export interface ProcessingTimeOptions {
  readonly time: "processing"
  readonly allowedLateness?: never
  /** As by event time, whenever the clock passes a multiple of this. @default no early results */
  readonly early?: Duration
}

/** Refuses options that do not exist, where `O` is inferred from what is given. */
export type KnownOptions<O, Known> = O & { readonly [N in Exclude<keyof O, keyof Known>]: never }

/** Whether a duration is more than none, as far as its type tells: true, false, or boolean. */
export type SomeTime<D> = [D] extends [NoTime] ? false : [NoTime & D] extends [never] ? true : boolean

/** Whether options allow lateness: true, false, or boolean where their type does not tell. */
export type HasLateness<O> = O extends { readonly allowedLateness: infer D } ? SomeTime<D> : "allowedLateness" extends keyof O ? boolean : false

/** Whether results say which pane they are. */
export type PanesOf<O> = O extends { readonly early: Duration } ? true : "early" extends keyof O ? boolean : HasLateness<O>

/** Settings of a window operator, its aggregates apart. */
type Settings = WindowingShape extends infer Each ? (Each extends unknown ? Omit<Each, "aggregates"> : never) : never

/** A window that still lacks its aggregates. */
export class Windowed<T, Panes extends boolean = false, Bounds = WindowBounds> {
  readonly #from: Origin
  readonly #name: string
  readonly #settings: Settings
  readonly #trigger: TriggerCode | undefined
  /** Never there: the compiler tells windows with panes from those without. */
  declare readonly "~panes": Panes
  /** Never there, as above. */
  declare readonly "~bounds": Bounds

  constructor(from: Origin, name: string, shape: WindowShape, options: WindowOptions, trigger?: EarlyTrigger<never, never>) {
    const what = `window ${JSON.stringify(name)}`
    this.#from = from
    this.#name = name
    const settings = settingsOf(shape, options, what)
    if (trigger === undefined) {
      this.#settings = settings
      this.#trigger = shape.kind === "global" && shape.trigger !== undefined ? triggerCode(shape.trigger) : undefined
      return
    }
    this.#settings = triggered(settings, trigger, what)
    this.#trigger = "every" in trigger ? undefined : triggerCode(trigger)
  }

  /**
   * Computes aggregates for each key and window. The result comes when the watermark reaches the window's end: an
   * object with `key`, `start`, `end` and one field per aggregate. Its event time is the window's last millisecond.
   *
   * @throws MR1101 for an aggregate named `key`, `start`, `end` or `pane`, or that is not an aggregate
   * @example `.aggregate({ flights: count(), worst: max((f) => f.delay) })`
   */
  aggregate<A extends Aggregates<T>>(aggregates: A & AggregatesOf<T>): Aggregated<WindowResult<A, Panes, Bounds>, T> {
    checkAggregates(aggregates, `window ${JSON.stringify(this.#name)}`)
    const settings = this.#settings
    const trigger = this.#trigger === undefined ? {} : { trigger: this.#trigger }
    return new Aggregated({
      kind: "stateful",
      name: this.#name,
      inputs: [{ from: this.#from }],
      shape: Object.freeze({ ...settings, aggregates: kindsOf(aggregates) }),
      code: Object.freeze({ kind: settings.kind, aggregates: Object.freeze({ ...aggregates }), ...trigger }) as WindowingCode,
    })
  }

  /**
   * The values of each key and window made one: the first is the result so far, then `fn(so far, value)`. Of sessions that merge, what
   * each has made so far goes through `fn` too, so it must not matter how values are grouped. `fn` must change neither of its arguments.
   *
   * @returns results with the one value as `value`
   * @example `bids.window("best", tumbling("10s")).reduce((best, bid) => (bid.price > best.price ? bid : best))`
   */
  reduce(fn: (soFar: T, value: T) => T): Aggregated<WindowResult<{ readonly value: Aggregate<T, T> }, Panes, Bounds>, T> {
    checkFunction(fn, `window ${JSON.stringify(this.#name)}, reduce`)
    return this.aggregate<{ readonly value: Aggregate<T, T> }>({ value: reduced(fn) })
  }
}

/** What a window is made of, in the order in which {@link Windowed} takes it. */
type WindowParts = readonly [from: Origin, name: string, shape: WindowShape, options: WindowOptions]

/** A window with bounds that still lacks its aggregates. */
export class TimedWindow<T, Panes extends boolean = false> extends Windowed<T, Panes> {
  readonly #parts: WindowParts

  constructor(...parts: WindowParts) {
    super(...parts)
    this.#parts = parts
  }

  /**
   * Has the window give results ahead of its end, too: after each so many records, or when code of your own says so. Each key's part of
   * a window has its own trigger. `fire` gives a result and keeps the records, `fire-and-purge` gives one and begins anew, `purge` begins
   * anew without. At the window's end comes a result of what is in it then, in any case; after the end the trigger is not asked any more.
   * Results say in `pane` which they are.
   *
   * @throws MR1101 for a trigger that can never fire, for sliding and global windows, and beside `early`
   * @example
   * ```ts
   * orders.window("per-day", calendar("day")).trigger({ every: 100, keep: true }).aggregate({ orders: count() })
   * orders
   *   .window("per-hour", tumbling("1h"))
   *   .trigger({ onRecord: (order) => (order.amount > 10_000 ? "fire" : "continue") })
   *   .aggregate({ total: sum((order) => order.amount) })
   * ```
   */
  trigger<State = undefined>(trigger: EarlyTrigger<T, State>): Windowed<T, true> {
    return new Windowed(...this.#parts, trigger as EarlyTrigger<never, never>)
  }
}

/** A session window that still lacks its aggregates. */
export class MergingWindow<T, Panes extends boolean = false> extends Windowed<T, Panes> {
  readonly #parts: WindowParts

  constructor(...parts: WindowParts) {
    super(...parts)
    this.#parts = parts
  }

  /**
   * Has a session give results ahead of its end, too, as {@link TimedWindow.trigger} does. When a record makes two sessions one, their
   * records and timers become those of one, and `merge` makes one state of both; then the trigger is asked for the record. An earlier
   * result whose bounds do not hold any more is `retracted` right before the next one. `purge` and `fire-and-purge` end the session:
   * what was given of it stands, and the key's next record begins another one.
   *
   * @throws MR1101 for a trigger that can never fire, for one with `state` that has no `merge`, and beside `early`
   * @example
   * ```ts
   * clicks.window("visits", session({ gap: "30m" })).trigger({ every: 10, keep: true }).aggregate({ clicks: count() })
   * ```
   */
  trigger<State = undefined>(trigger: MergingTrigger<T, State>): Windowed<T, true> {
    return new Windowed(...this.#parts, trigger as EarlyTrigger<never, never>)
  }
}

/** A window of any shape. @throws MR1101 */
export function windowOf<T>(...parts: WindowParts): TimedWindow<T, boolean> | MergingWindow<T, boolean> {
  const shape: Partial<WindowShape> | undefined = parts[2]
  return shape?.kind === "session" ? new MergingWindow(...parts) : new TimedWindow(...parts)
}

function triggered(settings: Settings, trigger: EarlyTrigger<never, never>, what: string): Settings {
  if (settings.kind !== "window" && settings.kind !== "session") {
    const mend = "tumbling, hopping, calendar and session windows do"
    throw new MillraceError("MR1101", `${what}: a ${settings.kind} window takes no trigger of its own; ${mend}.`)
  }
  if (settings.earlyMs > 0) throw new MillraceError("MR1101", `${what}: either early or a trigger decides when results come ahead of the end; leave one away.`)
  return { ...settings, panes: true, trigger: earlyTriggerPlan(trigger, settings.kind === "session" ? "merging" : "fixed", what) }
}

function settingsOf(shape: WindowShape, options: WindowOptions, what: string): Settings {
  const kind: unknown = (shape as Partial<WindowShape> | undefined)?.kind
  if (kind === "sliding" || kind === "global") {
    checkKeys(options, ["time"], what)
    const time = checkedTime(options.time, what)
    if (kind === "sliding") return { kind, span: slidingSpan(shape as SlidingWindow, what), time }
    return { kind, trigger: triggerPlan(shape as GlobalWindow<never>, what), time }
  }
  checkKeys(options, ["time", "allowedLateness", "early"], what)
  const common = { ...refining(options, what), time: checkedTime(options.time, what) }
  if (kind === "session") return { kind, gapMs: sessionGapMs(shape as SessionWindow, what), ...common }
  return { kind: "window", window: windowPlan(shape as FixedWindow, what), ...common }
}

function refining({ time, allowedLateness = 0, early }: WindowOptions, what: string) {
  const allowedLatenessMs = checkedMs(allowedLateness, `${what}, allowedLateness`)
  if (time === "processing" && allowedLatenessMs > 0) {
    throw new MillraceError("MR1101", `${what}: by processing time no record is late; leave allowedLateness away.`)
  }
  const earlyMs = early === undefined ? 0 : checkedMs(early, `${what}, early`, 1)
  return { earlyMs, allowedLatenessMs, panes: allowedLatenessMs > 0 || earlyMs > 0 }
}

function checkedTime(given: WindowOptions["time"] = "event", what: string): "event" | "processing" {
  if (given === "event" || given === "processing") return given
  throw new MillraceError("MR1101", `${what}, time: ${JSON.stringify(given)} is neither "event" nor "processing".`, { given })
}

/** The checked shape in milliseconds. @throws MR1101 */
export function windowPlan(shape: FixedWindow, what: string): WindowPlan {
  const kind: unknown = (shape as Partial<WindowShape> | undefined)?.kind
  switch (kind) {
    case "tumbling":
    case "hopping":
    case "cumulating":
      return alignedPlan(shape as AlignedWindow, what)
    case "calendar":
      return calendarPlan(shape as CalendarWindow, what)
    default:
      throw new MillraceError(
        "MR1101",
        `${what}: give a shape, such as tumbling("1h"), hopping({ size: "5m", every: "30s" }) or calendar("month").`,
      )
  }
}

/**
 * What a window gives: its key and bounds beside the aggregates' results; of a window that may give several results, in `pane`,
 * which it is.
 */
export type WindowResult<A, Panes extends boolean = false, Bounds = WindowBounds> = Bounds & PaneField<Panes> & { readonly [N in keyof A]: AggregateOf<A[N]> } extends infer R
  ? { readonly [N in keyof R]: R[N] }
  : never

/** The field that says which pane a result is. */
export type PaneField<Panes extends boolean> = [Panes] extends [false] ? unknown : [Panes] extends [true] ? { readonly pane: Pane } : { readonly pane?: Pane }
