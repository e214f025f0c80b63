/**
 * Lets a record pass when none like it (of its key, and of one value of `of`) has passed: ever, or less than `within` before it by event
 * time; one that is older than the last that passed does not. With `within`, what it remembers goes once the watermark has
 * proved that nothing it would stop can come; a record behind that is late.
 */
import { MillraceError, type OperatorCode, type OperatorPlan } from "@millrace/model"
import { BucketSchedule } from "../bucket-schedule.ts"
import type { Push, StageContext, TimedOperator } from "../context.ts"
import { type Scope, rowKey } from "../state.ts"
import { flagCodec } from "./flag-codec.ts"
import { memberName } from "./member-name.ts"
import { timeCodec } from "./time-codec.ts"

type Plan = Extract<OperatorPlan, { kind: "distinct" }>

export class DistinctOperator implements TimedOperator {
  readonly #name: string
  readonly #withinMs: number
  readonly #of: ((value: unknown) => unknown) | undefined
  readonly #context: StageContext
  readonly #next: Push
  readonly #late: Push
  /** When the record that passed was, in ms. */
  readonly #seen: Scope<number>
  /** What was seen, by the time after which it stops nothing any more. */
  readonly #over: Scope<true>
  readonly #schedule: BucketSchedule
  due: number = Number.POSITIVE_INFINITY
  readonly dueByClock: number = Number.POSITIVE_INFINITY

  constructor(plan: Plan, code: Extract<OperatorCode, { kind: "distinct" }>, context: StageContext, next: Push, late: Push) {
    const { state } = context
    const scope = `${context.plan.service}/${plan.name}`
    this.#name = plan.name
    this.#withinMs = plan.withinMs ?? Number.POSITIVE_INFINITY
    this.#of = code.of as ((value: unknown) => unknown) | undefined
    this.#context = context
    this.#next = next
    this.#late = late
    this.#seen = state.scope(scope, timeCodec)
    this.#over = state.scope(`${scope}@over`, flagCodec)
    this.#schedule = new BucketSchedule(state, this.#over, (time) => time)
    this.#settle()
  }

  push: Push = (value, key, time) => {
    const context = this.#context
    const within = this.#withinMs
    if (time + within <= context.watermark) {
      context.late.set(this.#name, (context.late.get(this.#name) ?? 0) + 1)
      this.#late(value, key, time)
      return
    }
    const name = this.#of === undefined ? key : rowKey(key, memberName(0, this.#memberOf(value)))
    const bucket = this.#seen.bucket(0)
    const before = this.#seen.get(bucket, name)?.value
    if (before !== undefined && time < before + within) return
    this.#seen.change(bucket, name, () => time).value = time
    if (within < Number.POSITIVE_INFINITY) {
      const over = time + within
      const due = this.#schedule.note(over)
      if (due < this.due) this.due = due
      if (due < context.due) context.due = due
      this.#over.change(this.#over.bucket(over), name, () => true)
    }
    this.#next(value, key, time)
  }

  advance(watermark: number): void {
    for (this.#settle(); this.due <= watermark; this.#settle()) {
      const over = this.#schedule.first
      const bucket = this.#over.bucket(over)
      const seen = this.#seen.bucket(0)
      for (const name of this.#over.keys(bucket)) {
        // Seen again meanwhile: then it is over later.
        if (this.#seen.get(seen, name)?.value === over - this.#withinMs) this.#seen.remove(seen, name)
      }
      this.#over.drop(bucket)
      if (this.#context.full()) return this.#settle()
    }
  }

  tick(): void {}

  end(): void {}

  reload(): void {
    this.#schedule.reload()
    this.#settle()
  }

  #memberOf(value: unknown): string | number | bigint | boolean {
    const given = this.#of?.(value)
    if (given instanceof Date) return given.getTime()
    if (typeof given === "string" || typeof given === "number" || typeof given === "bigint" || typeof given === "boolean") return given
    throw new MillraceError(
      "MR1201",
      `operator "${this.#name}", of: gave ${given === null ? "null" : typeof given}; give a string, number, bigint, boolean or date made from the value.`,
    )
  }

  #settle(): void {
    this.due = this.#schedule.due
    if (this.due < this.#context.due) this.#context.due = this.due
  }
}
