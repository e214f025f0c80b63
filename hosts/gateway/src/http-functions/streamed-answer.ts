/**
 * An answer that a handler writes part by part. It begins with status and headers as JSON and eight zero bytes where it was made by
 * `HttpResponseStream.from`.
 */
import { headOf, type Reply } from "./reply.ts"
import type { InvocationParts } from "../functions/functions.ts"
import { PartQueue } from "../functions/part-queue.ts"

const delimiter = 8
/** Longest status and headers, in bytes. */
const headBytesMax = 65_536

export class StreamedAnswer implements InvocationParts {
  /** Resolves once status and headers are known; undefined when they are misformed. */
  readonly head: Promise<Reply | undefined>
  #known: (head: Reply | undefined) => void = () => undefined
  /** Status and headers as far as they have come; undefined: they are over. */
  #prelude: Uint8Array | undefined
  readonly #queue: PartQueue = new PartQueue()

  constructor() {
    this.head = new Promise((resolve) => (this.#known = resolve))
  }

  begin(contentType: string): void {
    if (contentType === "application/vnd.awslambda.http-integration-response") this.#prelude = new Uint8Array(0)
    else this.#known({ status: 200, headers: { "content-type": contentType }, body: new Uint8Array(0) })
  }

  part(bytes: Uint8Array): Promise<void> | undefined {
    const rest = this.#prelude === undefined ? bytes : this.#afterPrelude(this.#prelude, bytes)
    return rest === undefined || rest.length === 0 ? undefined : this.#queue.push(rest)
  }

  /** The handler has ended, well or not. */
  end(error?: Error): void {
    if (this.#prelude !== undefined) this.#known(undefined)
    this.#queue.end(error)
  }

  parts(): AsyncGenerator<Uint8Array, void, undefined> {
    return this.#queue.parts()
  }

  #afterPrelude(before: Uint8Array, bytes: Uint8Array): Uint8Array | undefined {
    const all = Buffer.concat([before, bytes])
    const at = all.indexOf(Buffer.alloc(delimiter))
    if (at === -1) {
      if (all.length <= headBytesMax) this.#prelude = all
      else {
        this.#prelude = undefined
        this.#misformed()
      }
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
    this.#queue.leave()
    this.#known(undefined)
  }
}
