/** Tumbling and hopping windows: their shapes. A shape is data; the operator that uses it checks it, so that a fault names the operator. */
import { type AlignedPlan, type Duration, limits, MillraceError } from "@millrace/model"
import type { Length } from "./length.ts"
import { checkedMs, checkKeys } from "./setting.ts"

/** Windows that lie where they lie whatever the records are, from {@link tumbling}, {@link hopping} or {@link cumulating}. */
export interface AlignedWindow {
  readonly kind: "tumbling" | "hopping" | "cumulating"
  readonly size: Duration
  readonly every: Duration
  readonly offset: Duration
}

/** A tumbling window's length and phase. */
export interface TumblingOptions<Size = Duration> {
  /** Length of a window. */
  readonly size: Length<Size>
  /** Windows start at multiples of `size` since 1970-01-01T00:00Z plus this. @default "0s" */
  readonly offset?: Duration
}

/** A hopping window's length, distance and phase. */
export interface HoppingOptions<Size = Duration, Every = Duration> {
  /** Length of a window. */
  readonly size: Length<Size>
  /** Distance between the starts of two windows; at most `size`. */
  readonly every: Length<Every>
  /** Windows start at multiples of `every` since 1970-01-01T00:00Z plus this. @default "0s" */
  readonly offset?: Duration
}

/**
 * Windows of one length, end to end: each record belongs to exactly one, by its event time.
 *
 * @param size - the length; one that is nothing or less does not compile, or is refused by the operator
 * @example
 * ```ts
 * tumbling("1h")
 * tumbling({ size: "1d", offset: "6h" }) // days that begin at 06:00 UTC
 * ```
 */
export function tumbling<const Size extends Duration>(size: Length<Size>): AlignedWindow
/** With an offset. */
export function tumbling<const Size extends Duration>(options: TumblingOptions<Size>): AlignedWindow
export function tumbling(given: unknown): AlignedWindow {
  const size = given as Duration | TumblingOptions
  if (typeof size !== "object") return Object.freeze({ kind: "tumbling", size, every: size, offset: 0 })
  checkKeys(size, ["size", "offset"], "tumbling")
  return Object.freeze({ kind: "tumbling", size: size.size, every: size.size, offset: size.offset ?? 0 })
}

/**
 * Overlapping windows of one length that start at regular distances: each record belongs to up to
 * ceil(size / every) of them, at most 1,000.
 *
 * @example
 * ```ts
 * hopping({ size: "5m", every: "30s" }) // the last five minutes, twice a minute
 * ```
 */
export function hopping<const Size extends Duration, const Every extends Duration>(options: HoppingOptions<Size, Every>): AlignedWindow {
  checkKeys(options, ["size", "every", "offset"], "hopping")
  const { size, every, offset = 0 } = options as HoppingOptions
  return Object.freeze({ kind: "hopping", size, every, offset })
}

/** How long cumulating windows become, in which steps, and when they begin. */
export interface CumulatingOptions<Size = Duration, Every = Duration> {
  /** Length of the longest window: then the next ones begin. */
  readonly size: Length<Size>
  /** Each window is so much longer than the one before; `size` is a multiple of it. */
  readonly every: Length<Every>
  /** Windows start at multiples of `size` since 1970-01-01T00:00Z plus this. @default "0s" */
  readonly offset?: Duration
}

/**
 * Windows that begin together and end one after the other, each longer than the one before, until they begin anew: the day so far at each
 * full hour. SQL calls it `CUMULATE`. A record belongs to all that have not ended by then, up to size / every of them, at most 1,000.
 *
 * @example
 * ```ts
 * cumulating({ size: "1d", every: "1h" }) // [00:00, 01:00), [00:00, 02:00), …, [00:00, 24:00)
 * ```
 */
export function cumulating<const Size extends Duration, const Every extends Duration>(options: CumulatingOptions<Size, Every>): AlignedWindow {
  checkKeys(options, ["size", "every", "offset"], "cumulating")
  const { size, every, offset = 0 } = options as CumulatingOptions
  return Object.freeze({ kind: "cumulating", size, every, offset })
}

/** The checked shape in milliseconds. @throws MR1101 */
export function alignedPlan(shape: AlignedWindow, what: string): AlignedPlan {
  const sizeMs = checkedMs(shape.size, `${what}, size`, 1)
  const everyMs = checkedMs(shape.every, `${what}, every`, 1)
  const offsetMs = checkedMs(shape.offset, `${what}, offset`) % (shape.kind === "cumulating" ? sizeMs : everyMs)
  if (everyMs > sizeMs) {
    throw new MillraceError(
      "MR1101",
      `${what}: every (${everyMs} ms) is longer than size (${sizeMs} ms), so records between two windows ` +
        "would be in none. Make every at most size, or filter the records first.",
      { sizeMs, everyMs },
    )
  }
  if (shape.kind === "cumulating" && sizeMs % everyMs !== 0) {
    const mend = "Make size a multiple of every, so that the longest window has its whole size."
    throw new MillraceError("MR1101", `${what}: size (${sizeMs} ms) is no multiple of every (${everyMs} ms). ${mend}`, { sizeMs, everyMs })
  }
  const perRecord = Math.ceil(sizeMs / everyMs)
  if (perRecord > limits.windowsPerRecordMax) {
    throw new MillraceError(
      "MR1101",
      `${what}: each record would belong to ${perRecord} windows; at most ${limits.windowsPerRecordMax} are allowed. ` +
        "Make every longer or size shorter.",
      { sizeMs, everyMs, perRecord },
    )
  }
  return Object.freeze({ kind: shape.kind, sizeMs, everyMs, offsetMs })
}
