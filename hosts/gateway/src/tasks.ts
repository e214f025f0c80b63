/** What the front door asks of a node about tasks: the smallest port that works. The runtime's desk fits it by shape. */
import type { ErrorData, TaskPlan } from "@millrace/model"
import type { RunState } from "@millrace/protocol"
import type { Sample } from "./sample.ts"

/** A run as the node shows it: times in ms, values as JSON texts. */
export interface NodeRun {
  readonly number: number
  readonly task: string
  readonly status: RunState
  readonly key: string
  readonly priority: number
  readonly trigger: "call" | "record" | "cron" | "task" | "event"
  readonly input: string
  readonly output?: string
  readonly error?: ErrorData
  readonly enqueuedAt: number
  readonly scheduledAt?: number
  readonly dueAt?: number
  readonly startedAt?: number
  readonly finishedAt?: number
  readonly attempt: number
  readonly attempts: readonly NodeAttempt[]
  /** What the attempt under way has told so far. */
  readonly logs?: readonly string[]
  /** What its code has told last of how far it is, as JSON. */
  readonly progress?: string
  readonly traceparent?: string
  readonly tracestate?: string
  readonly idempotencyKey?: string
}

export interface NodeAttempt {
  readonly startedAt: number
  readonly endedAt: number
  readonly outcome: "succeeded" | "failed" | "timed-out" | "lost" | "cancelled"
  readonly error?: ErrorData
  readonly logs?: readonly string[]
}

export interface NodeRunResult {
  readonly status: "succeeded" | "failed" | "cancelled" | "expired"
  readonly output?: string
  readonly error?: ErrorData
}

export interface NodeSearch extends NodeFilter<RunState> {
  readonly before?: number
  readonly limit: number
}

export interface NodeStand {
  readonly paused: boolean
  readonly counts: Readonly<Record<RunState, number>>
  readonly oldestReadyAt?: number
  readonly crons?: ReadonlyArray<{ readonly expression: string; readonly timeZone: string; readonly dueAt?: number }>
}

export interface NodeEnqueue {
  readonly task: string
  readonly format: "json" | "ndjson"
  readonly body: Uint8Array<ArrayBuffer>
  readonly options: { readonly delay?: number; readonly priority?: number; readonly idempotencyKey?: string }
  readonly traceparent?: string
  readonly tracestate?: string
}

export type NodeRunEvent =
  | { readonly kind: "progress" | "chunk"; readonly json: string; readonly place: string }
  | { readonly kind: "attempt"; readonly attempt: number; readonly place?: string }
  | { readonly kind: "missed"; readonly count: number }
  | { readonly kind: "ended"; readonly result: NodeRunResult }

/** Which runs a command for many is for. */
export interface NodeFilter<Status extends RunState> {
  readonly status?: Status
  readonly since?: number
  readonly until?: number
  readonly endedSince?: number
  readonly endedUntil?: number
  readonly key?: string
  readonly q?: string
}

/** How many runs a command for many has reached; `done`: these are all. */
export interface NodeTally {
  readonly count: number
  readonly done: boolean
}

export interface GatewayTasks {
  readonly plans: readonly TaskPlan[]
  /** @throws MR1022, MR1023, MR1001, MR1007, MR1010, MR1011, MR1013, MR1303, MR1401 */
  enqueue(request: NodeEnqueue): Promise<readonly string[]>
  /** Enqueues one run and waits for its end; without a result once the signal is aborted. @throws as `enqueue` does */
  call(request: NodeEnqueue, signal: AbortSignal): Promise<{ readonly id: string; readonly result: NodeRunResult | undefined }>
  /** @throws MR1024 */
  run(id: string): Promise<NodeRun>
  /** Tells what a run has told behind a place, and what happens to it until the returned function is called. @throws MR1024 for what is no id */
  watch(id: string, watcher: (event: NodeRunEvent) => void, since: string): () => void
  /** Newest first. @throws MR1022 */
  runs(task: string, search: NodeSearch): Promise<{ readonly runs: readonly NodeRun[]; readonly next?: number }>
  /** Figures of all tasks, for `/metrics`. */
  samples(): Promise<readonly Sample[]>
  /** @throws MR1022 */
  stand(task: string): Promise<NodeStand>
  /** @throws MR1024 */
  cancel(id: string): Promise<void>
  /** @throws MR1024 */
  retry(id: string): Promise<void>
  /** @throws MR1022 */
  retryAll(task: string, filter: NodeFilter<"failed" | "cancelled" | "expired">, signal: AbortSignal): Promise<NodeTally>
  /** @throws MR1022 */
  cancelAll(task: string, filter: NodeFilter<"delayed" | "waiting" | "running">, signal: AbortSignal): Promise<NodeTally>
  /** @throws MR1022 */
  pause(task: string): Promise<void>
  /** @throws MR1022 */
  resume(task: string): Promise<void>
}
