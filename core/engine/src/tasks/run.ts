/** A run of a task, as it is kept: from its enqueue until its retention is over. */
import { type ByteReader, type ByteWriter, type ErrorData, readValue, writeValue } from "@millrace/model"
import type { StateCodec } from "../state.ts"

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
  /** JSON. */
  input: string
  key: string
  priority: number
  trigger: Trigger
  /** Whoever enqueued it wants to hear of its end. */
  waited: boolean
  enqueuedAt: number
  /** Starts no earlier. */
  dueAt: number
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
}

/** The numbers come first and at once: they are what changes. */
export const runCodec: StateCodec<Run> = {
  write(to: ByteWriter, run: Run) {
    to.u8(runStatuses.indexOf(run.status))
    to.u8(run.waited ? 1 : 0)
    to.u8(run.priority + 128)
    to.f64(run.enqueuedAt)
    to.f64(run.dueAt)
    to.f64(run.startedAt)
    to.f64(run.finishedAt)
    to.f64(run.lease)
    to.u32(run.attempt)
    to.u32(run.lost)
    to.text16(run.key)
    to.text32(run.input)
    to.u8(run.output === undefined ? 0 : 1)
    if (run.output !== undefined) to.text32(run.output)
    const { trigger, error, attempts, traceparent, idempotencyKey, depth, tracestate } = run
    const rest = [trigger, error, attempts, traceparent, idempotencyKey, depth]
    writeValue(to, tracestate === undefined ? rest : [...rest, tracestate])
  },
  read(from: ByteReader): Run {
    const status = runStatuses[from.u8()] as RunStatus
    const waited = from.u8() === 1
    const priority = from.u8() - 128
    const enqueuedAt = from.f64()
    const dueAt = from.f64()
    const startedAt = from.f64()
    const finishedAt = from.f64()
    const lease = from.f64()
    const attempt = from.u32()
    const lost = from.u32()
    const key = from.text16()
    const input = from.text32()
    const output = from.u8() === 1 ? from.text32() : undefined
    const rest = readValue(from) as [Trigger, ErrorData | undefined, readonly AttemptFacts[], string | undefined, string | undefined, number, string?]
    const [trigger, error, attempts, traceparent, idempotencyKey, depth, tracestate] = rest
    const times = { enqueuedAt, dueAt, startedAt, finishedAt }
    return { status, input, key, priority, trigger, waited, ...times, lease, attempt, lost, output, error, attempts, traceparent, tracestate, idempotencyKey, depth }
  },
  // Nothing in it is changed in place.
  copy: (run) => ({ ...run }),
}
