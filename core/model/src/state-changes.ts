/**
 * State changes of a transaction as bytes. State is addressed by scope (who owns it: an operator of a service, or a
 * part of the node), partition, bucket (a number that orders and groups keys: the start of a window, the time of a
 * timer, or 0) and key. A bucket can be cleared as one change: closing a window of a million keys is a few bytes.
 *
 * Layout, little-endian, repeated until the end:
 *
 * ```
 * u16 scope length | scope | u16 partition | f64 bucket | u8 cleared | u32 count | count x ( u16 key length | key | u32 value length | value )
 * ```
 *
 * `cleared` removes all earlier keys of the bucket before the listed ones apply. A value length of 0xFFFFFFFF deletes the key.
 */
import { ByteReader, ByteWriter, utf8Text } from "./bytes.ts"
import { writeValue } from "./value.ts"

const deleted = 0xffffffff

/** Writes the changes of one transaction. Buckets apply in the order in which they were written. */
export class StateChangesWriter {
  readonly #bytes = new ByteWriter(16 * 1024)
  #countAt = 0
  #count = 0

  get length(): number {
    return this.#bytes.length
  }

  beginBucket(scope: string, partition: number, bucket: number, cleared: boolean): void {
    const bytes = this.#bytes
    bytes.text16(scope)
    bytes.u16(partition)
    bytes.f64(bucket)
    bytes.u8(cleared ? 1 : 0)
    this.#countAt = bytes.length
    this.#count = 0
    bytes.u32(0)
  }

  /** Begins a key; write its value into the returned writer, then call {@link endValue} with the returned writer's length at this point. */
  beginValue(key: string): ByteWriter {
    this.#bytes.text16(key)
    this.#bytes.u32(0)
    this.#count++
    return this.#bytes
  }

  /** Ends the value that began at `from`. */
  endValue(from: number): void {
    this.#bytes.patchU32(from - 4, this.#bytes.length - from)
  }

  /** A key with its value, coded by {@link writeValue}. */
  value(key: string, value: unknown): void {
    const bytes = this.beginValue(key)
    const from = bytes.length
    writeValue(bytes, value)
    this.endValue(from)
  }

  remove(key: string): void {
    this.#bytes.text16(key)
    this.#bytes.u32(deleted)
    this.#count++
  }

  endBucket(): void {
    this.#bytes.patchU32(this.#countAt, this.#count)
  }

  /** The finished changes; the writer starts over. */
  take(): Uint8Array<ArrayBuffer> {
    return this.#bytes.take()
  }
}

/** One bucket's changes, read back. Values are views into the bytes that were read. */
export interface BucketChanges {
  readonly scope: string
  readonly partition: number
  readonly bucket: number
  readonly cleared: boolean
  /** New value by key; undefined deletes. In order, a later one overrides. */
  readonly entries: ReadonlyArray<readonly [key: string, value: Uint8Array | undefined]>
}

/** Walks changes without making anything of them: for who copies bytes by the million. */
export class StateChangesCursor {
  readonly #reader: ByteReader
  /** Of the bucket at hand. */
  scope = ""
  partition = 0
  bucket = 0
  cleared = false
  #left = 0
  /** Where the key and the value at hand lie in the bytes. */
  keyStart = 0
  keyEnd = 0
  valueStart = 0
  valueEnd = 0
  /** Whether the key at hand is deleted; then it has no value. */
  deleted = false

  constructor(bytes: Uint8Array) {
    this.#reader = new ByteReader(bytes)
  }

  /** Moves to the next bucket, once all keys of the one before have been walked; false after the last. */
  nextBucket(): boolean {
    const reader = this.#reader
    if (reader.done) return false
    this.scope = reader.text16()
    this.partition = reader.u16()
    this.bucket = reader.f64()
    this.cleared = reader.u8() === 1
    this.#left = reader.u32()
    return true
  }

  /** Moves to the next key of the bucket; false after the last. */
  nextKey(): boolean {
    if (this.#left === 0) return false
    this.#left--
    const reader = this.#reader
    const keyLength = reader.u16()
    this.keyStart = reader.at
    this.keyEnd = reader.at += keyLength
    const valueLength = reader.u32()
    this.deleted = valueLength === deleted
    this.valueStart = reader.at
    this.valueEnd = reader.at += this.deleted ? 0 : valueLength
    return true
  }
}

/** Reads what {@link StateChangesWriter} wrote. */
export function* readStateChanges(bytes: Uint8Array): Generator<BucketChanges> {
  const cursor = new StateChangesCursor(bytes)
  while (cursor.nextBucket()) {
    const { scope, partition, bucket, cleared } = cursor
    const entries: Array<readonly [string, Uint8Array | undefined]> = []
    while (cursor.nextKey()) {
      const key = utf8Text(bytes, cursor.keyStart, cursor.keyEnd)
      entries.push([key, cursor.deleted ? undefined : bytes.subarray(cursor.valueStart, cursor.valueEnd)])
    }
    yield { scope, partition, bucket, cleared, entries }
  }
}
