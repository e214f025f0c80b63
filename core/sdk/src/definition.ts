/**
 * What a definition says, as plain immutable data: the nodes that `stream`, the operators and the windows make, each
 * holding those it reads from. A definition is itself, by identity: used twice, it is one operator of the service.
 * The typed faces that users hold (`Flow`, `Stream`) carry one of these under a name that begins with "~", as Standard
 * Schema does: there for other modules of this package, and last in a list of completions.
 */
import type { AsyncCode, AsyncShape, FunctionCode, FunctionPlan, MappingPlan, OperatorCode, OperatorShape, Port, StreamCode, TaskCode, TaskPlan } from "@millrace/model"

/** A point of the graph: a definition and which of its outputs is meant. */
export interface Origin {
  readonly definition: Definition
  readonly port: Port
}

export interface StreamDefinition {
  readonly kind: "stream"
  readonly name: string
  readonly partitions: number
  readonly outOfOrderMs: number
  readonly aheadMs: number
  readonly retentionMs: number
  readonly idleMs: number
  readonly description: string | undefined
  readonly code: StreamCode
  /** Of whose outputs it is the stream. */
  readonly task?: () => TaskDefinition
}

/** An operator that looks at one record at a time. */
export interface StatelessDefinition {
  readonly kind: "map" | "filter" | "flatMap" | "peek" | "split" | "rekey" | "regroup"
  readonly from: Origin
  readonly code: OperatorCode
}

/** Several flows of the same values as one. */
export interface UnionDefinition {
  readonly kind: "union"
  /** Unique within the service: the stream in which they meet is named after it. */
  readonly name: string
  readonly inputs: readonly Input[]
}

/** One of the flows that an operator reads. */
export interface Input {
  readonly from: Origin
  /** Each partition gets all of its records, whatever their key. */
  readonly broadcast?: true
}

/** An operator that keeps something by key, under its name. */
export interface StatefulDefinition {
  readonly kind: "stateful"
  readonly name: string
  /** One, or several: then the operator gets `[side, value]`, where `side` is the input's place in this list. */
  readonly inputs: readonly [Input, ...Input[]]
  /** Its results may have other keys than the records that it read. */
  readonly moves?: true
  /** It keeps nothing by key, so records without one are welcome. */
  readonly keyless?: true
  /** What the plan says of it. Its kind names it in errors. */
  readonly shape: OperatorShape
  readonly code: OperatorCode
}

/** An operator whose function answers later: its results go to an internal stream, and what follows reads that. */
export interface AsyncDefinition {
  readonly kind: "async"
  readonly name: string
  readonly from: Origin
  readonly settings: Omit<AsyncShape, "stream" | "upstreamBase">
  readonly code: AsyncCode
}

/** A task: where flows end that start it. Its outputs are a stream. */
export interface TaskDefinition {
  readonly kind: "task"
  readonly name: string
  readonly settings: Omit<TaskPlan, "commands" | "output" | "inputSchema" | "outputSchema" | "read">
  readonly code: TaskCode
  readonly output: StreamDefinition
}

/** How a stream feeds a function. */
export interface MappingDefinition {
  /** Undefined: the stream is known by its name alone. */
  readonly stream: StreamDefinition | undefined
  /** Where batches go that are given up. */
  readonly failures: StreamDefinition | undefined
  readonly plan: MappingPlan
}

/** A function: its code is elsewhere, in a module of its own, or here. */
export interface FunctionDefinition {
  readonly kind: "function"
  readonly name: string
  readonly settings: Omit<FunctionPlan, "mapping">
  readonly code: FunctionCode | undefined
  /** What feeds it. */
  readonly on: MappingDefinition | undefined
  /** Where events go that nobody waits for and that are given up. */
  readonly failures: StreamDefinition | undefined
  /** Where goes what was done of such events. */
  readonly successes: StreamDefinition | undefined
}

export type Definition = StreamDefinition | StatelessDefinition | UnionDefinition | StatefulDefinition | AsyncDefinition
