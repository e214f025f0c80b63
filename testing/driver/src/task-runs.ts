/** Runs of tasks as a test sees them, and the commands that it gives. */
import type { RunPage, RunView } from "@millrace/engine"
import type { ErrorData } from "@millrace/model"

/** An attempt that has ended. */
export interface TestAttempt {
  readonly outcome: "succeeded" | "failed" | "timed-out" | "lost" | "cancelled"
  readonly startedAt: Date
  readonly endedAt: Date
  readonly error?: ErrorData
  /** What the code told with `ctx.log`. */
  readonly logs: readonly string[]
}

/** A run of a task. */
export interface TestRun {
  readonly id: string
  readonly status: RunView["status"]
  readonly input: unknown
  /** Of a run that succeeded. */
  readonly output?: unknown
  /** Why it failed, was cancelled or expired; of one that will be repeated, what went wrong last. */
  readonly error?: ErrorData
  readonly key: string
  readonly priority: number
  readonly trigger: RunView["trigger"]
  readonly enqueuedAt: Date
  /** Of a run that a cron began: the time for which it is. */
  readonly scheduledAt?: Date
  /** Of a delayed run: when it may start. */
  readonly dueAt?: Date
  readonly finishedAt?: Date
  /** Number of the newest attempt; 0 before the first. */
  readonly attempt: number
  /** Attempts that have ended, oldest first. */
  readonly attempts: readonly TestAttempt[]
}

export function testRun(view: RunView): TestRun {
  const { number, task, status, input, output, error, key, priority, trigger, enqueuedAt, scheduledAt, dueAt, finishedAt, attempt, attempts } = view
  return {
    id: `${task}-${number}`,
    status,
    input: JSON.parse(input) as unknown,
    ...(output === undefined ? {} : { output: JSON.parse(output) as unknown }),
    ...(error === undefined ? {} : { error }),
    key,
    priority,
    trigger,
    enqueuedAt: new Date(enqueuedAt),
    ...(scheduledAt === undefined ? {} : { scheduledAt: new Date(scheduledAt) }),
    ...(dueAt === undefined ? {} : { dueAt: new Date(dueAt) }),
    ...(finishedAt === undefined ? {} : { finishedAt: new Date(finishedAt) }),
    attempt,
    attempts: attempts.map(({ outcome, startedAt, endedAt, error: why, logs = [] }) => ({
      outcome,
      startedAt: new Date(startedAt),
      endedAt: new Date(endedAt),
      ...(why === undefined ? {} : { error: why }),
      logs,
    })),
  }
}

/** All runs of a task, oldest first. */
export function allRuns(pageOf: (before: number | undefined) => RunPage): TestRun[] {
  const views: RunView[] = []
  for (let before: number | undefined; ; ) {
    const { runs, next } = pageOf(before)
    views.push(...runs)
    if (next === undefined) break
    before = next
  }
  return views.toReversed().map(testRun)
}
