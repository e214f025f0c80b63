/**
 * Sliding windows: for each record the window that ends with it, of the last `sizeMs` or the last `rows` of its key, as SQL's OVER.
 * Records are put in the order of their times; a window closes once its end, the instant after its record, is at or before what its
 * time has reached, so that no earlier record can be missing. By event time, or by the clock.
 *
 * Kept: by size, one accumulator for each time of a key, by rows one for each record, in the order of time; and, by time, which keys
 * to look at then. What no later window can hold goes.
 *
 * Invariants W36 to W40 and W49 of docs/specs/windows.md.
 */
import type { OperatorCode, OperatorPlan } from "@millrace/model"
import type { Push, StageContext, TimedOperator } from "../context.ts"
import { type Bucket, rowKey, rowNumber, rowOf, rowTime, type Scope } from "../state.ts"
import type { View } from "../view.ts"
import { Accumulation, type Accumulator } from "./accumulation.ts"
import { DueNames } from "./due-names.ts"
import { flagCodec } from "./flag-codec.ts"
import { firstAt, SlidingBlocks } from "./sliding-blocks.ts"
import { endOfInput, WindowClock } from "./window-clock.ts"

type Plan = Extract<OperatorPlan, { kind: "sliding" }>
type Code = Extract<OperatorCode, { kind: "sliding" }>

/** The accumulator's own number: its time. */
const at = 0

export class SlidingOperator implements TimedOperator, View {
  readonly #plan: Plan
  readonly #context: StageContext
  readonly #next: Push
  readonly #late: Push
  readonly #accumulation: Accumulation
  readonly #rows: Scope<Accumulator>
  readonly #blocks: SlidingBlocks
  readonly #looks: DueNames<true>
  /** Undefined: event time decides. */
  readonly #clock: WindowClock | undefined
  /** Of the result that is being emitted. */
  #emitting: Accumulator = []
  due: number = Number.POSITIVE_INFINITY
  dueByClock: number = Number.POSITIVE_INFINITY

  constructor(plan: Plan, code: Code, context: StageContext, next: Push, late: Push) {
    const { state } = context
    const scope = `${context.plan.service}/${plan.name}`
    this.#plan = plan
    this.#context = context
    this.#next = next
    this.#late = late
    this.#accumulation = new Accumulation(plan.name, code.aggregates, [0])
    this.#blocks = new SlidingBlocks(this.#accumulation, plan.span.kind === "time" ? plan.span.sizeMs : 1)
    this.#rows = state.rows(scope, this.#accumulation.codec)
    this.#looks = new DueNames(context, `${scope}@looks`, flagCodec)
    if (plan.time === "processing") this.#clock = new WindowClock(context, `${scope}@clock`)
    this.#settle()
  }

