/**
 * The JSON bodies of the protocol, besides records and problems: one type a message. Their schemas are in `schemas.ts`.
 */
import type { StreamPlan } from "@millrace/model"
import type { Problem } from "./problem.ts"

/** Offsets given to the records of one request in one partition, both ends included. */
export interface PositionRange {
  readonly partition: number
  readonly first: number
  readonly last: number
}

/** A record of a request that was refused. */
export interface RejectedRecord {
  /** Place of the record in the request, from 0; for NDJSON the number of non-empty lines before it. */
  readonly index: number
  readonly problem: Problem
}

/** What became of the records of a request. */
export interface ProduceReply {
  /** Records that are stored. */
  readonly accepted: number
  readonly rejected: readonly RejectedRecord[]
  /** Rejections beyond those listed; absent when all are. */
  readonly rejectedUnlisted?: number
  readonly positions: readonly PositionRange[]
}

/** What a node says of a stream. */
export type StreamFacts = Pick<
  StreamPlan,
  "name" | "role" | "partitions" | "format" | "keyed" | "outOfOrderMs" | "retentionMs" | "description" | "jsonSchema"
>

/** What a partition holds. */
export interface PartitionExtent {
  readonly partition: number
  /** Oldest offset still kept. */
  readonly first: number
  /** One past the newest durable offset. */
  readonly end: number
}

export interface StreamList {
  readonly streams: readonly StreamFacts[]
}

export interface StreamDetails extends StreamFacts {
  /** Absent when the node cannot read the stream just now. */
  readonly extents?: readonly PartitionExtent[]
}

export interface EndReply {
  readonly stream: string
  readonly ended: true
}

export interface ReopenReply {
  readonly stream: string
  readonly ended: false
}

export interface StatusReply {
  readonly version: string
  readonly ready: boolean
  /** Why the node is not ready. */
  readonly problem?: Problem
  readonly services: readonly string[]
  /** What the node itself tells: lag by stage, pending files, counts. */
  readonly node: unknown
}
