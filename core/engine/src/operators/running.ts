/**
 * A table of running aggregates: for each key over all its records so far, or over the rows that its group has now. Gives each change
 * as `[old, new]`. A group that has lost its last row is gone.
 *
 * Members of aggregates that count different things are kept one by one, each with how many rows have it, so that a count of
 * millions changes by a few bytes.
 */
import {
  type Aggregate,
  type ByteReader,
  type ByteWriter,
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
import { memberName } from "./member-name.ts"

type Plan = Extract<OperatorPlan, { kind: "running" }>
type Code = Extract<OperatorCode, { kind: "running" }>
/** All aggregates' slots, then the number of rows. */
type Accumulator = unknown[]

export class RunningOperator implements View {
  readonly #names: readonly string[]
  readonly #aggregates: ReadonlyArray<Aggregate<unknown, unknown>>
  readonly #at: readonly number[]
  /** Where the number of rows is. */
  readonly #rowsAt: number
  readonly #init: () => Accumulator
  readonly #groups: Scope<Accumulator>
  readonly #members: Scope<number>
  readonly #context: StageContext
  readonly #next: Push

  constructor(plan: Plan, code: Code, context: StageContext, next: Push) {
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
    for (const [i, aggregate] of this.#aggregates.entries()) {
      if (aggregate.member === undefined) aggregate.init(template, at[i] as number)
      else template[at[i] as number] = 0
    }
    template[slots] = 0
    const mutable = this.#aggregates.some((aggregate) => aggregate.mutable && aggregate.member === undefined)
    this.#init = mutable ? () => valueFrom(valueBytes(template)) as Accumulator : () => template.slice()
    const codec: StateCodec<Accumulator> = {
      write: (to: ByteWriter, acc: Accumulator) => writeValue(to, acc),
      read: (from: ByteReader) => readValue(from) as Accumulator,
      copy: mutable ? (acc) => valueFrom(valueBytes(acc)) as Accumulator : (acc) => acc.slice(),
    }
    this.#groups = context.state.scope(`${context.plan.service}/${plan.name}`, codec)
    this.#members = context.state.scope(`${context.plan.service}/${plan.name}@members`, countCodec)
    this.#context = context
    this.#next = next
  }

  /** Takes records: each is a row that stays. */
  readonly onRecord: Push = (value, key, time) => {
    const acc = this.#take(key)
    const before = this.#resultOf(key, acc)
    this.#add(acc, key, value, time, false)
    this.#next([before, this.#resultOf(key, acc)], key, Math.max(time, this.#context.watermark))
  }

  /** Takes changes of a table's rows. */
  readonly onChange: Push = (change, key, time) => {
    const [old, now] = change as readonly [unknown, unknown]
    const acc = this.#take(key)
    const before = this.#resultOf(key, acc)
    if (old !== undefined) this.#remove(acc, key, old, time)
    if (now !== undefined) this.#add(acc, key, now, time, true)
    const after = this.#resultOf(key, acc)
    if (after === undefined) this.#groups.remove(this.#groups.bucket(0), key)
    if (before !== undefined || after !== undefined) this.#next([before, after], key, Math.max(time, this.#context.watermark))
  }

  stateOf(key: string): unknown {
    const acc = this.#groups.get(this.#groups.bucket(0), key)?.value
    return acc === undefined ? undefined : this.#resultOf(key, acc)
  }

  *rows(): Iterable<readonly [key: string, value: unknown]> {
    for (const { key, value } of this.#groups.entries(this.#groups.bucket(0))) yield [key, this.#resultOf(key, value)]
  }

  #take(key: string): Accumulator {
    return this.#groups.change(this.#groups.bucket(0), key, this.#init).value as Accumulator
  }

  /** @param goes - whether the value may be taken out again: then it is counted how often each member is there */
  #add(acc: Accumulator, key: string, value: unknown, time: number, goes: boolean): void {
    acc[this.#rowsAt] = (acc[this.#rowsAt] as number) + 1
    for (let i = 0; i < this.#aggregates.length; i++) {
      const aggregate = this.#aggregates[i] as Aggregate<unknown, unknown>
      if (aggregate.member === undefined) aggregate.add(acc, this.#at[i] as number, value, time)
      else this.#count(acc, i, key, aggregate.member(value), 1, goes)
    }
  }

  #remove(acc: Accumulator, key: string, value: unknown, time: number): void {
    acc[this.#rowsAt] = (acc[this.#rowsAt] as number) - 1
    for (let i = 0; i < this.#aggregates.length; i++) {
      const aggregate = this.#aggregates[i] as Aggregate<unknown, unknown>
      if (aggregate.member === undefined) aggregate.remove?.(acc, this.#at[i] as number, value, time)
      else this.#count(acc, i, key, aggregate.member(value), -1, true)
    }
  }

  /** One row more or less has a member. */
  #count(acc: Accumulator, i: number, key: string, member: ReturnType<NonNullable<Aggregate<unknown, unknown>["member"]>>, by: 1 | -1, goes: boolean): void {
    if (member === null || member === undefined) return
    const at = this.#at[i] as number
    const members = this.#members
    const bucket = members.bucket(0)
    const name = rowKey(key, memberName(i, member))
    const had = members.get(bucket, name)?.value ?? 0
    if (had > 0 && !goes) return
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
      result[this.#names[i] as string] = this.#aggregates[i]?.result(acc, this.#at[i] as number)
    }
    return result
  }
}

const countCodec: StateCodec<number> = {
  write: (to: ByteWriter, count: number) => to.f64(count),
  read: (from: ByteReader) => from.f64(),
  copy: (count) => count,
}
