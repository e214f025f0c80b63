/**
 * When the buckets of a scope are due, the earliest at hand. A bucket is told when it is made; one that is gone is passed over,
 * and remembered, because a rollback may bring it back.
 */
import { Schedule } from "./schedule.ts"
import type { KeyedState } from "./state.ts"

/** What it asks of a scope. */
interface Buckets {
  ids(): Iterable<number>
  has(id: number): boolean
}

export class BucketSchedule {
  readonly #state: KeyedState
  readonly #scope: Buckets
  readonly #dueOf: (id: number) => number
  readonly #schedule = new Schedule()
  /** Passed over in this transaction. */
  #gone: number[] = []
  #goneIn = 0

  /** @param dueOf - when a bucket is due, by its id; always the same for the same bucket */
  constructor(state: KeyedState, scope: Buckets, dueOf: (id: number) => number) {
    this.#state = state
    this.#scope = scope
    this.#dueOf = dueOf
    for (const id of scope.ids()) this.#schedule.add(dueOf(id), id)
  }

  /** Call it before a bucket's first key is added; returns when the bucket is due. */
  note(id: number): number {
    const due = this.#dueOf(id)
    if (!this.#scope.has(id)) this.#schedule.add(due, id)
    return due
  }

  /** When the first bucket is due; Infinity: there is none. */
  get due(): number {
    const schedule = this.#schedule
    for (let { first } = schedule; first !== undefined && !this.#scope.has(first); { first } = schedule) {
      if (this.#goneIn !== this.#state.transaction) {
        this.#goneIn = this.#state.transaction
        this.#gone = []
      }
      this.#gone.push(first)
      schedule.removeFirst()
    }
    return schedule.due
  }

  /** The bucket that is due first, after `due` has said so. */
  get first(): number {
    return this.#schedule.first as number
  }

  /** After a rollback. */
  reload(): void {
    if (this.#goneIn !== this.#state.transaction) return
    for (const id of this.#gone) if (this.#scope.has(id)) this.#schedule.add(this.#dueOf(id), id)
    this.#gone = []
  }
}
