/** Windows on their way to a result: a shape and its options, to which `.aggregate(…)` adds what is computed. */
import { type Duration, MillraceError, type Pane, type WindowBounds, type WindowingShape } from "@millrace/model"
import { type AggregateOf, type Aggregates, type AggregatesOf, checkAggregates } from "../aggregates/record.ts"
import type { Origin } from "../definition.ts"
import { type SessionWindow, sessionGapMs } from "../session.ts"
import { checkedMs, checkKeys } from "../setting.ts"
import { type AlignedWindow, windowPlan } from "../window.ts"
import { Aggregated } from "./flow.ts"

/** A window shape: give it to `.window(name, shape)`. */
export type WindowShape = AlignedWindow | SessionWindow

/** What a window takes besides its name and shape. */
export interface WindowOptions {
  /**
   * How long after its end, in event time, a window still takes records. It gives its result at its end, and once more
   * for each record that comes within this time; results then say in `pane` which they are. A record that comes later still
   * goes to `late`.
   *
   * @default "0s"
   */
  readonly allowedLateness?: Duration
}

/** Refuses options that do not exist, where `O` is inferred from what is given. */
export type KnownOptions<O, Known> = O & { readonly [N in Exclude<keyof O, keyof Known>]: never }

type NoTime = 0 | "0ms" | "0s" | "0m" | "0h" | "0d"

/** Whether a duration is more than none, as far as its type tells: true, false, or boolean. */
type Some<D> = [D] extends [NoTime] ? false : [NoTime & D] extends [never] ? true : boolean

/** Whether results say which pane they are. */
export type PanesOf<O> = O extends { readonly allowedLateness: infer D } ? Some<D> : "allowedLateness" extends keyof O ? boolean : false

/** Settings of a window operator, its aggregates apart. */
type Settings = WindowingShape extends infer Each ? (Each extends unknown ? Omit<Each, "aggregates"> : never) : never

/** A window that still lacks its aggregates. */
export class Windowed<T, Panes extends boolean = false> {
  readonly #from: Origin
  readonly #name: string
  readonly #settings: Settings
  /** Never there: the compiler tells windows with panes from those without. */
  declare readonly "~panes": Panes

  constructor(from: Origin, name: string, shape: WindowShape, options: WindowOptions) {
    const what = `window ${JSON.stringify(name)}`
    checkKeys(options, ["allowedLateness"], what)
    this.#from = from
    this.#name = name
    this.#settings = settingsOf(shape, options, what)
  }

  /**
   * Computes aggregates for each key and window. The result comes when the watermark reaches the window's end: an
   * object with `key`, `start`, `end` and one field per aggregate. Its event time is the window's last millisecond.
   *
   * @throws MR1101 for an aggregate named `key`, `start`, `end` or `pane`, or that is not an aggregate
   * @example `.aggregate({ flights: count(), worst: max((f) => f.delay) })`
   */
  aggregate<A extends Aggregates<T>>(aggregates: A & AggregatesOf<T>): Aggregated<WindowResult<A, Panes>, T> {
    checkAggregates(aggregates, `window ${JSON.stringify(this.#name)}`)
    const settings = this.#settings
    return new Aggregated({
      kind: "stateful",
      name: this.#name,
      inputs: [{ from: this.#from }],
      shape: Object.freeze({ ...settings, aggregates: Object.freeze(Object.keys(aggregates)) }),
      code: Object.freeze({ kind: settings.kind, aggregates: Object.freeze({ ...aggregates }) }),
    })
  }
}

function settingsOf(shape: WindowShape, { allowedLateness = 0 }: WindowOptions, what: string): Settings {
  const allowedLatenessMs = checkedMs(allowedLateness, `${what}, allowedLateness`)
  const common = { allowedLatenessMs, panes: allowedLatenessMs > 0 }
  const kind: unknown = (shape as Partial<WindowShape> | undefined)?.kind
  switch (kind) {
    case "tumbling":
    case "hopping":
      return { kind: "window", window: windowPlan(shape as AlignedWindow, what), ...common }
    case "session":
      return { kind, gapMs: sessionGapMs(shape as SessionWindow, what), ...common }
    default:
      throw new MillraceError(
        "MR1101",
        `${what}: give a shape, such as tumbling("1h"), hopping({ size: "5m", every: "30s" }) or session({ gap: "10m" }).`,
      )
  }
}

/**
 * What a window gives: its key and bounds beside the aggregates' results; of a window that may give several results, in `pane`,
 * which it is.
 */
export type WindowResult<A, Panes extends boolean = false> = WindowBounds & PaneField<Panes> & { readonly [N in keyof A]: AggregateOf<A[N]> } extends infer R
  ? { readonly [N in keyof R]: R[N] }
  : never

type PaneField<Panes extends boolean> = [Panes] extends [false] ? unknown : [Panes] extends [true] ? { readonly pane: Pane } : { readonly pane?: Pane }
