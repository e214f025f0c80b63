/**
 * A table of running aggregates: for each key over all its records so far, or over the rows that its group has now. Gives each change
 * as `[old, new]`. A group that has lost its last row is gone.
 *
 * Members of aggregates that count different things are kept one by one, so that a count of millions changes by a few bytes: over records,
 * which stay, each with the aggregates that have counted it; over rows that may go, for each aggregate with how many have it. So are the values of aggregates that keep values: when the greatest goes, the next
 * one is known.
 */
import {
  type Aggregate,
  type ByteReader,
  type ByteWriter,
  compareRanks,
  limits,
  MillraceError,
  type OperatorCode,
  type OperatorPlan,
  readValue,
  valueBytes,
  valueFrom,
  writeValue,
} from "@millrace/model"
import type { Push, StageContext } from "../context.ts"
import { type Scope, type StateCodec, rowKey } from "../state.ts"
import type { View } from "../view.ts"
import { aggregateFault } from "./aggregate-fault.ts"
import { memberName } from "./member-name.ts"
import { type RankedRow, rankedRowCodec, RankedRows } from "./ranked-rows.ts"
import type { Regrouped } from "./regroup.ts"

type Plan = Extract<OperatorPlan, { kind: "running" }>
type Code = Extract<OperatorCode, { kind: "running" }>
/** All aggregates' slots, then the number of rows. */
type Accumulator = unknown[]
/** How many aggregates share the cell of a member: as many bits as stay a small whole number. */
const bitsPerWord = 30

const zero = (): number => 0

/** A member of the record in hand, and the aggregates that count it. */
interface Met {
  readonly member: Exclude<Member, null | undefined>
  readonly word: number
  bits: number
}

type Member = ReturnType<NonNullable<Aggregate<unknown, unknown>["member"]>>

export class RunningOperator implements View {
  readonly #names: readonly string[]
  readonly #name: string
  readonly #aggregates: ReadonlyArray<Aggregate<unknown, unknown>>
  readonly #at: readonly number[]
  /** Where the number of rows is. */
  readonly #rowsAt: number
  readonly #init: () => Accumulator
  readonly #groups: Scope<Accumulator>
  /** Over records: the aggregates that have a member, as bits. Over rows: of one aggregate, how many rows have it. */
  readonly #members: Scope<number>
  /** Indexes of the aggregates whose members are kept. */
  readonly #counting: readonly number[]
  /** The members of the record in hand, each once for all aggregates of one number of bits. */
  readonly #met: Met[] = []
  /** Of aggregates that keep values, where rows may go. */
  readonly #kept: ReadonlyArray<KeptRows | undefined>
  readonly #context: StageContext
  readonly #next: Push

