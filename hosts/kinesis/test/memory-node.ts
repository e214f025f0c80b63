/**
 * A node in memory for tests that move the clock: streams of bytes whose records, settings and facts are kept for real,
 * without a disk or services.
 */
import { type ErrorData, MillraceError, type StreamPlan } from "@millrace/model"
import type { Clock } from "../src/clock.ts"
import type {
  KinesisNode,
  KinesisRecords,
  NewRecord,
  Placement,
  StoredPage,
  StoredRecord,
  StreamSettings,
} from "../src/node.ts"

export class MemoryNode implements KinesisNode {
  unready: ErrorData | undefined
  /** What put answers instead of storing. */
  refusing: MillraceError | undefined
  readonly records: KinesisRecords
  readonly #plans: Map<string, StreamPlan> = new Map()

  constructor(clock: Clock) {
    this.records = new MemoryRecords(this, clock, this.#plans)
  }

  get streams(): readonly StreamPlan[] {
    return [...this.#plans.values()]
  }
}

class MemoryRecords implements KinesisRecords {
  readonly facts: Map<string, string> = new Map()
  readonly #node: MemoryNode
  readonly #clock: Clock
  readonly #plans: Map<string, StreamPlan>
  readonly #logs: Map<string, StoredRecord[]> = new Map()
  readonly #waiting: Set<() => void> = new Set()

  constructor(node: MemoryNode, clock: Clock, plans: Map<string, StreamPlan>) {
    this.#node = node
    this.#clock = clock
    this.#plans = plans
  }

  async put(stream: string, records: readonly NewRecord[]): Promise<readonly Placement[]> {
    if (this.#node.refusing !== undefined) throw this.#node.refusing
    const placements = records.map(({ key, partition, data }): Placement => {
      const log = this.#log(stream, partition)
      log.push({ offset: log.length, key, time: this.#clock.now(), headers: "", data: data.slice() })
      return { kind: "put", partition, offset: log.length - 1 }
    })
    for (const go of this.#waiting) go()
    return placements
  }

  bury(): Promise<readonly number[]> {
    throw new MillraceError("MR1008", "There is no service here.")
  }

  extent(stream: string, partition: number): { first: number; end: number } {
    return { first: 0, end: this.#log(stream, partition).length }
  }

  next(stream: string, partition: number): number {
    return this.#log(stream, partition).length
  }

  async seek(stream: string, partition: number, time: number): Promise<number> {
    const log = this.#log(stream, partition)
    const found = log.findIndex((record) => record.time >= time)
    return found < 0 ? log.length : found
  }

  async read(
    stream: string,
    partition: number,
    from: number,
    end: number,
    most: number,
    bytesMost: number,
  ): Promise<StoredPage> {
    const records: StoredRecord[] = []
    let room = bytesMost
    for (const record of this.#log(stream, partition).slice(from, end)) {
      if (records.length >= most || (records.length > 0 && record.data.length > room)) break
      records.push(record)
      room -= record.data.length
    }
    return { records, next: from + records.length }
  }

  more(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const go = (): void => {
        this.#waiting.delete(go)
        signal.removeEventListener("abort", go)
        resolve()
      }
      this.#waiting.add(go)
      signal.addEventListener("abort", go)
      if (signal.aborted) go()
    })
  }

  async reshard(): Promise<void> {
    throw new Error("memory-node: it runs no service")
  }

  async keepFacts(stream: string, facts: string): Promise<void> {
    this.facts.set(stream, facts)
  }

  async keepStream(name: string, { partitions, retentionMs }: StreamSettings, facts: string): Promise<void> {
    this.facts.set(name, facts)
    this.#plans.set(name, {
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
    })
  }

  async dropStream(name: string): Promise<void> {
    this.facts.delete(name)
    this.#plans.delete(name)
  }

  #log(stream: string, partition: number): StoredRecord[] {
    const name = `${stream}/${partition}`
    let log = this.#logs.get(name)
    if (log === undefined) {
      log = []
      this.#logs.set(name, log)
    }
    return log
  }
}
