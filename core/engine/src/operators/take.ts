/**
 * Records that the stages of a pattern have taken, each with what was taken before it: a match in the making is named by its last take,
 * and matches that begin alike share what they have in common. After the shared buffer of Agrawal et al., "Efficient Pattern Matching
 * over Event Streams" (SIGMOD 2008), with a take of its own for each way to a record instead of versions.
 *
 * K1  A take does not change once it is made, but for the number it is given when it is kept and for what it caches.
 * K2  What a take follows was made, and numbered, before it.
 *
 * Not for: which takes are still needed (begun.ts), decoded values (held-records.ts).
 */
import type { ByteReader, ByteWriter } from "@millrace/model"
import { type PagedRecord, RecordPage } from "./record-page.ts"
import { readVarint, writeVarint } from "./varint.ts"

/** A record of a key. Its value is decoded and forgotten again by {@link HeldRecords}. */
export class HeldRecord {
  /** Counted from 0 since something began for the key. */
  readonly number: number
  /** Undefined: not encoded yet. */
  encoded: PagedRecord | undefined
  value: unknown = undefined
  isDecoded = false

  constructor(number: number, encoded: PagedRecord | undefined) {
    this.number = number
    this.encoded = encoded
  }

  /** How many bytes it takes, encoded. */
  get size(): number {
    return this.encoded === undefined ? 0 : this.encoded.to - this.encoded.from
  }
}

export class Take {
  readonly stage: number
  readonly record: HeldRecord
  /** Undefined: a match begins with it. */
  readonly before: Take | undefined
  /** The last take of the stages before its own. */
  readonly prior: Take | undefined
  /** Number of the match's first record. */
  readonly first: number
  /** Event time of the match's first record, in ms. */
  readonly since: number
  /** How many its stage has taken, itself among them. */
  readonly count: number
  /** How many have been taken, itself among them. */
  readonly size: number
  /** From 1, in the order in which takes were kept; 0: it is not. */
  id = 0
  /** Values of what its stage has taken. Longer than `count`: it has gone on in the list of a take that follows. */
  list: unknown[] | undefined = undefined

  /** @param time - of the record, in ms; of use where a match begins with it */
  constructor(stage: number, record: HeldRecord, before: Take | undefined, time: number) {
    this.stage = stage
    this.record = record
    this.before = before
    const isFirst = before === undefined || before.stage !== stage
    this.prior = isFirst ? before : before.prior
    this.first = before === undefined ? record.number : before.first
    this.since = before === undefined ? time : before.since
    this.count = isFirst ? 1 : before.count + 1
    this.size = before === undefined ? 1 : before.size + 1
  }

  /** Number of the take before it; 0: none. */
  get after(): number {
    return this.before?.id ?? 0
  }

  /** The last take of a stage, on the way to here. */
  of(stage: number): Take | undefined {
    if (this.stage <= stage) return this.stage === stage ? this : undefined
    let take = this.prior
    while (take !== undefined && take.stage > stage) take = take.prior
    return take?.stage === stage ? take : undefined
  }
}

/** A take as it is stored: what it follows is a number, and may not be kept any more where nothing needs the take itself. */
export interface StoredTake {
  id: number
  readonly stage: number
  readonly record: HeldRecord
  /** Number of the take before it; 0: none. */
  readonly after: number
  /** Of a take with which a match begins. */
  readonly since: number
}

/** What a match in the making waits for, in their order as stored. */
export const waitings = ["more", "next", "either"] as const

/** A match that has begun. */
export interface Partial {
  /** Its last take. */
  readonly take: Take
  /**
   * What it waits for: more records of its stage, the stages behind it, or whichever comes (greedy). Both kinds of waiting are separate
   * partials, so that a record that ends one does not end the other.
   */
  readonly waits: (typeof waitings)[number]
}

/** How many records takes are about; those of one record lie side by side. */
export function recordsOf(takes: readonly { readonly record: HeldRecord }[]): number {
  let count = 0
  for (let i = 0; i < takes.length; i++) if (i === 0 || takes[i]?.record !== takes[i - 1]?.record) count++
  return count
}

/** Writes takes in the order of their numbers, and then the bytes of their records. */
export function writeTakes(to: ByteWriter, takes: readonly StoredTake[]): void {
  writeVarint(to, takes.length)
  let id = 0
  let record: HeldRecord | undefined
  let size = 0
  for (const take of takes) {
    const isNew = take.record !== record
    writeVarint(to, take.stage * 2 + (isNew ? 1 : 0))
    if (isNew) {
      writeVarint(to, take.record.number - (record?.number ?? 0))
      writeVarint(to, take.record.size)
      size += take.record.size
      record = take.record
    }
    writeVarint(to, take.id - id)
    writeVarint(to, take.after === 0 ? 0 : take.id - take.after)
    if (take.after === 0) to.f64(take.since)
    id = take.id
  }
  writeVarint(to, size)
  record = undefined
  for (const take of takes) {
    if (take.record === record) continue
    record = take.record
    const { page, from, to: end } = encodedOf(record)
    to.bytesOf(page.bytes, from, end)
  }
}

export function readTakes(from: ByteReader): StoredTake[] {
  const count = readVarint(from)
  const read: { id: number; stage: number; after: number; since: number; number: number; start: number; end: number }[] = []
  let id = 0
  let number = 0
  let start = 0
  let end = 0
  for (let i = 0; i < count; i++) {
    const head = readVarint(from)
    if (head % 2 === 1) {
      number += readVarint(from)
      start = end
      end += readVarint(from)
    }
    id += readVarint(from)
    const back = readVarint(from)
    read.push({ id, stage: Math.floor(head / 2), after: back === 0 ? 0 : id - back, since: back === 0 ? from.f64() : 0, number, start, end })
  }
  // A copy: what is read from is the store's.
  const page = new RecordPage(from.bytes(readVarint(from)).slice())
  const takes: StoredTake[] = []
  let record: HeldRecord | undefined
  for (const each of read) {
    if (record === undefined || record.number !== each.number) record = new HeldRecord(each.number, { page, from: each.start, to: each.end })
    takes.push({ id: each.id, stage: each.stage, record, after: each.after, since: each.since })
  }
  return takes
}

export function encodedOf({ encoded, number }: HeldRecord): PagedRecord {
  if (encoded === undefined) throw new Error(`match: record ${number} is kept and was never encoded`)
  return encoded
}
