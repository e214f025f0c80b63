/**
 * Runs and tasks as they go over the wire.
 *
 * 1. A run that is stored can be shown, whatever it holds: where a part of it cannot, the answer says so in its place. One run hides no others.
 */
import { type ErrorData, isDeepJson, type TaskPlan } from "@millrace/model"
import { problemOf, type RunReply, type TaskReply } from "@millrace/protocol"
import type { NodeAttempt, NodeRun, NodeStand } from "./tasks.ts"

/** The JSON of a {@link RunReply}. */
export function runJson(run: NodeRun): string {
  try {
    return JSON.stringify(runReply(run))
  } catch {
    const { input, output, error, attempts, ...rest } = run
    const bare = {
      ...rest,
      input: unshown(input),
      ...(output === undefined ? {} : { output: unshown(output) }),
      ...(error === undefined ? {} : { error: bareError(error) }),
      attempts: attempts.map((attempt) => (attempt.error === undefined ? attempt : { ...attempt, error: bareError(attempt.error) })),
    }
    return JSON.stringify(runReply(bare))
  }
}

function bareError({ code, message }: ErrorData): ErrorData {
  return { code, message, details: {} }
}

/** What is shown in place of a value that a version before has taken and that cannot be shown. */
function unshown(json: string): string {
  return JSON.stringify({ $unshown: { length: json.length } })
}

function runReply(run: NodeRun): RunReply {
  const { number, task, status, input, output, error, key, priority, trigger, enqueuedAt, attempt, attempts } = run
  const { scheduledAt, dueAt, startedAt, finishedAt, traceparent, tracestate, idempotencyKey, logs, progress } = run
  return {
    id: `${task}-${number}`,
    task,
    status,
    input: valueOf(input),
    ...(output === undefined ? {} : { output: valueOf(output) }),
    ...(error === undefined ? {} : { problem: problemOf(error) }),
    ...(key === "" ? {} : { key }),
    priority,
    trigger,
    enqueuedAt: instant(enqueuedAt),
    ...(scheduledAt === undefined ? {} : { scheduledAt: instant(scheduledAt) }),
    ...(dueAt === undefined ? {} : { dueAt: instant(dueAt) }),
    ...(startedAt === undefined ? {} : { startedAt: instant(startedAt) }),
    ...(finishedAt === undefined ? {} : { finishedAt: instant(finishedAt) }),
    attempt,
    attempts: attempts.map(attemptReply),
    ...(logs === undefined ? {} : { logs }),
    ...(progress === undefined ? {} : { progress: JSON.parse(progress) as unknown }),
    ...(traceparent === undefined ? {} : { traceparent }),
    ...(tracestate === undefined ? {} : { tracestate }),
    ...(idempotencyKey === undefined ? {} : { idempotencyKey }),
  }
}

/** Parsed, any depth is taken; written again, or walked through by who gets it, not. */
function valueOf(json: string): unknown {
  return JSON.parse(isDeepJson(json) ? unshown(json) : json) as unknown
}

function attemptReply({ startedAt, endedAt, outcome, error, logs }: NodeAttempt): RunReply["attempts"][number] {
  return {
    startedAt: instant(startedAt),
    endedAt: instant(endedAt),
    outcome,
    ...(error === undefined ? {} : { problem: problemOf(error) }),
    ...(logs === undefined ? {} : { logs }),
  }
}

export function taskReply({ name, description, concurrency, inputSchema, outputSchema }: TaskPlan, stand: NodeStand): TaskReply {
  const { paused, counts, oldestReadyAt, crons = [] } = stand
  return {
    name,
    ...(description === undefined ? {} : { description }),
    paused,
    counts,
    ...(oldestReadyAt === undefined ? {} : { oldestReadyAt: instant(oldestReadyAt) }),
    concurrency,
    ...(crons.length === 0 ? {} : { cron: crons.map(({ dueAt, ...at }) => ({ ...at, ...(dueAt === undefined ? {} : { nextAt: instant(dueAt) }) })) }),
    ...(inputSchema === undefined ? {} : { inputSchema }),
    ...(outputSchema === undefined ? {} : { outputSchema }),
  }
}

/** The last time that a date can say, in ms. */
const dateMsMax = 8.64e15

/** A stored time; the nearest that there is for one that no date can say, as one run that cannot be shown must not hide the others. */
function instant(ms: number): string {
  return new Date(Number.isNaN(ms) ? 0 : Math.min(Math.max(ms, -dateMsMax), dateMsMax)).toISOString()
}
