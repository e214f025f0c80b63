/**
 * The Plan: a service's graph as plain data, fit to be printed, compared and sent to another thread or machine. What is
 * code (schemas, keys, maps) stays beside it in a {@link Program}, found by the same names and places.
 *
 * A stage reads one stream and is a part of the graph in which records keep their partition; its operators are listed
 * so that each comes after the one it reads from (`from`, an index into the list, or -1 for the stage's input).
 */
import type { AsyncCode, AsyncShape } from "./plan-async.ts"
import type { FunctionCode, FunctionPlan } from "./plan-function.ts"
import type { JoinCode, JoinShape } from "./plan-join.ts"
import type { MatchCode, MatchShape } from "./plan-pattern.ts"
import type { ProcessCode, ProcessShape } from "./plan-process.ts"
import type { TaskCode, TaskPlan, TaskShape, ToTaskShape } from "./plan-task.ts"
import type { TableCode, TableShape } from "./plan-table.ts"
import type { TableJoinCode, TableJoinShape } from "./plan-table-join.ts"
import type { PartialsCode, PartialsShape, WindowingCode, WindowingShape } from "./plan-window.ts"
import type { StandardSchema } from "./standard-schema.ts"

/** Where a stream comes from, which also says who may write it. */
export type StreamRole =
  | "source" // front doors write it
  | "derived" // a stage writes it, users read it
  | "repartition" // between two stages, marks its upstreams' watermarks
  | "task" // what a task is told
  | "sink" // rows on their way to a sink; one upstream per partition
  | "dead-letter" // what could not be processed

export interface StreamPlan {
  readonly name: string
  readonly role: StreamRole
  readonly partitions: number
  /** Of a stream that was split or merged since: how many partitions its service defines. */
  readonly partitionsAtFirst?: number
  /**
   * `json`: values are JSON text, checked by the schema; `coded`: values are in Millrace's own codec; `bytes`: values are
   * anything, of a stream that no service defines.
   */
  readonly format: "json" | "coded" | "bytes"
  /** Watermark = highest event time so far in the partition minus this. */
  readonly outOfOrderMs: number
  /** A record whose event time is further ahead of the clock than this is refused. */
  readonly aheadMs: number
  /** Records are kept at least this long. */
  readonly retentionMs: number
  /** An upstream partition of a repartition stream is left out of the minimum after this long without input. */
  readonly idleMs: number
  /** Whether records carry a key. */
  readonly keyed: boolean
  /**
   * Partitions of all stages that write it, so that its watermark is their minimum: for `repartition` streams, and for `derived`
   * ones, in the plans of all services that run together. 0: the watermark comes from the records' own times. A writing stage marks as `upstreamBase` + its partition.
   */
  readonly upstreams: number
  readonly description?: string
  /** JSON Schema of a record, when the schema library can tell, for OpenAPI. */
  readonly jsonSchema?: unknown
}

/**
 * Which of its parent's outputs an operator reads: `out` are the results, `late` the records that came too late; others
 * are named by the operators that have them.
 */
export type Port = string

/** An output of an operator of the same stage. */
export interface OperatorInput {
  /** Index of the operator, or -1 for the stage's input. */
  readonly from: number
  readonly port: Port
}

/** An operator's place in its stage. */
export interface OperatorPlace extends OperatorInput {
  /** Unique within the service; stateful operators keep their state under it. */
  readonly name: string
  /** What it reads besides, of the same stage: operators with several inputs. */
  readonly also?: readonly OperatorInput[]
}

/** What an operator is, apart from its place: each kind with its settings. */
export type OperatorShape =
  | { readonly kind: "map" | "filter" | "flatMap" | "peek" | "split" | "rekey" | "regroup" | "union" }
  /** Says of each value which input of an operator with several it is: makes `[side, value]` of it. */
  | { readonly kind: "side"; readonly side: number }
  | WindowingShape
  | PartialsShape
  | ProcessShape
  | JoinShape
  | TableShape
  | TableJoinShape
  | MatchShape
  | AsyncShape
  | TaskShape
  | ToTaskShape
  /** Appends to a user stream (`derived`), keyed and timed by that stream's own definition. */
  | { readonly kind: "to-stream"; readonly stream: string; readonly upstreamBase: number }
  /** Appends to a `repartition` stream under the record's new key; to each of its partitions when it is broadcast. */
  | { readonly kind: "repartition"; readonly stream: string; readonly upstreamBase: number; readonly broadcast?: true }
  /** Appends to a `sink` stream and decides when a file is full. */
  | { readonly kind: "to-sink"; readonly stream: string; readonly sink: string }

