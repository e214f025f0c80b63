/**
 * The way into the store: every commit of the node passes here, in one order. Tells the feeds what was appended, runs what
 * waits for durability, and stops everything when the disk refuses.
 */
import type { Append, Commit, Committed, Store } from "@millrace/engine"

/** Where a commit's blocks lie decoded: the worker and ingest they came from. */
export interface Origin {
  readonly worker: number
  readonly ingest: number
  readonly service: string
}

export interface CommitEvents {
  /** Blocks have offsets, though they may not be durable. */
  onAppended(appends: readonly Append[], bases: readonly number[], origin: Origin | undefined): void
  /** More is durable than before. */
  onDurable(): void
  /** The store took nothing from here on: all that was appended and is not durable never happened. */
  onRefused(reason: Error): void
}

export class Commits {
  readonly #store: Store
  readonly #events: CommitEvents
  /** The newest commit. */
  #last: number | undefined

  constructor(store: Store, events: CommitEvents) {
    this.#store = store
    this.#events = events
  }

  /** The offsets that the next commit will give to these appends. */
  nextOffsets(appends: readonly Append[]): number[] {
    return appends.map(({ stream, partition }) => this.#store.extent(stream, partition).next)
  }

  /** @throws MR1303, MR1304 while the disk refuses */
  append(commit: Commit, origin?: Origin): Committed {
    let committed: Committed
    try {
      committed = this.#store.append(commit)
    } catch (error) {
      this.#events.onRefused(error as Error)
      throw error
    }
    this.#last = committed.sequence
    this.#events.onAppended(commit.appends, committed.bases, origin)
    if (commit.isPatient !== true) this.#store.durable(committed.sequence).then(this.#events.onDurable, () => undefined)
    return committed
  }

  /** Resolves once all that has been committed so far is durable. */
  async allDurable(): Promise<void> {
    if (this.#last !== undefined) await this.#store.durable(this.#last)
  }

  durable(sequence: number): Promise<void> {
    return this.#store.durable(sequence)
  }

  /**
   * Resolves once the state in the store is that of all that has been committed so far: who reads it then misses nothing.
   * A fold alone takes only what is durable already.
   *
   * @throws MR1303, MR1304 when the disk refuses
   */
  async settled(): Promise<void> {
    if (this.#last !== undefined) await this.#store.durable(this.#last)
    await this.#store.fold()
  }
}
