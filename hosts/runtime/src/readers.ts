/**
 * Reading a stream from outside: pages and followers. Only what is durable is shown; marks are skipped.
 *
 * A follower returns when its reader leaves or when the stream has ended and all of it was read. When the node stops it
 * throws: there may be more, and a reader that took it for the end would not come back.
 */
import type { Extent, Slice, Store } from "@millrace/engine"
import { BlockCursor, ByteReader, MillraceError, type StreamPlan, entryKind, limits, readValue, utf8Text } from "@millrace/model"

/** Where reading begins: an end of the log, an event time in ms, or an offset per partition (absent ones: earliest). */
export type From =
  | { readonly kind: "earliest" }
  | { readonly kind: "latest" }
  | { readonly kind: "time"; readonly time: number }
  | { readonly kind: "offsets"; readonly offsets: ReadonlyMap<number, number> }

interface RecordView {
  readonly partition: number
  readonly offset: number
  readonly key: string
  /** Event time in ms. */
  readonly time: number
  /** JSON object text, or empty. */
  readonly headers: string
  /** JSON text. */
  readonly value: string
}

export interface Page {
  readonly records: readonly RecordView[]
  /** Where the next page begins. */
  readonly next: number
  readonly first: number
  readonly end: number
}

export interface LiveBatch {
  readonly partition: number
  readonly records: readonly RecordView[]
  readonly next: number
}

export class Readers {
  readonly #store: Store
  readonly #hasEnded: (stream: StreamPlan) => boolean
  /** Followers that wait for more. */
  readonly #waiting: Set<() => void> = new Set()
  #stopped = false

  /** @param hasEnded - whether all that a stream will ever hold is durable; whoever makes it true wakes the followers */
  constructor(store: Store, hasEnded: (stream: StreamPlan) => boolean) {
    this.#store = store
    this.#hasEnded = hasEnded
  }

