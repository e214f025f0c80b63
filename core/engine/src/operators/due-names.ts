/**
 * Names by the time at which something is due for them, each once at a time and with a value. What is due first is taken out in the order
 * of names: memory and store would otherwise give different orders, and a restart would show.
 */
import { BucketSchedule } from "../bucket-schedule.ts"
import type { StageContext } from "../context.ts"
import type { Scope, StateCodec } from "../state.ts"

export class DueNames<Value> {
  readonly #context: StageContext
  readonly #names: Scope<Value>
  readonly #schedule: BucketSchedule

  /** @param scope - name of what is kept */
  constructor(context: StageContext, scope: string, codec: StateCodec<Value>) {
    this.#context = context
    this.#names = context.state.scope(scope, codec)
    this.#schedule = new BucketSchedule(context.state, this.#names, (time) => time)
  }

  /** The first time, in ms. */
  get due(): number {
    return this.#schedule.due
  }

  has(time: number, name: string): boolean {
    // A bucket that is looked at comes into being: the schedule must hear of it first.
    return this.#names.has(time) && this.#names.get(this.#names.bucket(time), name) !== undefined
  }

  note(time: number, name: string, value: Value): void {
    this.#schedule.note(time)
    this.#names.change(this.#names.bucket(time), name, () => value).value = value
  }

  /** Takes out all that is due first. False: the transaction is full before all of it has been. */
  takeAll(act: (name: string, value: Value, time: number) => void): boolean {
    const names = this.#names
    const bucket = names.bucket(this.due)
    for (const { key: name, value } of names.entries(bucket)) {
      names.remove(bucket, name)
      act(name, value, bucket.id)
      if (this.#context.full()) return false
    }
    names.drop(bucket)
    return true
  }

  /** After a rollback. */
  reload(): void {
    this.#schedule.reload()
  }
}
