/**
 * Values of the state store: `value | u32 CRC-32 of key and value`, little endian. LMDB's pages carry no checksum of their own; this one
 * also finds a value that came under another key.
 */
import { crc32 } from "node:zlib"

const checksumBytes = 4

/** Up to here a table beats the call into zlib, which takes 150 ns before it looks at a byte. */
const byTableMost = 96

const table = new Int32Array(256).map((_, i) => {
  let crc = i
  for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0)
  return crc
})

let room: Uint8Array<ArrayBuffer> = new Uint8Array(4096)

/** A value with its checksum, as it is stored; valid until the next call. */
export function sealed(key: Uint8Array, value: Uint8Array): Uint8Array {
  const { length } = value
  if (room.length < length + checksumBytes) room = new Uint8Array(2 * (length + checksumBytes))
  room.set(value)
  const sum = checksum(key, value, length)
  for (let i = 0; i < checksumBytes; i++) room[length + i] = sum >>> (8 * i)
  return room.subarray(0, length + checksumBytes)
}

/** The value of what is stored; undefined when it is not what was written under this key. */
export function unsealed(key: Uint8Array, stored: Uint8Array): Uint8Array | undefined {
  const length = stored.length - checksumBytes
  if (length < 0) return undefined
  let sum = 0
  for (let i = 0; i < checksumBytes; i++) sum |= (stored[length + i] as number) << (8 * i)
  return sum >>> 0 === checksum(key, stored, length) ? stored.subarray(0, length) : undefined
}

/** Of a key and the first bytes of `value`. */
function checksum(key: Uint8Array, value: Uint8Array, length: number): number {
  let sum = -1
  for (let i = 0; i < key.length; i++) sum = (sum >>> 8) ^ (table[(sum ^ (key[i] as number)) & 0xff] as number)
  if (length > byTableMost) return crc32(value.subarray(0, length), ~sum >>> 0)
  for (let i = 0; i < length; i++) sum = (sum >>> 8) ^ (table[(sum ^ (value[i] as number)) & 0xff] as number)
  return ~sum >>> 0
}
