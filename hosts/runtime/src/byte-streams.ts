/**
 * Streams of bytes: logs that are made by a request and that no service defines. Which there are is kept in the state, and
 * beside it, for whoever made them, a short text of facts by name.
 *
 * Not for: what the bytes are, who placed them where, or what the facts mean.
 */
import type { Append, Store } from "@millrace/engine"
import { BlockWriter, MillraceError, type Plan, StateChangesWriter, type StreamPlan, valueFrom, writeValue } from "@millrace/model"
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
  /** Keys do not lie where the rule of even partitions has them, so no service can define it. */
  readonly isResharded?: boolean
}

export class ByteStreams {
  readonly #commits: Commits
  readonly #clock: () => number
  readonly #plans: Map<string, StreamPlan> = new Map()
  readonly #facts: Map<string, string> = new Map()
  readonly #resharded: Set<string> = new Set()
  readonly #writer = new BlockWriter()

  constructor(store: Store, commits: Commits, clock: () => number) {
    this.#commits = commits
    this.#clock = clock
    for (const [name, bytes] of store.state.entries(scope, 0, 0)) {
      const kept = valueFrom(bytes) as Kept
      this.#plans.set(name, planOf(name, kept))
      if (kept.isResharded === true) this.#resharded.add(name)
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
    await this.#change(name, plan ?? this.#plans.get(name), kept?.isResharded ?? this.#resharded.has(name), facts, kept)
    return plan
  }

  /** Forgets a stream and its facts. What it holds goes when its journal segments do. @throws MR1303, MR1304 */
  async drop(name: string): Promise<void> {
    await this.#change(name, undefined, false, undefined, undefined)
  }

  /** @throws MR1306 when a service defines a stream whose keys lie elsewhere than its plan has them */
  assertFit(plans: readonly Plan[]): void {
    for (const { service, streams } of plans) {
      for (const { name } of streams) {
        if (!this.#resharded.has(name)) continue
        throw new MillraceError(
          "MR1306",
          `Stream "${name}" has been resharded, so its keys lie elsewhere than service "${service}" would look for them. Copy it to a new stream, and name that one.`,
          { stream: name },
        )
      }
    }
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
  async #change(name: string, plan: StreamPlan | undefined, isResharded: boolean, facts: string | undefined, kept: Kept | undefined): Promise<void> {
    const before = { plan: this.#plans.get(name), isResharded: this.#resharded.has(name), facts: this.#facts.get(name) }
    const written = this.#commit(name, kept, facts)
    this.#set(name, plan, isResharded, facts)
    try {
      await written
    } catch (error) {
      this.#set(name, before.plan, before.isResharded, before.facts)
      throw error
    }
  }

  #set(name: string, plan: StreamPlan | undefined, isResharded: boolean, facts: string | undefined): void {
    if (plan === undefined) this.#plans.delete(name)
    else this.#plans.set(name, plan)
    if (isResharded) this.#resharded.add(name)
    else this.#resharded.delete(name)
    if (facts === undefined) this.#facts.delete(name)
    else this.#facts.set(name, facts)
  }

  async #commit(name: string, kept: Kept | undefined, facts: string | undefined): Promise<void> {
    const changes = new StateChangesWriter()
    const put = (inScope: string, value: unknown): void => {
      changes.beginBucket(inScope, 0, 0, false)
      if (value === undefined) changes.remove(name)
      else {
        const bytes = changes.beginValue(name)
        const from = bytes.length
        writeValue(bytes, value)
        changes.endValue(from)
      }
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
