/** What a client makes of an answer: whether to try again, when, and what to tell its caller. */
import { MillraceError } from "@millrace/model"
import type { TransportResponse } from "./transport.ts"

/** Whether the same request may succeed later. */
export function mayHelp(status: number): boolean {
  return status === 429 || (status >= 502 && status <= 504)
}

/** How long the node asks to wait, in ms; 0 when it does not say. */
export function retryAfterMs(response: TransportResponse, failure: MillraceError): number {
  const exact = failure.details["retryAfterMs"]
  if (typeof exact === "number" && exact >= 0) return exact
  const seconds = Number(response.headers.get("retry-after") ?? 0)
  return Number.isFinite(seconds) && seconds > 0 ? seconds * 1000 : 0
}

/** The node did not answer. */
export function unreachable(url: string, cause: unknown): MillraceError {
  const reason = cause instanceof Error ? (cause.cause instanceof Error ? cause.cause : cause).message : String(cause)
  return new MillraceError(
    "MR1602",
    `No node answers at ${url} (${reason}). Start one with \`millrace start\`, or name another address.`,
    { url },
    cause,
  )
}

/** Text that may be JSON: a proxy's page is none. */
export function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
