/** What may be asked of a task's queue, and the answers: runs, pages of runs, how it stands. */
import { type ErrorData, type TaskPlan, limits } from "@millrace/model"
import type { CronStand } from "./crons.ts"
import type { TaskQueue } from "./queue.ts"
import { runsPerBlock } from "./runs.ts"
import { shownOf, storedValue } from "./stored-value.ts"
import type { AttemptFacts, Run, RunStatus, Trigger } from "./run.ts"
import { type RunFilter, isFound } from "./run-filter.ts"

export interface RunSearch extends RunFilter {
  /** Only runs with lower numbers: where the page before has ended. */
  readonly before?: number
  readonly limit: number
}

export type TaskQuestion =
  | { readonly kind: "run"; readonly number: number }
  | { readonly kind: "runs"; readonly search: RunSearch }
  | { readonly kind: "stand" }
  /** Which of these names of large values no run has. */
  | { readonly kind: "unnamed"; readonly names: readonly string[] }

/** A run as it is shown. */
export interface RunView {
  readonly number: number
  readonly task: string
  readonly status: RunStatus
  readonly key: string
  readonly priority: number
  readonly trigger: Trigger
  /** JSON. */
  readonly input: string
  readonly output?: string
  readonly error?: ErrorData
  readonly enqueuedAt: number
  /** Of a run that a cron began: the time for which it is, in ms. */
  readonly scheduledAt?: number
  /** Of a delayed run: when it may start. */
  readonly dueAt?: number
  readonly startedAt?: number
  readonly finishedAt?: number
  /** Number of the newest attempt; 0: none has begun. */
  readonly attempt: number
  readonly attempts: readonly AttemptFacts[]
  readonly traceparent?: string
  readonly tracestate?: string
  readonly idempotencyKey?: string
}

export interface RunPage {
  /** Newest first. */
  readonly runs: readonly RunView[]
  /** Give it as `before` for the next page; undefined: there is none. */
  readonly next?: number
}

/** How a task stands. */
export interface TaskStand {
  readonly task: string
  readonly paused: boolean
  /** Runs by status; the ended ones since ever. */
  readonly counts: Readonly<Record<RunStatus, number>>
  /** When the oldest run that may start was enqueued, in ms. */
  readonly oldestReadyAt?: number
  /** Of a task that has schedules. */
  readonly crons?: readonly CronStand[]
}

export function answerOf(queue: TaskQueue, plan: TaskPlan, question: TaskQuestion): RunView | RunPage | TaskStand | readonly string[] | undefined {
  switch (question.kind) {
    case "run": {
      const run = queue.runs.get(question.number)
      return run === undefined ? undefined : viewOf(plan, question.number, run, queue.runs.inputOf(question.number, run))
    }
    case "runs":
      return pageOf(queue, plan, question.search)
    case "unnamed":
      return question.names.filter((name) => !queue.has(name))
    case "stand": {
      const { paused, counts, oldestReadyAt, crons } = queue
      const stand = { task: plan.name, paused, counts, ...(crons.length === 0 ? {} : { crons }) }
      return oldestReadyAt === undefined ? stand : { ...stand, oldestReadyAt }
    }
  }
}

function pageOf(queue: TaskQueue, plan: TaskPlan, search: RunSearch): RunPage {
  const { before = Number.POSITIVE_INFINITY, limit } = search
  const runs: RunView[] = []
  let searched = 0
  for (const block of queue.runs.blocks()) {
    if (block * runsPerBlock >= before) continue
    for (const [number, run] of [...queue.runs.of(block)].toReversed()) {
      if (number >= before) continue
      if (runs.length >= limit || searched >= limits.runsSearchedMax) return { runs, next: number + 1 }
      searched++
      const input = (): string => queue.runs.inputSeen(number, run)
      if (isFound(run, search, input)) runs.push(listed(viewOf(plan, number, run, input())))
    }
  }
  return { runs }
}

/** In a list, large values are not shown. */
function listed(view: RunView): RunView {
  const input = storedValue(view.input)
  const output = view.output === undefined ? undefined : storedValue(view.output)
  if (input === undefined && output === undefined) return view
  return { ...view, ...(input === undefined ? {} : { input: shownOf(input) }), ...(output === undefined ? {} : { output: shownOf(output) }) }
}

function viewOf({ name: task }: TaskPlan, number: number, run: Run, input: string): RunView {
  const { status, key, priority, trigger, enqueuedAt, attempt, attempts } = run
  const { output, error, dueAt, startedAt, finishedAt, traceparent, tracestate, idempotencyKey, scheduledAt } = run
  return {
    number,
    task,
    status,
    key,
    priority,
    trigger,
    input,
    ...(output === undefined ? {} : { output }),
    ...(error === undefined ? {} : { error }),
    enqueuedAt,
    ...(scheduledAt === undefined ? {} : { scheduledAt }),
    ...(status === "delayed" ? { dueAt } : {}),
    ...(startedAt === 0 ? {} : { startedAt }),
    ...(finishedAt === 0 ? {} : { finishedAt }),
    attempt,
    attempts,
    ...(traceparent === undefined ? {} : { traceparent }),
    ...(tracestate === undefined ? {} : { tracestate }),
    ...(idempotencyKey === undefined ? {} : { idempotencyKey }),
  }
}
