/**
 * What a definition says, as plain immutable data: the nodes that `stream`, the operators and the windows make, each
 * holding the one it reads from. A definition is itself, by identity: used twice, it is one operator of the service.
 * The typed faces that users hold (`Flow`, `Stream`) carry one of these under a name that begins with "~", as Standard
 * Schema does: there for other modules of this package, and last in a list of completions.
 */
import type { OperatorCode, Port, StreamCode, WindowPlan } from "@millrace/model"

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
}

/** An operator that looks at one record at a time. */
export interface StatelessDefinition {
  readonly kind: "map" | "filter" | "flatMap" | "peek" | "rekey"
  readonly from: Origin
  readonly code: OperatorCode
}

/** An operator that keeps something by key, under its name. */
export type StatefulDefinition = WindowDefinition | ProcessDefinition

interface WindowDefinition {
  readonly kind: "window"
  readonly name: string
  readonly from: Origin
  readonly window: WindowPlan
  readonly allowedLatenessMs: number
  readonly code: Extract<OperatorCode, { kind: "window" }>
}

interface ProcessDefinition {
  readonly kind: "process"
  readonly name: string
  readonly from: Origin
  readonly code: Extract<OperatorCode, { kind: "process" }>
}

export type Definition = StreamDefinition | StatelessDefinition | StatefulDefinition
