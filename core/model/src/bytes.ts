/**
 * A growing little-endian byte buffer and its reader: the one way in which blocks, values and state changes become
 * bytes. A writer is reused batch after batch; `take()` hands out a right-sized copy.
 */
const encoder = new TextEncoder()
// A byte order mark is a character like any other here: a text must come back as it went.
const decoder = new TextDecoder("utf-8", { ignoreBOM: true })

export class ByteWriter {
  #bytes: Uint8Array<ArrayBuffer>
  #view: DataView<ArrayBuffer>
  /** Bytes written so far. Setting it back forgets what was written after. */
  length = 0

  constructor(capacity = 4096) {
    this.#bytes = new Uint8Array(capacity)
    this.#view = new DataView(this.#bytes.buffer)
  }

  /** Makes room for `more` bytes beyond `length`. */
  reserve(more: number): void {
    const wanted = this.length + more
    if (wanted <= this.#bytes.length) return
    const grown = new Uint8Array(Math.max(wanted, this.#bytes.length * 2))
    grown.set(this.#bytes.subarray(0, this.length))
    this.#bytes = grown
    this.#view = new DataView(grown.buffer)
  }

  u8(value: number): void {
    this.reserve(1)
    this.#bytes[this.length++] = value
  }

  u16(value: number): void {
    this.reserve(2)
    this.#view.setUint16(this.length, value, true)
    this.length += 2
  }

  u32(value: number): void {
    this.reserve(4)
    this.#view.setUint32(this.length, value, true)
    this.length += 4
  }

  f64(value: number): void {
    this.reserve(8)
    this.#view.setFloat64(this.length, value, true)
    this.length += 8
  }

  /** Overwrites a u32 written before at `at`: a length or count known only afterwards. */
  patchU32(at: number, value: number): void {
    this.#view.setUint32(at, value, true)
  }

  bytes(source: Uint8Array): void {
    this.reserve(source.length)
    this.#bytes.set(source, this.length)
    this.length += source.length
  }

  /** The bytes [from, to) of a source. */
  bytesOf(source: Uint8Array, from: number, to: number): void {
    const count = to - from
    this.reserve(count)
    const target = this.#bytes
    let at = this.length
    // A short copy is cheaper as a loop than as a call with a view made for it.
    if (count <= 64) for (let i = from; i < to; i++) target[at++] = source[i] as number
    else target.set(source.subarray(from, to), at)
    this.length += count
  }

  /** UTF-8 without a length before it; returns its bytes. */
  utf8(text: string): number {
    const from = this.length
    const units = text.length
    this.reserve(units * 3)
    if (units < 64) {
      // Short and mostly ASCII: a loop beats the call out of JavaScript.
      const bytes = this.#bytes
      let at = from
      let i = 0
      for (; i < units; i++) {
        const unit = text.charCodeAt(i)
        if (unit > 127) break
        bytes[at++] = unit
      }
      if (i === units) {
        this.length = at
        return units
      }
    }
    const { written } = encoder.encodeInto(text, this.#bytes.subarray(from))
    this.length = from + written
    return written
  }

  /** UTF-8 with its length as u16 before it. */
  text16(text: string): void {
    const at = this.length
    this.u16(0)
    const written = this.utf8(text)
    this.#view.setUint16(at, written, true)
  }

  /** UTF-8 with its length as u32 before it. */
  text32(text: string): void {
    const at = this.length
    this.u32(0)
    const written = this.utf8(text)
    this.#view.setUint32(at, written, true)
  }

  /** A copy of what was written from `from` on. */
  copy(from = 0): Uint8Array<ArrayBuffer> {
    return this.#bytes.slice(from, this.length)
  }

  /** A copy of all that was written; the writer starts over. */
  take(): Uint8Array<ArrayBuffer> {
    const taken = this.copy()
    this.length = 0
    return taken
  }
}

/** Eight bytes seen as a double. Every machine that Node runs on is little-endian, as the layout is. */
const double = new Float64Array(1)
const doubleBytes = new Uint8Array(double.buffer)

export class ByteReader {
  readonly #bytes: Uint8Array
  /** Where the next read begins. */
  at: number
  readonly end: number

  // Without a DataView: one is dear to make, and most readers read a few bytes of a value.
  constructor(bytes: Uint8Array, at = 0, end: number = bytes.length) {
    this.#bytes = bytes
    this.at = at
    this.end = end
  }

  get done(): boolean {
    return this.at >= this.end
  }

  u8(): number {
    return this.#bytes[this.#pass(1)] as number
  }

  u16(): number {
    const at = this.#pass(2)
    const bytes = this.#bytes
    return (bytes[at] as number) | ((bytes[at + 1] as number) << 8)
  }

  u32(): number {
    const at = this.#pass(4)
    const bytes = this.#bytes
    const high = ((bytes[at + 2] as number) << 16) | ((bytes[at + 3] as number) << 24)
    return ((bytes[at] as number) | ((bytes[at + 1] as number) << 8) | high) >>> 0
  }

  f64(): number {
    const at = this.#pass(8)
    const bytes = this.#bytes
    for (let i = 0; i < 8; i++) doubleBytes[i] = bytes[at + i] as number
    return double[0] as number
  }

  /** Moves on; returns where it was. */
  #pass(count: number): number {
    const { at } = this
    const next = at + count
    if (next > this.#bytes.length) throw new RangeError(`bytes: ${count} more at ${at} are beyond the end, ${this.#bytes.length}`)
    this.at = next
    return at
  }

  /** A view, not a copy. */
  bytes(length: number): Uint8Array {
    const view = this.#bytes.subarray(this.at, this.at + length)
    this.at += length
    return view
  }

  utf8(length: number): string {
    const from = this.at
    this.at += length
    return utf8Text(this.#bytes, from, this.at)
  }

  text16(): string {
    return this.utf8(this.u16())
  }

  text32(): string {
    return this.utf8(this.u32())
  }
}

/** The text of a range of UTF-8 bytes. */
export function utf8Text(bytes: Uint8Array, from: number, to: number): string {
  if (to - from < 24) {
    let text = ""
    for (let i = from; i < to; i++) {
      const byte = bytes[i] as number
      if (byte > 127) return decoder.decode(bytes.subarray(from, to))
      text += String.fromCharCode(byte)
    }
    return text
  }
  return decoder.decode(bytes.subarray(from, to))
}
