/**
 * Windows in parts: aggregates by window the records of a partition that are on their way to one key. A part goes on when the watermark
 * has reached the window's end, before others hear of that; when the partition rests or is sealed; and at once for a record that comes
 * after the end. The window behind it makes one of all parts, and decides what is late: by its own watermark, which trails this one's.
 *
 * Invariants P31 of docs/specs/plan.md and W61 of docs/specs/windows.md.
 */
import type { OperatorCode, OperatorPlan } from "@millrace/model"
import { BucketSchedule } from "../bucket-schedule.ts"
import type { Push, StageContext, TimedOperator } from "../context.ts"
import type { Scope } from "../state.ts"
import { Accumulation, type Accumulator } from "./accumulation.ts"
import type { Frames } from "./frames.ts"
import { framesOf } from "./frames-of.ts"

type Plan = Extract<OperatorPlan, { kind: "partials" }>
type Code = Extract<OperatorCode, { kind: "partials" }>

/** What goes on: a window's start and its part. */
export type Part = readonly [start: number, part: Accumulator]

/** A part's own number: the records for which this is the newest window that holds them. */
export const newestOf = 0
export const partNumbers: readonly number[] = [0]

export class PartialsOperator implements TimedOperator {
  readonly #plan: Plan
  readonly #frames: Frames
  readonly #context: StageContext
  readonly #next: Push
  readonly #accumulation: Accumulation
  /** One part to a window, by its start. */
  readonly #parts: Scope<Accumulator>
  readonly #schedule: BucketSchedule
  /** Of the part that goes on. */
  #sending: Accumulator = []
  due: number = Number.POSITIVE_INFINITY
  readonly dueByClock: number = Number.POSITIVE_INFINITY

  constructor(plan: Plan, code: Code, context: StageContext, next: Push) {
    const frames = framesOf(plan.window)
    this.#plan = plan
    this.#frames = frames
    this.#context = context
    this.#next = next
    // Its fault is told by the window's name, which the author knows.
    this.#accumulation = new Accumulation(plan.name.replace(/\/partials$/, ""), code.aggregates, partNumbers)
    this.#parts = context.state.scope(`${context.plan.service}/${plan.name}`, this.#accumulation.codec)
    this.#schedule = new BucketSchedule(context.state, this.#parts, (start) => frames.end(start))
    this.#settle()
  }

  push: Push = (value, key, time) => {
    const frames = this.#frames
    const newest = frames.newest(time)
    const first = frames.stepMs === Number.POSITIVE_INFINITY ? newest : frames.oldest(time)
    for (let start = first; start <= newest; start += frames.stepMs) this.#add(start, start === newest, value, key, time)
  }

  advance(watermark: number): void {
    for (this.#settle(); this.due <= watermark; this.#settle()) {
      this.#send(this.#schedule.first)
      if (this.#context.full()) return this.#settle()
    }
  }

  tick(): void {}

  end(): void {}

  rest(): void {
    for (; this.#schedule.due < Number.POSITIVE_INFINITY;) this.#send(this.#schedule.first)
    this.#settle()
  }

  seal(): void {
    this.rest()
  }

  reload(): void {
    this.#schedule.reload()
    this.#settle()
  }

  #add(start: number, isNewest: boolean, value: unknown, key: string, time: number): void {
    if (this.#frames.end(start) <= this.#context.watermark) {
      const part = this.#accumulation.init()
      this.#accumulation.add(part, value, time)
      if (isNewest) part[newestOf] = 1
      this.#next([start, part], key, time)
      return
    }
    const isNew = !this.#parts.has(start)
    if (isNew) this.#schedule.note(start)
    const part = this.#parts.change(this.#parts.bucket(start), key, this.#accumulation.init).value as Accumulator
    if (isNew) this.#settle()
    this.#accumulation.add(part, value, time)
    if (isNewest) part[newestOf] = (part[newestOf] as number) + 1
  }

  #send(start: number): void {
    const bucket = this.#parts.bucket(start)
    const end = this.#frames.end(start)
    for (const { key, value } of this.#parts.entries(bucket)) {
      this.#sending = value
      this.#context.guard(this.#plan.name, { window: start }, key, end - 1, this.#hand)
    }
    this.#parts.drop(bucket)
  }

  readonly #hand: Push = (sent, key, time) => {
    this.#next([(sent as { readonly window: number }).window, this.#sending], key, time)
  }

  #settle(): void {
    this.due = this.#schedule.due
    if (this.due < this.#context.due) this.#context.due = this.due
  }
}
