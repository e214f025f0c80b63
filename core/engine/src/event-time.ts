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
  if (typeof key === "string" && key.length > 0 && key.length <= limits.keyLengthMax) return key
  const found =
    typeof key !== "string" ? `is ${key === null ? "null" : typeof key}` : key === "" ? "is empty" : `has ${key.length} characters`
  throw new MillraceError(
    "MR1003",
    `${where}: the key ${found}; a key is a text of 1 to ${limits.keyLengthMax} characters. Give the field a value, or make the key function return one.`,
  )
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
  const time = typeof given === "number" ? given : given instanceof Date ? given.getTime() : typeof given === "string" ? Date.parse(given) : Number.NaN
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

function shown(given: unknown): string {
  if (given instanceof Date) return "an invalid Date"
  if (typeof given === "string") return JSON.stringify(given.slice(0, 64))
  return typeof given === "number" ? String(given) : given === null ? "null" : typeof given
}
