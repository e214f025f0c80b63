/** Follows a table: reads its `live` and comes back where it was cut off; `begin` says when changes in between may be missing. */
import { errorTable, MillraceError } from "@millrace/model"
import { mayHelp, parsed, retryAfterMs, unreachable } from "./answer.ts"
import { waitAfter } from "./backoff.ts"
import { EventStream, type ServerSentEvent } from "./event-stream.ts"
import type { Following } from "./follow.ts"
import { errorOf } from "./problem.ts"
import { tableBegun, type TableEvent, type TableLiveOptions } from "./table-messages.ts"

/** @throws what the node's problem details say; MR1602 once it has not been reached in all attempts */
export async function* followTable<Row>(
  { world, backoff, node, url }: Following,
  { from, prefix, signal }: TableLiveOptions,
): AsyncGenerator<TableEvent<Row>, void, undefined> {
  const query = [...(from === undefined ? [] : [`from=${from}`]), ...(prefix === undefined ? [] : [`prefix=${encodeURIComponent(prefix)}`])]
  const start = query.length === 0 ? url : `${url}?${query.join("&")}`
  let position = ""
  let begins = ""
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
            if (event.name === "problem") throw errorOf(parsed(event.data), 500)
            if (event.name === "begin") begins = (JSON.parse(event.data) as { readonly position: string }).position
            const told = eventOf<Row>(event, begins)
            if (told === undefined) continue
            position = event.id
            yield told
          }
          if (events.id !== "" && position === "") position = events.id
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

function eventOf<Row>({ name, data, id }: ServerSentEvent, begins: string): TableEvent<Row> | undefined {
  // Before all rows were told there is no position to come back to.
  const position = id === tableBegun ? begins : id
  if (name === "begin" || name === "ready") return { kind: name, position }
  if (name !== "message") return undefined
  return { kind: "row", position, ...(JSON.parse(data) as { readonly key: string; readonly value?: Row }) }
}

/** Asked anew each time: the compiler would take the first answer to hold. */
function isAborted(signal: AbortSignal | undefined): boolean {
  return signal?.aborted === true
}
