/** What an asynchronous operator keeps of a record that waits for its result, in its state. */
import { type ByteReader, type ByteWriter, readValue, writeValue } from "@millrace/model"
import type { StateCodec } from "../state.ts"

export interface PendingRecord {
  readonly key: string
  readonly time: number
  /** Of the record in hand when it came. */
  readonly offset: number
  /** The next attempt, or the one under way. */
  attempt: number
  /** Clock time of the next attempt after a failed one, in ms; 0: at once. */
  retryAt: number
  /** Coded. */
  readonly value: Uint8Array
  /** Its coded result, which waits for those before it. */
  result: Uint8Array | undefined
}

export const pendingCodec: StateCodec<PendingRecord> = {
  write: (to: ByteWriter, { key, time, offset, attempt, retryAt, value, result }) =>
    writeValue(to, [key, time, offset, attempt, retryAt, value, result]),
  read: (from: ByteReader) => {
    const [key, time, offset, attempt, retryAt, value, result] = readValue(from) as [
      string, number, number, number, number, Uint8Array, Uint8Array | undefined,
    ]
    return { key, time, offset, attempt, retryAt, value, result }
  },
  copy: (record) => ({ ...record }),
}
