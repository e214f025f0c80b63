/** Asynchronous calls: their options, checked, and what they mean in the plan. */
import { type AsyncCode, type AsyncOrder, type CallContext, type Duration, limits, MillraceError } from "@millrace/model"
import type { AsyncDefinition, Origin } from "../definition.ts"
import { checkedMs, checkedName, checkedWhole, checkFunction, checkKeys } from "../setting.ts"
import { finalOf, retryAfterMs } from "../task/errors.ts"
import { type RetryOptions, retryPlan } from "../task/options.ts"

/** How an asynchronous function is called. */
export interface AsyncOptions {
  /** Most calls at once, for each partition: 1 to 10,000. @default 100 */
  readonly concurrency?: number
  /** Longest time of one attempt; then its signal is aborted and its answer does not count. @default "10s" */
  readonly timeout?: Duration
  /**
   * How failed attempts are repeated: a number of attempts, or more. After the last one the record becomes a dead letter. A
   * `NonRetryableError` ends the attempts at once, a `RetryAfter` says when the next one begins.
   *
   * @default 3 attempts, waits from 1 second to 1 minute
   */
  readonly retry?: number | RetryOptions
  /**
   * The order in which results go on. `key`: those of one key in the order of their records, which is all that an operator with
   * state by key can see; a slow call holds up its own key. `input`: all of a partition in the order of their records; a slow call
   * holds up all. `any`: each as soon as it is there. Event time is right in all of them: nothing becomes late by waiting.
   *
   * @default "key"
   */
  readonly order?: AsyncOrder
  /**
   * Records of a partition that may wait for their results, from `concurrency` to 100,000; with so many waiting, the operator's stage
   * takes no input until some are done. @default ten times `concurrency`, at most 100,000
   */
  readonly capacity?: number
}

const orders: readonly AsyncOrder[] = ["key", "input", "any"]

export const asyncOptionNames = ["concurrency", "timeout", "retry", "order", "capacity"] as const

/** @param kind - how the user calls the operator */
export function asyncDefinition(
  kind: "mapAsync" | "lookup",
  name: string,
  from: Origin,
  options: AsyncOptions,
  open: AsyncCode["open"],
): AsyncDefinition {
  checkedName(name, kind)
  const what = `${kind} ${JSON.stringify(name)}`
  checkKeys(options, asyncOptionNames, what)
  const { order = "key", retry } = options
  if (!orders.includes(order)) throw new MillraceError("MR1101", `${what}, order: ${JSON.stringify(order)} is none of ${orders.join(", ")}.`)
  const concurrency = checkedWhole(options.concurrency ?? 100, 1, limits.callsMax, `${what}, concurrency`)
  const capacity = options.capacity ?? Math.min(10 * concurrency, limits.callsWaitingMax)
  return Object.freeze({
    kind: "async",
    name,
    from,
    settings: Object.freeze({
      kind: "async",
      concurrency,
      capacity: checkedWhole(capacity, concurrency, limits.callsWaitingMax, `${what}, capacity`),
      timeoutMs: checkedMs(options.timeout ?? "10s", `${what}, timeout`, 1),
      order,
      retry: Object.freeze(retryPlan(retry, `${what}, retry`)),
    }),
    code: Object.freeze({ kind: "async", open, final: finalOf(retry), afterMs: retryAfterMs }),
  })
}

export function mapAsyncDefinition(
  name: string,
  from: Origin,
  fn: (value: never, ctx: CallContext) => unknown,
  options: AsyncOptions,
): AsyncDefinition {
  checkedName(name, "mapAsync")
  checkFunction(fn, `mapAsync ${JSON.stringify(name)}`)
  return asyncDefinition("mapAsync", name, from, options, () => fn)
}
