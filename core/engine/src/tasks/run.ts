/** A run of a task, as it is kept: from its enqueue until its retention is over. */
import type { ErrorData } from "@millrace/model"

/**
 * ```
 * delayed ──> waiting ──> running ──> succeeded
 *    ^           │  ^        │ ├────> failed
 *    │  retry    │  └─ lost ─┘ │
 *    └───────────┼─────────────┘
 *                └──> expired; and from anywhere before the end: cancelled
 * ```
 */
export type RunStatus = "delayed" | "waiting" | "running" | "succeeded" | "failed" | "cancelled" | "expired"

export const runStatuses: readonly RunStatus[] = ["delayed", "waiting", "running", "succeeded", "failed", "cancelled", "expired"]

export function isTerminal(status: RunStatus): boolean {
  return status === "succeeded" || status === "failed" || status === "cancelled" || status === "expired"
}

/** What is known of an attempt that has ended. */
export interface AttemptFacts {
  readonly startedAt: number
  readonly endedAt: number
  readonly outcome: "succeeded" | "failed" | "timed-out" | "lost" | "cancelled"
  readonly error?: ErrorData
  /** What it told with `ctx.log`. */
  readonly logs?: readonly string[]
}

/** Who enqueued a run. */
export type Trigger = "call" | "record" | "cron" | "task" | "event"

export interface Run {
  status: RunStatus
  /** JSON; "": it is long, and lies beside the run: see `Runs.inputOf`. */
  input: string
  key: string
  priority: number
  trigger: Trigger
  /** Whoever enqueued it wants to hear of its end. */
  waited: boolean
  enqueuedAt: number
  /** Starts no earlier. */
  dueAt: number
  /** When it might have started at first, or as it began again: its `ttl` and its time to end count from here. */
  mayStartAt: number
  startedAt: number
  finishedAt: number
  /** Number of the call that has it in hand, or had it last. */
  lease: number
  /** Attempts that were begun, those that were lost not counted. */
  attempt: number
  /** Workers that died with it since it last ended an attempt. */
  lost: number
  /** JSON; of a run that succeeded. */
  output: string | undefined
  /** Why it failed, was cancelled or expired. */
  error: ErrorData | undefined
  /** The newest, oldest first. */
  attempts: readonly AttemptFacts[]
  traceparent: string | undefined
  /** Only beside a `traceparent`. */
  tracestate: string | undefined
  idempotencyKey: string | undefined
  /** How many calls of tasks by tasks led to it. */
  depth: number
  /** Of a run that a cron began: the time for which it is, in ms. */
  scheduledAt: number | undefined
}
