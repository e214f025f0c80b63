/**
 * Inputs of tasks that no code looks at before their runs: taken on the thread on which they arrive, as the way to a worker and back would take
 * longer. Not for bodies of many inputs, nor for large ones: decoding those would keep this thread from its sockets.
 *
 * 1. What arrives in one turn of the event loop for one task is appended in the order of arrival, up to `limits.plainInputsTogetherMax` at once.
 */
import type { Append, Ingested } from "@millrace/engine"
import { limits } from "@millrace/model"
import type { Answer } from "./answer.ts"

interface Gathered {
  readonly stream: string
  readonly blocks: Uint8Array[]
  count: number
  bytes: number
  /** Offset of the first, once all of them are durable. */
  readonly base: PromiseWithResolvers<number>
}

export class PlainInputs {
  readonly #append: (append: Append) => Promise<number>
  /** What is about to be appended, by stream. */
  readonly #gathered: Map<string, Gathered> = new Map()

  /** @param append - resolves to the offset of the first, once it is durable */
  constructor(append: (append: Append) => Promise<number>) {
    this.#append = append
  }

  /** Resolves once it is durable. @throws MR1303, MR1304 while the disk refuses */
  async take({ accepted, rejected, rejectedUnlisted, appends: [append] }: Ingested): Promise<Answer> {
    if (append === undefined) return { accepted, rejected, rejectedUnlisted, positions: [] }
    const { stream, partition, count, block } = append
    const gathered = this.#gathered.get(stream) ?? this.#gather(stream)
    const at = gathered.count
    gathered.blocks.push(block)
    gathered.count += count
    gathered.bytes += block.length
    if (gathered.bytes > limits.writeInlineBytesMax || gathered.blocks.length >= limits.plainInputsTogetherMax) this.#flush(gathered)
    const first = (await gathered.base.promise) + at
    return { accepted, rejected, rejectedUnlisted, positions: [{ partition, first, last: first + count - 1 }] }
  }

  #gather(stream: string): Gathered {
    const gathered: Gathered = { stream, blocks: [], count: 0, bytes: 0, base: Promise.withResolvers<number>() }
    this.#gathered.set(stream, gathered)
    // Callers whom one message has told of their ends call again in step with each other.
    queueMicrotask(() => this.#flush(gathered))
    return gathered
  }

  #flush(gathered: Gathered): void {
    const { stream, blocks, count, bytes, base } = gathered
    if (this.#gathered.get(stream) !== gathered) return
    this.#gathered.delete(stream)
    const [first] = blocks
    try {
      base.resolve(this.#append({ stream, partition: 0, count, block: blocks.length === 1 && first !== undefined ? first : joined(blocks, bytes) }))
    } catch (error) {
      base.reject(error)
    }
  }
}

function joined(blocks: readonly Uint8Array[], bytes: number): Uint8Array {
  const all = new Uint8Array(bytes)
  let at = 0
  for (const block of blocks) {
    all.set(block, at)
    at += block.length
  }
  return all
}
