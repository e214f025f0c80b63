/**
 * What a node tells by server-sent events, across connections that end or break. It comes back with the id of the last whole event, so
 * that a route which gives ids misses nothing and tells nothing twice; what comes back without one is for the reader to know.
 *
 *     connecting --200--> reading --last event--> done
 *        ^  |               |
 *        |  no answer, 429, 503, a retryable problem, the connection ends
 *        +--- wait ---------+                     any other failure: thrown
 *
 * 1. Whoever has once been connected is not given up: a node that is restarted or away for long comes back, and until when that is worth waiting
 *    for is the caller's to say, by its signal. Only a node that was never reached is told as MR1602, after all attempts: its address may be wrong.
 */
import { errorTable, MillraceError } from "@millrace/model"
import { mayHelp, parsed, retryAfterMs, unreachable } from "./answer.ts"
import { type Backoff, waitAfter } from "./backoff.ts"
import { EventStream, type ServerSentEvent } from "./event-stream.ts"
import { errorOf } from "./problem.ts"
import type { World } from "./transport.ts"

/** Where and with what something is followed. */
export interface Following {
  readonly world: World
  readonly backoff: Backoff
  readonly node: string
  readonly url: string
}

/** What the events of one route mean. */
interface Reading<Told> {
  /** Undefined: nothing to tell. */
  readonly read: (event: ServerSentEvent) => Told | undefined
  /** Name of the event behind which nothing comes. */
  readonly last?: string
}

/**
 * @param url - with its query
 * @throws what the node's problem details say; MR1602 when it was never reached, in all attempts
 */
export async function* eventsOf<Told>(
  { world, backoff, node, url }: Following,
  signal: AbortSignal | undefined,
  { read, last }: Reading<Told>,
): AsyncGenerator<Told, void, undefined> {
  let position = ""
  let attempts = 0
  let wasReached = false
  while (!isAborted(signal)) {
    let failure: MillraceError
    let askedMs = 0
    attempts++
    try {
      const headers: Record<string, string> = { accept: "text/event-stream" }
      if (position !== "") headers["last-event-id"] = position
      const response = await world.fetch(url, { method: "GET", headers, ...(signal === undefined ? {} : { signal }) })
      if (response.status === 200 && response.body !== null) {
        wasReached = true
        const events = new EventStream()
        for await (const chunk of response.body) {
          for (const event of events.push(chunk)) {
            attempts = 0
            if (event.name === "problem") throw errorOf(parsed(event.data), 500)
            const told = read(event)
            if (told !== undefined) {
              position = event.id
              yield told
            }
            if (event.name === last) return
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
    if (!wasReached && attempts >= backoff.attempts) throw failure
    await world.sleep(waitAfter(backoff, Math.max(attempts, 1), askedMs, world.random()), signal)
  }
}

/** Asked anew each time: the compiler would take the first answer to hold. */
function isAborted(signal: AbortSignal | undefined): boolean {
  return signal?.aborted === true
}
