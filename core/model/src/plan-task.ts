/** Tasks in the plan: how the runs of one are queued, started, repeated and kept. */
import type { Duration } from "./duration.ts"
import type { StandardSchema } from "./standard-schema.ts"

/** After which waits a failed attempt is repeated. */
export interface RetryPlan {
  /** Attempts in all. */
  readonly attempts: number
  readonly firstMs: number
  readonly factor: number
  readonly mostMs: number
  /** Whether waits are spread between their half and their whole. */
  readonly jitter: boolean
}

/** A token bucket: `limit` starts per `perMs`, up to `burst` of them at once. */
export interface RatePlan {
  readonly limit: number
  readonly perMs: number
  readonly burst: number
  /** Whether all runs share the bucket, or those of each key have their own. */
  readonly by: "task" | "key"
}

/** When a task starts by itself. */
export interface CronPlan {
  readonly expression: string
  readonly timeZone: string
  /** What becomes of the times that passed while nothing ran: none of them, one run for all, or each. */
  readonly catchUp: "none" | "one" | "all"
  /** The input, as JSON. */
  readonly input: string
  /** What the task's functions say of that input; absent: as without them. */
  readonly key?: string
  readonly priority?: number
}

export interface TaskPlan {
  readonly name: string
  readonly description?: string
  /** The stream of its commands, which is the input of its stage. */
  readonly commands: string
  /** The stream of its outputs. */
  readonly output: string
  readonly retry: RetryPlan
  /** Longest time of one attempt; null: no limit. */
  readonly timeoutMs: number | null
  /** Longest time to the end from when it may start; null: no limit. */
  readonly runTimeoutMs: number | null
  /** A run that has not started so long after it might expires; null: never. */
  readonly ttlMs: number | null
  readonly delayMs: number
  /** Most calls at once. */
  readonly concurrency: number
  /** Most runs of one key at once; null: no limit. */
  readonly concurrencyPerKey: number | null
  readonly rate: RatePlan | null
  /** After a run is enqueued, further inputs of its key get that run for this long; null: off. */
  readonly throttleMs: number | null
  /** A run waits until its key has been quiet for so long, at most `mostMs`; the newest input counts. */
  readonly debounce: { readonly waitMs: number; readonly mostMs: number } | null
  /** Several runs in one call: as many as `size`, or those that there are after `waitMs`. */
  readonly batch: { readonly size: number; readonly waitMs: number } | null
  /** How long an idempotency key is remembered. */
  readonly idempotencyMs: number
  /** How long ended runs are kept. */
  readonly retentionMs: number
  /** Attempts run in worker threads of their own, apart from other tasks. */
  readonly isolate: boolean
  /** Heap of such a thread, in megabytes; null: as workers have. */
  readonly memoryMegabytes: number | null
  readonly crons: readonly CronPlan[]
  /** None of the task's code looks at an input before its run: it has neither schema nor key nor priority, so any thread may take its inputs. */
  readonly plainInputs: boolean
  /** The service has it only because it reads its outputs: where another service of the node has it, it is that one's. */
  readonly read?: true
  /** JSON Schemas of input and output, when the schema library can tell, for OpenAPI. */
  readonly inputSchema?: unknown
  readonly outputSchema?: unknown
}

/** The operator that queues a task's runs. */
export interface TaskShape {
  readonly kind: "task"
  readonly task: string
  /** Where outputs go. */
  readonly stream: string
}

/** Makes a run of each record. */
export interface ToTaskShape {
  readonly kind: "to-task"
  readonly task: string
  /** The task's stream of commands. */
  readonly stream: string
}

export interface TaskCode {
  readonly input: StandardSchema | undefined
  readonly output: StandardSchema | undefined
  readonly key: ((input: never) => string) | undefined
  readonly priority: ((input: never) => number) | undefined
  /** Whether a failure is for good. */
  readonly final: ((error: unknown) => boolean) | undefined
  /** When a failure asks to be repeated, in ms from now; undefined: it does not say. */
  readonly afterMs: ((error: unknown) => number | undefined) | undefined
  /** Of a task with `batch`, takes and gives arrays. */
  readonly run: (input: never, ctx: never) => unknown
}

/** What a task's code may know and do while it runs. */
export interface TaskContext {
  /** The run, such as `freeze-card-1042`. */
  readonly run: string
  /** Number of the attempt, from 1. */
  readonly attempt: number
  /** The run's key; "" without one. */
  readonly key: string
  /** When the run was enqueued, in ms. */
  readonly enqueuedAt: number
  /** Of a run that a cron began: the time for which it is, also when it is made up for later; undefined of others. */
  readonly scheduledAt: Date | undefined
  /** W3C Trace Context of whoever enqueued the run. */
  readonly traceparent: string | undefined
  /** What tracing systems of vendors add to it. */
  readonly tracestate: string | undefined
  /** Aborted when the run is cancelled, when the attempt has taken too long, and when the node stops. */
  readonly signal: AbortSignal
  /** Tells whoever watches the run how far it is: any JSON of at most 1 MiB. What JSON cannot carry throws `MR1206`, which ends the run. */
  progress(value: unknown): void
  /** Gives whoever watches the run a piece of a longer answer: any JSON of at most 1 MiB, as `progress`. */
  stream(chunk: unknown): void
  /** Keeps a line with the attempt: the newest 100 are kept, those that the code says on its console among them. */
  log(...parts: readonly unknown[]): void
}

/** Priorities lie between minus this and this. */
export const priorityMost = 100

/** What may be said of one run as it is enqueued. */
export interface EnqueueOptions {
  /** Starts no earlier than after this. */
  readonly delay?: Duration
  /** A whole number from -100 to 100; higher starts first. @default what the task's `priority` says, else 0 */
  readonly priority?: number
  /** A repeat with the same key and input within the task's window gets the same run, one with another input is refused (MR1011). 1 to 256 characters. */
  readonly idempotencyKey?: string
  /** How long its key is remembered, at most as long as the task's `idempotency` says. @default as long as that */
  readonly idempotency?: Duration
}
