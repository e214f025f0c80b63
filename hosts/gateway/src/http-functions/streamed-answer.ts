/**
 * An answer that a handler writes part by part. It begins with status and headers as JSON and eight zero bytes where it was made by
 * `HttpResponseStream.from`.
 */
import { headOf, type Reply } from "./reply.ts"
import type { InvocationParts } from "../functions/functions.ts"

const delimiter = 8
/** Longest status and headers, in bytes. */
const headBytesMax = 65_536

export class StreamedAnswer implements InvocationParts {
  /** Resolves once status and headers are known; undefined when they are misformed. */
  readonly head: Promise<Reply | undefined>
  #known: (head: Reply | undefined) => void = () => undefined
  /** Status and headers as far as they have come; undefined: they are over. */
  #prelude: Uint8Array | undefined
  #isGone = false
  #ended: { readonly error: Error | undefined } | undefined
  /** Parts that wait for their reader, and who waits for them to be taken: as many as the instance may have under way. */
  readonly #waiting: { readonly bytes: Uint8Array; readonly taken: () => void; readonly refused: (error: Error) => void }[] = []
  #reader: (() => void) | undefined

  constructor() {
    this.head = new Promise((resolve) => (this.#known = resolve))
  }

  begin(contentType: string): void {
    if (contentType === "application/vnd.awslambda.http-integration-response") this.#prelude = new Uint8Array(0)
    else this.#known({ status: 200, headers: { "content-type": contentType }, body: new Uint8Array(0) })
  }

  part(bytes: Uint8Array): Promise<void> | undefined {
    const rest = this.#prelude === undefined ? bytes : this.#afterPrelude(this.#prelude, bytes)
    if (this.#isGone) return Promise.reject(new Error("nobody reads the answer"))
    if (rest === undefined || rest.length === 0) return undefined
    return new Promise((taken, refused) => {
      this.#waiting.push({ bytes: rest, taken, refused })
      this.#wake()
    })
  }

  /** The handler has ended, well or not. */
  end(error?: Error): void {
    this.#ended = { error }
    if (this.#prelude !== undefined) this.#known(undefined)
    this.#wake()
  }

  async *parts(): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      for (;;) {
        const part = this.#waiting.shift()
        if (part !== undefined) {
          yield part.bytes
          part.taken()
        } else if (this.#ended !== undefined) {
          if (this.#ended.error !== undefined) throw this.#ended.error
          return
        } else await new Promise<void>((resolve) => (this.#reader = resolve))
      }
    } finally {
      this.#isGone = true
      for (const { refused } of this.#waiting) refused(new Error("nobody reads the answer"))
    }
  }

  #wake(): void {
    const reader = this.#reader
    this.#reader = undefined
    reader?.()
  }

  #afterPrelude(before: Uint8Array, bytes: Uint8Array): Uint8Array | undefined {
    const all = Buffer.concat([before, bytes])
    const at = all.indexOf(Buffer.alloc(delimiter))
    if (at === -1) {
      this.#prelude = all
      if (all.length > headBytesMax) this.#misformed()
      return undefined
    }
    this.#prelude = undefined
    try {
      const head: unknown = JSON.parse(all.subarray(0, at).toString("utf8"))
      this.#known(typeof head === "object" && head !== null ? headOf(head, () => new Uint8Array(0)) : undefined)
    } catch {
      this.#misformed()
    }
    return all.subarray(at + delimiter)
  }

  #misformed(): void {
    this.#isGone = true
    this.#known(undefined)
  }
}
