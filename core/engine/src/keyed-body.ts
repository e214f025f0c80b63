/**
 * A body whose records carry the key that their sender gave them, and perhaps the partition, as bytes: the form in which a
 * front door that speaks another protocol hands its records to a worker.
 *
 * An entry, little-endian:
 *
 * ```
 * u16 key length | key | u16 partition, or 0xFFFF for none | u32 data length | data
 * ```
 */
import { ByteReader, ByteWriter } from "@millrace/model"

/** In place of a partition: none. */
export const nowhere = 0xffff

/** Writes such a body. */
export class KeyedBody {
  readonly #bytes: ByteWriter
  /** Records written so far. */
  count = 0

  /** @param capacity - bytes to begin with */
  constructor(capacity: number = 16 * 1024) {
    this.#bytes = new ByteWriter(capacity)
  }

  /** @param partition - where to, for streams without a key function; {@link nowhere}: where the key belongs */
  add(key: string, partition: number, data: Uint8Array): void {
    const bytes = this.#bytes
    bytes.text16(key)
    bytes.u16(partition)
    bytes.u32(data.length)
    bytes.bytes(data)
    this.count++
  }

  /** The finished body, in memory of its own. */
  take(): Uint8Array<ArrayBuffer> {
    this.count = 0
    return this.#bytes.take()
  }
}

/** Walks the records of such a body. */
export class KeyedRecords {
  readonly #bytes: Uint8Array
  #next = 0
  key = ""
  partition: number = nowhere
  dataStart = 0
  dataEnd = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  /** Moves to the next record; false after the last. */
  next(): boolean {
    if (this.#next >= this.#bytes.length) return false
    const reader = new ByteReader(this.#bytes, this.#next)
    this.key = reader.text16()
    this.partition = reader.u16()
    const length = reader.u32()
    this.dataStart = reader.at
    this.dataEnd = this.dataStart + length
    this.#next = this.dataEnd
    return true
  }
}
