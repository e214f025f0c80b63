/**
 * Streams of bytes: logs that are made by a request and that no service defines. Which there are is kept in the state, and
 * beside it, for whoever made them, a short text of facts by name.
 *
 * Not for: what the bytes are, who placed them where, or what the facts mean.
 */
import type { Append, Store } from "@millrace/engine"
import { BlockWriter, StateChangesWriter, type StreamPlan, valueFrom } from "@millrace/model"
import type { Commits } from "./commits.ts"

const scope = "@bytes"
const factsScope = "@facts"

/** A record as bytes. */
export interface BytesRecord {
  readonly key: string
  /** Where to; a service decides itself where it has a key. */
  readonly partition: number
  readonly data: Uint8Array
}

/** What is kept of a stream of bytes. */
interface Kept {
  readonly partitions: number
  readonly retentionMs: number
}

export class ByteStreams {
  readonly #commits: Commits
  readonly #clock: () => number
  readonly #plans: Map<string, StreamPlan> = new Map()
  readonly #facts: Map<string, string> = new Map()
  readonly #writer = new BlockWriter()

  constructor(store: Store, commits: Commits, clock: () => number) {
    this.#commits = commits
    this.#clock = clock
    for (const [name, bytes] of store.state.entries(scope, 0, 0)) {
      this.#plans.set(name, planOf(name, valueFrom(bytes) as Kept))
    }
    for (const [name, bytes] of store.state.entries(factsScope, 0, 0)) this.#facts.set(name, valueFrom(bytes) as string)
  }

  get plans(): readonly StreamPlan[] {
    return [...this.#plans.values()]
  }

  get facts(): ReadonlyMap<string, string> {
    return this.#facts
  }

  /**
   * Makes a stream, or changes it, together with its facts; without partitions it changes the facts alone, which a
   * service's stream may have too. Resolves once that is durable.
   *
   * @throws MR1303, MR1304
   */
  async keep(name: string, facts: string, kept?: Kept): Promise<StreamPlan | undefined> {
    const plan = kept === undefined ? undefined : planOf(name, kept)
    await this.#change(name, plan ?? this.#plans.get(name), facts, kept)
    return plan
  }

  /** Forgets a stream and its facts. What it holds goes when its journal segments do. @throws MR1303, MR1304 */
  async drop(name: string): Promise<void> {
    await this.#change(name, undefined, undefined, undefined)
  }

  has(name: string): boolean {
    return this.#plans.has(name)
  }

  /** Appends records in their order; resolves once durable, with the offset of each. @throws MR1303, MR1304 */
  async append(name: string, records: readonly BytesRecord[]): Promise<number[]> {
    const now = this.#clock()
    const byPartition = new Map<number, number[]>()
    for (const [i, { partition }] of records.entries()) {
      const indexes = byPartition.get(partition)
      if (indexes === undefined) byPartition.set(partition, [i])
      else indexes.push(i)
    }
    const appends: Append[] = []
    for (const [partition, indexes] of byPartition) {
      const writer = this.#writer
      for (const i of indexes) {
        const { key, data } = records[i] as BytesRecord
        writer.record(key, now, data)
      }
      appends.push({ stream: name, partition, count: indexes.length, block: writer.take() })
    }
    const { bases, sequence } = this.#commits.append({ appends, state: [] })
    await this.#commits.durable(sequence)
    const offsets = Array.from({ length: records.length }, () => 0)
    let at = 0
    for (const indexes of byPartition.values()) {
      const base = bases[at++] as number
      for (const [n, i] of indexes.entries()) offsets[i] = base + n
    }
    return offsets
  }

  /**
   * The change is in force at once, as the records are that are appended behind it; what the disk refuses is as before.
   */
  async #change(name: string, plan: StreamPlan | undefined, facts: string | undefined, kept: Kept | undefined): Promise<void> {
    const before = { plan: this.#plans.get(name), facts: this.#facts.get(name) }
    const written = this.#commit(name, kept, facts)
    this.#set(name, plan, facts)
    try {
      await written
    } catch (error) {
      this.#set(name, before.plan, before.facts)
      throw error
    }
  }

  #set(name: string, plan: StreamPlan | undefined, facts: string | undefined): void {
    if (plan === undefined) this.#plans.delete(name)
    else this.#plans.set(name, plan)
    if (facts === undefined) this.#facts.delete(name)
    else this.#facts.set(name, facts)
  }

  async #commit(name: string, kept: Kept | undefined, facts: string | undefined): Promise<void> {
    const changes = new StateChangesWriter()
    const put = (inScope: string, value: unknown): void => {
      changes.beginBucket(inScope, 0, 0, false)
      if (value === undefined) changes.remove(name)
      else changes.value(name, value)
      changes.endBucket()
    }
    if (kept !== undefined || facts === undefined) put(scope, kept)
    put(factsScope, facts)
    await this.#commits.durable(this.#commits.append({ appends: [], state: [changes.take()] }).sequence)
  }
}

function planOf(name: string, { partitions, retentionMs }: Kept): StreamPlan {
  return {
    name,
    role: "source",
    partitions,
    format: "bytes",
    outOfOrderMs: 0,
    aheadMs: 0,
    retentionMs,
    idleMs: 60_000,
    keyed: true,
    upstreams: 0,
  }
}
