/**
 * Early results: which windows have changed since they last gave one, and when they give the next. Times are multiples of the
 * interval, of the window's own kind of time; a window that has not changed gives none.
 *
 * A window is noted once per interval: the operator keeps in its accumulator for when, so that further records cost nothing here.
 */
import { BucketSchedule } from "../bucket-schedule.ts"
import type { StageContext } from "../context.ts"
import type { Scope } from "../state.ts"
import { timeCodec } from "./time-codec.ts"

export class Early {
  readonly #everyMs: number
  readonly #context: StageContext
  /** Names of windows by the time at which they give an early result, each with its start. */
  readonly #changed: Scope<number>
  readonly #schedule: BucketSchedule

  /** @param scope - name of what is kept */
  constructor(everyMs: number, context: StageContext, scope: string) {
    this.#everyMs = everyMs
    this.#context = context
    this.#changed = context.state.scope(scope, timeCodec)
    this.#schedule = new BucketSchedule(context.state, this.#changed, (time) => time)
  }

  get due(): number {
    return this.#schedule.due
  }

  /** When a window that changes gives its next one: at the first multiple after `reached`, or after `time` where nothing has been reached. */
  after(reached: number, time: number): number {
    const from = reached === Number.NEGATIVE_INFINITY ? time : reached
    return (Math.floor(from / this.#everyMs) + 1) * this.#everyMs
  }

  note(due: number, name: string, start: number): void {
    this.#schedule.note(due)
    this.#changed.change(this.#changed.bucket(due), name, () => start).value = start
  }

  /**
   * Gives what is due first, in the order of names.
   *
   * @returns false when the transaction was full before all was given
   */
  giveAll(give: (name: string, start: number, due: number) => void): boolean {
    const { due } = this
    const bucket = this.#changed.bucket(due)
    for (const { key: name, value: start } of this.#changed.entries(bucket)) {
      this.#changed.remove(bucket, name)
      give(name, start, due)
      if (this.#context.full()) return false
    }
    this.#changed.drop(bucket)
    return true
  }

  /** After a rollback. */
  reload(): void {
    this.#schedule.reload()
  }
}
