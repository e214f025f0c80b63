/**
 * Joins two flows window by window: when a window closes, each record of the left is paired with each of the right that has its
 * key. Results come in the order of keys; their event time is the window's last millisecond.
 */
import type { JoinContext, OperatorCode, OperatorPlan, WindowPlan } from "@millrace/model"
import { BucketSchedule } from "../bucket-schedule.ts"
import type { Push, StageContext, TimedOperator } from "../context.ts"
import { type Bucket, type Scope, rowKey, rowNumber, rowOf } from "../state.ts"
import { compareKeys } from "../state/key-order.ts"
import { keyOfRow } from "../state/row.ts"
import type { Frames } from "./frames.ts"
import { framesOf } from "./frames-of.ts"
import { type JoinRow, joinRow, joinRowCodec, joinValue } from "./join-row.ts"
import { textCodec } from "./text-codec.ts"

type Plan = Extract<OperatorPlan, { kind: "join" }>
type Code = Extract<OperatorCode, { kind: "join" }>

type Combine = (left: unknown, right: unknown, at: JoinContext) => unknown

export class WindowJoinOperator implements TimedOperator {
  readonly #plan: Plan
  readonly #frames: Frames
  readonly #combine: Combine
  readonly #context: StageContext
  readonly #next: Push
  readonly #late: Push
  readonly #sides: readonly [Scope<JoinRow>, Scope<JoinRow>]
  readonly #schedules: readonly [BucketSchedule, BucketSchedule]
  /** Of a window that is closing in several transactions: the last key that had its turn. */
  readonly #closing: Scope<string>
  readonly #at: { key: string; time: number } = { key: "", time: 0 }
  due: number = Number.POSITIVE_INFINITY
  readonly dueByClock: number = Number.POSITIVE_INFINITY

  constructor(plan: Plan, window: WindowPlan, code: Code, context: StageContext, next: Push, late: Push) {
    const { state } = context
    const scope = `${context.plan.service}/${plan.name}`
    this.#plan = plan
    const frames = framesOf(window)
    this.#frames = frames
    this.#combine = code.combine as Combine
    this.#context = context
    this.#next = next
    this.#late = late
    const sides = [state.rows(`${scope}@left`, joinRowCodec), state.rows(`${scope}@right`, joinRowCodec)] as const
    this.#sides = sides
    const end = (start: number): number => frames.end(start)
    this.#schedules = [new BucketSchedule(state, sides[0], end), new BucketSchedule(state, sides[1], end)]
    this.#closing = state.scope(`${scope}@closing`, textCodec)
    this.#settle()
  }

  push: Push = (sided, key, time) => {
    const [at, value] = sided as readonly [0 | 1, unknown]
    const rows = this.#sides[at]
    const schedule = this.#schedules[at]
    const context = this.#context
    let row: JoinRow | undefined
    const frames = this.#frames
    const newest = frames.newest(time)
    for (let start = frames.oldest(time); start <= newest; start += frames.stepMs) {
      if (frames.end(start) <= context.watermark) continue
      row ??= joinRow(time, false, value)
      const due = schedule.note(start)
      if (due < this.due) this.due = due
      if (due < context.due) context.due = due
      const bucket = rows.bucket(start)
      const newest = rows.group(bucket, key).at(-1)
      const number = newest === undefined ? 0 : Number.parseInt(rowOf(newest.key), 36) + 1
      const kept = row
      rows.change(bucket, rowKey(key, rowNumber(number)), () => kept)
    }
    if (row !== undefined) return
    context.late.set(this.#plan.name, (context.late.get(this.#plan.name) ?? 0) + 1)
    this.#late({ side: at === 0 ? "left" : "right", value }, key, time)
  }

  advance(watermark: number): void {
    for (this.#settle(); this.due <= watermark; this.#settle()) {
      const [left, right] = this.#schedules
      if (!this.#close((left.due <= right.due ? left : right).first) || this.#context.full()) return this.#settle()
    }
  }

  tick(): void {}

  end(): void {}

  reload(): void {
    for (const schedule of this.#schedules) schedule.reload()
    this.#settle()
  }

  /** False: the transaction is full before all keys of the window have had their turn. */
  #close(start: number): boolean {
    const [left, right] = this.#sides
    const buckets = [left.bucket(start), right.bucket(start)] as const
    const closing = this.#closing
    const given = closing.has(start) ? closing.get(closing.bucket(start), "given")?.value : undefined
    const end = this.#frames.end(start)
    for (const key of this.#keys(buckets)) {
      if (given !== undefined && compareKeys(key, given) <= 0) continue
      this.#context.guard(this.#plan.name, { key, start: new Date(this.#frames.start(start)), end: new Date(end) }, key, end - 1, this.#pair)
      if (!this.#context.full()) continue
      closing.change(closing.bucket(start), "given", () => key).value = key
      return false
    }
    if (given !== undefined) closing.drop(closing.bucket(start))
    left.drop(buckets[0])
    right.drop(buckets[1])
    return true
  }

  readonly #pair: Push = (_, key, time) => {
    // Of the windows that hold it, the one that ends right after it.
    const start = this.#frames.oldest(time)
    const [left, right] = this.#sides.map((rows) => rows.group(rows.bucket(start), key).map(({ value }) => value as JoinRow)) as [JoinRow[], JoinRow[]]
    const { type } = this.#plan
    const at = this.#at
    at.key = key
    at.time = time
    const emit = (l: JoinRow | undefined, r: JoinRow | undefined): void =>
      this.#next(this.#combine(l && joinValue(l), r && joinValue(r), at), key, time)
    if (right.length === 0) {
      if (type === "left" || type === "outer") for (const each of left) emit(each, undefined)
    } else if (left.length === 0) {
      if (type === "right" || type === "outer") for (const each of right) emit(undefined, each)
    } else for (const one of left) for (const other of right) emit(one, other)
  }

  /** The keys of both sides, each once, in order. */
  #keys(buckets: readonly [Bucket<JoinRow>, Bucket<JoinRow>]): string[] {
    const keys = new Set<string>()
    for (const [i, bucket] of buckets.entries()) for (const cellKey of (this.#sides[i] as Scope<JoinRow>).keys(bucket)) keys.add(keyOfRow(cellKey))
    return [...keys].sort(compareKeys)
  }

  #settle(): void {
    this.due = Math.min(this.#schedules[0].due, this.#schedules[1].due)
    if (this.due < this.#context.due) this.#context.due = this.due
  }
}
