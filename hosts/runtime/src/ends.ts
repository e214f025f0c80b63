/**
 * The ends of source streams: each partition gets a mark behind which nothing is in time, and that it has it is kept. What comes after is
 * refused, unless the stream is opened again. How streams that stages write come to their end is not for here: it follows from their input's.
 *
 * N18  All that was taken lies before the end.
 */
import type { Append, Store } from "@millrace/engine"
import { BlockWriter, MillraceError, type Shard, StateChangesWriter, type StreamPlan } from "@millrace/model"
import type { Commits } from "./commits.ts"

const scope = "@ended"

export class Ends {
  readonly #commits: Commits
  readonly #onEnded: () => void
  readonly #settled: (stream: string) => Promise<void>
  /** Streams whose end is durable. */
  readonly #ended: Set<string>
  /** Streams whose end is on its way to the disk. */
  readonly #under: Map<string, Promise<void>> = new Map()

  /**
   * @param onEnded - a stream's end is durable
   * @param settled - resolves once no request for this stream is under way
   */
  constructor(store: Store, commits: Commits, onEnded: () => void, settled: (stream: string) => Promise<void>) {
    this.#commits = commits
    this.#onEnded = onEnded
    this.#settled = settled
    this.#ended = new Set([...store.state.entries(scope, 0, 0)].map(([name]) => name))
  }

  has(stream: string): boolean {
    return this.#ended.has(stream)
  }

  /** @throws MR1033 when the stream has ended, or its end is under way */
  assertOpen(stream: string): void {
    if (!this.#ended.has(stream) && !this.#under.has(stream)) return
    const message = `Stream "${stream}" has ended: its windows are closed and its files are sealed. Send to another stream; or open it again with POST /v1/streams/${encodeURIComponent(stream)}/reopen, and what you send is late for every window.`
    throw new MillraceError("MR1033", message, { stream })
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

  /** Takes records again; resolves once that is durable. Repeating it changes nothing. @throws MR1303, MR1304 */
  async reopen(name: string): Promise<void> {
    await this.#under.get(name)
    if (!this.#ended.has(name)) return
    const changes = new StateChangesWriter()
    changes.beginBucket(scope, 0, 0, false)
    changes.remove(name)
    changes.endBucket()
    const { sequence } = this.#commits.append({ appends: [], state: [changes.take()] })
    await this.#commits.durable(sequence)
    this.#ended.delete(name)
  }

  async #end(name: string, partitions: readonly number[]): Promise<void> {
    await this.#settled(name)
    const appends: Append[] = []
    for (const partition of partitions) {
      const block = new BlockWriter()
      block.mark(0, Number.POSITIVE_INFINITY)
      appends.push({ stream: name, partition, count: 1, block: block.take() })
    }
    const changes = new StateChangesWriter()
    changes.beginBucket(scope, 0, 0, false)
    changes.value(name, true)
    changes.endBucket()
    const { sequence } = this.#commits.append({ appends, state: [changes.take()] })
    await this.#commits.durable(sequence)
    this.#ended.add(name)
    this.#onEnded()
  }
}
