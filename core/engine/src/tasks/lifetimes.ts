/**
 * How long a run may wait for its start, take until its end, and be kept behind it: timers that count from when it might have started.
 * What becomes of a run whose time is over, the queue decides.
 */
import { rowNumber } from "../state.ts"
import type { QueueParts } from "./parts.ts"
import type { Run } from "./run.ts"
import { blockOf } from "./runs.ts"
import { timer } from "./timers.ts"

export class Lifetimes {
  readonly #parts: QueueParts

  constructor(parts: QueueParts) {
    this.#parts = parts
  }

  /** A run is there, or begins again. */
  begin(number: number, { mayStartAt }: Run): void {
    const { plan: { ttlMs, runTimeoutMs }, timers } = this.#parts
    this.#live(number, 1)
    if (ttlMs !== null) timers.set(mayStartAt + ttlMs, timer.expire, rowNumber(number))
    if (runTimeoutMs !== null) timers.set(mayStartAt + runTimeoutMs, timer.giveUp, rowNumber(number))
  }

  /** It has started: it does not expire any more. */
  start(number: number, run: Run): void {
    this.#unset(this.#parts.plan.ttlMs, timer.expire, number, run)
  }

  /** It has ended. */
  end(number: number, run: Run): void {
    this.#unset(this.#parts.plan.runTimeoutMs, timer.giveUp, number, run)
    this.#live(number, -1)
  }

  /** Its timer went off: whether it has not started in time. */
  hasExpired(number: number, run: Run): boolean {
    if (run.attempt > 0 || run.status === "running") return false
    return this.#isOver(this.#parts.plan.ttlMs, timer.expire, number, run)
  }

  /** Its timer went off: whether it has not ended in time. */
  isOverdue(number: number, run: Run): boolean {
    return this.#isOver(this.#parts.plan.runTimeoutMs, timer.giveUp, number, run)
  }

  /** A timer says that the runs of a block may be forgotten. Returns the values of those that are. */
  tidy(block: number): readonly string[] {
    const { plan, context, runs, timers } = this.#parts
    const tidied = runs.tidy(block, context.now, plan.retentionMs)
    if (tidied.kind === "later") timers.set(tidied.at, timer.block, rowNumber(block))
    return tidied.kind === "gone" ? tidied.values : []
  }

  /** Counts the runs of a block that have not ended, so that it goes when all have and their retention is over. */
  #live(number: number, by: 1 | -1): void {
    const { plan, context: { now }, runs, timers } = this.#parts
    if (runs.live(number, by, now)) timers.set(now + plan.retentionMs, timer.block, rowNumber(blockOf(number)))
  }

  /** Takes back a timer that was set for when the run might start. */
  #unset(afterMs: number | null, kind: string, number: number, { mayStartAt }: Run): void {
    if (afterMs !== null) this.#parts.timers.unset(mayStartAt + afterMs, kind, rowNumber(number))
  }

  /** Not if the timer was set before its run was put off, or began again: then it is set anew. */
  #isOver(afterMs: number | null, kind: string, number: number, { mayStartAt }: Run): boolean {
    const at = mayStartAt + (afterMs ?? 0)
    if (at <= this.#parts.context.now) return true
    this.#parts.timers.set(at, kind, rowNumber(number))
    return false
  }
}
