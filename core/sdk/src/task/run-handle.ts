/** A run that was enqueued from this process, or from the code of a task: what may be asked of it and done with it. */
import type { ErrorData } from "@millrace/model"
import type { RunFacts, RunResult, TaskCaller } from "./caller.ts"

/** An attempt at a run that has ended. */
export interface RunAttempt {
  readonly outcome: "succeeded" | "failed" | "timed-out" | "lost" | "cancelled"
  readonly startedAt: Date
  readonly endedAt: Date
  readonly error?: ErrorData
  /** What its code told with `ctx.log`: the newest 100 lines. */
  readonly logs: readonly string[]
}

/** A run as it stands. */
export interface RunDetails<Out> {
  readonly id: string
  readonly task: string
  readonly status: RunFacts["status"]
  readonly input: unknown
  /** Of a run that succeeded. */
  readonly output?: Out
  /** Why it failed, was cancelled or expired; of one that will be repeated, what went wrong last. */
  readonly error?: ErrorData
  readonly key: string
  readonly priority: number
  readonly trigger: RunFacts["trigger"]
  readonly enqueuedAt: Date
  /** Of a run that a cron began: the time for which it is. */
  readonly scheduledAt?: Date
  /** Of a delayed run: when it may start. */
  readonly dueAt?: Date
  readonly startedAt?: Date
  readonly finishedAt?: Date
  /** Number of the newest attempt; 0 before the first. */
  readonly attempt: number
  /** Attempts that have ended, oldest first, the newest 20. */
  readonly attempts: readonly RunAttempt[]
  /** What the attempt under way has told with `ctx.log` so far. */
  readonly logs: readonly string[]
  /** What its code has told last with `ctx.progress`; a node that has started again since has forgotten it. */
  readonly progress?: unknown
}

/** A run that was enqueued: what the client does with its id, it does itself. */
export interface RunHandle<Out> {
  /** Such as `freeze-card-1042`. */
  readonly id: string
  /**
   * Waits for the output.
   *
   * @throws the error of a run that failed, MR1207 when it was cancelled, MR1208 when it expired
   */
  result(): Promise<Out>
  /**
   * The run as it stands: its status, its attempts, how far its code says that it is.
   *
   * @throws MR1024 once its retention is over
   * @example `const { status, progress } = await handle.run()`
   */
  run(): Promise<RunDetails<Out>>
  /** Cancels it; doing so again changes nothing. @throws MR1032 when it has ended otherwise */
  cancel(): Promise<void>
  /** It begins again, after it failed, expired or was cancelled. @throws MR1032 for any other */
  retry(): Promise<void>
}

/** @param outputOf - the output of a run that has ended; throws its error */
export function runHandle<Out>(caller: TaskCaller, id: string, outputOf: (result: RunResult) => Out): RunHandle<Out> {
  return {
    id,
    result: async () => outputOf(await caller.result(id)),
    run: async () => detailsOf(id, await caller.run(id)),
    cancel: () => caller.cancel(id),
    retry: () => caller.retry(id),
  }
}

function detailsOf<Out>(id: string, facts: RunFacts): RunDetails<Out> {
  const { task, status, input, output, error, key, priority, trigger, enqueuedAt, scheduledAt, dueAt, startedAt, finishedAt, attempt, attempts, logs = [], progress } = facts
  return {
    id,
    task,
    status,
    input: JSON.parse(input) as unknown,
    ...(output === undefined ? {} : { output: JSON.parse(output) as Out }),
    ...(error === undefined ? {} : { error }),
    key,
    priority,
    trigger,
    enqueuedAt: new Date(enqueuedAt),
    ...(scheduledAt === undefined ? {} : { scheduledAt: new Date(scheduledAt) }),
    ...(dueAt === undefined ? {} : { dueAt: new Date(dueAt) }),
    ...(startedAt === undefined ? {} : { startedAt: new Date(startedAt) }),
    ...(finishedAt === undefined ? {} : { finishedAt: new Date(finishedAt) }),
    attempt,
    attempts: attempts.map(({ outcome, startedAt: from, endedAt, error: why, logs: lines = [] }) => ({
      outcome,
      startedAt: new Date(from),
      endedAt: new Date(endedAt),
      ...(why === undefined ? {} : { error: why }),
      logs: lines,
    })),
    logs,
    ...(progress === undefined ? {} : { progress: JSON.parse(progress) as unknown }),
  }
}
