/**
 * Rows in an order that is taken from the front: by bucket, then by name. All of them lie in state; those of the first bucket
 * also in a list, so that taking one is a step in it, however many wait behind.
 */
import { BucketSchedule } from "../bucket-schedule.ts"
import { flagCodec } from "../operators/flag-codec.ts"
import type { KeyedState, Scope } from "../state.ts"
import { compareKeys } from "../state/key-order.ts"

export class OrderedRows {
  readonly #scope: Scope<true>
  readonly #buckets: BucketSchedule
  /** The rows of bucket `#headOf` from `#next` on, in order. */
  #head: string[] = []
  #next = 0
  #headOf: number | undefined

  constructor(state: KeyedState, name: string) {
    this.#scope = state.scope(name, flagCodec)
    this.#buckets = new BucketSchedule(state, this.#scope, (id) => id)
  }

  /** After a rollback. */
  reload(): void {
    this.#buckets.reload()
    this.#headOf = undefined
  }

  add(bucket: number, row: string): void {
    this.#buckets.note(bucket)
    this.#scope.change(this.#scope.bucket(bucket), row, () => true)
    if (bucket !== this.#headOf) return
    const head = this.#head
    const last = head.at(-1)
    if (last === undefined || compareKeys(row, last) > 0) head.push(row)
    else {
      const at = placeOf(head, row, this.#next)
      if (head[at] !== row) head.splice(at, 0, row)
    }
  }

  /** Whether there was such a row. */
  remove(bucket: number, row: string): boolean {
    if (!this.#scope.has(bucket)) return false
    const rows = this.#scope.bucket(bucket)
    if (this.#scope.get(rows, row) === undefined) return false
    this.#scope.remove(rows, row)
    if (bucket === this.#headOf) {
      const at = placeOf(this.#head, row, this.#next)
      if (this.#head[at] === row) this.#head.splice(at, 1)
    }
    return true
  }

  /** The first row; undefined: there is none. */
  get first(): string | undefined {
    for (;;) {
      const { due } = this.#buckets
      if (due === Number.POSITIVE_INFINITY) return undefined
      const rows = this.#scope.bucket(due)
      if (this.#headOf !== due) {
        this.#head = this.#scope.keys(rows)
        this.#next = 0
        this.#headOf = due
      }
      const row = this.#head[this.#next]
      if (row !== undefined) return row
      this.#scope.drop(rows)
      this.#headOf = undefined
    }
  }

  /** The bucket of the first row, after `first` has said that there is one. */
  get firstBucket(): number {
    return this.#headOf as number
  }

  /** Takes out the first row. */
  takeFirst(): void {
    const row = this.first
    if (row === undefined) return
    this.#scope.remove(this.#scope.bucket(this.firstBucket), row)
    this.#next++
  }

  /** Whether there are at least so many rows. */
  has(count: number): boolean {
    if (this.first === undefined) return count <= 0
    let found = this.#head.length - this.#next
    if (found >= count) return true
    for (const id of this.#scope.ids()) {
      if (id === this.#headOf) continue
      found += this.#scope.keys(this.#scope.bucket(id)).length
      if (found >= count) return true
    }
    return false
  }
}

function placeOf(rows: readonly string[], row: string, from: number): number {
  let low = from
  let high = rows.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (compareKeys(rows[middle] as string, row) < 0) low = middle + 1
    else high = middle
  }
  return low
}
