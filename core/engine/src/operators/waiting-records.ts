/**
 * Records that wait until the watermark has come to their time, so that the order of their arrival does not show: they have their turn by
 * time, at one time by key, and those of one key as they came. What becomes of one, the operator decides.
 */
import { BucketSchedule } from "../bucket-schedule.ts"
import type { StageContext } from "../context.ts"
import { type Scope, rowKey, rowNumber, rowOf } from "../state.ts"
import { keyOfRow } from "../state/row.ts"
import { type PagedRecord, RecordPages, pagedRecordCodec } from "./record-page.ts"

export class WaitingRecords {
  readonly #context: StageContext
  readonly #rows: Scope<PagedRecord>
  readonly #schedule: BucketSchedule
  readonly #pages = new RecordPages()

  /**
   * @param scope - name of what is kept
   * @param dueOf - the watermark at which records of a time have their turn: that time, or the next, once no other of it can come
   */
  constructor(context: StageContext, scope: string, dueOf: (time: number) => number) {
    this.#context = context
    this.#rows = context.state.rows(scope, pagedRecordCodec)
    this.#schedule = new BucketSchedule(context.state, this.#rows, dueOf)
  }

  /** The watermark at which the first have their turn, in ms; Infinity: none waits. */
  get due(): number {
    return this.#schedule.due
  }

  /** The time of the first, after `due` has said that there are any. */
  get first(): number {
    return this.#schedule.first
  }

  /** Returns when it is due. */
  add(value: unknown, key: string, time: number): number {
    const due = this.#schedule.note(time)
    const bucket = this.#rows.bucket(time)
    const newest = this.#rows.group(bucket, key).at(-1)
    const number = newest === undefined ? 0 : Number.parseInt(rowOf(newest.key), 36) + 1
    this.#rows.change(bucket, rowKey(key, rowNumber(number)), () => this.#pages.put(value))
    return due
  }

  /** Takes out those of the first time. False: the transaction is full before all of them have had their turn. */
  takeAll(take: (kept: PagedRecord, key: string, time: number) => void): boolean {
    const time = this.first
    const bucket = this.#rows.bucket(time)
    for (const { key: name, value } of this.#rows.entries(bucket)) {
      // Outside of any guard: one that fails is a dead letter and not due again.
      this.#rows.remove(bucket, name)
      take(value, keyOfRow(name), time)
      if (this.#context.full()) return false
    }
    this.#rows.drop(bucket)
    return true
  }

  /** After a rollback. */
  reload(): void {
    this.#schedule.reload()
  }
}