  push: Push = (value, key, time) => {
    const context = this.#context
    const counted = this.#clock === undefined ? time : this.#clock.now
    if (this.#clock === undefined && time < context.watermark) {
      context.late.set(this.#plan.name, (context.late.get(this.#plan.name) ?? 0) + 1)
      return this.#late(value, key, time)
    }
    const row = this.#rows.change(this.#bucket, rowKey(key, this.#nameOf(key, counted)), this.#accumulation.init).value as Accumulator
    row[at] = counted
    this.#accumulation.add(row, value, counted)
    this.#lookAt(counted + 1, key)
  }

  advance(watermark: number): void {
    // By the clock, only the end of the input comes here.
    this.#act(this.#clock === undefined ? watermark : Number.POSITIVE_INFINITY)
  }

  tick(now: number): void {
    if (this.#clock !== undefined) this.#act(now)
  }

  end(): void {}

  reload(): void {
    this.#clock?.reload()
    this.#looks.reload()
    this.#blocks.clear()
    this.#settle()
  }

  /** The window of the key's newest record, as it would be given if no other came. */
  stateOf(key: string): unknown {
    const group = this.#rows.group(this.#bucket, key)
    if (group.length === 0) return undefined
    const { span } = this.#plan
    const end = timeOf(group.at(-1)?.value) + 1
    const first = span.kind === "time" ? firstAt(group, end - span.sizeMs, 0, group.length) : Math.max(0, group.length - span.rows)
    const acc = this.#accumulation.init()
    for (const { value } of group.slice(first)) this.#accumulation.merge(acc, value as Accumulator)
    const start = span.kind === "time" ? end - span.sizeMs : timeOf(group[first]?.value)
    return this.#accumulation.complete({ key, start: new Date(start), end: new Date(end) }, acc)
  }

  /** By size, records of one time are one row; by rows, each is one, those of one time in the order in which they came. */
  #nameOf(key: string, time: number): string {
    const name = rowTime(time)
    if (this.#plan.span.kind === "time") return name
    const group = this.#rows.group(this.#bucket, key)
    for (let i = group.length - 1; i >= 0; i--) {
      const row = group[i]?.value as number[]
      if ((row[at] as number) > time) continue
      if (row[at] !== time) break
      const number = rowOf(group[i]?.key as string).slice(name.length + 1)
      return `${name}.${rowNumber(Number.parseInt(number, 36) + 1)}`
    }
    return `${name}.${rowNumber(0)}`
  }

  #act(reached: number): void {
    for (let due = this.#settle(); due <= reached && due < Number.POSITIVE_INFINITY; due = this.#settle()) {
      if (!this.#looks.takeAll(this.#look)) return void this.#settle()
    }
  }

  readonly #look = (key: string, _: true, time: number): void => {
    const { span } = this.#plan
    if (span.kind === "time") this.#lookBack(key, time, span.sizeMs)
    else this.#lookOver(key, time, span.rows)
  }

  /** By size: gives the window that ends at `end`, if a record does, and lets go of what only it still held. */
  #lookBack(key: string, end: number, sizeMs: number): void {
    const bucket = this.#bucket
    const group = this.#rows.group(bucket, key)
    const newest = timeOf(group.at(-1)?.value)
    const last = group[firstAt(group, end, 0, group.length) - 1]
    if (timeOf(last?.value) === end - 1) this.#emit(key, end - sizeMs, end, this.#blocks.fold(key, group, end))
    const over: string[] = []
    for (const { key: name, value } of group) {
      if (timeOf(value) + sizeMs > end) break
      over.push(name)
    }
    for (const name of over) this.#rows.remove(bucket, name)
    if (newest + sizeMs <= end) this.#blocks.forget(key)
    // A later one sees to it when its own time comes.
    if (newest < end && newest + sizeMs > end) this.#lookAt(newest + sizeMs, key)
  }

  /** By rows: gives the window of each record whose time is over, and lets go of what no later one can hold. */
  #lookOver(key: string, end: number, rows: number): void {
    const group = this.#rows.group(this.#bucket, key)
    const over = firstAt(group, end, 0, group.length)
    for (let last = firstAt(group, end - 1, 0, over); last < over; last++) {
      const first = Math.max(0, last + 1 - rows)
      const acc = this.#accumulation.init()
      for (let i = first; i <= last; i++) this.#accumulation.merge(acc, group[i]?.value as Accumulator)
      this.#emit(key, timeOf(group[first]?.value), end, acc)
    }
    for (const { key: name } of group.slice(0, Math.max(0, over + 1 - rows))) this.#rows.remove(this.#bucket, name)
  }

  #emit(key: string, start: number, end: number, acc: Accumulator): void {
    this.#emitting = acc
    this.#clock?.pass(end)
    const time = this.#clock?.eventTime(end - 1) ?? end - 1
    this.#context.guard(this.#plan.name, { key, start: new Date(start), end: new Date(end) }, key, time, this.#complete)
  }

  /** Under the guard, because an aggregate's `result` may be a user's. */
  readonly #complete: Push = (bounds, key, time) => {
    this.#next(this.#accumulation.complete(bounds as Record<string, unknown>, this.#emitting), key, time)
  }

  #lookAt(time: number, key: string): void {
    if (this.#looks.has(time, key)) return
    this.#looks.note(time, key, true)
    this.#settle()
  }

  get #bucket(): Bucket<Accumulator> {
    return this.#rows.bucket(0)
  }

  /** Returns when something is due next, in the windows' own time. */
  #settle(): number {
    const { due } = this.#looks
    if (this.#clock === undefined) this.due = due
    else {
      this.dueByClock = due
      this.due = due < Number.POSITIVE_INFINITY ? endOfInput : due
    }
    if (this.due < this.#context.due) this.#context.due = this.due
    return due
  }
}

function timeOf(row: Accumulator | undefined): number {
  return (row as number[] | undefined)?.[at] ?? Number.NEGATIVE_INFINITY
}
