/**
 * The aggregates of a window operator and the array in which one window of one key accumulates them: first the operator's own
 * numbers, then each aggregate's slots. Of numbers alone it is an array of unboxed doubles, and adding allocates nothing.
 *
 * Not here: which window a value belongs to, and when it gives its result.
 */
import { type Aggregate, type ByteReader, type ByteWriter, type WindowingCode, readValue, valueBytes, valueFrom, writeValue } from "@millrace/model"
import type { StateCodec } from "../state.ts"
import { aggregateFault } from "./aggregate-fault.ts"

export type Accumulator = unknown[]

export class Accumulation {
  readonly #operator: string
  readonly #names: readonly string[]
  readonly #aggregates: ReadonlyArray<Aggregate<unknown, unknown>>
  /** Where each aggregate's slots begin. */
  readonly #at: readonly number[]
  /** Whether accumulators hold objects that change in place. */
  readonly #mutable: boolean
  /** An accumulator of nothing. */
  readonly init: () => Accumulator
  readonly copy: (acc: Accumulator) => Accumulator
  readonly codec: StateCodec<Accumulator>

  /** @param own - the operator's own numbers in front, as they are at first */
  constructor(operator: string, aggregates: WindowingCode["aggregates"], own: readonly number[]) {
    this.#operator = operator
    this.#names = Object.keys(aggregates)
    this.#aggregates = Object.values(aggregates) as Aggregate<unknown, unknown>[]
    const at: number[] = []
    let slots = own.length
    for (const { slots: more } of this.#aggregates) {
      at.push(slots)
      slots += more
    }
    this.#at = at
    // Begun with fractions: that is what makes the engine keep doubles.
    const template: Accumulator = Array.from({ length: slots }, () => 0.5)
    for (const [i, number] of own.entries()) template[i] = number
    for (let i = 0; i < this.#aggregates.length; i++) this.#aggregates[i]?.init(template, at[i] as number)
    this.#mutable = this.#aggregates.some((aggregate) => aggregate.mutable)
    this.copy = this.#mutable ? (acc) => valueFrom(valueBytes(acc)) as Accumulator : (acc) => acc.slice()
    this.init = () => this.copy(template)
    this.codec = {
      write: (to: ByteWriter, acc: Accumulator) => writeValue(to, acc),
      read: (from: ByteReader) => readValue(from) as Accumulator,
      copy: this.copy,
    }
  }

  add(acc: Accumulator, value: unknown, time: number): void {
    const aggregates = this.#aggregates
    const at = this.#at
    let i = 0
    try {
      for (; i < aggregates.length; i++) (aggregates[i] as Aggregate<unknown, unknown>).add(acc, at[i] as number, value, time)
    } catch (thrown) {
      throw aggregateFault(thrown, this.#operator, this.#names[i])
    }
  }

  /** Folds `later` into `acc`; `later` stays as it is. */
  merge(acc: Accumulator, later: Accumulator): void {
    if (this.#mutable) later = this.copy(later)
    for (let i = 0; i < this.#aggregates.length; i++) this.#aggregates[i]?.merge(acc, this.#at[i] as number, later)
  }

  /** Puts what the aggregates give into a result. */
  complete(result: Record<string, unknown>, acc: Accumulator): Record<string, unknown> {
    for (let i = 0; i < this.#aggregates.length; i++) {
      result[this.#names[i] as string] = this.#aggregates[i]?.result(acc, this.#at[i] as number)
    }
    return result
  }
}
