/**
 * Follows a stream: reads `live` and comes back where it was cut off. The position that it comes back with is the id of
 * the last whole event, so nothing is missed and nothing comes twice.
 *
 *     connecting --200--> reading --end--> done
 *        ^  |               |
 *        |  no answer, 429, 503, a retryable problem, the connection ends
 *        +--- wait ---------+                     any other failure: thrown
 */
import { errorTable, MillraceError } from "@millrace/model"
import { mayHelp, parsed, retryAfterMs, unreachable } from "./answer.ts"
import { type Backoff, waitAfter } from "./backoff.ts"
import { EventStream } from "./event-stream.ts"
import { errorOf } from "./problem.ts"
import type { ReceivedRecord } from "./record-view.ts"
import type { World } from "./transport.ts"

export interface LiveOptions {
  /** `earliest`, `latest`, a time in ISO 8601, or a position. @default latest */
  readonly from?: string
  /** Ends the iteration. */
  readonly signal?: AbortSignal
}

export interface LiveRecord<Value = unknown> {
  /** The position after this record: give it as `from` to go on after it. */
  readonly position: string
  readonly record: ReceivedRecord<Value>
}

/** Where and with what a stream is followed. */
export interface Following {
  readonly world: World
  readonly backoff: Backoff
  readonly node: string
  readonly url: string
}

/** @throws what the node's problem details say; MR1602 once it has not been reached in all attempts */
export async function* follow<Value>(
  { world, backoff, node, url }: Following,
  { from, signal }: LiveOptions,
): AsyncGenerator<LiveRecord<Value>, void, undefined> {
  const start = from === undefined ? url : `${url}?from=${encodeURIComponent(from)}`
  let position = ""
  let attempts = 0
  while (!isAborted(signal)) {
    let failure: MillraceError
    let askedMs = 0
    attempts++
    try {
      const headers: Record<string, string> = { accept: "text/event-stream" }
      if (position !== "") headers["last-event-id"] = position
      const response = await world.fetch(start, { method: "GET", headers, ...(signal === undefined ? {} : { signal }) })
      if (response.status === 200 && response.body !== null) {
        const events = new EventStream()
        for await (const chunk of response.body) {
          for (const event of events.push(chunk)) {
            attempts = 0
            if (event.name === "end") return
            if (event.name === "problem") throw errorOf(parsed(event.data), 500)
            if (event.name !== "message") continue
            const record = JSON.parse(event.data) as ReceivedRecord<Value>
            position = event.id
            yield { position, record }
          }
          // Also the position that comes without an event.
          if (events.id !== "") position = events.id
          if (events.retryMs !== undefined) askedMs = events.retryMs
        }
        failure = new MillraceError("MR1602", `The node at ${node} ended the connection.`, { url: node })
      } else {
        failure = errorOf(parsed(await response.text()), response.status)
        if (!mayHelp(response.status)) throw failure
        askedMs = retryAfterMs(response, failure)
      }
    } catch (cause) {
      if (isAborted(signal)) return
      if (cause instanceof MillraceError) {
        if (errorTable[cause.code].advice !== "retry") throw cause
        failure = cause
      } else failure = unreachable(node, cause)
    }
    if (attempts >= backoff.attempts) throw failure
    await world.sleep(waitAfter(backoff, Math.max(attempts, 1), askedMs, world.random()), signal)
  }
}

/** Asked anew each time: the compiler would take the first answer to hold. */
function isAborted(signal: AbortSignal | undefined): boolean {
  return signal?.aborted === true
}
