/**
 * Messages of `application/vnd.amazon.eventstream`, big-endian:
 *
 * ```
 * u32 length of all | u32 length of the headers | u32 CRC of these eight bytes | headers | payload | u32 CRC of all before
 * ```
 *
 * A header: `u8 name length | name | u8 7, a text | u16 length | text`.
 */
import { crc32 } from "node:zlib"

/** An answer that lasts: the media type of its messages' payloads is that of the request. */
export class EventStream {
  readonly messages: AsyncIterable<Uint8Array>

  constructor(messages: AsyncIterable<Uint8Array>) {
    this.messages = messages
  }
}

export function eventMessage(type: string, contentType: string, payload: Uint8Array): Uint8Array {
  return message(
    [
      [":message-type", "event"],
      [":event-type", type],
      [":content-type", contentType],
    ],
    payload,
  )
}

export function exceptionMessage(type: string, contentType: string, payload: Uint8Array): Uint8Array {
  return message(
    [
      [":message-type", "exception"],
      [":exception-type", type],
      [":content-type", contentType],
    ],
    payload,
  )
}

function message(fields: readonly (readonly [name: string, value: string])[], payload: Uint8Array): Uint8Array {
  const headers = Buffer.concat(fields.map(([name, value]) => header(name, value)))
  const all = Buffer.alloc(16 + headers.length + payload.length)
  all.writeUInt32BE(all.length, 0)
  all.writeUInt32BE(headers.length, 4)
  all.writeUInt32BE(crc32(all.subarray(0, 8)), 8)
  all.set(headers, 12)
  all.set(payload, 12 + headers.length)
  all.writeUInt32BE(crc32(all.subarray(0, -4)), all.length - 4)
  return all
}

function header(name: string, value: string): Uint8Array {
  const bytes = Buffer.alloc(4 + name.length + Buffer.byteLength(value))
  bytes[0] = name.length
  bytes.write(name, 1)
  bytes[1 + name.length] = 7
  bytes.writeUInt16BE(Buffer.byteLength(value), 2 + name.length)
  bytes.write(value, 4 + name.length)
  return bytes
}
