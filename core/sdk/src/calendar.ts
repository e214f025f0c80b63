/** Windows that follow a calendar: their shape. */
import { type CalendarPlan, type Duration, MillraceError } from "@millrace/model"
import { checkedMs, checkedWhole, checkKeys } from "./setting.ts"

/** How long a calendar window is. */
export type CalendarUnit = "day" | "week" | "month" | "quarter" | "year"

/** Windows that follow a calendar, from {@link calendar}. */
export interface CalendarWindow {
  readonly kind: "calendar"
  readonly unit: CalendarUnit
  readonly timeZone: string
  readonly firstWeekday: number
  readonly offset: Duration
}

/** Whose calendar it is. */
export interface CalendarOptions {
  /** Whose days they are: an IANA name such as `Europe/Berlin`. @default "UTC" */
  readonly timeZone?: string
  /** Of weeks: their first day, from 1, Monday, to 7, Sunday. @default 1 */
  readonly firstWeekday?: number
  /** Windows begin so much after midnight, on the clocks of the zone; less than a day. @default "0s" */
  readonly offset?: Duration
}

/**
 * Windows that follow a calendar: days, weeks, months, quarters or years as the people of a time zone have them, so a day may have
 * 23 or 25 hours and a month 28 to 31 days. They lie end to end. Where clocks are set forward over the beginning of a window, it
 * begins right after the gap; where they are set back over it, when they show it for the first time.
 *
 * The rules of time zones are those of the runtime's own database (that of Intl): nodes of one service should run the same version.
 *
 * @example
 * ```ts
 * calendar("day", { timeZone: "Europe/Berlin" })
 * calendar("month", { timeZone: "America/New_York" })
 * calendar("day", { timeZone: "Asia/Tokyo", offset: "6h" }) // business days from 06:00
 * ```
 */
export function calendar(unit: CalendarUnit, options: CalendarOptions = {}): CalendarWindow {
  checkKeys(options, ["timeZone", "firstWeekday", "offset"], "calendar")
  const { timeZone = "UTC", firstWeekday = 1, offset = 0 } = options
  return Object.freeze({ kind: "calendar", unit, timeZone, firstWeekday, offset })
}

const units: readonly CalendarUnit[] = ["day", "week", "month", "quarter", "year"]
const offsetMsMost = 86_399_999

/** @throws MR1101 */
export function calendarPlan(shape: CalendarWindow, what: string): CalendarPlan {
  const { unit } = shape
  if (!units.includes(unit)) {
    throw new MillraceError("MR1101", `${what}: ${JSON.stringify(unit)} is no calendar unit; there are ${units.join(", ")}.`, { given: unit })
  }
  const firstWeekday = checkedWhole(shape.firstWeekday, 1, 7, `${what}, firstWeekday`)
  const offsetMs = checkedMs(shape.offset, `${what}, offset`)
  if (offsetMs > offsetMsMost) {
    throw new MillraceError("MR1101", `${what}, offset: ${JSON.stringify(shape.offset)} must be less than a day.`, { given: shape.offset })
  }
  return Object.freeze({ kind: "calendar", unit, timeZone: checkedZone(shape.timeZone, what), firstWeekday, offsetMs })
}

function checkedZone(given: string, what: string): string {
  try {
    new Intl.DateTimeFormat("en-US", { timeZone: given })
    return given
  } catch (cause) {
    const says = `${what}, timeZone: ${JSON.stringify(given)} is no time zone that this runtime knows. Use an IANA name such as "Europe/Berlin", or "UTC".`
    throw new MillraceError("MR1101", says, { given }, cause)
  }
}
