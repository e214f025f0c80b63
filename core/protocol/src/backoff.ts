/**
 * How a client waits between attempts: longer each time, spread by chance so that many clients do not come back at
 * once.
 */

import { assertOptionNames, MillraceError } from "@millrace/model"

export interface Backoff {
  /** Attempts in all, the first included. */
  readonly attempts: number
  /** The longest wait after the first attempt, in ms; it doubles with each further one. */
  readonly firstMs: number
  /** No wait is longer, unless the node asks for it, in ms. */
  readonly mostMs: number
}

/** @throws MR1101 for what is no {@link Backoff} */
export function assertBackoff(given: Backoff): void {
  const names = ["attempts", "firstMs", "mostMs"] as const
  assertOptionNames(given, names, "backoff", "{ attempts: 12, firstMs: 100, mostMs: 5_000 }")
  for (const name of names) {
    const value: unknown = given[name]
    if (typeof value === "number" && value >= (name === "attempts" ? 1 : 0)) continue
    throw new MillraceError("MR1101", `backoff, ${name}: expected a number from ${name === "attempts" ? 1 : 0} on, not ${JSON.stringify(value) ?? typeof value}.`, { given: value })
  }
}

/** Keeps trying for about half a minute. */
export const defaultBackoff: Backoff = { attempts: 12, firstMs: 100, mostMs: 5_000 }

/** No node may hold a client up for longer by `Retry-After`, in ms. */
export const askedMsMax = 60_000

/**
 * The wait after the given attempt (from 1), in ms: between half of the longest and the longest, and not less than the
 * node asked for.
 *
 * @param random - as Math.random()
 */
export function waitAfter(backoff: Backoff, attempt: number, askedMs: number, random: number): number {
  const longest = Math.min(backoff.mostMs, backoff.firstMs * 2 ** (attempt - 1))
  return Math.max(longest * (0.5 + random / 2), Math.min(askedMs, askedMsMax))
}
