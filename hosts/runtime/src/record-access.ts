/**
 * Records as bytes with the key of their sender: what a front door of another protocol (Kinesis) puts and reads. A stream
 * that a service defines takes them through the service's code like any other; a stream of bytes takes them as they are.
 *
 * Not for: that protocol. It knows partitions and offsets, and no name of a shard.
 */
import { KeyedBody, type Store, nowhere } from "@millrace/engine"
import { BlockCursor, ByteReader, type ErrorData, MillraceError, Placing, type StreamPlan, entryKind, readValue } from "@millrace/model"
import type { Answer } from "./answer.ts"
import type { ByteStreams, BytesRecord } from "./byte-streams.ts"
import type { Commits } from "./commits.ts"
import type { Request } from "./intake-desk.ts"
import { type Readers, jsonText } from "./readers.ts"
import type { Shards } from "./reshard/shards.ts"
import type { Streams } from "./streams.ts"

/** Where one record was put, or why it was not. */
export type Placement =
  | { readonly kind: "put"; readonly partition: number; readonly offset: number }
  | { readonly kind: "refused"; readonly problem: ErrorData }

/** A stored record. */
interface StoredRecord {
  readonly offset: number
  readonly key: string
  /** Event time in ms; of a stream without one, and of bytes, when it came. */
  readonly time: number
  /** JSON object text, or empty. */
  readonly headers: string
  /** JSON text, or the bytes of a stream of bytes. */
  readonly data: Uint8Array
}

export interface StoredPage {
  readonly records: readonly StoredRecord[]
  /** Where the next page begins. */
  readonly next: number
}

interface StreamSettings {
  readonly partitions: number
  readonly retentionMs: number
}

interface Parts {
  readonly store: Store
  readonly commits: Commits
  readonly readers: Readers
  readonly bytes: ByteStreams
  readonly streams: () => Streams
  readonly ingest: (request: Request) => Promise<Answer>
  /** Streams of bytes, or what is kept beside streams, have changed. */
  readonly onStreams: () => void
  readonly shards: Shards
  /** Throws MR1306 for a service's stream whose shards cannot be split or merged. */
  readonly assertReshardable: (stream: string) => void
  /** A service's stream was resharded: from here on no closed shard takes a record. */
  readonly onReshard: () => void
  /** Throws MR1401, MR1010 and what keeps the node from taking records. */
  readonly assertReady: () => void
}

export class RecordAccess {
  readonly #parts: Parts

  constructor(parts: Parts) {
    this.#parts = parts
  }

  /**
   * Puts records, in order; resolves once durable, with what became of each.
   *
   * @throws MR1008, MR1010, MR1016, MR1303, MR1401
   */
  async put(stream: string, records: readonly BytesRecord[]): Promise<readonly Placement[]> {
    const { streams, bytes, ingest, assertReady } = this.#parts
    if (streams().get(stream).format === "bytes") {
      assertReady()
      const offsets = await bytes.append(stream, records)
      return records.map(({ partition }, i) => ({ kind: "put", partition, offset: offsets[i] as number }))
    }
    const size = records.reduce((sum, { data, key }) => sum + data.length + key.length + 16, 0)
    const body = new KeyedBody(size)
    for (const { key, partition, data } of records) body.add(key, partition, data)
    return placementsOf(await ingest({ stream, format: "keyed", body: body.take() }), records.length)
  }

  /**
   * Stores records that a service's stream has refused as they are: the stage that reads them finds so too and makes dead
   * letters of them. Resolves once durable, with the offset of each.
   */
  bury(stream: string, records: readonly BytesRecord[]): Promise<readonly number[]> {
    const { assertReady, bytes, shards } = this.#parts
    assertReady()
    const resharded = shards.of(stream)
    const placing = resharded === undefined ? undefined : new Placing(resharded)
    const placed = records.map((record) =>
      placing === undefined || placing.isOpen(record.partition) ? record : { ...record, partition: placing.ofKey(record.key) },
    )
    return bytes.append(stream, placed)
  }

  /** The oldest offset that a partition keeps, and one past the newest durable one. */
  extent(stream: string, partition: number): { readonly first: number; readonly end: number } {
    const { first, durable } = this.#parts.store.extent(stream, partition)
    return { first, end: durable }
  }

  /** Where the next record of a partition will lie, one not yet durable included. */
  next(stream: string, partition: number): number {
    return this.#parts.store.extent(stream, partition).next
  }

  /** The first offset whose record's time is at or after `time`; the end when there is none. @throws MR1008, MR1009 */
  async seek(stream: string, partition: number, time: number): Promise<number> {
    const { readers, streams } = this.#parts
    const { records, next } = await readers.page(streams().get(stream), partition, { kind: "time", time }, 1)
    return records[0]?.offset ?? next
  }

