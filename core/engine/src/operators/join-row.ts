/**
 * A record that waits for its partners. Its value is kept as bytes: small, ready to be stored, and each partner gets a copy of its
 * own, so that user code cannot change what is kept.
 */
import { type ByteReader, type ByteWriter, valueBytes, valueFrom } from "@millrace/model"
import type { StateCodec } from "../state.ts"

export interface JoinRow {
  /** Event time, in ms. */
  readonly time: number
  matched: boolean
  readonly bytes: Uint8Array
}

export const joinRowCodec: StateCodec<JoinRow> = {
  write: (to: ByteWriter, { time, matched, bytes }: JoinRow) => {
    to.f64(time)
    to.u8(matched ? 1 : 0)
    to.u32(bytes.length)
    to.bytes(bytes)
  },
  read: (from: ByteReader): JoinRow => {
    const time = from.f64()
    const matched = from.u8() === 1
    return { time, matched, bytes: from.bytes(from.u32()).slice() }
  },
  copy: (row) => ({ ...row }),
}

export function joinRow(time: number, matched: boolean, value: unknown): JoinRow {
  return { time, matched, bytes: valueBytes(value) }
}

export function joinValue({ bytes }: JoinRow): unknown {
  return valueFrom(bytes)
}
