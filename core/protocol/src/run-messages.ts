/** The JSON bodies about tasks and their runs. Times are ISO 8601 texts, as everywhere on the wire. */
import type { Problem } from "./problem.ts"

export type RunState = "delayed" | "waiting" | "running" | "succeeded" | "failed" | "cancelled" | "expired"

/** What is known of an attempt that has ended. */
export interface AttemptReply {
  readonly startedAt: string
  readonly endedAt: string
  readonly outcome: "succeeded" | "failed" | "timed-out" | "lost" | "cancelled"
  readonly problem?: Problem
  /** What its code told with `ctx.log`: the newest 100 lines. */
  readonly logs?: readonly string[]
}

/** A run of a task. */
export interface RunReply<Input = unknown, Output = unknown> {
  /** The task's name, "-", and a number: `freeze-card-1042`. */
  readonly id: string
  readonly task: string
  readonly status: RunState
  readonly input: Input
  /** Of a run that succeeded. */
  readonly output?: Output
  /** Why it failed, was cancelled or expired; of a run that will be repeated, what went wrong last. */
  readonly problem?: Problem
  readonly key?: string
  readonly priority: number
  readonly trigger: "call" | "record" | "cron" | "task" | "event"
  readonly enqueuedAt: string
  /** Of a run that a cron began: the time for which it is. */
  readonly scheduledAt?: string
  /** Of a delayed run: when it may start. */
  readonly dueAt?: string
  readonly startedAt?: string
  readonly finishedAt?: string
  /** Number of the newest attempt; 0 before the first. */
  readonly attempt: number
  /** Attempts that have ended, oldest first, the newest 20. */
  readonly attempts: readonly AttemptReply[]
  /** Of a run that is under way, asked for by its id: what its attempt has told so far. Absent where its thread is too busy to say. */
  readonly logs?: readonly string[]
  /** What its code has told last with `ctx.progress`, asked for by its id; a node that has started again since has forgotten it. */
  readonly progress?: unknown
  readonly traceparent?: string
  readonly tracestate?: string
  readonly idempotencyKey?: string
}

/** Runs, newest first. */
export interface RunList {
  readonly runs: readonly RunReply[]
  /** Give it as `cursor` for the next page; absent after the last. */
  readonly cursor?: string
}

/** What an enqueue is answered with, unless the run has ended by then. */
export interface EnqueueReply {
  readonly id: string
  readonly task: string
}

/** What many inputs are answered with. */
export interface EnqueueAllReply {
  readonly task: string
  /** In the order of the inputs. */
  readonly ids: readonly string[]
}

/** A schedule of a task. */
export interface CronReply {
  readonly expression: string
  readonly timeZone: string
  /** The time for which it makes its next run; absent: there is none any more. */
  readonly nextAt?: string
}

/** A task and how it stands. */
export interface TaskReply {
  readonly name: string
  readonly description?: string
  readonly paused: boolean
  /** Runs by status; of the ended ones, all since ever. */
  readonly counts: Readonly<Record<RunState, number>>
  /** When the oldest run that waits for its turn was enqueued. */
  readonly oldestReadyAt?: string
  readonly concurrency: number
  /** Its schedules, if it has any. */
  readonly cron?: readonly CronReply[]
  readonly inputSchema?: unknown
  readonly outputSchema?: unknown
}

export interface TaskList {
  readonly tasks: readonly TaskReply[]
}

/** Which runs are meant: the same in a list and in a command for many. */
export interface RunFilter<Status extends RunState = RunState> {
  readonly status?: Status
  /** Enqueued at or after this time, ISO 8601. */
  readonly since?: string
  /** Enqueued before this time, ISO 8601. */
  readonly until?: string
  /** Ended at or after this time, ISO 8601. */
  readonly endedSince?: string
  /** Ended before this time, ISO 8601. */
  readonly endedUntil?: string
  readonly key?: string
  /** The text of the input or of the error contains this. */
  readonly q?: string
}

/** Which ended runs begin again. */
export interface RetryFilter extends RunFilter<"failed" | "cancelled" | "expired"> {
  readonly task: string
}

/** Which runs that have not ended are cancelled. */
export interface CancelFilter extends Omit<RunFilter<"delayed" | "waiting" | "running">, "endedSince" | "endedUntil"> {
  readonly task: string
}

/** What came of a command for all runs that a filter finds. */
export interface RunTally {
  /** So many were found; unless `done`, so far. */
  readonly count: number
  /** False: there are so many that the answer did not wait for all; it goes on. */
  readonly done: boolean
}

/** What was asked for is durable. */
export interface CommandReply {
  readonly done: true
}
