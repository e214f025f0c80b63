/**
 * Tumbling and hopping event-time windows: aggregates per key and window, one bucket of state per window start.
 *
 * A window [start, end) is closed once its end is at or before the watermark; a record is late for it when it is closed as the
 * record arrives. Closing emits every key's result, in key order, with the event time end - 1. With allowed lateness the
 * bucket stays until the watermark is at end + allowedLateness, and a late record within it emits the refined result at
 * once. A record that is late for all of its windows goes to the late side-output, unchanged.
 *
 * Invariants W7 to W13 of docs/specs/windows.md.
 */
import type { OperatorCode, OperatorPlan, Pane } from "@millrace/model"
import type { Push, StageContext, TimedOperator } from "../context.ts"
import { Schedule } from "../schedule.ts"
import type { Bucket, Scope } from "../state.ts"
import { Accumulation, type Accumulator } from "./accumulation.ts"
import { textCodec } from "./text-codec.ts"
import { positiveModulo } from "./window-starts.ts"
import type { View } from "../view.ts"

type Plan = Extract<OperatorPlan, { kind: "window" }>
type Code = Extract<OperatorCode, { kind: "window" }>

export class WindowOperator implements TimedOperator, View {
  readonly #plan: Plan
  readonly #accumulation: Accumulation
  readonly #scope: Scope<Accumulator>
  /** Of a window that is closing in several transactions: the last key that was given. */
  readonly #closing: Scope<string>
  readonly #context: StageContext
  readonly #next: Push
  readonly #late: Push
  /** Open windows by start; the value is whether the window has emitted. */
  readonly #open: Map<number, boolean> = new Map()
  /** Starts of windows by the time at which they act next; one that says otherwise in `#open` is passed over. */
  readonly #schedule = new Schedule()
  /** Of the result that is being emitted. */
  #emitting: Accumulator = []
  due: number = Number.POSITIVE_INFINITY
  readonly dueByClock: number = Number.POSITIVE_INFINITY

  constructor(plan: Plan, code: Code, context: StageContext, next: Push, late: Push) {
    this.#plan = plan
    this.#accumulation = new Accumulation(code.aggregates, 0)
    this.#scope = context.state.scope(`${context.plan.service}/${plan.name}`, this.#accumulation.codec)
    this.#closing = context.state.scope(`${context.plan.service}/${plan.name}@closing`, textCodec)
    this.#context = context
    this.#next = next
    this.#late = late
    this.reload()
  }

  push: Push = (value, key, time) => {
    const { sizeMs, everyMs, offsetMs } = this.#plan.window
    const newest = time - positiveModulo(time - offsetMs, everyMs)
    if (sizeMs === everyMs) {
      if (!this.#add(newest, value, key, time)) this.#tooLate(value, key, time)
      return
    }
    let taken = false
    // Oldest window first, so that refined results come in the order of their windows.
    let start = newest - (Math.ceil(sizeMs / everyMs) - 1) * everyMs
    for (; start <= newest; start += everyMs) {
      if (start + sizeMs > time && this.#add(start, value, key, time)) taken = true
    }
    if (!taken) this.#tooLate(value, key, time)
  }

  advance(watermark: number): void {
    for (this.#settle(); this.due <= watermark; this.#settle()) {
      const start = this.#schedule.first as number
      const bucket = this.#scope.bucket(start)
      if (this.#open.get(start) === false && !this.#emitAll(bucket)) return
      this.#schedule.removeFirst()
      if (this.#end(start) + this.#plan.allowedLatenessMs <= watermark) {
        this.#scope.drop(bucket)
        this.#open.delete(start)
      } else this.#note(start, true)
      if (this.#context.full()) return this.#settle()
    }
  }

  tick(): void {}

  end(): void {}

  /** After a rollback: the open windows are those that the state knows. */
  reload(): void {
    this.#open.clear()
    this.#schedule.clear()
    const reached = this.#context.reachedBy(this.#plan.name)
    for (const start of this.#scope.ids()) this.#note(start, this.#end(start) <= reached)
    this.#settle()
  }

  /** False: the window is closed for good. */
  #add(start: number, value: unknown, key: string, time: number): boolean {
    const context = this.#context
    const end = start + this.#plan.window.sizeMs
    const closed = end <= context.watermark
    if (closed && end + this.#plan.allowedLatenessMs <= context.watermark) return false
    const bucket = this.#scope.bucket(start)
    if (!this.#open.has(start)) {
      this.#note(start, closed)
      this.#settle()
    }
    const acc = this.#scope.change(bucket, key, this.#accumulation.init).value as Accumulator
    this.#accumulation.add(acc, value, time)
    if (closed) this.#emit(start, key, acc, "refined")
    return true
  }

  #tooLate(value: unknown, key: string, time: number): void {
    const { late } = this.#context
    late.set(this.#plan.name, (late.get(this.#plan.name) ?? 0) + 1)
    this.#late(value, key, time)
  }

  /** False: the transaction is full before all results of the window have been given. */
  #emitAll(bucket: Bucket<Accumulator>): boolean {
    const closing = this.#closing
    const given = closing.has(bucket.id) ? closing.get(closing.bucket(bucket.id), "given")?.value : undefined
    // In key order: memory and store would otherwise give different orders, and a restart would show.
    for (const { key, value } of this.#scope.entries(bucket, given)) {
      this.#emit(bucket.id, key, value, "final")
      if (!this.#context.full()) continue
      closing.change(closing.bucket(bucket.id), "given", () => key).value = key
      return false
    }
    if (given !== undefined) closing.drop(closing.bucket(bucket.id))
    return true
  }

  #emit(start: number, key: string, acc: Accumulator, pane: Pane): void {
    const end = this.#end(start)
    this.#emitting = acc
    const bounds = { key, start: new Date(start), end: new Date(end) }
    this.#context.guard(this.#plan.name, this.#plan.panes ? { ...bounds, pane } : bounds, key, end - 1, this.#complete)
  }

  /** Under the guard, because an aggregate's `result` may be a user's. */
  readonly #complete: Push = (bounds, key, time) => {
    this.#next(this.#accumulation.complete(bounds as Record<string, unknown>, this.#emitting), key, time)
  }

  /** The windows of a key that are still kept, the oldest first, each as it would be emitted now. */
  stateOf(key: string): unknown {
    const starts = [...this.#scope.ids()].sort((a, b) => a - b)
    const results = starts.flatMap((start) => {
      const acc = this.#scope.get(this.#scope.bucket(start), key)?.value
      if (acc === undefined) return []
      const bounds = { key, start: new Date(start), end: new Date(this.#end(start)) }
      return [this.#accumulation.complete(bounds, this.#accumulation.copy(acc))]
    })
    return results.length === 0 ? undefined : results
  }

  #end(start: number): number {
    return start + this.#plan.window.sizeMs
  }

  /** When the window acts next: it emits at its end and goes when its lateness has passed. */
  #dueOf(start: number): number {
    const end = this.#end(start)
    return this.#open.get(start) === true ? end + this.#plan.allowedLatenessMs : end
  }

  #note(start: number, emitted: boolean): void {
    this.#open.set(start, emitted)
    this.#schedule.add(this.#dueOf(start), start)
  }

  #settle(): void {
    const schedule = this.#schedule
    for (let { first } = schedule; first !== undefined; { first } = schedule) {
      if (this.#open.has(first) && this.#dueOf(first) === schedule.due) break
      schedule.removeFirst()
    }
    this.due = schedule.due
    if (this.due < this.#context.due) this.#context.due = this.due
  }
}
