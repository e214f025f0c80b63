/**
 * What the API asks of a node: the smallest port that works. The runtime's `node.records` and `node.streams` fit it by
 * shape; a test may stand in for them.
 */
import type { ErrorData, StreamPlan } from "@millrace/model"

/** A record on its way in. */
export interface NewRecord {
  /** The partition key. */
  readonly key: string
  /** Where to; 0xFFFF leaves it to the node. A stream with a key function of its own decides itself. */
  readonly partition: number
  readonly data: Uint8Array
}

/** Where one record was put, or why it was not. */
export type Placement =
  | { readonly kind: "put"; readonly partition: number; readonly offset: number }
  | { readonly kind: "refused"; readonly problem: ErrorData }

/** A stored record. */
export interface StoredRecord {
  readonly offset: number
  readonly key: string
  /** When it came in ms, or its event time where its stream has one. */
  readonly time: number
  /** JSON object text, or empty. */
  readonly headers: string
  readonly data: Uint8Array
}

export interface StoredPage {
  readonly records: readonly StoredRecord[]
  /** Where the next page begins. */
  readonly next: number
}

/** Settings of a stream that no service defines. */
export interface StreamSettings {
  readonly partitions: number
  readonly retentionMs: number
}

export interface KinesisRecords {
  /**
   * Puts records, in order; resolves once durable, with what became of each.
   *
   * @throws MR1008, MR1010, MR1016, MR1303, MR1401
   */
  put(stream: string, records: readonly NewRecord[]): Promise<readonly Placement[]>
  /**
   * Stores records that a service's stream has refused, for the service to make dead letters of; resolves once durable,
   * with the offset of each.
   */
  bury(stream: string, records: readonly NewRecord[]): Promise<readonly number[]>
  /** The oldest offset that a partition keeps, and one past the newest durable one. */
  extent(stream: string, partition: number): { readonly first: number; readonly end: number }
  /** Where the next record of a partition will lie, one not yet durable included. */
  next(stream: string, partition: number): number
  /** The first offset whose record's time is at or after `time`; the end when there is none. */
  seek(stream: string, partition: number, time: number): Promise<number>
  /** Durable records of [from, end): as many as fit, one at least if there is any. @throws MR1014 */
  read(
    stream: string,
    partition: number,
    from: number,
    end: number,
    most: number,
    bytesMost: number,
  ): Promise<StoredPage>
  /** Resolves once more is durable than now, or the signal is aborted. @throws MR1401 when the node stops */
  more(signal: AbortSignal): Promise<void>
  /** Texts kept beside the streams, by stream name. */
  readonly facts: ReadonlyMap<string, string>
  keepFacts(stream: string, facts: string): Promise<void>
  /**
   * Splits or merges shards of a service's stream, as its facts have it; from the call on, closed shards take nothing.
   *
   * @throws MR1306 when it cannot be
   */
  reshard(stream: string, facts: string, partitions: number): Promise<void>
  /** Makes a stream of bytes, or changes its settings, with its facts. @throws MR1102 when a service defines it */
  keepStream(name: string, settings: StreamSettings, facts: string): Promise<void>
  dropStream(name: string): Promise<void>
}

export interface KinesisNode {
  /** Undefined when ready, else why not. */
  readonly unready: ErrorData | undefined
  /** Every stream, internal ones too. */
  readonly streams: readonly StreamPlan[]
  readonly records: KinesisRecords
}
