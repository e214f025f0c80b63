/** A value kept as bytes, so that user code cannot change what is kept. */
import { type ByteReader, type ByteWriter, valueFrom } from "@millrace/model"
import type { StateCodec } from "../state.ts"

export interface KeptBytes {
  bytes: Uint8Array
}

export const keptBytesCodec: StateCodec<KeptBytes> = {
  write: (to: ByteWriter, { bytes }: KeptBytes) => {
    to.u32(bytes.length)
    to.bytes(bytes)
  },
  read: (from: ByteReader): KeptBytes => ({ bytes: from.bytes(from.u32()).slice() }),
  copy: (kept) => ({ ...kept }),
}

export function keptValue(kept: KeptBytes | undefined): unknown {
  return kept === undefined ? undefined : valueFrom(kept.bytes)
}
