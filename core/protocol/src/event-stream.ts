/**
 * Reads server-sent events from bytes as they come (WHATWG HTML, section 9.2.6). Bytes are cut at line ends before
 * they are decoded, so a character that spans two chunks stays whole.
 *
 * Not for: connecting, coming back. The client does that.
 */
import { limits, MillraceError } from "@millrace/model"

/** An event that has arrived whole. */
export interface ServerSentEvent {
  /** `message` when the sender named none. */
  readonly name: string
  readonly data: string
  /** The last id seen, of this event or of one before. */
  readonly id: string
}

const lf = 10
const cr = 13
/** A record of the largest size with its key and headers, each character escaped. */
const eventBytesMax = 8 * limits.recordBytesMax
const noBytes = new Uint8Array(0)

export class EventStream {
  // A byte order mark is dropped at the very start alone, see #line.
  readonly #decoder = new TextDecoder("utf-8", { ignoreBOM: true })
  /** Bytes after the last line end. */
  #rest: Uint8Array = noBytes
  /** The last byte seen was a CR: an LF that follows belongs to it. */
  #afterCr = false
  #atStart = true
  #name = ""
  #data = ""
  #hasData = false
  #dataLength = 0
  /** The last id that arrived with its event complete: what to come back with. */
  id = ""
  #pendingId = ""
  /** How long the sender asks to wait before coming back, in ms. */
  retryMs: number | undefined

  /**
   * The events that these bytes complete.
   *
   * @throws MR1404 when an event is longer than any that a node sends
   */
  push(chunk: Uint8Array): ServerSentEvent[] {
    const bytes = this.#rest.length === 0 ? chunk : joined(this.#rest, chunk)
    const events: ServerSentEvent[] = []
    let from = 0
    for (let at = this.#rest.length; at < bytes.length; at++) {
      const byte = bytes[at]
      if (byte !== lf && byte !== cr) {
        this.#afterCr = false
        continue
      }
      if (byte === lf && this.#afterCr) from = at + 1
      else {
        const event = this.#line(this.#decoder.decode(bytes.subarray(from, at)))
        if (event !== undefined) events.push(event)
        from = at + 1
      }
      this.#afterCr = byte === cr
    }
    this.#rest = from === bytes.length ? noBytes : bytes.slice(from)
    if (this.#rest.length + this.#dataLength > eventBytesMax) {
      throw new MillraceError(
        "MR1404",
        `An event is longer than ${eventBytesMax} bytes, more than any that a node sends: this is no Millrace node.`,
      )
    }
    return events
  }

  #line(text: string): ServerSentEvent | undefined {
    const line = this.#atStart && text.startsWith("\uFEFF") ? text.slice(1) : text
    this.#atStart = false
    if (line === "") return this.#dispatch()
    const colon = line.indexOf(":")
    if (colon === 0) return undefined
    const field = colon < 0 ? line : line.slice(0, colon)
    const value = colon < 0 ? "" : line.slice(line[colon + 1] === " " ? colon + 2 : colon + 1)
    if (field === "data") {
      this.#data = this.#hasData ? `${this.#data}\n${value}` : value
      this.#hasData = true
      this.#dataLength += value.length
    } else if (field === "event") this.#name = value
    else if (field === "id") {
      if (!value.includes("\0")) this.#pendingId = value
    } else if (field === "retry" && /^\d+$/.test(value)) this.retryMs = Number(value)
    return undefined
  }

  #dispatch(): ServerSentEvent | undefined {
    this.id = this.#pendingId
    const event = this.#hasData ? { name: this.#name || "message", data: this.#data, id: this.id } : undefined
    this.#name = ""
    this.#data = ""
    this.#hasData = false
    this.#dataLength = 0
    return event
  }
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(a.length + b.length)
  bytes.set(a)
  bytes.set(b, a.length)
  return bytes
}
