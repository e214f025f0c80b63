/** What to look at when: names of windows or keys by the time at which an operator looks at them, each once at a time. */
import { BucketSchedule } from "../bucket-schedule.ts"
import type { StageContext } from "../context.ts"
import type { Scope } from "../state.ts"
import { flagCodec } from "./flag-codec.ts"

export class Looks {
  readonly #context: StageContext
  readonly #names: Scope<true>
  readonly #schedule: BucketSchedule

  /** @param scope - name of what is kept */
  constructor(context: StageContext, scope: string) {
    this.#context = context
    this.#names = context.state.scope(scope, flagCodec)
    this.#schedule = new BucketSchedule(context.state, this.#names, (time) => time)
  }

  /** When to look first, in ms. */
  get due(): number {
    return this.#schedule.due
  }

  /** False: that was known. */
  note(time: number, name: string): boolean {
    const names = this.#names
    this.#schedule.note(time)
    const bucket = names.bucket(time)
    if (names.get(bucket, name) !== undefined) return false
    names.change(bucket, name, yes)
    return true
  }

  /** Looks at all that is due first. False: the transaction is full before all has been looked at. */
  lookAll(look: (name: string, time: number) => void): boolean {
    const names = this.#names
    const bucket = names.bucket(this.due)
    // In the order of names: memory and store would otherwise give different orders, and a restart would show.
    for (const { key: name } of names.entries(bucket)) {
      names.remove(bucket, name)
      look(name, bucket.id)
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

const yes = (): true => true
