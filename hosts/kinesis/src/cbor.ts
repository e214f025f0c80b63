/**
 * CBOR (RFC 8949) as far as the AWS protocols use it: maps with text keys, lists, texts, bytes, numbers, booleans, null,
 * tags, each of known or of unknown length.
 *
 * A hostile body costs no more memory than its own size times a small factor, and no stack.
 */
import { Blob64, Instant } from "./answer-values.ts"

/** A tagged value. */
export interface CborTag {
  readonly tag: number
  readonly value: unknown
}

const depthMost = 32
const breakByte = 0xff
const strictText = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })

/** @throws when the bytes are not one value of CBOR */
export function decodeCbor(bytes: Uint8Array): unknown {
  const reader = new Reader(bytes)
  const value = reader.value(0)
  if (!reader.done) throw new Error("cbor: bytes behind the value")
  return value
}

class Reader {
  readonly #bytes: Uint8Array
  readonly #view: DataView
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  get done(): boolean {
    return this.#at === this.#bytes.length
  }

  value(depth: number): unknown {
    if (depth > depthMost) throw new Error("cbor: too deep")
    const head = this.#view.getUint8(this.#at++)
    const major = head >> 5
    const info = head & 31
    switch (major) {
      case 0:
        return this.#argument(info)
      case 1:
        return -1 - this.#argument(info)
      case 2:
        return info === 31
          ? Buffer.concat(this.#chunks(2).map((length) => this.#take(length)))
          : this.#take(this.#argument(info))
      case 3:
        return info === 31 ? this.#chunkedText() : strictText.decode(this.#take(this.#argument(info)))
      case 4:
        return this.#list(info, depth)
      case 5:
        return this.#map(info, depth)
      case 6:
        return { tag: this.#argument(info), value: this.value(depth + 1) } satisfies CborTag
      default:
        return this.#simple(info)
    }
  }

  #argument(info: number): number {
    const at = this.#at
    switch (info) {
      case 24:
        this.#at += 1
        return this.#view.getUint8(at)
      case 25:
        this.#at += 2
        return this.#view.getUint16(at)
      case 26:
        this.#at += 4
        return this.#view.getUint32(at)
      case 27:
        this.#at += 8
        return Number(this.#view.getBigUint64(at))
      default:
        if (info < 24) return info
        throw new Error("cbor: no such length")
    }
  }

  #take(length: number): Uint8Array {
    const to = this.#at + length
    if (to > this.#bytes.length) throw new Error("cbor: cut off")
    const taken = this.#bytes.subarray(this.#at, to)
    this.#at = to
    return taken
  }

  #chunkedText(): string {
    return this.#chunks(3)
      .map((length) => strictText.decode(this.#take(length)))
      .join("")
  }

  /** Lengths of the chunks of a text or bytes of unknown length; each is taken before the next is asked for. */
  #chunks(major: number): { map<Item>(take: (length: number) => Item): Item[] } {
    const map = <Item>(take: (length: number) => Item): Item[] => {
      const items: Item[] = []
      while (!this.#break()) {
        const head = this.#view.getUint8(this.#at++)
        if (head >> 5 !== major || (head & 31) === 31) throw new Error("cbor: a chunk of another kind")
        items.push(take(this.#argument(head & 31)))
      }
      return items
    }
    return { map }
  }

  #break(): boolean {
    if (this.#view.getUint8(this.#at) !== breakByte) return false
    this.#at++
    return true
  }

  #list(info: number, depth: number): unknown[] {
    const items: unknown[] = []
    if (info === 31) while (!this.#break()) items.push(this.value(depth + 1))
    // Nothing is set aside for what is only announced.
    else for (let left = this.#argument(info); left > 0; left--) items.push(this.value(depth + 1))
    return items
  }

  #map(info: number, depth: number): Record<string, unknown> {
    // Without a prototype: a key may be called __proto__.
    const items: Record<string, unknown> = Object.create(null) as Record<string, unknown>
    const entry = (): void => {
      const key = this.value(depth + 1)
      if (typeof key !== "string") throw new Error("cbor: a key that is no text")
      items[key] = this.value(depth + 1)
    }
    if (info === 31) while (!this.#break()) entry()
    else for (let left = this.#argument(info); left > 0; left--) entry()
    return items
  }

  #simple(info: number): unknown {
    const at = this.#at
    switch (info) {
      case 20:
        return false
      case 21:
        return true
      case 22:
      case 23:
        return null
      case 25:
        this.#at += 2
        return half(this.#view.getUint16(at))
      case 26:
        this.#at += 4
        return this.#view.getFloat32(at)
      case 27:
        this.#at += 8
        return this.#view.getFloat64(at)
      default:
        throw new Error("cbor: no such simple value")
    }
  }
}

function half(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1
  const exponent = (bits >> 10) & 31
  const fraction = bits & 1023
  if (exponent === 0) return sign * fraction * 2 ** -24
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15)
}

/** Writes plain values, instants and bytes; members that are undefined are left out. */
export function encodeCbor(value: unknown): Uint8Array {
  const parts: Uint8Array[] = []
  write(value, parts)
  return Buffer.concat(parts)
}

function write(value: unknown, parts: Uint8Array[]): void {
  if (value === null || value === undefined) parts.push(Uint8Array.of(0xf6))
  else if (typeof value === "boolean") parts.push(Uint8Array.of(value ? 0xf5 : 0xf4))
  else if (typeof value === "number") writeNumber(value, parts)
  else if (typeof value === "string") writeText(value, parts)
  else if (value instanceof Instant) {
    parts.push(Uint8Array.of(0xc1))
    writeNumber(value.ms, parts)
  } else if (value instanceof Blob64) {
    parts.push(head(2, value.bytes.length), value.bytes)
  } else if (Array.isArray(value)) {
    parts.push(head(4, value.length))
    for (const item of value) write(item, parts)
  } else {
    const entries = Object.entries(value).filter(([, item]) => item !== undefined)
    parts.push(head(5, entries.length))
    for (const [name, item] of entries) {
      writeText(name, parts)
      write(item, parts)
    }
  }
}

function writeText(text: string, parts: Uint8Array[]): void {
  const bytes = Buffer.from(text)
  parts.push(head(3, bytes.length), bytes)
}

function writeNumber(value: number, parts: Uint8Array[]): void {
  if (Number.isSafeInteger(value)) {
    parts.push(value < 0 ? head(1, -1 - value) : head(0, value))
    return
  }
  const bytes = Buffer.alloc(9)
  bytes[0] = 0xfb
  bytes.writeDoubleBE(value, 1)
  parts.push(bytes)
}

function head(major: number, argument: number): Uint8Array {
  const kind = major << 5
  if (argument < 24) return Uint8Array.of(kind | argument)
  if (argument < 0x100) return Uint8Array.of(kind | 24, argument)
  const bytes = Buffer.alloc(argument < 0x1_0000 ? 3 : argument < 0x1_0000_0000 ? 5 : 9)
  if (bytes.length === 3) {
    bytes[0] = kind | 25
    bytes.writeUInt16BE(argument, 1)
  } else if (bytes.length === 5) {
    bytes[0] = kind | 26
    bytes.writeUInt32BE(argument, 1)
  } else {
    bytes[0] = kind | 27
    bytes.writeBigUInt64BE(BigInt(argument), 1)
  }
  return bytes
}
