/**
 * The codec of values that only Millrace itself reads: keyed state, repartitioned records, rows on their way to a
 * file. It keeps what JSON loses: dates, maps, sets, bigints, bytes, undefined, NaN. Streams that users name carry JSON.
 *
 * One tag byte, then the payload. Objects are plain: own enumerable string keys; class instances lose their class.
 */
import { ByteReader, ByteWriter } from "./bytes.ts"
import { MillraceError } from "./errors.ts"

const tag = {
  undefined: 0,
  null: 1,
  false: 2,
  true: 3,
  int: 4,
  float: 5,
  text: 6,
  date: 7,
  array: 8,
  object: 9,
  map: 10,
  set: 11,
  bigint: 12,
  bytes: 13,
  /** A text with half a surrogate pair, which UTF-8 cannot say: UTF-16 units. */
  units: 14,
  /** An object with keys that are too long for a u16 length or not well-formed: keys are values. */
  wideObject: 15,
} as const

/** A key of this many units certainly fits 65,535 bytes of UTF-8. */
const keyUnitsMax = 21_845

const depthMax = 64

/**
 * Writes a value.
 *
 * @throws MR1201 for what cannot be kept: functions, symbols, promises, cycles (nesting deeper than 64)
 */
export function writeValue(to: ByteWriter, value: unknown, depth = 0): void {
  switch (typeof value) {
    case "number":
      if ((value | 0) === value && !Object.is(value, -0)) {
        to.u8(tag.int)
        to.u32(value >>> 0)
      } else {
        to.u8(tag.float)
        to.f64(value)
      }
      return
    case "string":
      writeText(to, value)
      return
    case "boolean":
      to.u8(value ? tag.true : tag.false)
      return
    case "undefined":
      to.u8(tag.undefined)
      return
    case "bigint":
      to.u8(tag.bigint)
      to.text32(value.toString(36))
      return
    case "object":
      if (value === null) to.u8(tag.null)
      else writeObject(to, value, depth)
      return
    case "function":
    case "symbol":
      throw new MillraceError("MR1201", `A ${typeof value} cannot be kept in state or sent on; keep plain data.`)
  }
}

function writeObject(to: ByteWriter, value: object, depth: number): void {
  if (depth > depthMax) throw new MillraceError("MR1201", `A value is nested deeper than ${depthMax} levels or contains itself.`)
  if (Array.isArray(value)) {
    to.u8(tag.array)
    to.u32(value.length)
    for (let i = 0; i < value.length; i++) writeValue(to, value[i], depth + 1)
  } else if (value instanceof Date) {
    to.u8(tag.date)
    to.f64(value.getTime())
  } else if (value instanceof Map) {
    to.u8(tag.map)
    to.u32(value.size)
    for (const [key, item] of value) {
      writeValue(to, key, depth + 1)
      writeValue(to, item, depth + 1)
    }
  } else if (value instanceof Set) {
    to.u8(tag.set)
    to.u32(value.size)
    for (const item of value) writeValue(to, item, depth + 1)
  } else if (value instanceof Uint8Array) {
    to.u8(tag.bytes)
    to.u32(value.length)
    to.bytes(value)
  } else if (value instanceof Promise) {
    throw new MillraceError("MR1201", "A promise cannot be kept in state or sent on; functions of streams are synchronous.")
  } else {
    const keys = Object.keys(value)
    let wide = false
    for (const key of keys) if (key.length > keyUnitsMax || !key.isWellFormed()) wide = true
    to.u8(wide ? tag.wideObject : tag.object)
    to.u32(keys.length)
    for (const key of keys) {
      if (wide) writeText(to, key)
      else to.text16(key)
      writeValue(to, (value as Record<string, unknown>)[key], depth + 1)
    }
  }
}

function writeText(to: ByteWriter, text: string): void {
  if (text.isWellFormed()) {
    to.u8(tag.text)
    to.text32(text)
    return
  }
  to.u8(tag.units)
  to.u32(text.length)
  for (let i = 0; i < text.length; i++) to.u16(text.charCodeAt(i))
}

function readUnits(from: ByteReader): string {
  const length = from.u32()
  let text = ""
  for (let i = 0; i < length; i++) text += String.fromCharCode(from.u16())
  return text
}

/** Reads a value that {@link writeValue} wrote. */
export function readValue(from: ByteReader): unknown {
  const kind = from.u8()
  switch (kind) {
    case tag.undefined:
      return undefined
    case tag.null:
      return null
    case tag.false:
      return false
    case tag.true:
      return true
    case tag.int:
      return from.u32() | 0
    case tag.float:
      return from.f64()
    case tag.text:
      return from.text32()
    case tag.date:
      return new Date(from.f64())
    case tag.array: {
      const length = from.u32()
      const items: unknown[] = []
      for (let i = 0; i < length; i++) items.push(readValue(from))
      return items
    }
    case tag.units:
      return readUnits(from)
    case tag.object:
    case tag.wideObject: {
      const count = from.u32()
      const object: Record<string, unknown> = {}
      for (let i = 0; i < count; i++) {
        const key = kind === tag.object ? from.text16() : (readValue(from) as string)
        // A key such as "__proto__" must become data, never a prototype.
        if (key === "__proto__") {
          Object.defineProperty(object, key, { value: readValue(from), enumerable: true, configurable: true, writable: true })
        } else object[key] = readValue(from)
      }
      return object
    }
    case tag.map: {
      const size = from.u32()
      const map = new Map<unknown, unknown>()
      for (let i = 0; i < size; i++) {
        const key = readValue(from)
        map.set(key, readValue(from))
      }
      return map
    }
    case tag.set: {
      const size = from.u32()
      const set = new Set<unknown>()
      for (let i = 0; i < size; i++) set.add(readValue(from))
      return set
    }
    case tag.bigint:
      return bigintFrom36(from.text32())
    case tag.bytes:
      return from.bytes(from.u32()).slice()
    default:
      throw new MillraceError("MR1302", `A stored value begins with the unknown tag ${kind}.`)
  }
}

function bigintFrom36(text: string): bigint {
  const negative = text.startsWith("-")
  let value = 0n
  for (const digit of negative ? text.slice(1) : text) value = value * 36n + BigInt(Number.parseInt(digit, 36))
  return negative ? -value : value
}

const scratch = new ByteWriter()

/** The bytes of one value. */
export function valueBytes(value: unknown): Uint8Array<ArrayBuffer> {
  scratch.length = 0
  writeValue(scratch, value)
  return scratch.take()
}

/** The value of bytes from {@link valueBytes}. */
export function valueFrom(bytes: Uint8Array): unknown {
  return readValue(new ByteReader(bytes))
}
