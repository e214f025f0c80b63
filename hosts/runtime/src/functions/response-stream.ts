/** The stream that a handler writes its answer to, part by part. Runs in instances: it imports little. */
import { Writable } from "node:stream"
import { RuntimeFailure } from "./thrown.ts"

/** Bytes that may be on their way to the node before the handler's writes wait. */
const window = 65_536

export interface PartsOut {
  begin(contentType: string): void
  part(bytes: Uint8Array): void
  /** The answer waits for its reader: what comes from there is all that there is to do. */
  waiting(waits: boolean): void
}

export class ResponseStream extends Writable {
  readonly #out: PartsOut
  #contentType = "application/octet-stream"
  #begun = false
  /** Bytes on their way to the node. */
  #under = 0
  /** What is written in one turn of the event loop goes in one message. */
  #outbox: Uint8Array[] = []
  #next: (() => void) | undefined
  /** Set by `HttpResponseStream.from`: what goes before the first part. */
  _onBeforeFirstWrite: ((write: (chunk: string | Uint8Array) => void) => void) | undefined

  constructor(out: PartsOut) {
    super({ highWaterMark: window })
    this.#out = out
  }

  setContentType(type: string): void {
    if (this.#begun) throw new RuntimeFailure("Runtime.InvalidStreamingOperation", "Cannot set content-type, too late.")
    this.#contentType = type
  }

  override write(chunk: unknown, ...rest: never[]): boolean {
    const plain = typeof chunk === "string" || chunk instanceof Uint8Array ? chunk : JSON.stringify(chunk)
    return super.write(plain, ...rest)
  }

  override _write(chunk: Buffer, _: unknown, done: (error?: Error | null) => void): void {
    this.#begin()
    // A copy: the handler may write on in the memory of its chunk.
    this.#send(Uint8Array.from(chunk))
    if (this.#under < window) return done()
    this.#out.waiting(true)
    this.#next = done
  }

  override _final(done: () => void): void {
    this.#begin()
    this.flush()
    done()
  }

  /** The reader has taken so many bytes. */
  taken(bytes: number): void {
    this.#under -= bytes
    const next = this.#next
    if (next === undefined || this.#under >= window) return
    this.#next = undefined
    this.#out.waiting(false)
    next()
  }

  #begin(): void {
    if (this.#begun) return
    this.#begun = true
    this.#out.begin(this.#contentType)
    this._onBeforeFirstWrite?.((chunk) => this.#send(typeof chunk === "string" ? Buffer.from(chunk) : chunk))
  }

  /** Sends what waits. */
  flush(): void {
    const parts = this.#outbox
    this.#outbox = []
    const [only] = parts
    if (only !== undefined) this.#out.part(parts.length === 1 ? only : Buffer.concat(parts))
  }

  #send(bytes: Uint8Array): void {
    this.#under += bytes.byteLength
    this.#outbox.push(bytes)
    if (this.#outbox.length === 1) setImmediate(() => this.flush())
  }
}

/** What handlers know as `awslambda.HttpResponseStream`. */
export const httpResponseStream = {
  /** Status and headers of an answer over HTTP, before its body. */
  from(stream: ResponseStream, metadata: unknown): ResponseStream {
    stream.setContentType("application/vnd.awslambda.http-integration-response")
    const prelude = JSON.stringify(metadata)
    stream._onBeforeFirstWrite = (write) => {
      write(prelude)
      write(new Uint8Array(8))
    }
    return stream
  },
}
