/** Asynchronous calls in the plan: an operator whose function answers later. Its results go to an internal stream of its own. */
import type { RetryPlan } from "./plan-task.ts"

/**
 * In which order results leave: `key`: those of one key in the order of their records; `input`: all of a partition in the order
 * of their records; `any`: as they come.
 */
export type AsyncOrder = "key" | "input" | "any"

export interface AsyncShape {
  readonly kind: "async"
  /** The internal stream of its results. */
  readonly stream: string
  readonly upstreamBase: number
  /** Most calls of a partition at once. */
  readonly concurrency: number
  /** Most records of a partition that wait for their results; at that many, its stage takes no input. */
  readonly capacity: number
  /** Longest time of one attempt. */
  readonly timeoutMs: number
  readonly order: AsyncOrder
  readonly retry: RetryPlan
}

export interface AsyncCode {
  readonly kind: "async"
  /** Makes the function that is called: once for each process or thread that makes calls, so that it may remember something. */
  readonly open: () => (value: never, ctx: CallContext) => unknown
  /** Whether an error is not worth another attempt. */
  readonly final: (error: unknown) => boolean
  /** How long an error asks to wait before the next attempt. */
  readonly afterMs: (error: unknown) => number | undefined
}

/** What a function that answers later may know of its record, besides the value. */
export interface CallContext {
  readonly key: string
  /** Event time in ms. */
  readonly time: number
  /** From 1. A call that a crash has cut off is made again under the same number. */
  readonly attempt: number
  /** The clock when the call was made, in ms. */
  readonly now: number
  /** Aborted when the time for the attempt is over: its answer does not count any more. Give it to `fetch`. */
  readonly signal: AbortSignal
}