  /** More is durable than before, or a stream has ended. */
  wake(): void {
    if (this.#waiting.size === 0) return
    const waiting = [...this.#waiting]
    this.#waiting.clear()
    for (const go of waiting) go()
  }

  /**
   * Resolves once more is durable, a stream has ended, or the signal is aborted.
   *
   * @throws MR1401 when the node stops
   */
  async more(signal: AbortSignal): Promise<void> {
    if (!signal.aborted && !this.#stopped) await this.#more(signal)
    if (this.#stopped) throw new MillraceError("MR1401", "The node is stopping; go on where you are once it runs again.")
  }

  /** The node stops: followers fail with MR1401. */
  stop(): void {
    this.#stopped = true
    this.wake()
  }

  /** @throws MR1009, MR1014 */
  async page(stream: StreamPlan, partition: number, from: From, limit: number): Promise<Page> {
    if (!Number.isInteger(partition) || partition < 0 || partition >= stream.partitions) {
      throw new MillraceError("MR1009", `stream "${stream.name}" has partitions 0 to ${stream.partitions - 1}; ${partition} is none.`)
    }
    const extent = this.#store.extent(stream.name, partition)
    const most = Math.min(limit, limits.pageRecordsMax)
    const records: RecordView[] = []
    let next = await this.#begin(stream, partition, from)
    for (let room = limits.pageBytesMax; records.length < most && room > 0 && next < extent.durable; ) {
      const batch = await this.#read(stream, partition, next, extent.durable, most - records.length, room)
      for (const record of batch.records) {
        records.push(record)
        room -= record.value.length
      }
      next = batch.next
    }
    return { records, next, first: extent.first, end: extent.durable }
  }

  /**
   * Durable records of all partitions as they come, until aborted or until the stream has ended. Those of shards that come of a
   * split or merge meanwhile are told too.
   *
   * @throws MR1014, MR1401 when the node stops
   */
  async *follow(streamNow: () => StreamPlan, from: From, signal: AbortSignal): AsyncGenerator<LiveBatch> {
    const next: number[] = []
    let stream = streamNow()
    for (let partition = 0; partition < stream.partitions; partition++) next.push(await this.#begin(stream, partition, from))
    while (!signal.aborted) {
      stream = streamNow()
      // It was resharded meanwhile: all of a new shard is new.
      for (let partition = next.length; partition < stream.partitions; partition++) next.push(this.#store.extent(stream.name, partition).first)
      if (this.#stopped) throw new MillraceError("MR1401", "The node is stopping; go on where you are once it runs again.")
      // Asked before the ends are looked at: what is there then is all.
      const ended = this.#hasEnded(stream)
      let idle = true
      for (let partition = 0; partition < stream.partitions; partition++) {
        const at = next[partition] as number
        const { durable } = this.#store.extent(stream.name, partition)
        if (at >= durable) continue
        idle = false
        const batch = await this.#read(stream, partition, at, durable, limits.pageRecordsMax, limits.pageBytesMax)
        if (signal.aborted) return
        next[partition] = batch.next
        if (batch.records.length > 0) yield { partition, records: batch.records, next: batch.next }
        if (signal.aborted || this.#stopped) break
      }
      if (!idle) continue
      if (ended) return
      await this.#more(signal)
    }
  }

  #more(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        signal.removeEventListener("abort", done)
        this.#waiting.delete(done)
        resolve()
      }
      signal.addEventListener("abort", done)
      this.#waiting.add(done)
    })
  }

  async #begin(stream: StreamPlan, partition: number, from: From): Promise<number> {
    const extent = this.#store.extent(stream.name, partition)
    switch (from.kind) {
      case "earliest":
        return extent.first
      case "latest":
        return extent.durable
      case "offsets":
        return kept(from.offsets.get(partition) ?? extent.first, extent, stream.name, partition)
      case "time":
        return this.#atTime(stream, partition, extent, from.time)
    }
  }

  /**
   * The first record at or after a time. Event times come in any order, so all before it are looked at; streams of bytes have the
   * times at which records came, so halves are passed over.
   */
  async #atTime({ name, format }: StreamPlan, partition: number, { first, durable }: Extent, time: number): Promise<number> {
    let from = first
    for (let end = durable; format === "bytes" && from < end; ) {
      const [middle] = await this.#store.read(name, partition, Math.floor((from + end) / 2), 1)
      if (middle === undefined) break
      // Within a block it is looked for one by one.
      if (middle.base <= from) break
      if (isBefore(middle.block, time)) from = middle.base
      else end = middle.base
    }
    for (let at = from; at < durable; ) {
      const before = at
      for (const { base, block } of await this.#store.read(name, partition, at, limits.pageBytesMax)) {
        const cursor = new BlockCursor(block)
        for (let offset = base; offset < durable && cursor.next(); offset++) {
          at = offset + 1
          if (offset >= from && cursor.kind === entryKind.record && cursor.time >= time) return offset
        }
      }
      // The log says that there is more, so a read that brings nothing would go on for ever.
      if (at <= before) throw new Error(`readers: ${name}[${partition}] gave nothing at ${before}`)
    }
    return durable
  }

  async #read(stream: StreamPlan, partition: number, from: number, end: number, most: number, bytes: number): Promise<LiveBatch> {
    const slices = await this.#store.read(stream.name, partition, from, bytes)
    const records: RecordView[] = []
    let next = from
    for (const slice of slices) {
      next = viewSlice(slice, stream, partition, from, end, most, bytes, records)
      if (records.length >= most || next >= end || (records.length > 0 && sizeOf(records) >= bytes)) break
    }
    // The log says that there is more, so a read that brings nothing would go on for ever.
    if (next <= from) throw new Error(`readers: ${stream.name}[${partition}] gave nothing at ${from}`)
    return { partition, records, next }
  }
}

/** Whether a block begins with a record of before a time. */
function isBefore(block: Uint8Array, time: number): boolean {
  const cursor = new BlockCursor(block)
  while (cursor.next()) if (cursor.kind === entryKind.record) return cursor.time < time
  return true
}

function sizeOf(records: readonly RecordView[]): number {
  return records.reduce((sum, { value }) => sum + value.length, 0)
}

/** Adds the records of a slice that lie in [from, end), up to a size; returns the offset after the last entry looked at. */
function viewSlice(
  { base, block }: Slice,
  stream: StreamPlan,
  partition: number,
  from: number,
  end: number,
  most: number,
  bytes: number,
  records: RecordView[],
): number {
  const cursor = new BlockCursor(block)
  let offset = base
  let size = sizeOf(records)
  for (; offset < end && records.length < most && size < bytes && cursor.next(); offset++) {
    if (offset < from || cursor.kind !== entryKind.record) continue
    const { key, time, headers, valueStart, valueEnd } = cursor
    const value = valueText(stream, block, valueStart, valueEnd)
    records.push({ partition, offset, key, time, headers, value })
    size += value.length
  }
  return offset
}

/** A stored value as JSON text; of bytes their base64. */
function valueText({ format }: StreamPlan, block: Uint8Array, from: number, to: number): string {
  switch (format) {
    case "json":
      return utf8Text(block, from, to)
    case "coded":
      return jsonText(readValue(new ByteReader(block, from, to)))
    case "bytes":
      return JSON.stringify(Buffer.from(block.buffer, block.byteOffset + from, to - from).toString("base64"))
  }
}

/** A coded value as JSON text: dates as ISO 8601, bigints as decimal texts. */
export function jsonText(value: unknown): string {
  return JSON.stringify(value, (_, item: unknown) => (typeof item === "bigint" ? item.toString() : item)) ?? "null"
}

function kept(offset: number, extent: Extent, stream: string, partition: number): number {
  if (offset < extent.first) {
    throw new MillraceError(
      "MR1014",
      `stream "${stream}", partition ${partition}: offset ${offset} is no longer kept; the oldest is ${extent.first}. Read from "earliest".`,
      { first: extent.first, next: extent.next },
    )
  }
  return Math.min(offset, extent.durable)
}
