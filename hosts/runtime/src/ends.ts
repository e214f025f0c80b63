/**
 * The ends of source streams: each partition gets a mark behind which nothing is in time, and that it has it is kept. How
 * streams that stages write come to their end is not for here: it follows from their input's.
 */
import type { Append, Store } from "@millrace/engine"
import { BlockWriter, type Shard, StateChangesWriter, type StreamPlan, writeValue } from "@millrace/model"
import type { Commits } from "./commits.ts"

const scope = "@ended"

export class Ends {
  readonly #commits: Commits
  readonly #onEnded: () => void
  /** Streams whose end is durable. */
  readonly #ended: Set<string>
  /** Streams whose end is on its way to the disk. */
  readonly #under: Map<string, Promise<void>> = new Map()

  /** @param onEnded - a stream's end is durable */
  constructor(store: Store, commits: Commits, onEnded: () => void) {
    this.#commits = commits
    this.#onEnded = onEnded
    this.#ended = new Set([...store.state.entries(scope, 0, 0)].map(([name]) => name))
  }

  has(stream: string): boolean {
    return this.#ended.has(stream)
  }

  /**
   * Ends a stream; resolves once that is durable. Repeating it changes nothing.
   *
   * @param shards - of a stream that was resharded: closed ones have come to their end
   * @throws MR1303, MR1304
   */
  end({ name, partitions }: StreamPlan, shards?: readonly Shard[]): Promise<void> {
    if (this.#ended.has(name)) return Promise.resolve()
    let ending = this.#under.get(name)
    if (ending === undefined) {
      // An end that could not be kept may be tried again.
      const all = Array.from({ length: partitions }, (_, partition) => partition)
      const open = all.filter((partition) => shards?.[partition]?.end === undefined)
      ending = this.#end(name, open).finally(() => this.#under.delete(name))
      this.#under.set(name, ending)
    }
    return ending
  }

  async #end(name: string, partitions: readonly number[]): Promise<void> {
    const appends: Append[] = []
    for (const partition of partitions) {
      const block = new BlockWriter()
      block.mark(0, Number.POSITIVE_INFINITY)
      appends.push({ stream: name, partition, count: 1, block: block.take() })
    }
    const changes = new StateChangesWriter()
    changes.beginBucket(scope, 0, 0, false)
    const bytes = changes.beginValue(name)
    const from = bytes.length
    writeValue(bytes, true)
    changes.endValue(from)
    changes.endBucket()
    const { sequence } = this.#commits.append({ appends, state: [changes.take()] })
    await this.#commits.durable(sequence)
    this.#ended.add(name)
    this.#onEnded()
  }
}
