/**
 * What a stretch of the journal changed: the last value of each key, gathered before it is written. Keys and values
 * stay bytes in one block of memory, found through a hash table of numbers: a million keys cost no object and no
 * string.
 */
import { StateChangesCursor } from "@millrace/model"
import { bucketPrefix, prefixEnd } from "./state-key.ts"
import type { StateDatabase } from "./state-store.ts"
import { sealed } from "./state-value.ts"

const deleted = 0xffffffff
/** Numbers of one entry: bucket, hash, key position, key length, value position, value length, room for the value. */
const columns = 7
const [bucketAt, hashAt, keyAt, keyLengthAt, valueAt, valueLengthAt, roomAt] = [0, 1, 2, 3, 4, 5, 6] as const
/**
 * Large blocks are at least so large: only above 32 MB does glibc give each back as it is freed, and learns nothing from it. From smaller
 * ones it learns to keep twice as much in each thread's own memory. What is not used of a block is never touched.
 */
const largeBytesMin = 33_600_000
/** Above this a block is large. */
const smallBytesMost = 1_048_576
/** A number of this many bits is exact as f64. */
const exactBits = 53

interface ChangedBucket {
  readonly prefix: Buffer
  /** Whether keys that the store has in this bucket go first. */
  readonly cleared: boolean
  /** Entries of its keys. */
  readonly entries: number[]
}

export class ChangedState {
  /** By partition, number and scope; a bucket that is cleared is forgotten and begins anew. */
  readonly #buckets = new Map<string, number>()
  #changed: ChangedBucket[] = []
  #bytes: Uint8Array<ArrayBuffer>
  #used = 0
  #entries: Uint32Array<ArrayBuffer> = new Uint32Array(columns * 256)
  #count = 0
  /** Number of an entry + 1, by hash. */
  #table: Int32Array<ArrayBuffer> = new Int32Array(512)

  /** @param bytes - how many bytes of keys and values it takes at least */
  constructor(bytes: number) {
    this.#bytes = blockOf(bytes)
  }

