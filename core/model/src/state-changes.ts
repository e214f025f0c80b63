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
import { ByteReader, ByteWriter } from "./bytes.ts"

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

/** Reads what {@link StateChangesWriter} wrote. */
export function* readStateChanges(bytes: Uint8Array): Generator<BucketChanges> {
  const reader = new ByteReader(bytes)
  while (!reader.done) {
    const scope = reader.text16()
    const partition = reader.u16()
    const bucket = reader.f64()
    const cleared = reader.u8() === 1
    const count = reader.u32()
    const entries: Array<readonly [string, Uint8Array | undefined]> = []
    for (let i = 0; i < count; i++) {
      const key = reader.text16()
      const length = reader.u32()
      entries.push([key, length === deleted ? undefined : reader.bytes(length)])
    }
    yield { scope, partition, bucket, cleared, entries }
  }
}
