/** A value kept as bytes with a number that says as of when it holds, or that from then on there is none. */
import type { ByteReader, ByteWriter } from "@millrace/model"
import type { StateCodec } from "../state.ts"

export interface DatedBytes {
  /** A time in ms, or the number of a version. */
  since: number
  /** Undefined: from here on there is none. */
  bytes: Uint8Array | undefined
}

const none = 0xffffffff

export const datedBytesCodec: StateCodec<DatedBytes> = {
  write: (to: ByteWriter, { since, bytes }: DatedBytes) => {
    to.f64(since)
    to.u32(bytes?.length ?? none)
    if (bytes !== undefined) to.bytes(bytes)
  },
  read: (from: ByteReader): DatedBytes => {
    const since = from.f64()
    const length = from.u32()
    return { since, bytes: length === none ? undefined : from.bytes(length).slice() }
  },
  copy: (kept) => ({ ...kept }),
}
