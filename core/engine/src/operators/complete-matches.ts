/**
 * Complete matches that wait for those that began before them, which may yet skip them. In memory they lie in the order in which they are
 * given; stored, in the order in which they came, in rows that do not change: what is given shows in where the key goes on.
 *
 * M1  A match is given, or skipped, if it begins before `from` or is among `given`; nothing comes later that begins before `from`.
 *
 * Not for: which matches skip others (match.ts), the takes that they consist of (begun.ts).
 */
import { type ByteReader, type ByteWriter, limits } from "@millrace/model"
import { type Scope, type StateCodec, rowKey, rowNumber } from "../state.ts"
import type { Take } from "./take.ts"
import { readVarint, writeVarint } from "./varint.ts"

/** What waits for a key. */
export interface Complete {
  /** By their first records; those of one in the order in which they came. */
  matches: Take[]
  /** Number of the record with which the next one to be given begins at the earliest. */
  from: number
  /** Numbers of the last takes of those that have been given and begin with `from` itself. */
  given: readonly number[]
  /** Those that are in no row yet, as they came. */
  tail: Take[]
  /** In their order: the row's number, and the latest beginning of its matches. */
  rows: readonly (readonly [number: number, latest: number])[]
  /** As stored: last takes of the tail. Undefined: all has been looked up. */
  unlinked: readonly number[] | undefined
}

/** Numbers of the last takes of matches. */
export interface CompleteRow {
  readonly takes: readonly number[]
}

export function noneComplete(): Complete {
  return { matches: [], from: 0, given: [], tail: [], rows: [], unlinked: undefined }
}

/** Whether none waits, nor lies in a row though it has been given. */
export function isNoneComplete({ matches, rows, unlinked = [] }: Complete): boolean {
  return matches.length + unlinked.length + rows.length === 0
}

export function copyComplete(complete: Complete): Complete {
  return { ...complete, matches: complete.matches.slice(), tail: complete.tail.slice() }
}

/** @param takes - number of the key's newest take: seen from it, numbers are small */
export function writeComplete(to: ByteWriter, { from, given, tail, rows }: Complete, takes: number): void {
  writeVarint(to, from)
  writeVarint(to, given.length)
  for (const id of given) writeVarint(to, takes - id)
  writeVarint(to, rows.length)
  for (const [number, latest] of rows) {
    writeVarint(to, number)
    writeVarint(to, latest)
  }
  writeVarint(to, tail.length)
  for (const { id } of tail) writeVarint(to, takes - id)
}

export function readComplete(reader: ByteReader, takes: number): Complete {
  const from = readVarint(reader)
  const given = Array.from({ length: readVarint(reader) }, () => takes - readVarint(reader))
  const rows = Array.from({ length: readVarint(reader) }, () => [readVarint(reader), readVarint(reader)] as const)
  const unlinked = Array.from({ length: readVarint(reader) }, () => takes - readVarint(reader))
  return { ...noneComplete(), from, given, rows, unlinked }
}

export const completeRowCodec: StateCodec<CompleteRow> = {
  write: (to: ByteWriter, { takes }: CompleteRow) => {
    writeVarint(to, takes.length)
    for (const id of takes) writeVarint(to, id)
  },
  read: (from: ByteReader): CompleteRow => ({ takes: Array.from({ length: readVarint(from) }, () => readVarint(from)) }),
  copy: (row) => row,
}

/** A match begins to wait. */
export function wait({ matches, tail }: Complete, match: Take): void {
  tail.push(match)
  let low = 0
  let high = matches.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((matches[middle] as Take).first <= match.first) low = middle + 1
    else high = middle
  }
  matches.splice(low, 0, match)
}

/**
 * The first `count` do not wait any more.
 *
 * @param from - the first record with which one may begin that waits, or comes
 * @param given - those of them that were given, not skipped
 */
export function release(complete: Complete, count: number, from: number, given: readonly Take[]): void {
  complete.matches.splice(0, count)
  complete.tail = complete.tail.filter((match) => match.first >= from && !given.includes(match))
  // One that was never kept is in no row.
  const noted = given.filter(({ first, id }) => first >= from && id > 0).map(({ id }) => id)
  complete.given = from > complete.from ? noted : [...complete.given, ...noted]
  complete.from = from
}

export class CompleteRows {
  readonly #scope: Scope<CompleteRow>

  constructor(scope: Scope<CompleteRow>) {
    this.#scope = scope
  }

  /** Looks up what waits, by its last takes. */
  link(key: string, complete: Complete, byId: ReadonlyMap<number, Take>): void {
    const { unlinked, given, from, rows } = complete
    if (unlinked === undefined) return
    complete.tail = unlinked.map((id) => {
      const take = byId.get(id)
      if (take === undefined) throw new Error(`match: take ${id} is held and not there`)
      return take
    })
    const inRows: Take[] = []
    if (rows.length > 0) {
      const over = new Set(given)
      for (const { value } of this.#scope.group(this.#scope.bucket(0), key)) {
        for (const id of value?.takes ?? []) {
          // What has been given or skipped need not be kept.
          const take = byId.get(id)
          if (take !== undefined && take.first >= from && !over.has(id)) inRows.push(take)
        }
      }
    }
    complete.matches = [...inRows, ...complete.tail].toSorted((a, b) => a.first - b.first)
    complete.unlinked = undefined
  }

  /** Removes rows of which nothing waits, and puts a tail that has grown long into one. All that waits has been kept. */
  settle(key: string, complete: Complete): void {
    const { rows, from, tail } = complete
    if (rows.some(([, latest]) => latest < from)) {
      for (const [number, latest] of rows) if (latest < from) this.#remove(key, number)
      complete.rows = rows.filter(([, latest]) => latest >= from)
    }
    if (tail.length < limits.patternCompleteTailMax) return
    const number = (complete.rows.at(-1)?.[0] ?? -1) + 1
    const takes = tail.map(({ id }) => id)
    this.#scope.change(this.#scope.bucket(0), rowKey(key, rowNumber(number)), () => ({ takes }))
    complete.rows = [...complete.rows, [number, tail.reduce((latest, { first }) => Math.max(latest, first), 0)]]
    complete.tail = []
  }

  /** Nothing waits any more. */
  clear(key: string, { rows }: Complete): void {
    for (const [number] of rows) this.#remove(key, number)
  }

  #remove(key: string, number: number): void {
    this.#scope.remove(this.#scope.bucket(0), rowKey(key, rowNumber(number)))
  }
}
