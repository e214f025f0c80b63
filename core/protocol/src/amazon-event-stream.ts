/**
 * Messages of `application/vnd.amazon.eventstream`, big-endian:
 *
 * ```
 * u32 length of all | u32 length of the headers | u32 CRC of these eight bytes | headers | payload | u32 CRC of all before
 * ```
 *
 * A header: `u8 name length | name | u8 7, a text | u16 length | text`.
 */

/** The CRC32 of some bytes; hosts have a fast one. */
export type Crc32 = (bytes: Uint8Array) => number

/** Writes messages. */
export class AmazonEventStream {
  static readonly contentType = "application/vnd.amazon.eventstream"
  readonly #crc32: Crc32

  constructor(crc32: Crc32) {
    this.#crc32 = crc32
  }

  event(type: string, contentType: string, payload: Uint8Array): Uint8Array {
    return this.#message("event", type, contentType, payload)
  }

  exception(type: string, contentType: string, payload: Uint8Array): Uint8Array {
    return this.#message("exception", type, contentType, payload)
  }

  #message(kind: "event" | "exception", type: string, contentType: string, payload: Uint8Array): Uint8Array {
    const fields = [
      [":message-type", kind],
      [`:${kind}-type`, type],
      [":content-type", contentType],
    ].map((texts) => texts.map((text) => encoder.encode(text)))
    const headersLength = fields.reduce((sum, [name, value]) => sum + 4 + (name?.length ?? 0) + (value?.length ?? 0), 0)
    const all = new Uint8Array(16 + headersLength + payload.length)
    const view = new DataView(all.buffer)
    view.setUint32(0, all.length)
    view.setUint32(4, headersLength)
    view.setUint32(8, this.#crc32(all.subarray(0, 8)))
    let at = 12
    for (const [name = empty, value = empty] of fields) {
      all[at] = name.length
      all.set(name, at + 1)
      at += 1 + name.length
      all[at] = 7
      view.setUint16(at + 1, value.length)
      all.set(value, at + 3)
      at += 3 + value.length
    }
    all.set(payload, at)
    view.setUint32(all.length - 4, this.#crc32(all.subarray(0, -4)))
    return all
  }
}

const encoder = new TextEncoder()
const empty = new Uint8Array(0)
