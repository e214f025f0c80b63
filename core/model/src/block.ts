/**
 * A block: consecutive entries of one stream and partition as bytes, the form in which records cross threads and lie
 * in the journal. The block does not know its offsets; who appends it says at which offset it begins.
 *
 * An entry, little-endian:
 *
 * ```
 * u32 length of what follows | u8 kind | u16 upstream | f64 time | u16 key length | key | u16 headers length | headers | value
 * ```
 *
 * `record`: `time` is the event time in ms since the epoch, `headers` JSON or nothing, `value` JSON or a coded value.
 * `mark`: the watermark `time` reached by partition `upstream` of the stage that writes this stream; +Infinity ends it.
 * `idle`: partition `upstream` has nothing to say until its next entry.
 * Marks take an offset like records, so that an offset names one entry for ever; readers outside skip them.
 */
import { ByteReader, ByteWriter } from "./bytes.ts"

/** What an entry of a block is. */
export const entryKind = { record: 0, mark: 1, idle: 2 } as const

/** Bytes of an entry besides key, headers and value, its length field included. */
export const entryOverheadBytes = 19

/** Where the key's bytes begin, counted from the entry's length field. */
const keyAt = 4 + 1 + 2 + 8 + 2

/** Writes entries of one block. */
export class BlockWriter {
  readonly #bytes: ByteWriter
  /** Entries written so far. */
  count = 0

  constructor(capacity: number = 16 * 1024) {
    this.#bytes = new ByteWriter(capacity)
  }

  /** Bytes written so far. */
  get length(): number {
    return this.#bytes.length
  }

  /** Begins a record; write its value into the returned writer, then call {@link endRecord}. */
  beginRecord(key: string, time: number, headers = ""): ByteWriter {
    const bytes = this.#bytes
    bytes.u32(0)
    bytes.u8(entryKind.record)
    bytes.u16(0)
    bytes.f64(time)
    bytes.text16(key)
    bytes.text16(headers)
    return bytes
  }

  /** Ends the record that began at `from`, the writer's length before {@link beginRecord}. */
  endRecord(from: number): void {
    this.#bytes.patchU32(from, this.#bytes.length - from - 4)
    this.count++
  }

  /** A record whose value is there as bytes. */
  record(key: string, time: number, value: Uint8Array, headers = ""): void {
    const from = this.#bytes.length
    this.beginRecord(key, time, headers).bytes(value)
    this.endRecord(from)
  }

  mark(upstream: number, watermark: number): void {
    this.#note(entryKind.mark, upstream, watermark)
  }

  idle(upstream: number): void {
    this.#note(entryKind.idle, upstream, 0)
  }

  #note(kind: number, upstream: number, time: number): void {
    const bytes = this.#bytes
    bytes.u32(entryOverheadBytes - 4)
    bytes.u8(kind)
    bytes.u16(upstream)
    bytes.f64(time)
    bytes.u16(0)
    bytes.u16(0)
    this.count++
  }

  /** Forgets all beyond a length and count read before: undoes entries of a record whose processing failed. */
  rewind(length: number, count: number): void {
    this.#bytes.length = length
    this.count = count
  }

  /** The finished block; the writer starts over. */
  take(): Uint8Array<ArrayBuffer> {
    this.count = 0
    return this.#bytes.take()
  }
}

/** One entry of a block, as views into the block. */
export interface Entry {
  readonly kind: number
  readonly upstream: number
  /** Event time of a record, watermark of a mark. */
  readonly time: number
  readonly key: string
  /** JSON object text, or empty. */
  readonly headers: string
  /** A view into the block. */
  readonly value: Uint8Array
}

/** Walks the entries of a block without decoding what is not asked for. */
export class BlockCursor {
  readonly #bytes: Uint8Array
  readonly #view: DataView
  #at = 0
  #next = 0

  constructor(block: Uint8Array) {
    this.#bytes = block
    this.#view = new DataView(block.buffer, block.byteOffset, block.byteLength)
  }

  /** Moves to the next entry; false after the last. */
  next(): boolean {
    if (this.#next >= this.#bytes.length) return false
    this.#at = this.#next
    this.#next = this.#at + 4 + this.#view.getUint32(this.#at, true)
    return true
  }

  get kind(): number {
    return this.#bytes[this.#at + 4] as number
  }

  get upstream(): number {
    return this.#view.getUint16(this.#at + 5, true)
  }

  get time(): number {
    return this.#view.getFloat64(this.#at + 7, true)
  }

  get key(): string {
    return new ByteReader(this.#bytes, this.#at + keyAt - 2).text16()
  }

  get headers(): string {
    return new ByteReader(this.#bytes, this.#headersAt).text16()
  }

  /** Where the value lies in the block: from here to {@link valueEnd}. */
  get valueStart(): number {
    const at = this.#headersAt
    return at + 2 + this.#view.getUint16(at, true)
  }

  get valueEnd(): number {
    return this.#next
  }

  get value(): Uint8Array {
    return this.#bytes.subarray(this.valueStart, this.#next)
  }

  get entry(): Entry {
    const { kind, upstream, time, key, headers, value } = this
    return { kind, upstream, time, key, headers, value }
  }

  get #headersAt(): number {
    return this.#at + keyAt + this.#view.getUint16(this.#at + keyAt - 2, true)
  }
}
