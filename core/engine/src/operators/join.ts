/**
 * Joins two flows whose records meet by key: each new record finds its partners among those that came before it, and waits for
 * those that come after. Times decide who is whose partner, so the order of arrival does not show in the set of results.
 *
 * K1  Two records of one key are joined exactly once if and only if their times are within the bound.
 * K2  A record without a partner gives a result (left, right, outer) when the watermark proves that none can come.
 * K3  A record is kept as long as a partner may come, no longer (up to the width of a slice).
 * K4  A record behind the watermark is late: partners may be gone already. It goes to `late`, whole.
 *
 * Rows lie in slices of event time, so what is over is dropped as a whole.
 */
import type { JoinContext, OperatorCode, OperatorPlan } from "@millrace/model"
import { BucketSchedule } from "../bucket-schedule.ts"
import type { Push, StageContext, TimedOperator } from "../context.ts"
import { type Scope, rowKey, rowNumber, rowOf } from "../state.ts"
import { keyOfRow } from "../state/row.ts"
import type { View } from "../view.ts"
import { flagCodec } from "./flag-codec.ts"
import { type JoinRow, joinRow, joinRowCodec, joinValue } from "./join-row.ts"

type Plan = Extract<OperatorPlan, { kind: "join" }>
type Code = Extract<OperatorCode, { kind: "join" }>
type Combine = (left: unknown, right: unknown, at: JoinContext) => unknown

/** Slices are at least this wide, in ms, so that narrow bounds do not make a bucket of every millisecond. */
const sliceMsMin = 1_000

/** One of the two inputs. */
class Side {
  readonly rows: Scope<JoinRow>
  readonly drops: BucketSchedule
  /** Rows without a partner by the last time at which one could have; undefined: they give no result. */
  readonly lonely: Scope<true> | undefined
  readonly proofs: BucketSchedule | undefined
  /** A partner's time is at most so far before and after a row's own. */
  readonly beforeMs: number
  readonly afterMs: number

  constructor(name: string, context: StageContext, sliceMs: number, beforeMs: number, afterMs: number, outer: boolean) {
    const { state, plan } = context
    this.rows = state.rows(`${plan.service}/${name}`, joinRowCodec)
    this.drops = new BucketSchedule(state, this.rows, (slice) => slice + sliceMs + afterMs)
    this.beforeMs = beforeMs
    this.afterMs = afterMs
    if (!outer) return
    this.lonely = state.scope(`${plan.service}/${name}-lonely`, flagCodec)
    this.proofs = new BucketSchedule(state, this.lonely, (last) => last + 1)
  }
}

export class JoinOperator implements TimedOperator, View {
  readonly #plan: Plan
  readonly #context: StageContext
  readonly #next: Push
  readonly #late: Push
  readonly #combine: Combine
  readonly #sides: readonly [Side, Side]
  readonly #sliceMs: number
  readonly #at: { key: string; time: number } = { key: "", time: 0 }
  due: number = Number.POSITIVE_INFINITY
  readonly dueByClock: number = Number.POSITIVE_INFINITY

