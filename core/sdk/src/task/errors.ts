/** What a task's code throws to say how it is to be repeated. */
import { type Duration, delayMs } from "@millrace/model"
import type { RetryOptions } from "./options.ts"

/** Recognised from whichever copy of this package: a bundle brings its own. */
const nonRetryable = "~millrace.non-retryable"
const retryAfter = "~millrace.retry-after"

/** Ends the run as failed at once: another attempt would not help. */
export class NonRetryableError extends Error {
  readonly "~millrace.non-retryable": true = true

  constructor(message: string, options?: { readonly cause?: unknown }) {
    super(message, options)
    this.name = "NonRetryableError"
  }
}

/** Fails the attempt and says when the next one may begin, instead of the task's backoff. */
export class RetryAfter extends Error {
  readonly "~millrace.retry-after": number

  /**
   * @param delay - from now until the next attempt; a run whose time to end (`timeout.run`) is over before that ends without it
   * @throws MR1101 when it is no duration, or longer than 11,574 days (`limits.delayMsMax`)
   */
  constructor(delay: Duration, message = "Try again later.", options?: { readonly cause?: unknown }) {
    super(message, options)
    this.name = "RetryAfter"
    this[retryAfter] = delayMs(delay, "RetryAfter")
  }
}

/** Whether a thrown thing is a {@link NonRetryableError}, from whichever copy of this package. */
function isNonRetryable(thrown: unknown): boolean {
  return typeof thrown === "object" && thrown !== null && (thrown as Partial<NonRetryableError>)[nonRetryable] === true
}

/** Milliseconds that a {@link RetryAfter} asks for; undefined: it is none. */
export function retryAfterMs(thrown: unknown): number | undefined {
  return typeof thrown === "object" && thrown !== null ? (thrown as Partial<RetryAfter>)[retryAfter] : undefined
}

/** Whether an error ends what threw it: no further attempt. */
export function finalOf(retry: number | RetryOptions | undefined): (error: unknown) => boolean {
  const { only, never } = typeof retry === "object" ? retry : {}
  return (error) => {
    if (isNonRetryable(error) || never?.some((each) => error instanceof each) === true) return true
    // It says itself that it is to be tried again.
    if (only === undefined || retryAfterMs(error) !== undefined) return false
    return !only.some((each) => error instanceof each)
  }
}
