/** A dead letter: what could not be processed, why, and where it was, as a JSON record of the dead-letter stream. */
import type { ErrorData } from "@millrace/model"

export interface DeadLetterCause {
  readonly value: unknown
  readonly key: string
  /** Event time in ms. */
  readonly time: number
  /** Where it failed: the stage, or the operator whose result could not be processed further. */
  readonly operator: string
  readonly error: ErrorData
  readonly attempts: number
  /** Of an operator's: the value is the record of the stage's input itself. */
  readonly isRecord?: boolean
}

/** The value of a record in a dead-letter stream. */
export interface DeadLetter {
  readonly stream: string
  readonly partition: number
  /** Offset of the record in hand; for a result of a window or timer, of the record that brought it about. */
  readonly offset: number
  readonly key: string
  /** ISO 8601. */
  readonly time: string
  readonly value: unknown
  /** Where it failed: the stream's own name (or `decode`), where `value` is its record; else an operator's. */
  readonly operator: string
  /** An operator failed, and all the same `value` is the record of `stream`, as a `mapAsync` of the stream was given it: a replay sends it again. */
  readonly isRecord?: true
  readonly error: { readonly code: string; readonly message: string; readonly stack?: unknown }
  readonly attempts: number
  /** ISO 8601. */
  readonly failedAt: string
}

export function deadLetterText(cause: DeadLetterCause, stream: string, partition: number, offset: number, now: number): string {
  const { value, key, time, operator, error, attempts, isRecord = false } = cause
  const { code, message, details } = error
  const stack = "stack" in details ? { stack: jsonValue(details["stack"]) } : {}
  const letter: DeadLetter = {
    stream,
    partition,
    offset,
    key,
    time: shownTime(time),
    value: undefined,
    operator,
    ...(isRecord ? { isRecord } : {}),
    error: { code, message, ...stack },
    attempts,
    failedAt: shownTime(now),
  }
  return JSON.stringify({ ...letter, value: jsonValue(value) })
}

function shownTime(time: number): string {
  return Math.abs(time) <= 8.64e15 ? new Date(time).toISOString() : String(time)
}

/** The value in a form that JSON takes, whatever it is: a dead letter must never fail itself. */
function jsonValue(value: unknown): unknown {
  try {
    const text = JSON.stringify(value, (_, item: unknown) => (typeof item === "bigint" ? item.toString() : item))
    return text === undefined ? String(value) : (JSON.parse(text) as unknown)
  } catch {
    return shownValue(value)
  }
}

function shownValue(value: unknown): string {
  try {
    return String(value)
  } catch {
    return "a value without a text form"
  }
}
