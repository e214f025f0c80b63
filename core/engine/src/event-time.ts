/** Key and event time of a record, as its stream's definition tells them, checked. */
import { MillraceError, type StreamCode, type StreamPlan, limits } from "@millrace/model"

/**
 * The record's key; empty when the stream has none.
 *
 * @throws MR1003 when the key is missing, empty, too long or not a text
 */
export function keyOf(value: unknown, stream: StreamPlan, code: StreamCode | undefined): string {
  if (code?.key === undefined) return ""
  return checkedKey(code.key(value as never), stream.name)
}

/** @throws MR1003 */
export function checkedKey(key: unknown, where: string): string {
  // Half a surrogate pair does not survive UTF-8: after a restart such a key would be another key.
  if (typeof key === "string" && key.length > 0 && key.length <= limits.keyLengthMax && key.isWellFormed()) return key
  throw new MillraceError(
    "MR1003",
    `${where}: the key ${faultOf(key)}; a key is a text of 1 to ${limits.keyLengthMax} characters. Give the field a value, or make the key function return one.`,
  )
}

function faultOf(key: unknown): string {
  if (typeof key !== "string") return `is ${key === null ? "null" : typeof key}`
  if (key === "") return "is empty"
  return key.length > limits.keyLengthMax ? `has ${key.length} characters` : "holds half a surrogate pair"
}

/**
 * The record's event time in ms.
 *
 * @param arrival - ms, the event time of streams that define none
 * @throws MR1004 when it is no time, MR1005 when it is further ahead of `arrival` than the stream allows
 */
export function timeOf(value: unknown, arrival: number, stream: StreamPlan, code: StreamCode | undefined): number {
  if (code?.time === undefined) return arrival
  const given: unknown = code.time(value as never)
  const time = instantOf(given)
  if (!(Math.abs(time) <= 8.64e15)) {
    throw new MillraceError(
      "MR1004",
      `stream "${stream.name}": the event time is ${shown(given)}, which is no time; give a Date, milliseconds since 1970 or an ISO 8601 text.`,
    )
  }
  if (time > arrival + stream.aheadMs) {
    throw new MillraceError(
      "MR1005",
      `stream "${stream.name}": the event time ${new Date(time).toISOString()} is ahead of the clock by more than the stream's "ahead"; it would make all that follows late. Mend the record, or raise "ahead".`,
    )
  }
  return time
}

function instantOf(given: unknown): number {
  if (typeof given === "number") return given
  if (typeof given === "string") return isoInstant(given)
  return given instanceof Date ? given.getTime() : Number.NaN
}

const iso =
  /^(?<year>\d{4}|[+-]\d{6})(?:-(?<month>\d\d)(?:-(?<day>\d\d)(?<clock>[Tt ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(?<zone>[Zz]|[+-]\d\d:\d\d)?)?)?)?$/

/**
 * The instant of an ISO 8601 text in ms, NaN for any other text. A time without a zone is UTC: what `Date.parse` makes
 * of it depends on the machine.
 */
export function isoInstant(text: string): number {
  const parts = iso.exec(text)?.groups
  if (parts === undefined) return Number.NaN
  const { year, month = "01", day = "01", clock, zone } = parts
  // Any year with the same calendar will do; Date.UTC takes those below 100 for others.
  const days = new Date(Date.UTC(2000 + (Number(year) % 400), Number(month), 0)).getUTCDate()
  if (!(Number(day) <= days)) return Number.NaN
  const plain = text.replace(" ", "T").replace(",", ".")
  return Date.parse(clock === undefined || zone !== undefined ? plain : `${plain}Z`)
}

function shown(given: unknown): string {
  if (given instanceof Date) return "an invalid Date"
  if (typeof given === "string") return JSON.stringify(given.slice(0, 64))
  return typeof given === "number" ? String(given) : given === null ? "null" : typeof given
}
