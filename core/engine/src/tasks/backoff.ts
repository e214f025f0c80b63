/** How long a failed attempt waits before it is repeated. */
import { type RetryPlan, limits } from "@millrace/model"

/** Until the next attempt, in ms: as the failure asks, within `limits.delayMsMax`; else as the backoff says. Both come from outside the engine. */
export function retryMs(plan: RetryPlan, attempt: number, seed: number, afterMs: number | undefined): number {
  return afterMs !== undefined && afterMs >= 0 ? Math.min(afterMs, limits.delayMsMax) : backoffMs(plan, attempt, seed)
}

/**
 * @param attempt - the one that failed, from 1
 * @param seed - spreads runs: the same run waits the same whenever it is asked
 */
function backoffMs({ firstMs, factor, mostMs, jitter }: RetryPlan, attempt: number, seed: number): number {
  const whole = Math.min(mostMs, firstMs * factor ** (attempt - 1))
  return Math.round(jitter ? whole * (0.5 + 0.5 * spread(seed, attempt)) : whole)
}

/** A number in [0, 1) that looks random: the finalizer of MurmurHash3 over both. */
function spread(seed: number, attempt: number): number {
  let hash = (Math.imul(seed, 0x9e3779b1) ^ Math.imul(attempt, 0x85ebca6b)) >>> 0
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return ((hash ^ (hash >>> 16)) >>> 0) / 2 ** 32
}