/** Distributes over the union, so that `kind` still tells which settings there are. */
type Placed<Shape> = Shape extends unknown ? OperatorPlace & Shape : never

export type OperatorPlan = Placed<OperatorShape>

export type OperatorKind = OperatorShape["kind"]

export interface StagePlan {
  /** Unique within the service: the input stream's name. */
  readonly id: string
  readonly input: string
  readonly partitions: number
  readonly deadLetters: string
  readonly operators: readonly OperatorPlan[]
}

/** How a value becomes a path segment: a column's value, or the UTC day, hour, month or year of a time column. */
export interface PathColumn {
  readonly column: string
  readonly by: "value" | "hour" | "day" | "month" | "year"
}

export type FileFormat = "parquet" | "ndjson" | "ndjson.gz" | "csv"

/**
 * What a column of a file holds: for columns whose values do not say it for good, such as a count (a number, though
 * always whole) or a column that may be all null in one file. `timestamp` is an instant in UTC, `json` any plain value.
 */
export type ColumnType = "boolean" | "double" | "int64" | "string" | "timestamp" | "json"

/** Column types by name, in the order of the columns. */
export type ColumnTypes = Readonly<Record<string, ColumnType>>

export interface SinkPlan {
  readonly name: string
  /** Which adapter carries it out. */
  readonly kind: "files"
  /** The `sink` stream that feeds it. */
  readonly stream: string
  readonly stage: string
  readonly operator: string
  readonly format: FileFormat
  /** A directory, or `s3://bucket/prefix`; undefined: the node's own output directory. The sink's name is appended. */
  readonly to?: string
  readonly partitionBy: readonly PathColumn[]
  /** Columns that every file has, first and in this order; further ones are typed by their values. */
  readonly columns?: ColumnTypes
  readonly roll: RollPlan
}

/** When a file is full: whichever comes first. */
export interface RollPlan {
  /** Bytes of coded rows. */
  readonly bytes: number
  /** Milliseconds since the file's first row arrived. */
  readonly everyMs: number
  /** Also whenever the watermark passes a multiple of this; 0: never. */
  readonly watermarkMs: number
}

export interface Plan {
  readonly service: string
  readonly streams: readonly StreamPlan[]
  readonly stages: readonly StagePlan[]
  readonly sinks: readonly SinkPlan[]
  readonly tasks: readonly TaskPlan[]
  readonly functions: readonly FunctionPlan[]
}

/** The code of one operator; `kind` as in its plan. */
export type OperatorCode =
  | { readonly kind: "map"; readonly fn: (value: never, at: RecordContext) => unknown }
  | { readonly kind: "filter"; readonly fn: (value: never, at: RecordContext) => boolean }
  | { readonly kind: "flatMap"; readonly fn: (value: never, at: RecordContext) => Iterable<unknown> }
  | { readonly kind: "peek"; readonly fn: (value: never, at: RecordContext) => void }
  /** A value goes to the port of the first test that it passes, else to `out`. */
  | { readonly kind: "split"; readonly branches: readonly SplitBranch[] }
  /** `one`: all records get one key. */
  | { readonly kind: "rekey"; readonly fn: (value: never) => string; readonly one?: true }
  | WindowingCode
  | PartialsCode
  | ProcessCode
  /** Gives each change the key of its rows' group: one change of a group, or one of two. */
  | { readonly kind: "regroup"; readonly fn: (row: never) => string }
  | JoinCode
  | TableCode
  | TableJoinCode
  | MatchCode
  | AsyncCode
  | { readonly kind: "union" | "side" | "to-stream" | "repartition" | "to-sink" | "task" | "to-task" }

/** One way out of a split. */
export interface SplitBranch {
  readonly port: Port
  readonly takes: (value: never, at: RecordContext) => boolean
}

/** What a function of a record may know of it besides its value. The object is reused: read it, do not keep it. */
export interface RecordContext {
  readonly key: string
  /** Event time in ms. */
  readonly time: number
}

/** The code of one user stream. */
export interface StreamCode {
  readonly schema: StandardSchema | undefined
  readonly key: ((value: never) => string) | undefined
  readonly time: ((value: never) => Date | number | string) | undefined
}

/** A Plan and its code. */
export interface Program {
  readonly plan: Plan
  /** By stream name; streams that users defined only. */
  readonly streams: ReadonlyMap<string, StreamCode>
  /** By name. */
  readonly tasks: ReadonlyMap<string, TaskCode>
  /** By name; functions whose code is in the service itself. */
  readonly functions: ReadonlyMap<string, FunctionCode>
  /** By stage id, in the order of the stage's operators. */
  readonly operators: ReadonlyMap<string, readonly OperatorCode[]>
}
