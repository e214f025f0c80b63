/** The log of a shard as a mapping reads it: what its records are, and later the records of a batch. */
import { type Extent, type MappedRecord, type Store, keyHash } from "@millrace/engine"
import { BlockCursor, type MappingFilter, entryKind, partitionKeyOf } from "@millrace/model"
import type { EventRecord, KinesisEvents } from "./kinesis-event.ts"

/** Bytes of the log that are asked for at once. */
const readBytes = 262_144

export interface ShardPage {
  readonly records: readonly MappedRecord[]
  /** Where the next page begins. */
  readonly next: number
  readonly filteredOut: number
}

export class ShardLog {
  readonly #store: Store
  readonly #stream: string
  readonly #partition: number
  readonly #events: KinesisEvents
  readonly #filter: MappingFilter | undefined
  /** Whether lanes are told apart. */
  readonly #hashes: boolean

  constructor(store: Store, stream: string, partition: number, events: KinesisEvents, filter: MappingFilter | undefined, hashes: boolean) {
    this.#store = store
    this.#stream = stream
    this.#partition = partition
    this.#events = events
    this.#filter = filter
    this.#hashes = hashes
  }

  get extent(): Extent {
    return this.#store.extent(this.#stream, this.#partition)
  }

  /** What lies in [from, end): as much as one read brings, at most so many entries. @throws MR1014 */
  async page(from: number, end: number, most: number, now: number): Promise<ShardPage> {
    const records: MappedRecord[] = []
    let next = from
    let filteredOut = 0
    for (const { base, block } of await this.#store.read(this.#stream, this.#partition, from, readBytes)) {
      const cursor = new BlockCursor(block)
      for (let offset = base; offset < end && next - from < most && cursor.next(); offset++) {
        if (offset < next) continue
        next = offset + 1
        if (cursor.kind !== entryKind.record) continue
        if (this.#filter !== undefined && !this.#filter(cursor.value)) {
          filteredOut++
          continue
        }
        const { key, headers } = cursor
        const bytes = this.#events.bytesOf(key, headers, cursor.valueEnd - cursor.valueStart)
        records.push({ offset, keyHash: this.#hashes ? keyHash(partitionKeyOf(key, headers)) : 0, time: cursor.time, bytes, readAt: now })
      }
      if (next >= end || next - from >= most) break
    }
    // The log says that there is more, so a read that brings nothing would go on for ever.
    if (next <= from) throw new Error(`shard-log: ${this.#stream}[${this.#partition}] gave nothing at ${from}`)
    return { records, next, filteredOut }
  }

  /** The records at these offsets, which ascend. @throws MR1014 when one is no longer kept */
  async pick(offsets: readonly number[]): Promise<readonly EventRecord[]> {
    const records: EventRecord[] = []
    while (records.length < offsets.length) {
      const wanted = offsets[records.length] as number
      const before = records.length
      for (const { base, block } of await this.#store.read(this.#stream, this.#partition, wanted, readBytes)) {
        const cursor = new BlockCursor(block)
        for (let offset = base; records.length < offsets.length && cursor.next(); offset++) {
          if (offset !== offsets[records.length]) continue
          const { key, headers, time } = cursor
          // A copy: the block may lie in memory that the store reuses.
          records.push({ offset, key, headers, time, data: cursor.value.slice() })
        }
      }
      if (records.length === before) throw new Error(`shard-log: ${this.#stream}[${this.#partition}] has no record at ${wanted}`)
    }
    return records
  }
}
