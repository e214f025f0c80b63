/** Invocations that nobody waits for (Lambda's `Event`) in the plan: how often and how long they are tried, and who is told of what was given up. */
import type { FailureDestination } from "./plan-mapping.ts"

export interface EventInvokePlan {
  /** Invocations after the first that failed, 0 to 2. */
  readonly maximumRetryAttempts: number
  /** An event that has waited for longer is given up. */
  readonly maximumEventAgeMs: number
  readonly onFailure: FailureDestination | null
  /** Who is told of an event that was done, and of the answer; absent: nobody. */
  readonly onSuccess?: SuccessDestination
}

/** A destination outside that holds objects is for failures alone, as on AWS. */
export type SuccessDestination = Exclude<FailureDestination, { readonly kind: "s3" }>

/** What a destination is told of an event that was given up: Lambda's invocation record. */
export interface FailedEvent {
  readonly version: "1.0"
  /** ISO 8601 */
  readonly timestamp: string
  readonly requestContext: {
    readonly requestId: string
    readonly functionArn: string
    readonly condition: "RetriesExhausted" | "EventAgeExceeded"
    readonly approximateInvokeCount: number
  }
  /** The event itself. */
  readonly requestPayload: unknown
  /** Not there when the function was never invoked. */
  readonly responseContext?: {
    readonly statusCode: 200
    readonly executedVersion: "$LATEST"
    readonly functionError: "Unhandled"
  }
  /** Why the last invocation failed. */
  readonly responsePayload?: { readonly errorType: string; readonly errorMessage: string; readonly trace?: readonly string[] }
}

/** What a destination is told of an event that was done: Lambda's invocation record. */
export interface SucceededEvent {
  readonly version: "1.0"
  /** ISO 8601 */
  readonly timestamp: string
  readonly requestContext: {
    readonly requestId: string
    readonly functionArn: string
    readonly condition: "Success"
    readonly approximateInvokeCount: number
  }
  /** The event itself. */
  readonly requestPayload: unknown
  readonly responseContext: {
    readonly statusCode: 200
    readonly executedVersion: "$LATEST"
  }
  /** What the function has answered. */
  readonly responsePayload: unknown
}
