/**
 * One call of a user's asynchronous function, on its way between the machine that wants it made and the host that makes it.
 *
 * How a host drives it: each Transaction has `calls`, which may be made at once (they need not wait until the transaction is durable:
 * a prefix of the journal is always consistent, and a call may be repeated after a crash), and `cancelled`, whose signals are to be
 * aborted. Each call ends in one `CallOutcome` (see `outcomeOf`), given to `StageMachine.complete(operator, outcomes, now)`, several at once where
 * several have come. Timeouts and retries are the machine's: timers by the clock, in `tickAt`. After a restart the first tick, due at once,
 * offers what was pending.
 */
import { type AsyncCode, type CallContext, type ErrorData, type Program, errorData } from "@millrace/model"

export interface Call {
  readonly operator: string
  /** Of the operator's records in this partition, for good. */
  readonly number: number
  /** From 1. */
  readonly attempt: number
  readonly key: string
  /** Event time in ms. */
  readonly time: number
  /** A copy for this call alone. */
  readonly value: unknown
}

/** A call whose answer does not count any more. */
export type CancelledCall = Pick<Call, "operator" | "number" | "attempt">

export type CallOutcome = { readonly number: number } & (
  | { readonly kind: "succeeded"; readonly attempt: number; readonly value: unknown }
  /** `final`: not to be repeated; `afterMs`: to be repeated after this long. */
  | { readonly kind: "failed"; readonly attempt: number; readonly error: ErrorData; readonly final?: boolean; readonly afterMs?: number }
  /** Making it has brought down so many workers that it is not made again. */
  | { readonly kind: "lost"; readonly error: ErrorData; readonly attempts: number }
)

/** A function that makes calls of one operator: it may remember something from call to call. */
export type Caller = (value: unknown, ctx: CallContext) => unknown

/** The code of an asynchronous operator. */
export function asyncCodeOf({ plan, operators }: Program, stage: string, operator: string): AsyncCode {
  const at = plan.stages.find(({ id }) => id === stage)?.operators.findIndex(({ name }) => name === operator) ?? -1
  const code = operators.get(stage)?.[at]
  if (code?.kind !== "async") throw new Error(`plan of ${plan.service}: stage ${stage} has no asynchronous operator ${operator}`)
  return code
}

/** Makes a call and says how it ended. Never throws. */
export async function outcomeOf({ number, attempt, value }: Call, code: AsyncCode, caller: Caller, ctx: CallContext): Promise<CallOutcome> {
  try {
    return { kind: "succeeded", number, attempt, value: await caller(value, ctx) }
  } catch (thrown) {
    return failed(number, attempt, thrown, code)
  }
}

function failed(number: number, attempt: number, thrown: unknown, code: AsyncCode): CallOutcome {
  const error = userError(thrown)
  try {
    if (code.final(thrown)) return { kind: "failed", number, attempt, error, final: true }
    const afterMs = code.afterMs(thrown)
    if (afterMs !== undefined) return { kind: "failed", number, attempt, error, afterMs }
  } catch {
    // Looking at what was thrown throws: then nobody asks it again.
  }
  return { kind: "failed", number, attempt, error }
}

/** Longest stack that is kept of an error, in characters. */
const stackLengthMax = 8_192

function userError(thrown: unknown): ErrorData {
  const data = errorData(thrown)
  if (data.code !== "MR1404") return data
  return { code: "MR1201", message: data.message, details: stackOf(thrown) }
}

function stackOf(thrown: unknown): ErrorData["details"] {
  try {
    return thrown instanceof Error && typeof thrown.stack === "string" ? { stack: thrown.stack.slice(0, stackLengthMax) } : {}
  } catch {
    return {}
  }
}
