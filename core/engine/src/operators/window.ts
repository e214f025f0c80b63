/**
 * Windows whose bounds do not depend on the records: aggregates per key and window, one bucket of state per window start. By event
 * time, or by the clock.
 *
 * A window [start, end) is closed once its end is at or before what its time has reached (the watermark, the clock); a record is
 * late for it when it is closed as the record arrives. Closing emits every key's result, in key order, with the event time
 * end - 1. With allowed lateness the bucket stays until the watermark is at end + allowedLateness, and a late record within it
 * emits the refined result at once. A record that is late for all of its windows goes to the late side-output, unchanged.
 *
 * Invariants W7 to W13 and W27 to W33 of docs/specs/windows.md.
 */
import type { OperatorCode, OperatorPlan, Pane } from "@millrace/model"
import type { Push, StageContext, TimedOperator } from "../context.ts"
import { Schedule } from "../schedule.ts"
import { type Bucket, rowKey, rowTime, type Scope } from "../state.ts"
import { keyOfRow } from "../state/row.ts"
import type { TimerView, View } from "../view.ts"
import { Accumulation, type Accumulator } from "./accumulation.ts"
import { Early } from "./early.ts"
import type { Frames } from "./frames.ts"
import { framesOf } from "./frames-of.ts"
import { newestOf, type Part, partNumbers } from "./partials.ts"
import { textCodec } from "./text-codec.ts"
import { endOfInput, WindowClock } from "./window-clock.ts"
import { type TriggeredWindows, triggerNumbers, WindowTriggers } from "./window-triggers.ts"

type Plan = Extract<OperatorPlan, { kind: "window" }>
type Code = Extract<OperatorCode, { kind: "window" }>

/** With early results, the window's own number: when it gives the next one, or gave the last. */
const noted = 0

/** What an accumulator holds in front. */
function ownNumbers(plan: Plan): readonly number[] {
  if (plan.trigger !== undefined) return triggerNumbers
  if (plan.partials === true) return partNumbers
  return plan.earlyMs > 0 ? [Number.NEGATIVE_INFINITY] : []
}

export class WindowOperator implements TimedOperator, View {
  readonly #plan: Plan
  readonly #frames: Frames
  readonly #latenessMs: number
  readonly #accumulation: Accumulation
  readonly #scope: Scope<Accumulator>
  /** Of a window that is closing in several transactions: the last key that was given. */
  readonly #closing: Scope<string>
  readonly #context: StageContext
  readonly #next: Push
  readonly #late: Push
  /** Undefined: event time decides. */
  readonly #clock: WindowClock | undefined
  readonly #early: Early | undefined
  readonly #triggers: WindowTriggers | undefined
  /** Open windows by start; the value is whether the window has emitted. */
  readonly #open: Map<number, boolean> = new Map()
  /** Starts of windows by the time at which they act next; one that says otherwise in `#open` is passed over. */
  readonly #schedule = new Schedule()
  /** Of the result that is being emitted. */
  #emitting: Accumulator = []
  /** Those of triggers. */
  readonly timers?: () => Iterable<TimerView>
  due: number = Number.POSITIVE_INFINITY
  dueByClock: number = Number.POSITIVE_INFINITY

