/**
 * One record of each group of duplicates: the records of a key less than `within` after the first of them, by event time. Records wait
 * until the watermark has passed them, so the order of arrival does not show. The first comes out then, the last when its group has
 * ended; a record behind the watermark is late.
 *
 * B8  What comes out depends on the records that are not late, not on the order in which they come; nothing is kept for longer
 *     than the watermark and `within` ask.
 */
import { type ByteReader, type ByteWriter, type OperatorPlan, valueBytes, valueFrom } from "@millrace/model"
import { BucketSchedule } from "../bucket-schedule.ts"
import type { Push, StageContext, TimedOperator } from "../context.ts"
import type { Scope, StateCodec } from "../state.ts"
import type { View } from "../view.ts"
import { flagCodec } from "./flag-codec.ts"
import { keptValue } from "./kept-bytes.ts"
import { type PagedRecord, ownBytes, valueOf } from "./record-page.ts"
import { WaitingRecords } from "./waiting-records.ts"

/** A group of duplicates that may get more members. */
interface Group {
  readonly end: number
  /** Of the last one so far: its event time, whether it came after the group was known, and the record; of `first`, none is kept. */
  time: number
  direct: boolean
  bytes: Uint8Array
}

const groupCodec: StateCodec<Group> = {
  write: (to: ByteWriter, { end, time, direct, bytes }: Group) => {
    to.f64(end)
    to.f64(time)
    to.u8(direct ? 1 : 0)
    to.u32(bytes.length)
    to.bytes(bytes)
  },
  read: (from: ByteReader): Group => {
    const end = from.f64()
    const time = from.f64()
    const direct = from.u8() === 1
    return { end, time, direct, bytes: from.bytes(from.u32()).slice() }
  },
  copy: (group) => ({ ...group }),
}

const nothing = new Uint8Array(0)

export class DeduplicateOperator implements TimedOperator, View {
  readonly #plan: Extract<OperatorPlan, { kind: "deduplicate" }>
  readonly #keepsLast: boolean
  readonly #context: StageContext
  readonly #next: Push
  readonly #late: Push
  /** Of each key at most one: the next begins when it has ended. */
  readonly #groups: Scope<Group>
  /** Keys by the end of their group. */
  readonly #ends: Scope<true>
  readonly #endings: BucketSchedule
  /** Records that wait, by event time. */
  readonly #waiting: WaitingRecords
  due: number = Number.POSITIVE_INFINITY
  readonly dueByClock: number = Number.POSITIVE_INFINITY

  constructor(plan: Extract<OperatorPlan, { kind: "deduplicate" }>, context: StageContext, next: Push, late: Push) {
    const { state } = context
    const scope = `${context.plan.service}/${plan.name}`
    this.#plan = plan
    this.#keepsLast = plan.keep === "last"
    this.#context = context
    this.#next = next
    this.#late = late
    this.#groups = state.scope(scope, groupCodec)
    this.#ends = state.scope(`${scope}@ends`, flagCodec)
    this.#endings = new BucketSchedule(state, this.#ends, (end) => end)
    this.#waiting = new WaitingRecords(context, `${scope}@waiting`, (time) => time + 1)
    this.#settle()
  }

  push: Push = (value, key, time) => {
    const context = this.#context
    if (time < context.watermark) {
      context.late.set(this.#plan.name, (context.late.get(this.#plan.name) ?? 0) + 1)
      this.#late(value, key, time)
      return
    }
    // A group that is known began before the watermark: of `first` its member is out, and of `last` the order does not matter.
    const group = this.#groups.get(this.#groups.bucket(0), key)?.value
    if (group !== undefined && time < group.end) {
      if (this.#keepsLast && time >= group.time) this.#replace(key, time, true, valueBytes(value))
      return
    }
    this.#dueAt(this.#waiting.add(value, key, time))
  }

  advance(watermark: number): void {
    for (this.#settle(); this.due <= watermark; this.#settle()) {
      // What lies before a group's end may belong to it.
      const end = this.#endings.due
      const taking = this.#waiting.due < Number.POSITIVE_INFINITY && this.#waiting.first < end
      const done = taking ? this.#waiting.takeAll(this.#take) : this.#endAll(end)
      if (!done || this.#context.full()) return this.#settle()
    }
  }

  tick(): void {}

  end(): void {}

  reload(): void {
    this.#waiting.reload()
    this.#endings.reload()
    this.#settle()
  }

  /** The record that would come out of the group which a key has now. */
  stateOf(key: string): unknown {
    const bytes = this.#groups.get(this.#groups.bucket(0), key)?.value?.bytes
    return bytes === undefined || bytes.length === 0 ? undefined : valueFrom(bytes)
  }

  readonly #take = (kept: PagedRecord, key: string, time: number): void => {
    const bucket = this.#groups.bucket(0)
    const group = this.#groups.get(bucket, key)?.value
    if (group !== undefined && time < group.end) {
      // What came directly came later.
      if (this.#keepsLast && (time > group.time || (time === group.time && !group.direct))) this.#replace(key, time, false, ownBytes(kept))
      return
    }
    const end = time + this.#plan.withinMs
    this.#endings.note(end)
    this.#ends.change(this.#ends.bucket(end), key, () => true)
    this.#groups.change(bucket, key, () => ({ end, time, direct: false, bytes: this.#keepsLast ? ownBytes(kept) : nothing }))
    if (!this.#keepsLast) this.#context.guard(this.#plan.name, valueOf(kept), key, time, this.#next)
  }

  #endAll(end: number): boolean {
    const bucket = this.#ends.bucket(end)
    const groups = this.#groups.bucket(0)
    for (const key of this.#ends.keys(bucket)) {
      const kept = this.#groups.get(groups, key)?.value
      this.#ends.remove(bucket, key)
      this.#groups.remove(groups, key)
      if (this.#keepsLast && kept !== undefined) this.#context.guard(this.#plan.name, keptValue(kept), key, end - 1, this.#next)
      if (this.#context.full()) return false
    }
    this.#ends.drop(bucket)
    return true
  }

  #replace(key: string, time: number, direct: boolean, bytes: Uint8Array): void {
    const group = this.#groups.change(this.#groups.bucket(0), key, () => {
      throw new Error(`deduplicate "${this.#plan.name}": a group is there and is not`)
    }).value as Group
    group.time = time
    group.direct = direct
    group.bytes = bytes
  }

  #dueAt(due: number): void {
    if (due < this.due) this.due = due
    if (due < this.#context.due) this.#context.due = due
  }

  #settle(): void {
    this.due = Math.min(this.#waiting.due, this.#endings.due)
    if (this.due < this.#context.due) this.#context.due = this.due
  }
}
