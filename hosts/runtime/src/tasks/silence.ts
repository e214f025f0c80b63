/**
 * How long a thread has not answered through its own doing, and when it is given up for that. Pure: times and the thread's idle time are told.
 *
 * S1  Time in which the thread's event loop lay idle does not count as silence: on a busy machine, or after a pause of the whole process, it has the ping
 *     before it and is not let run. Only a small part of it does: a thread whose code has closed its port never answers.
 * S2  A thread is given up after `blockedMs` of silence; sooner when a call in it was aborted `limits.attemptGraceMs` ago and has not ended, or is
 *     about to take too long through no fault of its own.
 */
import { limits } from "@millrace/model"

/** What idle time counts for silence. */
const idleShare = 1 / 30

export class Silence {
  /** When a ping was sent that has not been answered, and how long the thread had lain idle by then, in ms. */
  #asked: { readonly at: number; readonly idleMs: number } | undefined

  /** A ping is sent. */
  ask(now: number, idleMs: number): void {
    this.#asked = { at: now, idleMs }
  }

  answered(): void {
    this.#asked = undefined
  }

  /** Since the ping, in ms; undefined: none is unanswered. S1 */
  ms(now: number, idleMs: number): number | undefined {
    if (this.#asked === undefined) return undefined
    const allMs = now - this.#asked.at
    return Math.max(allMs * idleShare, allMs - (idleMs - this.#asked.idleMs))
  }
}

/** What a silent thread has in hand; times on one clock, in ms. */
export interface InHand {
  readonly blockedMs: number
  /** When calls were aborted that have not ended. */
  readonly abortedAt: readonly number[]
  /** When calls will have taken too long, of those that are not known to hold the thread. */
  readonly deadlines: readonly number[]
}

/** S2 */
export function isGivenUp(silentMs: number, now: number, { blockedMs, abortedAt, deadlines }: InHand): boolean {
  if (silentMs >= blockedMs) return true
  if (silentMs < limits.attemptLookMs) return false
  // A busy machine makes threads silent for a moment, too.
  if (silentMs >= limits.attemptGraceMs && abortedAt.some((at) => now - at >= limits.attemptGraceMs)) return true
  const soon = now + 2 * limits.attemptLookMs
  return deadlines.some((at) => at <= soon)
}