  constructor(plan: Plan, code: Code, context: StageContext, next: Push, late: Push) {
    const scope = `${context.plan.service}/${plan.name}`
    this.#plan = plan
    this.#frames = framesOf(plan.window)
    this.#latenessMs = plan.allowedLatenessMs
    this.#accumulation = new Accumulation(plan.name, code.aggregates, ownNumbers(plan))
    this.#scope = context.state.scope(scope, this.#accumulation.codec)
    this.#closing = context.state.scope(`${scope}@closing`, textCodec)
    this.#context = context
    this.#next = next
    this.#late = late
    if (plan.time === "processing") this.#clock = new WindowClock(context, `${scope}@clock`)
    if (plan.earlyMs > 0) this.#early = new Early(plan.earlyMs, context, `${scope}@early`)
    if (plan.trigger !== undefined) {
      const triggers = new WindowTriggers(plan.name, plan.trigger, code.trigger, context, scope, this.#triggered())
      this.#triggers = triggers
      this.timers = () => triggers.timers(plan.time)
    }
    this.reload()
  }

  push: Push = (value, key, time) => {
    const frames = this.#frames
    const at = this.#clock === undefined ? time : this.#clock.now
    const newest = frames.newest(at)
    if (frames.stepMs === Number.POSITIVE_INFINITY) {
      if (!this.#add(newest, value, key, at)) this.#tooLate(value, key, time)
      return
    }
    let taken = false
    // Oldest window first, so that refined results come in the order of their windows.
    for (let start = frames.oldest(at); start <= newest; start += frames.stepMs) {
      if (this.#add(start, value, key, at)) taken = true
    }
    if (!taken) this.#tooLate(value, key, time)
  }

  /** What a partition has made of its records, or of one that came late to it. */
  readonly onPart: Push = (value, key) => {
    const [start, part] = value as Part
    const reached = this.#context.watermark
    const end = this.#frames.end(start)
    const closed = end <= reached
    if (closed && end + this.#latenessMs <= reached) return this.#countLate(part[newestOf] as number)
    const acc = this.#part(start, key, closed)
    this.#accumulation.merge(acc, part)
    if (closed) this.#emit(start, key, acc, "refined")
  }

  advance(watermark: number): void {
    // By the clock, only the end of the input comes here.
    this.#act(this.#clock === undefined ? watermark : Number.POSITIVE_INFINITY)
  }

  tick(now: number): void {
    if (this.#clock !== undefined) this.#act(now)
  }

  end(): void {}

  /** After a rollback: the open windows are those that the state knows. */
  reload(): void {
    this.#clock?.reload()
    this.#early?.reload()
    this.#triggers?.reload()
    this.#open.clear()
    this.#schedule.clear()
    // By the clock, a window goes as soon as it has emitted.
    const reached = this.#clock === undefined ? this.#context.reachedBy(this.#plan.name) : Number.NEGATIVE_INFINITY
    for (const start of this.#scope.ids()) this.#note(start, this.#frames.end(start) <= reached)
    this.#settle()
  }

  /** Does all that is due up to a time, in the order of times. */
  #act(reached: number): void {
    const early = this.#early
    const triggers = this.#triggers
    for (let due = this.#settle(); due <= reached && due < Number.POSITIVE_INFINITY; due = this.#settle()) {
      this.#clock?.pass(due)
      // At one time early results come first: the closing, which nothing in the state tells, is then the last of that time.
      if (early !== undefined && early.due <= this.#schedule.due) {
        if (!early.takeAll(this.#giveEarly)) return void this.#settle()
        continue
      }
      if (triggers !== undefined && triggers.due <= this.#schedule.due) {
        if (!triggers.fireFirst()) return void this.#settle()
        continue
      }
      const start = this.#schedule.first as number
      const bucket = this.#scope.bucket(start)
      if (this.#open.get(start) === false && !this.#emitAll(bucket)) return
      this.#schedule.removeFirst()
      if (this.#frames.end(start) + this.#latenessMs <= reached) {
        this.#scope.drop(bucket)
        this.#triggers?.drop(start)
        this.#open.delete(start)
      } else this.#note(start, true)
      if (this.#context.full()) return void this.#settle()
    }
  }

  /** False: the window is closed for good. */
  #add(start: number, value: unknown, key: string, time: number): boolean {
    const reached = this.#clock === undefined ? this.#context.watermark : this.#clock.passed
    const end = this.#frames.end(start)
    const closed = end <= reached
    if (closed && end + this.#latenessMs <= reached) return false
    const acc = this.#part(start, key, closed)
    this.#accumulation.add(acc, value, time)
    if (closed) this.#emit(start, key, acc, "refined")
    else if (this.#triggers !== undefined) this.#triggers.onRecord(start, key, acc, value, time)
    else if (this.#early !== undefined && !((acc[noted] as number) > reached)) {
      acc[noted] = this.#noteEarly(this.#early, start, key, this.#clock?.now ?? reached, time, end)
    }
    return true
  }

  /** A key's part of a window, to be changed. */
  #part(start: number, key: string, closed: boolean): Accumulator {
    const bucket = this.#scope.bucket(start)
    if (!this.#open.has(start)) {
      this.#note(start, closed)
      this.#settle()
    }
    return this.#scope.change(bucket, key, this.#accumulation.init).value as Accumulator
  }

  /** Returns when the window gives its next early result; at or after its end, it gives none. */
  #noteEarly(early: Early, start: number, key: string, reached: number, time: number, end: number): number {
    const due = early.after(reached, time)
    if (due >= end) return due
    early.note(due, rowKey(key, rowTime(start)), start)
    this.#settle()
    return due
  }

  readonly #giveEarly = (name: string, start: number): void => {
    const key = keyOfRow(name)
    const acc = this.#scope.get(this.#scope.bucket(start), key)?.value
    if (acc !== undefined) this.#emit(start, key, acc, "early")
  }

  #tooLate(value: unknown, key: string, time: number): void {
    this.#countLate(1)
    this.#late(value, key, time)
  }

  #countLate(records: number): void {
    const { late } = this.#context
    if (records > 0) late.set(this.#plan.name, (late.get(this.#plan.name) ?? 0) + records)
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
    const end = this.#frames.end(start)
    this.#emitting = acc
    const bounds = { key, start: new Date(this.#frames.start(start)), end: new Date(end) }
    const time = this.#clock === undefined ? end - 1 : this.#clock.eventTime(end - 1)
    this.#context.guard(this.#plan.name, this.#plan.panes ? { ...bounds, pane } : bounds, key, time, this.#complete)
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
      const bounds = { key, start: new Date(this.#frames.start(start)), end: new Date(this.#frames.end(start)) }
      return [this.#accumulation.complete(bounds, this.#accumulation.copy(acc))]
    })
    return results.length === 0 ? undefined : results
  }

  #triggered(): TriggeredWindows {
    const scope = this.#scope
    return {
      numbersAt: 0,
      grow: false,
      get: (start, key) => scope.get(scope.bucket(start), key)?.value,
      change: (start, key) => scope.change(scope.bucket(start), key, this.#accumulation.init).value as Accumulator,
      remove: (start, key) => scope.remove(scope.bucket(start), key),
      give: (start, key, acc) => this.#emit(start, key, acc, "early"),
      start: (start) => this.#frames.start(start),
      end: (start) => this.#frames.end(start),
      bucket: (start) => start,
      cell: (_, key) => key,
      settle: () => this.#settle(),
    }
  }

  /** When the window acts next: it emits at its end and goes when its lateness has passed. */
  #dueOf(start: number): number {
    const end = this.#frames.end(start)
    return this.#open.get(start) === true ? end + this.#latenessMs : end
  }

  #note(start: number, emitted: boolean): void {
    this.#open.set(start, emitted)
    this.#schedule.add(this.#dueOf(start), start)
  }

  /** Returns when something is due next, in the windows' own time. */
  #settle(): number {
    const schedule = this.#schedule
    for (let { first } = schedule; first !== undefined; { first } = schedule) {
      if (this.#open.has(first) && this.#dueOf(first) === schedule.due) break
      schedule.removeFirst()
    }
    let { due } = schedule
    if (this.#early !== undefined) due = Math.min(due, this.#early.due)
    if (this.#triggers !== undefined) due = Math.min(due, this.#triggers.due)
    if (this.#clock === undefined) this.due = due
    else {
      this.dueByClock = due
      this.due = due < Number.POSITIVE_INFINITY ? endOfInput : due
    }
    if (this.due < this.#context.due) this.#context.due = this.due
    return due
  }
}
