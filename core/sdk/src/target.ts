/**
 * Where a flow may end, and the outlet that says that it does. A target takes values of one type; what it is besides
 * (a stream, a sink) only the compiler of services asks.
 */
import type { SinkPlan } from "@millrace/model"
import type { Origin, StreamDefinition, TaskDefinition } from "./definition.ts"

/**
 * Something that `.to(…)` takes: a stream, a task, or a sink such as `files(…)`. `T` is what it accepts, `Gives` what readers
 * get from it: unknown where that is what was put in. `Called` is the task that it is, if it is one.
 */
export interface Target<T, Gives = unknown, Called = unknown> {
  readonly "~target": StreamDefinition | SinkDefinition | TaskDefinition
  /** Never there: makes the compiler tell targets of different types apart. */
  readonly "~accepts"?: ((value: T) => void) | undefined
  /** Never there, as above. */
  readonly "~gives"?: Gives | undefined
  /** Never there, as above. */
  readonly "~task"?: Called | undefined
}

/** A task among types: its name, what takes its input, its output. */
export type TaskType<Name extends string, In, Out> = readonly [name: Name, takes: (value: In) => void, gives: Out]

/** A sink without its place in a service. */
export type SinkDefinition = Omit<SinkPlan, "stream" | "stage" | "operator">

/** A flow that has reached its target, from `.to(…)`: give it to `service(name, […])`. `T` is what readers of it get, `Called` the task that it ends in. */
export interface Outlet<T = unknown, Called = unknown> {
  readonly "~outlet": { readonly from: Origin; readonly target: StreamDefinition | SinkDefinition | TaskDefinition }
  /** Never there: what the values are, for tests that read them. */
  readonly "~values"?: T | undefined
  /** Never there: the task that it ends in, for typed clients of the service. */
  readonly "~task"?: Called | undefined
}

/** Whether a target or definition is a stream. */
export function isStreamDefinition(of: StreamDefinition | SinkDefinition | TaskDefinition): of is StreamDefinition {
  return of.kind === "stream"
}

export function isTaskDefinition(of: StreamDefinition | SinkDefinition | TaskDefinition): of is TaskDefinition {
  return of.kind === "task"
}
