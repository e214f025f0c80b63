/** Whole numbers from 0 in as few bytes as they need: seven bits to a byte, the lowest first. */
import type { ByteReader, ByteWriter } from "@millrace/model"

export function writeVarint(to: ByteWriter, value: number): void {
  let rest = value
  // Not by shifts: those end at 32 bits.
  for (; rest > 127; rest = Math.floor(rest / 128)) to.u8((rest % 128) | 128)
  to.u8(rest)
}

export function readVarint(from: ByteReader): number {
  let value = 0
  for (let unit = 1; ; unit *= 128) {
    const byte = from.u8()
    value += (byte & 127) * unit
    if (byte < 128) return value
  }
}
