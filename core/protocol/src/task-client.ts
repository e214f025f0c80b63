/** Calling tasks over HTTP: the part of the client that is typed by a service. */
import type { Duration } from "@millrace/model"
import type { RunReply } from "./run-messages.ts"

/** What the type of a service tells of its tasks; never there at run time. */
export interface HasTasks {
  readonly "~tasks"?: Readonly<Record<string, readonly [input: unknown, output: unknown]>> | undefined
}

/** Inputs and outputs of a service's tasks by their names. */
export type TasksOf<App> = App extends { readonly "~tasks"?: infer Tasks } ? NonNullable<Tasks> : Readonly<Record<string, readonly [unknown, unknown]>>

/** Names of the tasks of a service. */
export type TaskName<App> = keyof TasksOf<App> & string
export type InputOf<App, Name> = Name extends keyof TasksOf<App> ? (TasksOf<App>[Name] extends readonly [infer Input, unknown] ? Input : unknown) : unknown
export type OutputOf<App, Name> = Name extends keyof TasksOf<App> ? (TasksOf<App>[Name] extends readonly [unknown, infer Output] ? Output : unknown) : unknown

export interface CallOptions {
  /** Names the run: a repeat with the same input within the task's window gets the same run. @default a random one for each call */
  readonly idempotencyKey?: string
  /** How long its key is remembered, at most as long as the task's `idempotency` says. @default as long as that */
  readonly idempotency?: Duration
  /** Start no earlier than after this. */
  readonly delay?: Duration
  /** From -100 to 100; higher starts first. */
  readonly priority?: number
  readonly signal?: AbortSignal
}

/** What happens to a run, as it happens. */
export type RunEvent<Output = unknown> =
  | { readonly kind: "run"; readonly run: RunReply<unknown, Output> }
  | { readonly kind: "attempt"; readonly attempt: number }
  | { readonly kind: "progress" | "chunk"; readonly value: unknown }
  /** So many of the events before what follows are not kept any more: the run had told much before it was followed. */
  | { readonly kind: "missed"; readonly count: number }
  | { readonly kind: "end"; readonly run: RunReply<unknown, Output> }

/** A task of a node. */
export interface TaskClient<Input, Output> {
  /**
   * Enqueues a run and waits for its output, however long it takes.
   *
   * @throws MR1023 for an input that does not fit, and what the run has failed with
   */
  call(input: Input, options?: CallOptions): Promise<Output>
  /** Enqueues a run; resolves to its id once it is durable. */
  send(input: Input, options?: CallOptions): Promise<string>
  /**
   * Enqueues a run for each input; resolves to their ids. All or none of up to 50,000 that are less than 4 MiB of JSON together. More are enqueued
   * in parts of that, one after the other; one that fails ends it, and its error says what is enqueued.
   *
   * @throws MR1023 when one of them does not fit; with `details.enqueued`, `details.ids` and the `details.idempotencyKey` to go on with, when
   * parts before it were enqueued
   */
  sendMany(inputs: readonly Input[], options?: CallOptions): Promise<readonly string[]>
}
