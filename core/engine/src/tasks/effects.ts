/** What a task asks its host to do once the transaction is durable. */
import type { ErrorData } from "@millrace/model"
import type { Run, RunStatus } from "./run.ts"

/** One run of a call. */
export interface CalledRun {
  readonly number: number
  readonly attempt: number
  /** JSON. */
  readonly input: string
  readonly key: string
  readonly enqueuedAt: number
  readonly traceparent?: string
  /** Only beside a `traceparent`. */
  readonly tracestate?: string
  /** How many calls of tasks by tasks led to it; absent: none. */
  readonly depth?: number
  /** Of a run that a cron began: the time for which it is, in ms. */
  readonly scheduledAt?: number
}

/** Call the task's code. Only an outcome with this lease counts. */
export interface CallTask {
  readonly kind: "call"
  readonly task: string
  readonly lease: number
  /** One; of a task with `batch`, several. */
  readonly runs: readonly CalledRun[]
  /** A worker died with it: it gets one of its own, so that it harms nobody else. */
  readonly alone: boolean
}

/** Abort a call: its outcome does not count any more. */
export interface AbortCall {
  readonly kind: "abort"
  readonly task: string
  readonly lease: number
  readonly reason: "cancelled" | "timed-out" | "superseded"
}

/** A run has ended. */
export interface RunEnded {
  readonly kind: "ended"
  readonly task: string
  readonly number: number
  readonly status: RunStatus
  /** Only when somebody waits for it. */
  readonly output?: string
  readonly error?: ErrorData
}

/** What is told of a run that has ended. */
export function endOf(task: string, number: number, { status, output, error, waited }: Run): RunEnded {
  const ended = { kind: "ended" as const, task, number, status }
  const told = waited && output !== undefined ? { ...ended, output } : ended
  return error === undefined ? told : { ...told, error }
}

/** An enqueue with a ticket has become this run, or joined it. */
export interface RunPlaced {
  readonly kind: "placed"
  readonly task: string
  readonly ticket: string
  readonly number: number
  /** Whether the run was there before. */
  readonly joined: boolean
  /** Its idempotency key is that run's, which came with another body: it is refused. */
  readonly otherBody?: true
}

/** A command for many has reached so many runs. */
export interface RunsTallied {
  readonly kind: "tallied"
  readonly task: string
  readonly ticket: string
  readonly count: number
  /** Whether these are all. */
  readonly done: boolean
}

/** Large values that no run has any more: their objects may go. */
interface ForgetValues {
  readonly kind: "forget"
  readonly task: string
  /** References. */
  readonly values: readonly string[]
}

export type TaskEffect = CallTask | AbortCall | RunEnded | RunPlaced | RunsTallied | ForgetValues

/** How a call ended for one of its runs. */
export type Outcome = { readonly number: number; readonly lease: number; readonly logs?: readonly string[] } & (
  | { readonly kind: "succeeded"; readonly output: string }
  /** `final`: not to be repeated; `afterMs`: to be repeated after this long. */
  | { readonly kind: "failed"; readonly error: ErrorData; readonly final?: boolean; readonly afterMs?: number }
  /** The worker is gone, through whose fault is not known; `innocent`: through that of another. */
  | { readonly kind: "lost"; readonly error: ErrorData; readonly innocent?: boolean }
  /** Not an end: it begins only now, as its worker had to be started first; its time runs from here. */
  | { readonly kind: "begun" }
  /** It was aborted, as it took too long, and found to hold its worker: why, in other words than the queue has. */
  | { readonly kind: "blocked"; readonly error: ErrorData }
  /** Not an end: it was aborted, and these lines it had told. */
  | { readonly kind: "said"; readonly logs: readonly string[] }
)
