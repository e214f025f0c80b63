/**
 * What was committed to each stream, kept in the order of its offsets for tests to read. It holds the bytes that the store
 * was given and decodes them as readers of the stream do, anew each time: a test may change what it got.
 */
import type { Append } from "@millrace/engine"
import { decodeBlock } from "@millrace/engine/machine"
import { type StreamPlan, type TraceFields, entryKind } from "@millrace/model"
import type { Catalogue } from "./catalogue.ts"

/** A record as it lies in a stream, with the trace of which it is part, if any. */
export interface TestRecord<T> extends TraceFields {
  readonly value: T
  /** Empty when the record has none. */
  readonly key: string
  /** Event time in ms since 1970-01-01T00:00Z. */
  readonly time: number
  readonly partition: number
  /** Its place in the partition; marks between stages take places too, so offsets may have gaps. */
  readonly offset: number
}

interface Kept {
  readonly base: number
  readonly block: Uint8Array
}

export class LogBook {
  readonly #catalogue: Catalogue
  readonly #kept: Map<string, Kept[][]> = new Map()

  constructor(catalogue: Catalogue) {
    this.#catalogue = catalogue
  }

  note({ stream, partition, block }: Append, base: number): void {
    const partitions = this.#kept.get(stream) ?? []
    this.#kept.set(stream, partitions)
    const kept = (partitions[partition] ??= [])
    kept.push({ base, block })
  }

  /**
   * The records of a stream: those of a partition in its order, and the partitions merged by event time, of equal times by
   * key, so that the whole is in the same order whatever worked first.
   */
  records(stream: StreamPlan): TestRecord<unknown>[] {
    const queues = Array.from({ length: stream.partitions }, (_, partition) => this.partition(stream, partition))
    const heads = queues.map(() => 0)
    const merged: TestRecord<unknown>[] = []
    for (;;) {
      let least: TestRecord<unknown> | undefined
      for (const [partition, queue] of queues.entries()) {
        const head = queue[heads[partition] as number]
        if (head !== undefined && (least === undefined || isBefore(head, least))) least = head
      }
      if (least === undefined) return merged
      heads[least.partition] = (heads[least.partition] as number) + 1
      merged.push(least)
    }
  }

  /** The records of one partition with offsets in [from, to). */
  partition(stream: StreamPlan, partition: number, from = 0, to: number = Number.POSITIVE_INFINITY): TestRecord<unknown>[] {
    const records: TestRecord<unknown>[] = []
    const code = this.#catalogue.code(stream.name)
    for (const { base, block } of this.#kept.get(stream.name)?.[partition] ?? []) {
      if (base >= to) break
      const { count, kinds, values, keys, times, again } = decodeBlock(block, base, 0, stream, code)
      for (let i = Math.max(0, from - base); i < count && base + i < to; i++) {
        if ((kinds?.[i] ?? entryKind.record) !== entryKind.record) continue
        records.push({ value: values[i], key: keys[i] as string, time: times[i] as number, partition, offset: base + i, ...again?.trace(i) })
      }
    }
    return records
  }
}

function isBefore(one: TestRecord<unknown>, other: TestRecord<unknown>): boolean {
  return one.time < other.time || (one.time === other.time && one.key < other.key)
}
