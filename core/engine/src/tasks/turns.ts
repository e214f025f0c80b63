/**
 * Which run is next: those that may start, those that wait for others of their key, and the gates that both pass. It starts nothing itself
 * and ends nothing: it says whose turn it is.
 *
 * Q3  At most `concurrency` calls, and `concurrencyPerKey` runs of one key, are under way.
 * Q7  Of runs that may start, the one of highest priority starts first; among equals, the one enqueued first.
 */
import { priorityMost } from "@millrace/model"
import { flagCodec } from "../operators/flag-codec.ts"
import { type Scope, rowKey, rowNumber, rowOf } from "../state.ts"
import { Gates } from "./gates.ts"
import { OrderedRows } from "./ordered-rows.ts"
import type { QueueParts } from "./parts.ts"
import type { Run } from "./run.ts"
import { blockOf } from "./runs.ts"
import { timer } from "./timers.ts"

export class Turns {
  readonly #parts: QueueParts
  readonly #start: (numbers: readonly number[], alone: boolean) => void
  readonly #ready: OrderedRows
  /** Runs that wait for others of their key. */
  readonly #waiting: Scope<true>
  readonly #gates: Gates
  /** When a run that may start is to be looked at again, in ms: for a token, for a batch. */
  due = 0

  /** @param start - begins an attempt of these runs in one call: it is their turn */
  constructor(parts: QueueParts, scope: string, start: (numbers: readonly number[], alone: boolean) => void) {
    const { state } = parts.context
    this.#parts = parts
    this.#start = start
    this.#waiting = state.rows(`${scope}@waiting`, flagCodec)
    this.#ready = new OrderedRows(state, `${scope}@ready`)
    this.#gates = new Gates(parts.plan, state, `${scope}@gates`)
  }

  /** After a rollback. */
  reload(): void {
    this.#ready.reload()
    this.due = 0
  }

  /** The run that starts next; undefined: none may. */
  get first(): number | undefined {
    const { first } = this.#ready
    return first === undefined ? undefined : Number.parseInt(first, 36)
  }

  /** A run waits: for its time, for others of its key, or for its turn. */
  offer(number: number, run: Run): void {
    const { context, standing, timers } = this.#parts
    if (run.dueAt > context.now) {
      standing.become(run, "delayed")
      timers.set(run.dueAt, timer.start, rowNumber(number))
    } else if (this.#gates.keyed && run.key !== "") {
      standing.become(run, "waiting")
      this.#waiting.change(this.#waiting.bucket(0), waitingRow(number, run), () => true)
      this.pumpKey(run.key)
    } else this.#admit(number, run)
  }

  /** Q7: starts what may start. */
  pump(): void {
    const { plan: { batch }, context, runs } = this.#parts
    const { now } = context
    this.due = Number.POSITIVE_INFINITY
    for (let { first } = this; first !== undefined && this.#mayStart(); { first } = this) {
      const run = runs.get(first) as Run
      if (batch === null) {
        this.#ready.takeFirst()
        this.#begin([first], run.lost > 0)
        continue
      }
      const wholeAt = Math.max(run.enqueuedAt, run.dueAt) + batch.waitMs
      if (wholeAt > now && !this.#ready.has(batch.size)) {
        this.due = wholeAt
        return
      }
      const numbers: number[] = []
      for (let next: number | undefined = first; next !== undefined && numbers.length < batch.size; next = this.first) {
        this.#ready.takeFirst()
        numbers.push(next)
      }
      this.#begin(numbers, false)
    }
    // Full: the rest is due at once.
    if (context.full() && this.#ready.first !== undefined) this.due = Math.min(this.due, now)
  }

  /** Admits runs of a key while its gate is open. */
  pumpKey(key: string): void {
    const { context: { now }, runs, timers } = this.#parts
    const bucket = this.#waiting.bucket(0)
    for (;;) {
      const [first] = this.#waiting.group(bucket, key)
      if (first === undefined) return
      const opensAt = this.#gates.opensAt(key, now)
      if (opensAt > now) {
        if (opensAt < Number.POSITIVE_INFINITY) timers.set(opensAt, timer.key, key)
        return
      }
      const number = Number.parseInt(rowOf(first.key).slice(3), 36)
      this.#waiting.remove(bucket, first.key)
      this.#pass(key)
      this.#admit(number, runs.change(number))
    }
  }

  /** A run that is not running waits no more. True: it had passed the gate of its key, which is to be told (`release`). */
  withdraw(number: number, run: Run): boolean {
    if (this.#ready.remove(readyBucket(number, run), rowNumber(number))) return true
    if (this.#gates.keyed && run.key !== "") this.#waiting.remove(this.#waiting.bucket(0), waitingRow(number, run))
    return false
  }

  /** A run that had passed the gate of its key is not under way any more: the next of the key may pass. */
  release(key: string): void {
    if (!this.#gates.keyed || key === "") return
    this.#gates.release(key)
    this.pumpKey(key)
  }

  /** A timer says that a gate may be forgotten. */
  tidyGate(key: string): void {
    const again = this.#gates.tidy(key, this.#parts.context.now)
    if (again !== undefined) this.#parts.timers.set(again, timer.gate, key)
  }

  #admit(number: number, run: Run): void {
    const { plan, standing } = this.#parts
    standing.become(run, "waiting")
    // What can start at once leaves no row behind.
    if (this.#ready.first === undefined && plan.batch === null && this.#mayStart()) this.#begin([number], run.lost > 0)
    else {
      this.#ready.add(readyBucket(number, run), rowNumber(number))
      this.pump()
    }
  }

  #begin(numbers: readonly number[], alone: boolean): void {
    this.#pass("")
    this.#start(numbers, alone)
  }

  #pass(key: string): void {
    const fullAt = this.#gates.admit(key, this.#parts.context.now)
    if (fullAt !== undefined) this.#parts.timers.set(fullAt, timer.gate, key)
  }

  /** Q3 */
  #mayStart(): boolean {
    const { plan, context, standing, calls } = this.#parts
    if (standing.read.paused || calls.size >= plan.concurrency || context.full()) return false
    const opensAt = this.#gates.opensAt("", context.now)
    if (opensAt <= context.now) return true
    this.due = Math.min(this.due, opensAt)
    return false
  }
}

/** Highest priority first, then by blocks of numbers, so that no bucket grows large. */
function readyBucket(number: number, { priority }: Run): number {
  return (priorityMost - priority) * 2 ** 40 + blockOf(number)
}

function waitingRow(number: number, { key, priority }: Run): string {
  return rowKey(key, String(priorityMost - priority).padStart(3, "0") + rowNumber(number))
}
