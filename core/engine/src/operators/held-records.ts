/**
 * Records that matches in the making hold, decoded once for all the conditions that look at them. A cache: what it has forgotten is decoded
 * again. Not for what is handed on: whoever gets that may change it.
 */
import { limits, valueFrom } from "@millrace/model"

export class HeldRecords {
  readonly #bytesOf: (key: string, number: number) => Uint8Array
  readonly #byKey: Map<string, Map<number, unknown>> = new Map()
  /** Lists of records by the numbers that name them: most conditions of a record ask for the same ones. */
  #lists: WeakMap<readonly number[], readonly unknown[]> = new WeakMap()
  /** Of what was decoded since all was forgotten. */
  #bytes = 0

  /** @param bytesOf - a key's record by its number, as it is kept */
  constructor(bytesOf: (key: string, number: number) => Uint8Array) {
    this.#bytesOf = bytesOf
  }

  /** The records of these numbers. The list of numbers must not change any more, and belong to this key. */
  listOf(key: string, numbers: readonly number[]): readonly unknown[] {
    if (numbers.length === 0) return []
    const known = this.#lists.get(numbers)
    if (known !== undefined) return known
    const list = numbers.map((number) => this.#recordOf(key, number))
    this.#lists.set(numbers, list)
    return list
  }

  /** Nothing of a key is held any more: its numbers begin anew. */
  forget(key: string): void {
    this.#byKey.delete(key)
  }

  forgetAll(): void {
    this.#byKey.clear()
    this.#lists = new WeakMap()
    this.#bytes = 0
  }

  #recordOf(key: string, number: number): unknown {
    const known = this.#byKey.get(key)?.get(number)
    if (known !== undefined) return known
    const bytes = this.#bytesOf(key, number)
    if (this.#bytes + bytes.length > limits.patternDecodedBytesMax) this.forgetAll()
    const record = valueFrom(bytes)
    this.#bytes += bytes.length
    const records = this.#byKey.get(key) ?? new Map<number, unknown>()
    this.#byKey.set(key, records)
    records.set(number, record)
    return record
  }
}
