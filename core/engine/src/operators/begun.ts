/**
 * What has begun for a key and is not complete. The newest takes lie in the key's own cell; older ones in rows that are written once and
 * then only thinned out, so that what an event writes does not grow with what has begun.
 *
 * B1  Partials are in the order of their first records; so are the times at which they are out of time.
 * B2  What a partial or a waiting match consists of is kept; no more than twice as many records as that, once there are sixteen.
 * B3  A cell of an older layout is not read as one of this.
 */
import { type ByteReader, type ByteWriter, limits } from "@millrace/model"
import { type Scope, type StateCodec, rowKey, rowNumber } from "../state.ts"
import { type Complete, type CompleteRows, copyComplete, isNoneComplete, readComplete, writeComplete } from "./complete-matches.ts"
import { type HeldRecord, type Partial, type StoredTake, Take, readTakes, recordsOf, waitings, writeTakes } from "./take.ts"
import { readVarint, writeVarint } from "./varint.ts"

export interface Begun {
  /** Number of the next record. */
  next: number
  /** Number of the newest take. */
  takes: number
  /** When the key is looked at for what is out of time; Infinity: it is not. */
  endsAt: number
  partials: readonly Partial[]
  /** Undefined: none waits, as with most keys. */
  complete: Complete | undefined
  /** The newest takes, which are in no row yet. */
  tail: StoredTake[]
  tailRecords: number
  /** About what it takes as stored. */
  tailBytes: number
  /** Records that are kept, those in rows among them. */
  records: number
  /** With so many, those that nothing holds are looked for. */
  lookAt: number
  rows: number
  /** Number of the last record of the first row. */
  firstRowTo: number
  /** Partials as stored: the rows have not been looked at yet. */
  unlinked: readonly (readonly [id: number, waits: Partial["waits"]])[] | undefined
}

/** Takes of one row. */
export interface TakeRow {
  takes: readonly StoredTake[]
}

/** What a take is stored in, about. */
const takeBytes = 4

/** Before it, a cell began with the tag of a list. */
const layout = 0xb3

export const begunCodec: StateCodec<Begun> = {
  write: (to: ByteWriter, begun: Begun) => {
    const { takes, unlinked } = begun
    if (unlinked !== undefined) throw new Error("match: what has begun was changed before its rows were looked at")
    to.u8(layout)
    writeVarint(to, begun.next)
    writeVarint(to, takes)
    to.f64(begun.endsAt)
    writeVarint(to, begun.records)
    writeVarint(to, begun.lookAt)
    writeVarint(to, begun.rows)
    if (begun.rows > 0) writeVarint(to, begun.firstRowTo)
    writeVarint(to, begun.partials.length)
    // Seen from the newest take numbers are small.
    for (const { take, waits } of begun.partials) writeVarint(to, (takes - take.id) * waitings.length + waitings.indexOf(waits))
    to.u8(begun.complete === undefined ? 0 : 1)
    if (begun.complete !== undefined) writeComplete(to, begun.complete, takes)
    writeTakes(to, begun.tail)
  },
  read: (from: ByteReader): Begun => {
    if (from.u8() !== layout) throw new Error("match: what has begun is stored in a layout that this version does not know")
    const next = readVarint(from)
    const takes = readVarint(from)
    const endsAt = from.f64()
    const records = readVarint(from)
    const lookAt = readVarint(from)
    const rows = readVarint(from)
    const firstRowTo = rows > 0 ? readVarint(from) : 0
    const partials = Array.from({ length: readVarint(from) }, () => {
      const both = readVarint(from)
      const waits = waitings[both % waitings.length] as Partial["waits"]
      return [takes - Math.floor(both / waitings.length), waits] as const
    })
    const complete = from.u8() === 0 ? undefined : readComplete(from, takes)
    const begun = { ...nothing(), next, takes, endsAt, complete, records, lookAt, rows, firstRowTo, unlinked: partials }
    setTail(begun, readTakes(from))
    return begun
  },
  copy: (begun) => ({ ...begun, complete: begun.complete === undefined ? undefined : copyComplete(begun.complete), tail: begun.tail.slice() }),
}

export const takeRowCodec: StateCodec<TakeRow> = {
  write: (to: ByteWriter, { takes }: TakeRow) => writeTakes(to, takes),
  read: (from: ByteReader): TakeRow => ({ takes: readTakes(from) }),
  copy: (row) => ({ ...row }),
}

export function nothing(): Begun {
  return {
    next: 0,
    takes: 0,
    endsAt: Number.POSITIVE_INFINITY,
    partials: [],
    complete: undefined,
    tail: [],
    tailRecords: 0,
    tailBytes: 0,
    records: 0,
    lookAt: limits.patternTailRecordsMax,
    rows: 0,
    firstRowTo: 0,
    unlinked: undefined,
  }
}

/** Number of the first record with which a match in the making begins; Infinity: none does. */
export function firstBegun({ partials }: Begun): number {
  return partials[0]?.take.first ?? Number.POSITIVE_INFINITY
}

/** The rows of keys that have more takes than their cell holds. */
export class TakeRows {
  readonly #scope: Scope<TakeRow>
  readonly #complete: CompleteRows

  constructor(scope: Scope<TakeRow>, complete: CompleteRows) {
    this.#scope = scope
    this.#complete = complete
  }

