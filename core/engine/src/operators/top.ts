/**
 * A table of the first `n` records of each key in an order: the row of a key is the list, the first in front. Records of one rank are in
 * the order of their event times, then as they came. Gives each change as `[old, new]`; a record that does not get into the list
 * changes nothing.
 */
import {
  type ByteReader,
  type ByteWriter,
  compareRanks,
  type OperatorCode,
  type OperatorPlan,
  readValue,
  valueBytes,
  valueFrom,
  writeValue,
} from "@millrace/model"
import type { Push, StageContext } from "../context.ts"
import type { Scope, StateCodec } from "../state.ts"
import type { View } from "../view.ts"

interface Entry {
  readonly rank: unknown
  readonly time: number
  readonly bytes: Uint8Array
}

const topCodec: StateCodec<Entry[]> = {
  write: (to: ByteWriter, entries: Entry[]) => {
    to.u32(entries.length)
    for (const { rank, time, bytes } of entries) {
      writeValue(to, rank)
      to.f64(time)
      to.u32(bytes.length)
      to.bytes(bytes)
    }
  },
  read: (from: ByteReader): Entry[] =>
    Array.from({ length: from.u32() }, () => {
      const rank: unknown = readValue(from)
      const time = from.f64()
      return { rank, time, bytes: from.bytes(from.u32()).slice() }
    }),
  copy: (entries) => entries.slice(),
}

export class TopOperator implements View {
  readonly #plan: Extract<OperatorPlan, { kind: "top" }>
  readonly #by: (value: unknown) => unknown
  readonly #context: StageContext
  readonly #next: Push
  readonly #tops: Scope<Entry[]>

  constructor(
    plan: Extract<OperatorPlan, { kind: "top" }>,
    code: Extract<OperatorCode, { kind: "top" }>,
    context: StageContext,
    next: Push,
  ) {
    this.#plan = plan
    this.#by = code.by as (value: unknown) => unknown
    this.#context = context
    this.#next = next
    this.#tops = context.state.scope(`${context.plan.service}/${plan.name}`, topCodec)
  }

  push: Push = (value, key, time) => {
    const rank = this.#by(value)
    const bucket = this.#tops.bucket(0)
    const before = this.#tops.get(bucket, key)?.value
    const place = before === undefined ? 0 : this.#placeOf(before, rank, time)
    if (place >= this.#plan.n) return
    // Also refuses a first value that nothing could be compared with.
    if (before === undefined) compareRanks(rank, rank, `operator "${this.#plan.name}", by`)
    const old = before === undefined ? undefined : values(before)
    const entries = this.#tops.change(bucket, key, () => []).value as Entry[]
    entries.splice(place, 0, { rank, time, bytes: valueBytes(value) })
    if (entries.length > this.#plan.n) entries.pop()
    this.#next([old, values(entries)], key, Math.max(time, this.#context.watermark))
  }

  stateOf(key: string): unknown {
    const entries = this.#tops.get(this.#tops.bucket(0), key)?.value
    return entries === undefined ? undefined : values(entries)
  }

  *rows(after?: string): Iterable<readonly [key: string, value: unknown]> {
    for (const { key, value } of this.#tops.entries(this.#tops.bucket(0), after)) yield [key, values(value)]
  }

  /** Behind all that come before it or are its equals. */
  #placeOf(entries: readonly Entry[], rank: unknown, time: number): number {
    const { name, order } = this.#plan
    const where = `operator "${name}", by`
    let place = entries.length
    for (; place > 0; place--) {
      const other = entries[place - 1] as Entry
      const compared = compareRanks(rank, other.rank, where)
      const behind = order === "descending" ? -compared : compared
      if (behind > 0 || (behind === 0 && time >= other.time)) break
    }
    return place
  }
}

function values(entries: readonly Entry[]): unknown[] {
  return entries.map(({ bytes }) => valueFrom(bytes))
}
