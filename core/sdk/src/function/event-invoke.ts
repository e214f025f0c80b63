/** What may be said of events that nobody waits for, and the checks of it: names and ranges are those of Lambda's event invoke configuration. */
import { type Duration, type EventInvokePlan, type FailedEvent, limits, MillraceError, type SucceededEvent } from "@millrace/model"
import type { StreamDefinition } from "../definition.ts"
import type { Keying } from "../flow/flow.ts"
import { checkedMs, checkedWhole, checkKeys } from "../setting.ts"
import type { Stream } from "../stream.ts"
import { failureDestination, type MessageDestination, type OutsideDestination, successDestination } from "./failure-destination.ts"

/** What becomes of events that nobody waits for (`InvocationType: "Event"`). */
export interface EventInvokeOptions {
  /** Invocations after the first that failed, 0 to 2: the second a minute, the third two minutes later. @default 2 */
  readonly maximumRetryAttempts?: number
  /** An event that has waited for longer is given up, "1m" to "6h". @default "6h" */
  readonly maximumEventAge?: Duration
  /** Where events go that are given up: a stream without key and time of its own, objects in S3, a queue of SQS or a topic of SNS. @default nowhere; they are logged */
  readonly onFailure?: Stream<FailedEvent, unknown, Keying> | OutsideDestination
  /** Where goes what was done, with the answer: a stream without key and time of its own, a queue of SQS or a topic of SNS. @default nowhere */
  readonly onSuccess?: Stream<SucceededEvent, unknown, Keying> | MessageDestination
}

interface EventInvokeDefinition {
  readonly plan: EventInvokePlan
  readonly failures: StreamDefinition | undefined
  readonly successes: StreamDefinition | undefined
}

/** @throws MR1101 */
export function eventInvokeDefinition(given: EventInvokeOptions, what: string): EventInvokeDefinition {
  checkKeys(given, ["maximumRetryAttempts", "maximumEventAge", "onFailure", "onSuccess"], what)
  const { maximumRetryAttempts = limits.functionEventRetriesMax, maximumEventAge = limits.functionEventAgeMsMax } = given
  const failures = failureDestination(given.onFailure, `${what}, onFailure`)
  const successes = successDestination(given.onSuccess, `${what}, onSuccess`)
  return {
    plan: Object.freeze({
      maximumRetryAttempts: checkedWhole(maximumRetryAttempts, 0, limits.functionEventRetriesMax, `${what}, maximumRetryAttempts`),
      maximumEventAgeMs: eventAgeMs(maximumEventAge, `${what}, maximumEventAge`),
      onFailure: failures.plan,
      ...(successes.plan === null ? {} : { onSuccess: successes.plan }),
    }),
    failures: failures.stream,
    successes: successes.stream,
  }
}

function eventAgeMs(given: Duration, what: string): number {
  const ms = checkedMs(given, what)
  if (ms >= limits.functionEventAgeMsMin && ms <= limits.functionEventAgeMsMax) return ms
  throw new MillraceError("MR1101", `${what}: ${JSON.stringify(given)} must be from "1m" to "6h".`, { given })
}
