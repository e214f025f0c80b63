/**
 * Reads the body of a request as bytes that nobody else holds: they are handed to a worker thread without a copy, so
 * they must not lie in a pool that others write to.
 *
 * B1  A body is never in memory beyond `limits.requestBytesMax`, nor all bodies together beyond
 *     `limits.bodiesBytesMax`.
 * B2  What counts is what came, not what was announced: a sender that announces much and sends nothing holds nothing.
 */
import { createGunzip } from "node:zlib"
import { limits, MillraceError } from "@millrace/model"
import type { Incoming } from "./answer.ts"

/** How a body is compressed. */
export type Encoding = "identity" | "gzip"

/** The bytes of all bodies that are half received. */
export class ArrivingBodies {
  readonly #bytesMax: number
  #bytes = 0

  constructor(bytesMax: number = limits.bodiesBytesMax) {
    this.#bytesMax = bytesMax
  }

  get bytes(): number {
    return this.#bytes
  }

  /** @throws MR1010 */
  take(bytes: number): void {
    if (this.#bytes + bytes > this.#bytesMax) {
      throw new MillraceError(
        "MR1010",
        `More than ${this.#bytesMax} bytes of requests are arriving at once; send again after a moment.`,
      )
    }
    this.#bytes += bytes
  }

  giveBack(bytes: number): void {
    this.#bytes -= bytes
  }
}

/** Thrown when the sender goes away in the middle of its body: there is nobody to answer. */
export class SenderGone extends Error {}

/** @throws MR1007 */
export function assertLength(bytes: number): void {
  if (bytes <= limits.requestBytesMax) return
  throw new MillraceError(
    "MR1007",
    `The body has more than ${limits.requestBytesMax} bytes; send its records in several requests.`,
    {
      bytesMax: limits.requestBytesMax,
    },
  )
}

/**
 * The whole body, decompressed.
 *
 * @throws MR1007, MR1010, MR1020, {@link SenderGone}
 */
export function readBody(
  incoming: Incoming,
  encoding: Encoding,
  arriving: ArrivingBodies,
): Promise<Uint8Array<ArrayBuffer>> {
  return new Promise<Uint8Array<ArrayBuffer>>((resolve, reject) => {
    const inflate = encoding === "gzip" ? createGunzip() : undefined
    // The inflating stream may write on in memory of which it gave a part away; a connection's chunks are whole.
    const parts = new BodyParts(arriving, inflate === undefined)
    let compressed = 0

    const stop = (): void => {
      incoming.removeListener("data", onData)
      incoming.removeListener("end", onEnd)
      incoming.removeListener("close", onClose)
      incoming.removeListener("error", onClose)
      if (inflate !== undefined) {
        inflate.removeAllListeners()
        inflate.on("error", () => undefined)
        inflate.destroy()
      }
      parts.release()
    }
    const fail = (reason: Error): void => {
      stop()
      // Who answers decides what becomes of the rest.
      incoming.pause()
      reject(reason)
    }
    const finish = (): void => {
      const body = parts.joined()
      stop()
      resolve(body)
    }
    const attempt = (step: () => void): void => {
      try {
        step()
      } catch (error) {
        fail(error as Error)
      }
    }
    const onInflated = (chunk: Buffer): void => attempt(() => parts.add(chunk))
    const onData = (chunk: Buffer): void =>
      attempt(() => {
        if (inflate === undefined) return parts.add(chunk)
        compressed += chunk.length
        assertLength(compressed)
        if (inflate.write(chunk)) return
        incoming.pause()
        inflate.once("drain", () => incoming.resume())
      })
    const onEnd = (): void => {
      if (inflate === undefined) finish()
      else inflate.end()
    }
    const onClose = (): void => {
      if (!incoming.readableEnded) fail(new SenderGone("the sender went away"))
    }
    if (inflate !== undefined) {
      inflate.on("data", onInflated)
      inflate.once("end", finish)
      inflate.once("error", (cause) => {
        fail(
          new MillraceError(
            "MR1020",
            `The body says that it is gzip and cannot be decompressed: ${cause.message}. ` +
              "Send it again whole, or without Content-Encoding.",
            {},
            cause,
          ),
        )
      })
    }
    incoming.on("data", onData)
    incoming.once("end", onEnd)
    incoming.once("close", onClose)
    incoming.once("error", onClose)
  })
}

/** The chunks of one body and their bytes among all bodies. */
class BodyParts {
  readonly #arriving: ArrivingBodies
  /** Whether nobody else will touch the memory of the chunks. */
  readonly #ours: boolean
  #chunks: Buffer[] = []
  #length = 0

  constructor(arriving: ArrivingBodies, ours: boolean) {
    this.#arriving = arriving
    this.#ours = ours
  }

  /** @throws MR1007, MR1010 */
  add(chunk: Buffer): void {
    assertLength(this.#length + chunk.length)
    this.#arriving.take(chunk.length)
    this.#length += chunk.length
    this.#chunks.push(chunk)
  }

  joined(): Uint8Array<ArrayBuffer> {
    const [first] = this.#chunks
    if (this.#chunks.length === 1 && first !== undefined && this.#isAlone(first)) return new Uint8Array(first.buffer)
    // Not from Buffer's pool, and not filled with zeros only to be written over.
    const body = new Uint8Array(Buffer.allocUnsafeSlow(this.#length).buffer)
    let at = 0
    for (const chunk of this.#chunks) {
      body.set(chunk, at)
      at += chunk.length
      // Left to the collector, 64 KB chunks pile up outside its young heap until it walks the whole one: half of the
      // cost of a request. Given back here they cost nothing.
      if (this.#isAlone(chunk)) chunk.buffer.transfer(0)
    }
    return body
  }

  release(): void {
    this.#arriving.giveBack(this.#length)
    this.#chunks = []
    this.#length = 0
  }

  /** Whether a chunk is all that lies in its memory. */
  #isAlone(chunk: Buffer): chunk is Buffer<ArrayBuffer> {
    return (
      this.#ours &&
      chunk.byteOffset === 0 &&
      chunk.length === chunk.buffer.byteLength &&
      chunk.buffer instanceof ArrayBuffer
    )
  }
}