  constructor(plan: Plan, code: Code, context: StageContext, next: Push) {
    this.#name = plan.name
    this.#names = Object.keys(code.aggregates)
    this.#aggregates = Object.values(code.aggregates) as Aggregate<unknown, unknown>[]
    const at: number[] = []
    let slots = 0
    for (const { slots: more } of this.#aggregates) {
      at.push(slots)
      slots += more
    }
    this.#at = at
    this.#rowsAt = slots
    const template: Accumulator = Array.from({ length: slots + 1 }, () => 0.5)
    const rows = context.state.rows(`${context.plan.service}/${plan.name}@rows`, rankedRowCodec)
    this.#kept = this.#aggregates.map((aggregate, i) =>
      aggregate.rows === undefined || plan.input === "records"
        ? undefined
        : keptRows(aggregate.rows, rows, i, `operator "${plan.name}", ${this.#names[i] as string}`),
    )
    const counts = (i: number): boolean => this.#aggregates[i]?.member !== undefined || this.#kept[i]?.give === "all"
    for (const [i, aggregate] of this.#aggregates.entries()) {
      if (counts(i)) template[at[i] as number] = 0
      else aggregate.init(template, at[i] as number)
    }
    template[slots] = 0
    const mutable = this.#aggregates.some((aggregate, i) => aggregate.mutable && !counts(i))
    this.#init = mutable ? () => valueFrom(valueBytes(template)) as Accumulator : () => template.slice()
    const codec: StateCodec<Accumulator> = {
      write: (to: ByteWriter, acc: Accumulator) => writeValue(to, acc),
      read: (from: ByteReader) => readValue(from) as Accumulator,
      copy: mutable ? (acc) => valueFrom(valueBytes(acc)) as Accumulator : (acc) => acc.slice(),
    }
    this.#groups = context.state.scope(`${context.plan.service}/${plan.name}`, codec)
    this.#members = context.state.scope(`${context.plan.service}/${plan.name}@members`, countCodec)
    this.#counting = this.#aggregates.flatMap(({ member }, i) => (member === undefined ? [] : [i]))
    this.#context = context
    this.#next = next
  }

  /** Takes records: each is a row that stays. */
  readonly onRecord: Push = (value, key, time) => {
    const acc = this.#take(key)
    const before = this.#resultOf(key, acc)
    if (this.#counting.length > 0) this.#meet(acc, key, value)
    this.#add(acc, key, value, time, undefined)
    this.#next([before, this.#resultOf(key, acc)], key, Math.max(time, this.#context.watermark))
  }

  /** Takes changes of a table's rows. */
  readonly onChange: Push = (change, key, time) => {
    const [old, now, row] = change as Regrouped
    const acc = this.#take(key)
    const before = this.#resultOf(key, acc)
    if (old !== undefined) this.#remove(acc, key, old, time, row)
    if (now !== undefined) this.#add(acc, key, now, time, row)
    const after = this.#resultOf(key, acc)
    if (after === undefined) this.#groups.remove(this.#groups.bucket(0), key)
    if (before !== undefined || after !== undefined) this.#next([before, after], key, Math.max(time, this.#context.watermark))
  }

  stateOf(key: string): unknown {
    const acc = this.#groups.get(this.#groups.bucket(0), key)?.value
    return acc === undefined ? undefined : this.#resultOf(key, acc)
  }

  *rows(after?: string): Iterable<readonly [key: string, value: unknown]> {
    for (const { key, value } of this.#groups.entries(this.#groups.bucket(0), after)) yield [key, this.#resultOf(key, value)]
  }

  #take(key: string): Accumulator {
    return this.#groups.change(this.#groups.bucket(0), key, this.#init).value as Accumulator
  }

  /** @param row - the key of a row that may go again; undefined: a record, which stays */
  #add(acc: Accumulator, key: string, value: unknown, time: number, row: string | undefined): void {
    acc[this.#rowsAt] = (acc[this.#rowsAt] as number) + 1
    for (let i = 0; i < this.#aggregates.length; i++) {
      const aggregate = this.#aggregates[i] as Aggregate<unknown, unknown>
      if (aggregate.member !== undefined) {
        if (row !== undefined) this.#count(acc, i, key, aggregate.member(value), 1)
      } else if (row !== undefined && this.#kept[i] !== undefined) this.#keep(acc, i, key, value, row)
      else this.#addTo(acc, i, value, time)
    }
  }

  #addTo(acc: Accumulator, i: number, value: unknown, time: number): void {
    try {
      this.#aggregates[i]?.add(acc, this.#at[i] as number, value, time)
    } catch (thrown) {
      throw aggregateFault(thrown, this.#name, this.#names[i])
    }
  }

  #remove(acc: Accumulator, key: string, value: unknown, time: number, row: string): void {
    acc[this.#rowsAt] = (acc[this.#rowsAt] as number) - 1
    for (let i = 0; i < this.#aggregates.length; i++) {
      const aggregate = this.#aggregates[i] as Aggregate<unknown, unknown>
      if (aggregate.member !== undefined) this.#count(acc, i, key, aggregate.member(value), -1)
      else if (this.#kept[i] !== undefined) this.#letGo(acc, i, key, value, row)
      else aggregate.remove?.(acc, this.#at[i] as number, value, time)
    }
  }

  /** A row's value comes to those of an aggregate that keeps them. */
  #keep(acc: Accumulator, i: number, key: string, value: unknown, row: string): void {
    const { of, give, rows, where } = this.#kept[i] as KeptRows
    const at = this.#at[i] as number
    const given = of(value)
    if (given === null || given === undefined) return
    if (give === "all") {
      if ((acc[at] as number) >= limits.collectItemsMax) throw full(where)
      acc[at] = (acc[at] as number) + 1
      rows.add(key, row, 0, valueBytes(given))
      return
    }
    rows.add(key, row, given, nothing)
    const best = acc[at]
    if (best === null || beats(given, best, give, where)) acc[at] = given
  }

  #letGo(acc: Accumulator, i: number, key: string, value: unknown, row: string): void {
    const { of, give, rows, where } = this.#kept[i] as KeptRows
    const at = this.#at[i] as number
    const given = of(value)
    if (given === null || given === undefined) return
    const gone = rows.remove(key, row, give === "all" ? 0 : given)
    if (give === "all") acc[at] = (acc[at] as number) - (gone ? 1 : 0)
    else if (gone && compareRanks(given, acc[at], where) === 0) acc[at] = rows.first(key, 1)[0]?.rank ?? null
  }

  /** Counts the members of a record that none like it has had before. */
  #meet(acc: Accumulator, key: string, value: unknown): void {
    const counting = this.#counting
    const met = this.#met
    met.length = 0
    for (let n = 0; n < counting.length; n++) {
      const member = (this.#aggregates[counting[n] as number] as Aggregate<unknown, unknown>).member?.(value)
      if (member === null || member === undefined) continue
      const word = Math.floor(n / bitsPerWord)
      const bit = 1 << (n % bitsPerWord)
      let at = 0
      while (at < met.length && !(met[at]?.member === member && met[at]?.word === word)) at++
      if (at === met.length) met.push({ member, word, bits: bit })
      else (met[at] as Met).bits |= bit
    }
    const members = this.#members
    const bucket = members.bucket(0)
    for (const { member, word, bits } of met) {
      const name = rowKey(key, memberName(word, member))
      const had = members.get(bucket, name)?.value ?? 0
      const fresh = bits & ~had
      if (fresh === 0) continue
      members.change(bucket, name, zero).value = had | fresh
      for (let left = fresh; left !== 0; left &= left - 1) {
        const at = this.#at[counting[word * bitsPerWord + 31 - Math.clz32(left & -left)] as number] as number
        acc[at] = (acc[at] as number) + 1
      }
    }
  }

  /** One row more or less has a member. */
  #count(acc: Accumulator, i: number, key: string, member: Member, by: 1 | -1): void {
    if (member === null || member === undefined) return
    const at = this.#at[i] as number
    const members = this.#members
    const bucket = members.bucket(0)
    const name = rowKey(key, memberName(i, member))
    const had = members.get(bucket, name)?.value ?? 0
    const has = had + by
    if (had === 0) acc[at] = (acc[at] as number) + 1
    if (has > 0) members.change(bucket, name, () => has).value = has
    else {
      members.remove(bucket, name)
      acc[at] = (acc[at] as number) - 1
    }
  }

  /** Undefined: the group has no rows. */
  #resultOf(key: string, acc: Accumulator): Record<string, unknown> | undefined {
    if (acc[this.#rowsAt] === 0) return undefined
    const result: Record<string, unknown> = { key }
    for (let i = 0; i < this.#aggregates.length; i++) {
      const kept = this.#kept[i]
      result[this.#names[i] as string] =
        kept?.give === "all"
          ? kept.rows.first(key, acc[this.#at[i] as number] as number).map(({ bytes }) => valueFrom(bytes))
          : this.#aggregates[i]?.result(acc, this.#at[i] as number)
    }
    return result
  }
}

/** The values that an aggregate keeps of a group's rows. */
interface KeptRows {
  readonly of: (value: unknown) => unknown
  readonly give: "least" | "greatest" | "all"
  readonly rows: RankedRows
  readonly where: string
}

function keptRows(kept: NonNullable<Aggregate<unknown, unknown>["rows"]>, scope: Scope<RankedRow>, i: number, where: string): KeptRows {
  const { of, give } = kept
  const prefix = i.toString(36).padStart(3, "0")
  return { of, give, rows: new RankedRows(scope, prefix, { descending: give === "greatest", nanFirst: true }, where), where }
}

/** NaN and invalid dates beat all others, as in `min` and `max` over records. */
function beats(given: unknown, best: unknown, give: "least" | "greatest", where: string): boolean {
  if (Number.isNaN(Number(best)) && typeof best !== "string") return false
  if (Number.isNaN(Number(given)) && typeof given !== "string") return true
  const order = compareRanks(given, best, where)
  return give === "least" ? order < 0 : order > 0
}

function full(where: string): MillraceError {
  return new MillraceError(
    "MR1205",
    `${where}: holds the values of ${limits.collectItemsMax} rows of one group and takes no more. Make the groups finer.`,
    { most: limits.collectItemsMax },
  )
}

const nothing = new Uint8Array(0)

const countCodec: StateCodec<number> = {
  write: (to: ByteWriter, count: number) => to.f64(count),
  read: (from: ByteReader) => from.f64(),
  copy: (count) => count,
}
