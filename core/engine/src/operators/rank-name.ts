/**
 * Names of rows that lie in the order of their ranks, so that the first of them are the first rows of a key.
 *
 * A name says only so much: long texts and lists are cut, and of bigints beyond 2^53 the last digits are lost. Then rows of different
 * ranks may share a name, which says so (`exact: false`) to whoever wants the exact order. What is never so: a row of a lower
 * name with a higher rank. No name is the beginning of another.
 */
import { kindOf, noOrder } from "@millrace/model"

export interface RankName {
  readonly text: string
  /** Whether all ranks of this name are equal. */
  readonly exact: boolean
}

/** Which way names go; `extreme` has NaN first either way, because it is the least and the greatest of all that it is among. */
export interface RankOrder {
  readonly descending: boolean
  readonly nanFirst: boolean
}

/** Units of a text that are looked at. */
const unitsMost = 16
/** Longest name; two keys and a name must fit a key of the store. */
const lengthMost = 64

/** @throws MR1201 for what has no order */
export function rankName(rank: unknown, order: RankOrder, where: string): RankName {
  const name = nameOf(rank, order, where)
  return name.text.length <= lengthMost ? name : { text: name.text.slice(0, lengthMost), exact: false }
}

/** A rank that whoever gave it cannot change any more. */
export function ownRank(rank: unknown): unknown {
  if (rank instanceof Date) return new Date(rank.getTime())
  return Array.isArray(rank) ? rank.map(ownRank) : rank
}

function nameOf(rank: unknown, order: RankOrder, where: string): RankName {
  if (typeof rank === "number") return numberName(rank, order)
  if (typeof rank === "string") return textName(rank, order)
  if (typeof rank === "bigint") return numberName(Number(rank), order)
  if (typeof rank === "boolean") return { text: digits(rank ? 1 : 0, 1, order.descending), exact: true }
  if (rank instanceof Date) return numberName(rank.getTime(), order)
  if (Array.isArray(rank)) return listName(rank, order, where)
  throw noOrder(where, kindOf(rank), kindOf(rank))
}

const bits = new DataView(new ArrayBuffer(8))

function numberName(number: number, { descending, nanFirst }: RankOrder): RankName {
  if (number !== number) return { text: nanFirst || !descending ? "0" : "2", exact: true }
  // Zero has one name, whatever its sign.
  bits.setFloat64(0, number + 0)
  const high = bits.getUint32(0)
  const low = bits.getUint32(4)
  const negative = high >= 0x80000000
  const text =
    digits(negative ? ~high >>> 0 : high + 0x80000000, 6, descending) + digits(negative ? ~low >>> 0 : low, 6, descending)
  return { text: `1${text}`, exact: number >= -Number.MAX_SAFE_INTEGER && number <= Number.MAX_SAFE_INTEGER }
}

function textName(value: string, { descending }: RankOrder): RankName {
  const exact = value.length <= unitsMost
  let text = ""
  // One more than the unit: the end of a text, 0, comes before any unit.
  for (let i = 0; i < value.length && i < unitsMost; i++) text += digits(value.charCodeAt(i) + 1, 3, descending)
  return { text: text + digits(exact ? 0 : 0x20000, 3, descending), exact }
}

function listName(list: readonly unknown[], order: RankOrder, where: string): RankName {
  let text = ""
  for (const item of list) {
    const name = nameOf(item, order, where)
    text += digits(1, 1, order.descending) + name.text
    // What comes after something that was cut would be compared too early.
    if (!name.exact || text.length > lengthMost) return { text, exact: false }
  }
  return { text: text + digits(0, 1, order.descending), exact: true }
}

/** A whole number as so many characters of 6 bits, in its order or against it. */
function digits(number: number, length: number, descending: boolean): string {
  let text = ""
  let rest = number
  for (let i = 0; i < length; i++) {
    const digit = rest % 64
    text = String.fromCharCode(48 + (descending ? 63 - digit : digit)) + text
    rest = (rest - digit) / 64
  }
  return text
}
