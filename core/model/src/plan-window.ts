/** Windows, in the plan. */
import type { Aggregate } from "./aggregate.ts"

/**
 * Windows of one length at regular distances; or windows that begin together every `sizeMs` and end every `everyMs`, each longer than the
 * one before, up to `sizeMs`.
 */
export interface AlignedPlan {
  readonly kind: "tumbling" | "hopping" | "cumulating"
  readonly sizeMs: number
  /** Distance of window starts; equals the size for tumbling windows. Of cumulating ones, the distance of their ends. */
  readonly everyMs: number
  /** Window starts are `offsetMs` modulo `everyMs`; those of cumulating windows modulo `sizeMs`. */
  readonly offsetMs: number
}

/** Windows that follow the calendar of a time zone. */
export interface CalendarPlan {
  readonly kind: "calendar"
  readonly unit: "day" | "week" | "month" | "quarter" | "year"
  /** An IANA name such as `Europe/Berlin`, or `UTC`. */
  readonly timeZone: string
  /** Of weeks: their first day, 1 Monday to 7 Sunday. */
  readonly firstWeekday: number
  /** Windows begin so much after the unit does, on the clocks of the zone. */
  readonly offsetMs: number
}

/** Windows whose bounds do not depend on the records. */
export type WindowPlan = AlignedPlan | CalendarPlan

/** What all window operators have. */
interface Windowing {
  /** Which time decides: that of the records, or the clock's as a record is looked at. */
  readonly time: "event" | "processing"
  /** Their kinds by name. */
  readonly aggregates: Readonly<Record<string, string>>
}

/** Windows that can give several results. */
interface Refining extends Windowing {
  /** Windows that have changed give an early result when their time passes a multiple of this; 0: none do. */
  readonly earlyMs: number
  /** How long after its end a window still takes records. */
  readonly allowedLatenessMs: number
  /** Whether results say which {@link Pane} they are. */
  readonly panes: boolean
}

/** Operators that aggregate records by key and window. */
export type WindowingShape =
  | (Refining & { readonly kind: "window"; readonly window: WindowPlan; readonly trigger?: TriggerPlan; readonly partials?: true })
  /** Windows that end once their key was silent for `gapMs`, and merge when a record closes the gap between two. */
  | (Refining & { readonly kind: "session"; readonly gapMs: number; readonly trigger?: TriggerPlan })
  /** A window for each record, which ends with it. */
  | (Windowing & { readonly kind: "sliding"; readonly span: SlidingSpan })
  /** One window for all records of a key, which gives results when a trigger says so. */
  | (Windowing & { readonly kind: "global"; readonly trigger: TriggerPlan })

/**
 * Aggregates by window the records of a partition that are on their way to one key, so that one value for each window goes on instead of
 * each record. The window behind it, whose `partials` is set, makes them one.
 */
export type PartialsShape = Windowing & { readonly kind: "partials"; readonly window: WindowPlan }

export interface PartialsCode {
  readonly kind: "partials"
  readonly aggregates: AggregateCodes
}

/** What a sliding window holds: the records of the last `sizeMs`, or the last `rows`. */
export type SlidingSpan = { readonly kind: "time"; readonly sizeMs: number } | { readonly kind: "rows"; readonly rows: number }

/** Fires once `every` records have come since it last did, and forgets them unless `keep`; or as a user's code decides. */
export type TriggerPlan = { readonly kind: "count"; readonly every: number; readonly keep: boolean } | { readonly kind: "custom" }

/** The aggregates by name, in the order of the plan. */
export type WindowingCode =
  | { readonly kind: "window"; readonly aggregates: AggregateCodes; readonly trigger?: TriggerCode }
  | { readonly kind: "session"; readonly aggregates: AggregateCodes; readonly trigger?: TriggerCode }
  | { readonly kind: "sliding"; readonly aggregates: AggregateCodes }
  | { readonly kind: "global"; readonly aggregates: AggregateCodes; readonly trigger?: TriggerCode }

/**
 * What a trigger says: `fire`, give a result and keep the records; `fire-and-purge`, give one and begin anew; `purge`, begin anew
 * without one; `continue`, or nothing, neither.
 */
export type TriggerDecision = "continue" | "fire" | "purge" | "fire-and-purge"

/** When a window gives a result, in a user's words. */
export interface TriggerCode {
  readonly state?: () => unknown
  readonly onRecord: (value: never, ctx: TriggerContext<never>) => TriggerDecision | undefined | void
  readonly onTime?: (ctx: TriggerContext<never>) => TriggerDecision | undefined | void
  /** Of sessions that become one: their states made one. */
  readonly merge?: (earlier: never, later: never) => unknown
}

/** What a trigger sees and may do. The object is reused: do not keep it. */
export interface TriggerContext<State> {
  readonly key: string
  /** The record's event time, or the timer's, in ms; of windows by the clock, the clock's. */
  readonly time: number
  /** How far event time has come, in ms. */
  readonly watermark: number
  /** Records in the window, the one in hand included. */
  readonly count: number
  /** The trigger's own state for the key; assign it, or change it in place. It goes with the window's records. */
  state: State
  /** Calls `onTime` once the window's time (event time, or the clock) has reached `time`, in ms; each time of a key once. */
  setTimer(time: number): void
  clearTimer(time: number): void
}

/** What the trigger of a window with bounds sees. It is asked while the window is open; at its end the window gives its result anyway. */
export interface WindowTriggerContext<State> extends TriggerContext<State> {
  /** First instant of the window, in ms. */
  readonly start: number
  /** First instant after the window, in ms, as far as a session has come. No timer for this or later is called, unless a session grows beyond it. */
  readonly end: number
}

export type AggregateCodes = Readonly<Record<string, Aggregate<never, unknown>>>

/** What a window's result holds besides the aggregates. Times in ms in files: see the sink. */
export interface WindowBounds {
  readonly key: string
  /** First instant of the window. */
  readonly start: Date
  /** First instant after the window. */
  readonly end: Date
}

/**
 * Why a window that can give several results gives this one: `early`, its end has not been reached yet; `final`, its end was
 * reached; `refined`, a record came after that, within the allowed lateness; `retracted`, an earlier result of these bounds, as
 * it was, does not hold any more: it was a session that has grown or merged, and its successor follows.
 */
export type Pane = "early" | "final" | "refined" | "retracted"
