/**
 * Early results: which windows have changed since they last gave one, and when they give the next. Times are multiples of the
 * interval, of the window's own kind of time; a window that has not changed gives none.
 *
 * A window is noted once per interval: the operator keeps a mark in its accumulator, so that further records cost nothing here.
 */
import { readValue, writeValue } from "@millrace/model"
import { BucketSchedule } from "../bucket-schedule.ts"
import type { StageContext } from "../context.ts"
import type { Scope, StateCodec } from "../state.ts"

const numberCodec: StateCodec<number> = {
  write: (to, value) => writeValue(to, value),
  read: (from) => readValue(from) as number,
  copy: (value) => value,
}

export class Early {
  readonly #everyMs: number
  /** By the time at which they are given; a number of the operator's beside each name. */
  readonly #changed: Scope<number>
  readonly #schedule: BucketSchedule

  /** @param scope - name of what is kept */
  constructor(everyMs: number, context: StageContext, scope: string) {
    this.#everyMs = everyMs
    this.#changed = context.state.scope(scope, numberCodec)
    this.#schedule = new BucketSchedule(context.state, this.#changed, (time) => time)
  }

  get due(): number {
    return this.#schedule.due
  }

  /**
   * A window has changed; returns when its early result is due: the first multiple after `reached`, or after `time` where nothing
   * has been reached yet.
   */
  note(name: string, number: number, reached: number, time: number): number {
    const from = reached === Number.NEGATIVE_INFINITY ? time : reached
    const due = (Math.floor(from / this.#everyMs) + 1) * this.#everyMs
    this.#schedule.note(due)
    this.#changed.change(this.#changed.bucket(due), name, () => number).value = number
    return due
  }

  /**
   * Gives what is due at a time, in the order of names.
   *
   * @param give - false: the transaction is full
   * @returns false when it ended before all was given
   */
  giveAll(due: number, give: (name: string, number: number) => boolean): boolean {
    const bucket = this.#changed.bucket(due)
    for (const { key: name, value } of this.#changed.entries(bucket)) {
      this.#changed.remove(bucket, name)
      if (!give(name, value)) return false
    }
    this.#changed.drop(bucket)
    return true
  }

  /** After a rollback. */
  reload(): void {
    this.#schedule.reload()
  }
}
