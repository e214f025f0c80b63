/**
 * Durations and sizes as users write them: `"30s"`, `"2h"`, `"128MB"`. Inside they are plain numbers, milliseconds and
 * bytes, and a name says which (`sizeMs`, `rollBytes`).
 */
import { MillraceError } from "./errors.ts"
import { limits } from "./limits.ts"

/** A span of time: a whole or decimal number and a unit (`ms s m h d`), or a number of milliseconds. */
export type Duration = `${number}${"ms" | "s" | "m" | "h" | "d"}` | number

/** A quantity of bytes: a number and a unit (`B KB MB GB`, powers of 1024), or a number of bytes. */
export type ByteSize = `${number}${"B" | "KB" | "MB" | "GB"}` | number

const msPerUnit: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }
const bytesPerUnit: Readonly<Record<string, number>> = { B: 1, KB: 1024, MB: 1024 ** 2, GB: 1024 ** 3 }

/**
 * Milliseconds in a duration.
 *
 * @param what - names the setting in the error, e.g. `stream "payments", outOfOrder`
 * @throws MR1101 when the text is not a duration or is negative
 */
export function durationMs(duration: Duration, what: string): number {
  return quantity(duration, /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/, msPerUnit, what, 'a duration such as "30s", "5m" or "2h"')
}

/**
 * Milliseconds by which something is put off: a {@link durationMs} of at most `limits.delayMsMax`, so that the time it leads to is a date.
 *
 * @throws MR1101 when the text is not a duration, is negative, or is longer
 */
export function delayMs(duration: Duration, what: string): number {
  const ms = durationMs(duration, what)
  if (ms <= limits.delayMsMax) return ms
  const most = `${Math.floor(limits.delayMsMax / 86_400_000)}d`
  throw new MillraceError("MR1101", `${what}: ${shown(duration)} is longer than the longest delay; give at most "${most}".`, { given: duration, mostMs: limits.delayMsMax })
}

/**
 * Bytes in a size.
 *
 * @throws MR1101 when the text is not a size or is negative
 */
export function sizeBytes(size: ByteSize, what: string): number {
  return quantity(size, /^(\d+(?:\.\d+)?)(B|KB|MB|GB)$/, bytesPerUnit, what, 'a size such as "64KB" or "128MB"')
}

function quantity(
  given: string | number,
  pattern: RegExp,
  units: Readonly<Record<string, number>>,
  what: string,
  expected: string,
): number {
  if (typeof given === "number") {
    if (Number.isFinite(given) && given >= 0) return given
  } else {
    const match = pattern.exec(given)
    const unit = match?.[2] === undefined ? undefined : units[match[2]]
    if (match !== null && unit !== undefined) return Math.round(Number(match[1]) * unit)
  }
  throw new MillraceError("MR1101", `${what}: ${shown(given)} is not ${expected}.`, { given })
}

function shown(given: unknown): string {
  return typeof given === "string" ? JSON.stringify(given) : String(given)
}