  /**
   * Durable records from an offset on: as many as fit, one at least if there is any. The data is the caller's.
   *
   * @throws MR1008, MR1014
   */
  async read(stream: string, partition: number, from: number, end: number, most: number, bytesMost: number): Promise<StoredPage> {
    const { store, streams } = this.#parts
    const plan = streams().get(stream)
    const limit = Math.min(end, store.extent(stream, partition).durable)
    const records: StoredRecord[] = []
    let next = from
    let room = bytesMost
    while (next < limit && records.length < most && room > 0) {
      const before = next
      for (const { base, block } of await store.read(stream, partition, next, Math.min(room, readBytes))) {
        const cursor = new BlockCursor(block)
        for (let offset = base; offset < limit && cursor.next(); offset++) {
          if (offset < next) continue
          if (records.length >= most || room <= 0) return { records, next }
          next = offset + 1
          if (cursor.kind !== entryKind.record) continue
          const { key, time, headers } = cursor
          const data = dataOf(plan, cursor, block)
          if (records.length > 0 && data.length + key.length > room) return { records, next: offset }
          room -= data.length + key.length
          records.push({ offset, key, time, headers, data })
        }
      }
      // The log says that there is more, so a read that brings nothing would go on for ever.
      if (next <= before) throw new Error(`record-access: ${stream}[${partition}] gave nothing at ${before}`)
    }
    return { records, next }
  }

  /** Resolves once more is durable than now, or the signal is aborted. @throws MR1401 when the node stops */
  more(signal: AbortSignal): Promise<void> {
    return this.#parts.readers.more(signal)
  }

  /** What is kept beside the streams, by name. */
  get facts(): ReadonlyMap<string, string> {
    return this.#parts.bytes.facts
  }

  /** Keeps facts about a stream. @throws MR1303, MR1304, MR1401 */
  async keepFacts(stream: string, facts: string): Promise<void> {
    const { assertReady, bytes, onStreams } = this.#parts
    assertReady()
    await bytes.keep(stream, facts)
    onStreams()
  }

  /**
   * Splits or merges shards of a service's stream, as its facts have it: from the call on, closed shards take nothing. Resolves once
   * that is durable; the stages that read it go on in the new shards once those that they came of are done.
   *
   * @throws MR1303, MR1304, MR1306 when it cannot be, MR1401
   */
  async reshard(stream: string, facts: string, partitions: number): Promise<void> {
    const { assertReady, assertReshardable, bytes, streams, onReshard, onStreams } = this.#parts
    assertReady()
    assertReshardable(stream)
    // One that was made by a request before has its own count, for when no service defines it any more.
    const { retentionMs } = streams().get(stream)
    const kept = bytes.keep(stream, facts, bytes.has(stream) ? { partitions, retentionMs } : undefined)
    onReshard()
    await kept
    onStreams()
  }

  /** Makes a stream of bytes or changes its settings. @throws MR1102 when a service defines it, MR1303, MR1304, MR1401 */
  async keepStream(name: string, settings: StreamSettings, facts: string): Promise<void> {
    const { streams, bytes, assertReady, onStreams } = this.#parts
    assertReady()
    if (streams().has(name) && streams().get(name).format !== "bytes") {
      throw new MillraceError("MR1102", `A service defines stream "${name}"; change it there.`, { stream: name })
    }
    const kept = bytes.keep(name, facts, settings)
    // In force before it is durable, as its records are.
    const plan = bytes.plans.find((each) => each.name === name)
    if (plan !== undefined) streams().addBytes(plan)
    try {
      await kept
      onStreams()
    } catch (error) {
      if (!bytes.plans.some((each) => each.name === name)) streams().removeBytes(name)
      throw error
    }
  }

  /** @throws MR1303, MR1304, MR1401 */
  async dropStream(name: string): Promise<void> {
    this.#parts.assertReady()
    await this.#parts.bytes.drop(name)
    this.#parts.streams().removeBytes(name)
    this.#parts.onStreams()
  }
}

/** Bytes of the log that are asked for at once. */
const readBytes = 1_048_576

const encoder = new TextEncoder()

function dataOf({ format }: StreamPlan, { valueStart, valueEnd }: BlockCursor, block: Uint8Array): Uint8Array {
  if (format === "coded") return encoder.encode(jsonText(readValue(new ByteReader(block, valueStart, valueEnd))))
  // A copy: the block may lie in memory that the store reuses.
  return block.slice(valueStart, valueEnd)
}

function placementsOf({ positions, places, rejected, rejectedUnlisted }: Answer, count: number): Placement[] {
  const next = new Map(positions.map(({ partition, first }) => [partition, first]))
  const problems = new Map(rejected.map(({ index, problem }) => [index, problem]))
  const placements: Placement[] = []
  for (let i = 0; i < count; i++) {
    const partition = places?.[i] ?? nowhere
    const offset = next.get(partition)
    if (offset === undefined) {
      const unlisted: ErrorData = { code: "MR1017", message: `The record was refused, one of ${rejectedUnlisted} that are not listed.`, details: {} }
      placements.push({ kind: "refused", problem: problems.get(i) ?? unlisted })
      continue
    }
    next.set(partition, offset + 1)
    placements.push({ kind: "put", partition, offset })
  }
  return placements
}
