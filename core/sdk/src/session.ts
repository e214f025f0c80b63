/** Session windows: their shape. */
import type { Duration } from "@millrace/model"
import type { Length } from "./length.ts"
import { checkedMs, checkKeys } from "./setting.ts"

/** Windows that follow each key's activity, from {@link session}. */
export interface SessionWindow {
  readonly kind: "session"
  readonly gap: Duration
}

/** How long a silence ends a session. */
export interface SessionOptions<Gap = Duration> {
  /**
   * A session takes records as long as less than this lies between the event times of one and the next; it ends this long after
   * its last record.
   */
  readonly gap: Length<Gap>
}

/**
 * Sessions: each key's records belong together until it is silent for a while. Sessions have no fixed length, and a record that
 * comes out of order and closes the gap between two makes them one.
 *
 * @example
 * ```ts
 * clicks.window("visits", session({ gap: "30m" })).aggregate({ pages: count() })
 * ```
 */
export function session<const Gap extends Duration>(options: SessionOptions<Gap>): SessionWindow {
  checkKeys(options, ["gap"], "session")
  const { gap } = options as SessionOptions
  return Object.freeze({ kind: "session", gap })
}

/** @throws MR1101 */
export function sessionGapMs(shape: SessionWindow, what: string): number {
  return checkedMs(shape.gap, `${what}, gap`, 1)
}
