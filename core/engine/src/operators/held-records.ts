/**
 * Records that matches in the making hold, decoded once for all the conditions that look at them. A cache: what it has forgotten is decoded
 * again. Not for what is handed on: whoever gets that may change it.
 */
import { limits } from "@millrace/model"
import { valueOf } from "./record-page.ts"
import { type HeldRecord, type Take, encodedOf } from "./take.ts"

/** What a place in a list counts as, in bytes. */
const placeBytes = 8

export class HeldRecords {
  readonly #records: HeldRecord[] = []
  readonly #takes: Take[] = []
  /** Of what was decoded and listed since all was forgotten. */
  #bytes = 0

  valueOf(record: HeldRecord): unknown {
    if (record.isDecoded) return record.value
    const value = valueOf(encodedOf(record))
    this.keep(record, value)
    return value
  }

  /** What its stage has taken up to a take. To be read only; it may become longer. */
  listOf(take: Take): readonly unknown[] {
    const { list: own, before, count } = take
    if (own !== undefined && own.length === count) return own
    let list: unknown[]
    if (own !== undefined) list = own.slice(0, count)
    else if (count > 1 && before?.list !== undefined && before.list.length >= count - 1) {
      // The list of what it follows goes on here, unless it has gone on elsewhere.
      const { list: shared } = before
      list = shared.length === count - 1 ? shared : shared.slice(0, count - 1)
      list.push(this.valueOf(take.record))
    } else {
      list = Array.from({ length: count })
      let each: Take | undefined = take
      for (let i = count - 1; i >= 0 && each !== undefined; i--, each = each.before) list[i] = this.valueOf(each.record)
    }
    take.list = list
    this.#takes.push(take)
    this.#count((list === before?.list ? 1 : count) * placeBytes)
    return list
  }

  /** Takes a value as that of a record: nobody else has it, or changes it. */
  keep(record: HeldRecord, value: unknown): void {
    record.value = value
    record.isDecoded = true
    this.#records.push(record)
    this.#count(record.size)
  }

  #count(bytes: number): void {
    this.#bytes += bytes
    if (this.#bytes <= limits.patternDecodedBytesMax) return
    for (const record of this.#records.splice(0)) {
      record.value = undefined
      record.isDecoded = false
    }
    for (const take of this.#takes.splice(0)) take.list = undefined
    this.#bytes = 0
  }
}