  constructor(plan: Plan, code: Code, context: StageContext, next: Push, late: Push) {
    const { name, bound, type } = plan
    this.#plan = plan
    this.#context = context
    this.#next = next
    this.#late = late
    this.#combine = code.combine as Combine
    const before = bound.kind === "interval" ? bound.beforeMs : Number.POSITIVE_INFINITY
    const after = bound.kind === "interval" ? bound.afterMs : Number.POSITIVE_INFINITY
    this.#sliceMs = bound.kind === "interval" ? Math.max(sliceMsMin, Math.ceil((before + after) / 4)) : Number.POSITIVE_INFINITY
    const slice = this.#sliceMs
    this.#sides = [
      new Side(`${name}@left`, context, slice, before, after, type === "left" || type === "outer"),
      new Side(`${name}@right`, context, slice, after, before, type === "right" || type === "outer"),
    ]
    this.#settle()
  }

  push: Push = (sided, key, time) => {
    const [at, value] = sided as readonly [0 | 1, unknown]
    const context = this.#context
    if (this.#sliceMs < Number.POSITIVE_INFINITY && time < context.watermark) {
      const { late } = context
      late.set(this.#plan.name, (late.get(this.#plan.name) ?? 0) + 1)
      this.#late({ side: at === 0 ? "left" : "right", value }, key, time)
      return
    }
    const own = this.#sides[at]
    const other = this.#sides[1 - at] as Side
    const matched = this.#meet(at, value, other, key, time, time - own.beforeMs, time + own.afterMs)
    this.#keep(own, joinRow(time, matched, value), key)
  }

  advance(watermark: number): void {
    for (this.#settle(); this.due <= watermark; this.#settle()) {
      for (const [at, side] of this.#sides.entries()) {
        if (side.proofs !== undefined && side.proofs.due === this.due) {
          if (!this.#tellLonely(at, side, side.proofs.first)) return this.#settle()
        }
      }
      for (const { drops, rows } of this.#sides) while (drops.due === this.due) rows.drop(rows.bucket(drops.first))
      if (this.#context.full()) return this.#settle()
    }
  }

  tick(): void {}

  end(): void {}

  reload(): void {
    for (const { drops, proofs } of this.#sides) {
      drops.reload()
      proofs?.reload()
    }
    this.#settle()
  }

  stateOf(key: string): unknown {
    const values = ({ rows }: Side): unknown[] =>
      [...rows.ids()].toSorted((a, b) => a - b).flatMap((id) => rows.group(rows.bucket(id), key).map(({ value }) => joinValue(value as JoinRow)))
    const [left, right] = this.#sides.map(values)
    return left?.length === 0 && right?.length === 0 ? undefined : { left, right }
  }

  /** K1: joins a record with what is there of the other side. Whether there was anything. */
  #meet(at: 0 | 1, value: unknown, { rows, lonely, afterMs }: Side, key: string, time: number, from: number, to: number): boolean {
    const slice = this.#sliceMs
    let found = false
    for (let id = this.#sliceOf(from); id <= to; id += slice) {
      if (rows.has(id)) {
        const bucket = rows.bucket(id)
        for (const cell of rows.group(bucket, key)) {
          const row = cell.value as JoinRow
          if (row.time < from || row.time > to) continue
          found = true
          if (lonely !== undefined && !row.matched) {
            ;(rows.change(bucket, cell.key, () => row).value as JoinRow).matched = true
            lonely.remove(lonely.bucket(row.time + afterMs), cell.key)
          }
          const partner = joinValue(row)
          this.#emit(at === 0 ? value : partner, at === 0 ? partner : value, key, Math.max(time, row.time))
        }
      }
      if (slice === Number.POSITIVE_INFINITY) break
    }
    return found
  }

  #keep({ rows, drops, lonely, proofs, afterMs }: Side, row: JoinRow, key: string): void {
    const id = this.#sliceOf(row.time)
    if (id !== 0 || this.#sliceMs < Number.POSITIVE_INFINITY) this.#dueAt(drops.note(id))
    const bucket = rows.bucket(id)
    const newest = rows.group(bucket, key).at(-1)
    const number = newest === undefined ? 0 : Number.parseInt(rowOf(newest.key), 36) + 1
    const name = rowKey(key, rowNumber(number))
    rows.change(bucket, name, () => row)
    if (lonely === undefined || row.matched) return
    const last = row.time + afterMs
    this.#dueAt(proofs?.note(last) ?? Number.POSITIVE_INFINITY)
    lonely.change(lonely.bucket(last), name, () => true)
  }

  /** K2. False: the transaction is full before all of them have been told. */
  #tellLonely(at: number, { rows, lonely }: Side, last: number): boolean {
    if (lonely === undefined) return true
    const bucket = lonely.bucket(last)
    const { afterMs } = this.#sides[at] as Side
    const slice = rows.bucket(this.#sliceOf(last - afterMs))
    for (const { key: name } of lonely.entries(bucket)) {
      const row = rows.get(slice, name)?.value
      // Outside the guard: one that fails is a dead letter and not due again.
      lonely.remove(bucket, name)
      if (row !== undefined) this.#context.guard(this.#plan.name, joinValue(row), keyOfRow(name), last, at === 0 ? this.#lonelyLeft : this.#lonelyRight)
      if (this.#context.full()) return false
    }
    lonely.drop(bucket)
    return true
  }

  readonly #lonelyLeft: Push = (value, key, time) => this.#emit(value, undefined, key, time)

  readonly #lonelyRight: Push = (value, key, time) => this.#emit(undefined, value, key, time)

  #emit(left: unknown, right: unknown, key: string, time: number): void {
    const at = this.#at
    at.key = key
    // Records that are never too late may be behind the watermark; their results are not.
    at.time = Math.max(time, this.#context.watermark)
    this.#next(this.#combine(left, right, at), key, at.time)
  }

  #sliceOf(time: number): number {
    return this.#sliceMs === Number.POSITIVE_INFINITY ? 0 : Math.floor(time / this.#sliceMs) * this.#sliceMs
  }

  #dueAt(due: number): void {
    if (due < this.due) this.due = due
    if (due < this.#context.due) this.#context.due = due
  }

  #settle(): void {
    this.due = Number.POSITIVE_INFINITY
    if (this.#sliceMs === Number.POSITIVE_INFINITY) return
    for (const { drops, proofs } of this.#sides) this.due = Math.min(this.due, drops.due, proofs?.due ?? Number.POSITIVE_INFINITY)
    if (this.due < this.#context.due) this.#context.due = this.due
  }
}
