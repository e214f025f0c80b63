/**
 * A flow as a table: the newest value of each key by event time; of one time, the one that came last. Or the oldest; of one time, the
 * one that came first. Gives each change as `[old, new]`. A value that says that its row is deleted leaves a mark until nothing older
 * can come, so that an older value that comes after it does not bring the row back.
 */
import { type OperatorCode, type OperatorPlan, valueBytes, valueFrom } from "@millrace/model"
import { BucketSchedule } from "../bucket-schedule.ts"
import type { Push, StageContext, TimedOperator } from "../context.ts"
import type { Bucket, Scope } from "../state.ts"
import type { View } from "../view.ts"
import { type DatedBytes, datedBytesCodec } from "./dated-bytes.ts"
import { flagCodec } from "./flag-codec.ts"

export class TableOperator implements TimedOperator, View {
  readonly #deleted: ((value: unknown) => boolean) | undefined
  readonly #keepsFirst: boolean
  readonly #context: StageContext
  readonly #next: Push
  readonly #rows: Scope<DatedBytes>
  /** Deleted rows, by the time of their deletion. */
  readonly #graves: Scope<true>
  readonly #schedule: BucketSchedule
  due: number = Number.POSITIVE_INFINITY
  readonly dueByClock: number = Number.POSITIVE_INFINITY

  constructor(
    { name, keep }: Extract<OperatorPlan, { kind: "table" }>,
    code: Extract<OperatorCode, { kind: "table" }>,
    context: StageContext,
    next: Push,
  ) {
    const { state, plan } = context
    this.#deleted = code.deleted as ((value: unknown) => boolean) | undefined
    this.#keepsFirst = keep === "first"
    this.#context = context
    this.#next = next
    this.#rows = state.scope(`${plan.service}/${name}`, datedBytesCodec)
    this.#graves = state.scope(`${plan.service}/${name}@deleted`, flagCodec)
    this.#schedule = new BucketSchedule(state, this.#graves, (time) => time)
    this.#settle()
  }

  push: Push = (value, key, time) => {
    const { watermark } = this.#context
    const bucket = this.#bucket
    const before = this.#rows.get(bucket, key)?.value
    if (before !== undefined && (this.#keepsFirst ? time >= before.since : time < before.since)) return
    const gone = this.#deleted?.(value) === true
    const old = before?.bytes === undefined ? undefined : valueFrom(before.bytes)
    if (gone && time <= watermark) this.#rows.remove(bucket, key)
    else {
      const row = this.#rows.change(bucket, key, () => ({ since: time, bytes: undefined })).value as DatedBytes
      row.since = time
      row.bytes = gone ? undefined : valueBytes(value)
      if (gone) {
        this.#dueAt(this.#schedule.note(time))
        this.#graves.change(this.#graves.bucket(time), key, () => true)
      }
    }
    if (gone && old === undefined) return
    this.#next([old, gone ? undefined : value], key, Math.max(time, watermark))
  }

  /** Nothing older than these deletions can come: their marks go. */
  advance(watermark: number): void {
    for (this.#settle(); this.due <= watermark; this.#settle()) {
      const time = this.#schedule.first
      const bucket = this.#graves.bucket(time)
      for (const key of this.#graves.keys(bucket)) {
        const row = this.#rows.get(this.#bucket, key)?.value
        if (row?.since === time && row.bytes === undefined) this.#rows.remove(this.#bucket, key)
      }
      this.#graves.drop(bucket)
      if (this.#context.full()) return this.#settle()
    }
  }

  tick(): void {}

  end(): void {}

  reload(): void {
    this.#schedule.reload()
    this.#settle()
  }

  stateOf(key: string): unknown {
    const bytes = this.#rows.get(this.#bucket, key)?.value?.bytes
    return bytes === undefined ? undefined : valueFrom(bytes)
  }

  *rows(after?: string): Iterable<readonly [key: string, value: unknown]> {
    for (const { key, value } of this.#rows.entries(this.#bucket, after)) if (value.bytes !== undefined) yield [key, valueFrom(value.bytes)]
  }

  get #bucket(): Bucket<DatedBytes> {
    return this.#rows.bucket(0)
  }

  #dueAt(due: number): void {
    if (due < this.due) this.due = due
    if (due < this.#context.due) this.#context.due = due
  }

  #settle(): void {
    this.due = this.#schedule.due
    if (this.due < this.#context.due) this.#context.due = this.due
  }
}
