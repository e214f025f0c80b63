/** Windows, in the plan. */
import type { Aggregate } from "./aggregate.ts"

/** Windows of one length at regular distances. */
export interface AlignedPlan {
  readonly kind: "tumbling" | "hopping"
  readonly sizeMs: number
  /** Distance of window starts; equals the size for tumbling windows. */
  readonly everyMs: number
  /** Window starts are `offsetMs` modulo `everyMs`. */
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
  readonly aggregates: readonly string[]
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
  | (Refining & { readonly kind: "window"; readonly window: WindowPlan })
  /** Windows that end once their key was silent for `gapMs`, and merge when a record closes the gap between two. */
  | (Refining & { readonly kind: "session"; readonly gapMs: number })

/** The aggregates by name, in the order of the plan. */
export type WindowingCode = { readonly kind: "window"; readonly aggregates: AggregateCodes } | { readonly kind: "session"; readonly aggregates: AggregateCodes }

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