  /** Whether there is room for so many bytes of changes. There always is when it is empty. */
  takes(bytes: number): boolean {
    if (this.#used + bytes <= this.#bytes.length) return true
    if (this.#used > 0) return false
    this.#bytes = blockOf(bytes)
    return true
  }

  /** Adds changes that {@link takes} has found room for, after those added before. */
  add(section: Uint8Array): void {
    const cursor = new StateChangesCursor(section)
    while (cursor.nextBucket()) {
      const bucket = this.#bucket(cursor.scope, cursor.partition, cursor.bucket, cursor.cleared)
      while (cursor.nextKey()) this.#set(bucket, section, cursor)
    }
  }

  /** Writes the changes, within a transaction of the caller's. */
  writeTo(database: StateDatabase): void {
    const buckets = [...this.#buckets.values()].map((bucket) => this.#changed[bucket] as ChangedBucket)
    for (const bucket of buckets.toSorted((a, b) => Buffer.compare(a.prefix, b.prefix))) {
      if (bucket.cleared) {
        // Listed first: removing under a running cursor would move it.
        const stored = [...database.getKeys({ start: bucket.prefix, end: prefixEnd(bucket.prefix) })]
        for (const key of stored) database.removeSync(key)
      }
      this.#write(database, bucket)
    }
  }

  clear(): void {
    this.#buckets.clear()
    this.#changed = []
    this.#used = 0
    this.#count = 0
    this.#table.fill(0)
  }

  /** Gives its memory back at once; nothing can be added any more. */
  release(): void {
    this.clear()
    for (const { buffer } of [this.#bytes, this.#entries, this.#table]) buffer.transfer(0)
  }

  #write(database: StateDatabase, { prefix, cleared, entries }: ChangedBucket): void {
    const key = Buffer.alloc(prefix.length + this.#longestKey(entries))
    prefix.copy(key)
    for (const entry of this.#inKeyOrder(entries)) {
      const from = this.#number(entry, keyAt)
      const length = this.#number(entry, keyLengthAt)
      key.set(this.#bytes.subarray(from, from + length), prefix.length)
      const whole = key.subarray(0, prefix.length + length)
      const valueLength = this.#number(entry, valueLengthAt)
      if (valueLength !== deleted) {
        const at = this.#number(entry, valueAt)
        database.putSync(whole, sealed(whole, this.#bytes.subarray(at, at + valueLength)))
      } else if (!cleared) database.removeSync(whole)
    }
  }

  /**
   * The entries ordered by the first bytes in which their keys differ. That is enough for neighbours to meet on the
   * same page of the store, and a sort of plain numbers: the leading bits of each key over its place in the list.
   */
  #inKeyOrder(entries: readonly number[]): Iterable<number> {
    const count = entries.length
    if (count < 2) return entries
    const common = this.#commonPrefix(entries)
    const indexBits = 32 - Math.clz32(count - 1)
    const bytes = Math.floor((exactBits - indexBits) / 8)
    const order = new Float64Array(count)
    for (let i = 0; i < count; i++) {
      const entry = entries[i] as number
      const from = this.#number(entry, keyAt) + common
      const end = this.#number(entry, keyAt) + this.#number(entry, keyLengthAt)
      let lead = 0
      for (let at = from; at < from + bytes; at++) lead = lead * 256 + (at < end ? (this.#bytes[at] as number) : 0)
      order[i] = lead * 2 ** indexBits + i
    }
    order.sort()
    const indexes = 2 ** indexBits
    return {
      *[Symbol.iterator]() {
        for (let i = 0; i < count; i++) yield entries[(order[i] as number) % indexes] as number
      },
    }
  }

  /** Bytes with which all keys begin. */
  #commonPrefix(entries: readonly number[]): number {
    const first = this.#number(entries[0] as number, keyAt)
    let common = this.#number(entries[0] as number, keyLengthAt)
    for (const entry of entries) {
      const from = this.#number(entry, keyAt)
      common = Math.min(common, this.#number(entry, keyLengthAt))
      let same = 0
      while (same < common && this.#bytes[first + same] === this.#bytes[from + same]) same++
      common = same
      if (common === 0) break
    }
    return common
  }

  #longestKey(entries: readonly number[]): number {
    let longest = 0
    for (const entry of entries) longest = Math.max(longest, this.#number(entry, keyLengthAt))
    return longest
  }

  #number(entry: number, column: number): number {
    return this.#entries[entry * columns + column] as number
  }

  #bucket(scope: string, partition: number, bucket: number, cleared: boolean): number {
    const name = `${partition} ${bucket} ${scope}`
    const found = this.#buckets.get(name)
    if (found !== undefined && !cleared) return found
    const prefix =
      found === undefined ? bucketPrefix(scope, partition, bucket) : (this.#changed[found] as ChangedBucket).prefix
    const made = this.#changed.push({ prefix, cleared, entries: [] }) - 1
    this.#buckets.set(name, made)
    return made
  }

  #set(bucket: number, section: Uint8Array, cursor: StateChangesCursor): void {
    const { keyStart, keyEnd, valueStart, valueEnd } = cursor
    const entry = this.#entryOf(bucket, section, keyStart, keyEnd)
    const at = entry * columns
    const length = valueEnd - valueStart
    const entries = this.#entries
    if (cursor.deleted) {
      entries[at + valueLengthAt] = deleted
      return
    }
    // A value takes the place of the one before where it fits: a counter counts in place.
    if ((entries[at + roomAt] as number) < length) {
      entries[at + valueAt] = this.#used
      entries[at + roomAt] = length
      this.#used += length
    }
    entries[at + valueLengthAt] = length
    this.#copy(section, valueStart, valueEnd, entries[at + valueAt] as number)
  }

  /** The entry of a key, made when it is new. */
  #entryOf(bucket: number, section: Uint8Array, from: number, to: number): number {
    // FNV-1a over bucket and key.
    let hash = Math.imul(bucket ^ 0x811c9dc5, 0x01000193)
    for (let i = from; i < to; i++) hash = Math.imul(hash ^ (section[i] as number), 0x01000193)
    hash = (hash ^ (hash >>> 15)) >>> 0
    const mask = this.#table.length - 1
    let slot = hash & mask
    for (; this.#table[slot] !== 0; slot = (slot + 1) & mask) {
      const entry = (this.#table[slot] as number) - 1
      if (
        this.#number(entry, hashAt) === hash &&
        this.#number(entry, bucketAt) === bucket &&
        this.#isKey(entry, section, from, to)
      )
        return entry
    }
    const entry = this.#count++
    this.#table[slot] = entry + 1
    if (this.#count * columns > this.#entries.length) this.#growEntries()
    this.#entries.set([bucket, hash, this.#used, to - from, 0, deleted, 0], entry * columns)
    this.#copy(section, from, to, this.#used)
    this.#used += to - from
    ;(this.#changed[bucket] as ChangedBucket).entries.push(entry)
    if (this.#count * 2 > this.#table.length) this.#growTable()
    return entry
  }

  #isKey(entry: number, section: Uint8Array, from: number, to: number): boolean {
    if (this.#number(entry, keyLengthAt) !== to - from) return false
    const at = this.#number(entry, keyAt) - from
    for (let i = from; i < to; i++) if (this.#bytes[at + i] !== section[i]) return false
    return true
  }

  #copy(section: Uint8Array, from: number, to: number, at: number): void {
    if (to - from > 64) this.#bytes.set(section.subarray(from, to), at)
    else for (let i = from; i < to; i++) this.#bytes[at + i - from] = section[i] as number
  }

  #growEntries(): void {
    const grown = new Uint32Array(this.#entries.length * 2)
    grown.set(this.#entries)
    this.#entries = grown
  }

  #growTable(): void {
    const mask = this.#table.length * 2 - 1
    this.#table = new Int32Array(mask + 1)
    for (let entry = 0; entry < this.#count; entry++) {
      let slot = this.#number(entry, hashAt) & mask
      while (this.#table[slot] !== 0) slot = (slot + 1) & mask
      this.#table[slot] = entry + 1
    }
  }
}

function blockOf(bytes: number): Uint8Array<ArrayBuffer> {
  return bytes <= smallBytesMost ? new Uint8Array(bytes) : new Uint8Array(new ArrayBuffer(Math.max(bytes, largeBytesMin)), 0, bytes)
}