  /** Makes of what was read what it was when it was written. */
  link(key: string, begun: Begun): void {
    const { unlinked } = begun
    if (unlinked === undefined) return
    const byId = new Map<number, Take>()
    if (begun.rows > 0) for (const { value } of this.#cellsOf(key)) if (value !== undefined) value.takes = linked(value.takes, byId)
    begun.tail = linked(begun.tail, byId)
    begun.partials = unlinked.map(([id, waits]) => {
      const take = byId.get(id)
      if (take === undefined) throw new Error(`match: take ${id} is held and not there`)
      return { take, waits }
    })
    if (begun.complete !== undefined) this.#complete.link(key, begun.complete, byId)
    begun.unlinked = undefined
  }

  /** Keeps the takes of a new record that partials and matches that wait end with. Whether there are any. */
  add(begun: Begun, record: HeldRecord): boolean {
    const before = begun.takes
    for (const { take } of begun.partials) if (take.id === 0) keep(begun, take)
    // A match that has come to wait is in the tail.
    if (begun.complete !== undefined) for (const take of begun.complete.tail) if (take.id === 0) keep(begun, take)
    if (begun.takes === before) return false
    begun.records++
    begun.tailRecords++
    begun.tailBytes += record.size
    return true
  }

  /** Lets go of what nothing holds, and of the tail to a row. */
  settle(key: string, begun: Begun): void {
    const { complete } = begun
    if (complete !== undefined) {
      this.#complete.settle(key, complete)
      if (isNoneComplete(complete)) begun.complete = undefined
    }
    this.#dropBefore(key, begun, Math.min(firstBegun(begun), complete?.matches[0]?.first ?? Number.POSITIVE_INFINITY))
    if (begun.records >= begun.lookAt) this.#look(key, begun)
    if (begun.tailRecords < limits.patternTailRecordsMax && begun.tailBytes < limits.patternTailBytesMax) return
    const { tail } = begun
    const [first] = tail
    if (first === undefined) return
    this.#scope.change(this.#scope.bucket(0), rowKey(key, rowNumber(first.id)), () => ({ takes: tail }))
    if (begun.rows++ === 0) begun.firstRowTo = lastNumber(tail)
    setTail(begun, [])
  }

  /** Nothing has begun any more. */
  clear(key: string, { rows, complete }: Begun): void {
    if (complete !== undefined) this.#complete.clear(key, complete)
    if (rows === 0) return
    for (const { key: name } of this.#cellsOf(key).slice()) this.#scope.remove(this.#scope.bucket(0), name)
  }

  #cellsOf(key: string): ReturnType<Scope<TakeRow>["group"]> {
    return this.#scope.group(this.#scope.bucket(0), key)
  }

  /** Lets go of what is before the first record that anything holds: no search, and mostly all that there is. */
  #dropBefore(key: string, begun: Begun, first: number): void {
    while (begun.rows > 0 && begun.firstRowTo < first) {
      const [oldest, second] = this.#cellsOf(key)
      if (oldest?.value === undefined) throw new Error("match: a row of takes is not there")
      begun.records -= recordsOf(oldest.value.takes)
      if (second?.value !== undefined) begun.firstRowTo = lastNumber(second.value.takes)
      this.#scope.remove(this.#scope.bucket(0), oldest.key)
      begun.rows--
    }
    const { tail } = begun
    if (begun.rows > 0 || tail.length === 0 || (tail[0] as StoredTake).record.number >= first) return
    let from = 1
    while (from < tail.length && (tail[from] as StoredTake).record.number < first) from++
    const before = begun.tailRecords
    setTail(begun, tail.slice(from))
    begun.records += begun.tailRecords - before
  }

  /** Lets go of all records that nothing holds. */
  #look(key: string, begun: Begun): void {
    const held = new Set<number>()
    const hold = (last: Take): void => {
      for (let take: Take | undefined = last; take !== undefined && !held.has(take.id); take = take.before) held.add(take.id)
    }
    for (const { take } of begun.partials) hold(take)
    for (const take of begun.complete?.matches ?? []) hold(take)
    const isHeld = ({ id }: StoredTake): boolean => held.has(id)
    begun.rows = 0
    begun.records = 0
    for (const { key: name, value } of this.#cellsOf(key).slice()) {
      if (value === undefined) continue
      const left = value.takes.filter(isHeld)
      const records = recordsOf(left)
      if (records === 0) {
        this.#scope.remove(this.#scope.bucket(0), name)
        continue
      }
      // A take that nothing holds costs a few bytes, its record many: a row that loses none stays as it is.
      if (records < recordsOf(value.takes)) {
        const row = this.#scope.change(this.#scope.bucket(0), name, () => ({ takes: left })).value as TakeRow
        row.takes = left
      }
      if (begun.rows++ === 0) begun.firstRowTo = lastNumber(value.takes)
      begun.records += records
    }
    setTail(begun, begun.tail.filter(isHeld))
    begun.records += begun.tailRecords
    begun.lookAt = Math.max(limits.patternTailRecordsMax, 2 * begun.records)
  }
}

function keep(begun: Begun, take: Take): void {
  take.id = ++begun.takes
  begun.tail.push(take)
  begun.tailBytes += takeBytes
}

function setTail(begun: Begun, tail: StoredTake[]): void {
  begun.tail = tail
  begun.tailRecords = 0
  begun.tailBytes = tail.length * takeBytes
  let last: HeldRecord | undefined
  for (const { record } of tail) {
    if (record === last) continue
    last = record
    begun.tailRecords++
    begun.tailBytes += record.size
  }
}

/** Takes as they were before they were stored. Those whose beginning is not kept stay as they are: nothing holds them. */
function linked(stored: readonly StoredTake[], byId: Map<number, Take>): StoredTake[] {
  return stored.map((each) => {
    let take = each
    if (!(take instanceof Take)) {
      const before = byId.get(each.after)
      if (before === undefined && each.after !== 0) return each
      take = new Take(each.stage, each.record, before, each.since)
      take.id = each.id
    }
    byId.set(take.id, take as Take)
    return take
  })
}

function lastNumber(takes: readonly StoredTake[]): number {
  return takes.at(-1)?.record.number ?? 0
}
