/** Days and minutes of event times, as texts in UTC; remembered, because many rows share one. */

let dayStart = Number.NaN
let dayText = ""
let minuteStart = Number.NaN
let minuteText = ""

/** `2026-01-31` */
export function day(time: number): string {
  const start = time - (time % 86_400_000)
  if (start !== dayStart) {
    dayStart = start
    dayText = new Date(start).toISOString().slice(0, 10)
  }
  return dayText
}

/** `23:59` */
export function minute(time: number): string {
  const start = time - (time % 60_000)
  if (start !== minuteStart) {
    minuteStart = start
    minuteText = new Date(start).toISOString().slice(11, 16)
  }
  return minuteText
}
