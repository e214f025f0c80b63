/** What an invocation's answer means for its batch, by Lambda's rules for partial failures and windows. */
import { limits } from "@millrace/model"
import type { FunctionError } from "./checkpoint.ts"

export type Verdict =
  /** All records are done. `state`: of the window, JSON. */
  | { readonly kind: "done"; readonly state?: string }
  /** Those before `index` are done. */
  | { readonly kind: "partial"; readonly index: number; readonly state?: string }
  | { readonly kind: "failed"; readonly error: FunctionError }
  /** It never reached the function. */
  | { readonly kind: "throttled" }

export interface AnswerRules {
  /** Without it what the function says of items is ignored. */
  readonly reportBatchItemFailures: boolean
  readonly hasWindow: boolean
}

const failed: Verdict = { kind: "failed", error: null }

/**
 * @param payload - the function's answer: JSON, or nothing at all
 * @param indexOf - the place in the batch of a sequence number; -1 when it is none of the batch
 */
export function verdictOf(payload: string, rules: AnswerRules, indexOf: (identifier: string) => number): Verdict {
  if (!rules.reportBatchItemFailures && !rules.hasWindow) return { kind: "done" }
  let answer: unknown
  try {
    answer = payload === "" ? null : JSON.parse(payload)
  } catch {
    return failed
  }
  const state = rules.hasWindow ? stateOf(answer) : undefined
  // M24: a window's answer without a state is a failed invocation.
  if (rules.hasWindow && state === undefined) return failed
  const carried = state === undefined ? {} : { state }
  if (!rules.reportBatchItemFailures) return { kind: "done", ...carried }
  const index = lowestFailure(answer, indexOf)
  if (index === undefined) return failed
  return index === Number.POSITIVE_INFINITY ? { kind: "done", ...carried } : { kind: "partial", index, ...carried }
}

/** Whether a state is more than a window may carry on. */
export function isStateTooLarge(state: string): boolean {
  // A UTF-16 unit takes one to three bytes.
  return state.length * 3 > limits.mappingStateBytesMax && utf8Length(state) > limits.mappingStateBytesMax
}

function stateOf(answer: unknown): string | undefined {
  if (typeof answer !== "object" || answer === null) return undefined
  const { state } = answer as { readonly state?: unknown }
  if (state === undefined || state === null) return undefined
  try {
    return JSON.stringify(state)
  } catch {
    // So deep that it can be read and not written.
    return undefined
  }
}

/** The place of the first record that failed, Infinity if none has; undefined when all have. */
function lowestFailure(answer: unknown, indexOf: (identifier: string) => number): number | undefined {
  if (answer === null || answer === "" || (Array.isArray(answer) && answer.length === 0)) return Number.POSITIVE_INFINITY
  if (typeof answer !== "object" || Array.isArray(answer)) return undefined
  const { batchItemFailures: failures } = answer as { readonly batchItemFailures?: unknown }
  if (failures === undefined || failures === null) return Number.POSITIVE_INFINITY
  if (!Array.isArray(failures)) return undefined
  let lowest = Number.POSITIVE_INFINITY
  for (const failure of failures as readonly unknown[]) {
    const identifier = (failure as { readonly itemIdentifier?: unknown } | null)?.itemIdentifier
    const index = typeof identifier === "string" && identifier !== "" ? indexOf(identifier) : -1
    if (index < 0) return undefined
    if (index < lowest) lowest = index
  }
  return lowest
}

/** Bytes of a text in UTF-8. */
export function utf8Length(text: string): number {
  let bytes = text.length
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (unit < 0x80) continue
    // Each half of a surrogate pair takes two of the four bytes.
    bytes += unit < 0x800 || (unit >= 0xd800 && unit < 0xe000) ? 1 : 2
  }
  return bytes
}
