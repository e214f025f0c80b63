/**
 * Windows that follow a calendar: days, weeks, months, quarters and years as people of a time zone have them, so a day may have 23
 * or 25 hours. A window begins at the first instant at which the zone's clocks show its beginning or later: where that time of day is
 * left out, right after the gap; where it comes twice, the first time. Windows lie end to end.
 *
 * Offsets come from Intl, which is part of the language; the rules of zones are those of the runtime's time-zone database.
 *
 * Invariants W34 and W35 of docs/specs/windows.md.
 */
import { type CalendarPlan, limits } from "@millrace/model"
import type { Frames } from "./frames.ts"

const dayMs = 86_400_000

interface Window {
  readonly start: number
  readonly end: number
}

export class CalendarFrames implements Frames {
  readonly #plan: CalendarPlan
  readonly #zone: Zone
  /** Windows that were asked for, by time. Records come in the order of time or nearly so: mostly it is the last one found. */
  #known: Window[] = []
  #last: Window = { start: Number.NaN, end: Number.NaN }
  readonly stepMs: number = Number.POSITIVE_INFINITY

  constructor(plan: CalendarPlan) {
    this.#plan = plan
    this.#zone = new Zone(plan.timeZone)
  }

  newest(time: number): number {
    return this.#of(time).start
  }

  oldest(time: number): number {
    return this.newest(time)
  }

  start(start: number): number {
    return start
  }

  end(start: number): number {
    return this.#of(start).end
  }

  #of(time: number): Window {
    const last = this.#last
    if (time >= last.start && time < last.end) return last
    const known = this.#known
    let low = 0
    let high = known.length
    while (low < high) {
      const middle = (low + high) >> 1
      if ((known[middle] as Window).end <= time) low = middle + 1
      else high = middle
    }
    const found = known[low]
    if (found !== undefined && found.start <= time) return (this.#last = found)
    const window = this.#find(time)
    if (known.length < limits.calendarWindowsKnownMax) known.splice(low, 0, window)
    else this.#known = [window]
    return (this.#last = window)
  }

  #find(time: number): Window {
    const { offsetMs } = this.#plan
    const zone = this.#zone
    let wall = this.#floor(time + zone.offset(time) - offsetMs)
    let start = zone.first(wall + offsetMs)
    for (;;) {
      wall = this.#next(wall)
      const end = zone.first(wall + offsetMs)
      if (time < end) return { start, end }
      // Clocks were set back over the beginning of the next window, which has begun the first time.
      start = end
    }
  }

  /** The beginning of the unit in which a local time lies. */
  #floor(wall: number): number {
    const day = Math.floor(wall / dayMs) * dayMs
    const date = new Date(day)
    switch (this.#plan.unit) {
      case "day":
        return day
      case "week": {
        // 1970-01-01 was a Thursday, the fourth day.
        const weekday = (((day / dayMs + 4 - this.#plan.firstWeekday) % 7) + 7) % 7
        return day - weekday * dayMs
      }
      case "month":
        return date.setUTCDate(1)
      case "quarter":
        return date.setUTCMonth(date.getUTCMonth() - (date.getUTCMonth() % 3), 1)
      case "year":
        return date.setUTCMonth(0, 1)
    }
  }

  #next(wall: number): number {
    const date = new Date(wall)
    switch (this.#plan.unit) {
      case "day":
        return wall + dayMs
      case "week":
        return wall + 7 * dayMs
      case "month":
        return date.setUTCMonth(date.getUTCMonth() + 1)
      case "quarter":
        return date.setUTCMonth(date.getUTCMonth() + 3)
      case "year":
        return date.setUTCFullYear(date.getUTCFullYear() + 1)
    }
  }
}

/** Local times here are counted like instants: ms since 1970-01-01T00:00 on the clocks of the zone. */
class Zone {
  readonly #format: Intl.DateTimeFormat | undefined

  constructor(timeZone: string) {
    this.#format = timeZone === "UTC" ? undefined : new Intl.DateTimeFormat("en-US", { timeZone, timeZoneName: "longOffset" })
  }

  /** Local time minus UTC at an instant, in ms. */
  offset(instant: number): number {
    if (this.#format === undefined) return 0
    const [, sign, hours = 0, minutes = 0, seconds = 0] = /GMT(?:([+-])(\d\d):(\d\d)(?::(\d\d))?)?$/.exec(this.#format.format(instant)) ?? []
    const ms = ((Number(hours) * 60 + Number(minutes)) * 60 + Number(seconds)) * 1000
    return sign === "-" ? -ms : ms
  }

  /** The first instant at which the local time is `wall` or later. */
  first(wall: number): number {
    const before = this.offset(wall - dayMs)
    const after = this.offset(wall + dayMs)
    const early = wall - before
    // No transition at all, or none before the local time is reached.
    if (before === after || this.offset(early) === before) return early
    const late = wall - after
    if (late >= early || this.offset(late) === after) return late
    // Clocks were set forward past it: the instant at which they were.
    let low = late
    let high = early
    while (high - low > 1) {
      const middle = Math.floor((low + high) / 2)
      if (this.offset(middle) === before) low = middle
      else high = middle
    }
    return high
  }
}
