/**
 * What the front door asks of a node: the smallest port that works. The runtime's node fits it by shape; a test may
 * stand in for it.
 */
import type { ErrorData, StreamPlan, TraceFields } from "@millrace/model"
import type { BodyFormat, PositionRange, RecordView } from "@millrace/protocol"
import type { GatewayEvents, GatewayFunctions } from "./functions/functions.ts"
import type { GatewayMappings } from "./functions/mappings.ts"
import type { GatewayTables } from "./tables.ts"
import type { Sample } from "./sample.ts"
import type { GatewayTasks } from "./tasks.ts"

export interface IngestRequest {
  readonly stream: string
  readonly format: BodyFormat
  /** The body as it came; the node takes it over. */
  readonly body: Uint8Array<ArrayBuffer>
  readonly idempotencyKey?: string
  /** W3C Trace Context of each record that brings none of its own. */
  readonly trace?: TraceFields
}

export interface Rejection {
  /** Place of the record in the request, from 0; for NDJSON the number of non-empty lines before it. */
  readonly index: number
  readonly problem: ErrorData
}

/** Resolves once all that was accepted is durable. */
export interface IngestAnswer {
  readonly accepted: number
  readonly rejected: readonly Rejection[]
  /** Rejections beyond the listed ones. */
  readonly rejectedUnlisted: number
  readonly positions: readonly PositionRange[]
}

/** Where reading begins: an end of the log, an event time in ms, or an offset per partition (absent ones: earliest). */
export type From =
  | { readonly kind: "earliest" }
  | { readonly kind: "latest" }
  | { readonly kind: "time"; readonly time: number }
  | { readonly kind: "offsets"; readonly offsets: ReadonlyMap<number, number> }

export interface Page {
  readonly records: readonly RecordView[]
  /** Where the next page begins. */
  readonly next: number
  /** Oldest offset kept, and one past the newest durable one. */
  readonly first: number
  readonly end: number
}

/** A batch that a follower gets: records of one partition, and the offset after them (marks skipped). */
export interface LiveBatch {
  readonly partition: number
  readonly records: readonly RecordView[]
  readonly next: number
}

export interface GatewayNode {
  /** Undefined when ready, else why not. */
  readonly unready: ErrorData | undefined
  /** Names of the services that run here. */
  readonly services: readonly string[]
  /** Tasks and their runs. */
  readonly tasks: GatewayTasks
  /** Functions, called by name or over HTTP. */
  readonly functions: GatewayFunctions
  /** What feeds functions from streams. */
  readonly mappings: GatewayMappings
  /** Invocations that nobody waits for. */
  readonly events: GatewayEvents
  /** What services keep by key. */
  readonly tables: GatewayTables
  /** Every stream, internal ones too. */
  readonly streams: readonly StreamPlan[]
  /**
   * Checks, keys and stores the records of a body.
   *
   * @throws MR1001 when a JSON body cannot be parsed at all, MR1008, MR1010, MR1011, MR1016, MR1033, MR1303, MR1401, MR12xx
   */
  ingest(request: IngestRequest): Promise<IngestAnswer>
  /**
   * Ends a bounded source stream: its windows close, its files are sealed, and records that come later are refused. Repeating it
   * changes nothing. Resolves once durable.
   *
   * @throws MR1008, MR1016
   */
  end(stream: string): Promise<void>
  /**
   * Lets a stream that has ended take records again, which are late for its windows. Resolves once durable.
   *
   * @throws MR1008, MR1016
   */
  reopen(stream: string): Promise<void>
  /** @throws MR1008, MR1009 (partition), MR1014 */
  read(stream: string, partition: number, from: From, limit: number): Promise<Page>
  /**
   * Durable records of all partitions as they come, until aborted. Each partition's records in order.
   *
   * @throws MR1008, MR1014
   */
  follow(stream: string, from: From, signal: AbortSignal): AsyncIterable<LiveBatch>
  /** Figures for `/metrics`. */
  samples(): readonly Sample[]
  /** Facts for `/v1/status`: plain JSON (services, lag by stage, sinks: pending files, late and dead-letter counts). */
  status(): unknown
}
