/** Follows a run: reads its `live`, and comes back where it was cut off; the run as it then stands says what was missed. */
import { MillraceError } from "@millrace/model"
import { mayHelp, parsed, retryAfterMs, unreachable } from "./answer.ts"
import { waitAfter } from "./backoff.ts"
import { EventStream, type ServerSentEvent } from "./event-stream.ts"
import type { Following } from "./follow.ts"
import { errorOf } from "./problem.ts"
import type { RunReply } from "./run-messages.ts"
import type { RunEvent } from "./task-client.ts"

/** @throws what the node's problem details say; MR1602 once it has not been reached in all attempts */
export async function* followRun({ world, backoff, node, url }: Following, signal: AbortSignal | undefined): AsyncGenerator<RunEvent, void, undefined> {
  let attempts = 0
  while (!isAborted(signal)) {
    let failure: MillraceError
    let askedMs = 0
    attempts++
    try {
      const request = { method: "GET", headers: { accept: "text/event-stream" }, ...(signal === undefined ? {} : { signal }) }
      const response = await world.fetch(url, request)
      if (response.status === 200 && response.body !== null) {
        const events = new EventStream()
        for await (const chunk of response.body) {
          for (const event of events.push(chunk)) {
            attempts = 0
            const told = eventOf(event)
            if (told === undefined) continue
            yield told
            if (told.kind === "end") return
          }
        }
        failure = new MillraceError("MR1602", `The node at ${node} ended the connection.`, { url: node })
      } else {
        failure = errorOf(parsed(await response.text()), response.status)
        if (!mayHelp(response.status)) throw failure
        askedMs = retryAfterMs(response, failure)
      }
    } catch (cause) {
      if (isAborted(signal)) return
      if (cause instanceof MillraceError) throw cause
      failure = unreachable(node, cause)
    }
    if (attempts >= backoff.attempts) throw failure
    await world.sleep(waitAfter(backoff, Math.max(attempts, 1), askedMs, world.random()), signal)
  }
}

function eventOf({ name, data }: ServerSentEvent): RunEvent | undefined {
  switch (name) {
    case "run":
    case "end":
      return { kind: name, run: JSON.parse(data) as RunReply }
    case "attempt":
      return { kind: name, attempt: (JSON.parse(data) as { readonly attempt: number }).attempt }
    case "progress":
    case "chunk":
      return { kind: name, value: JSON.parse(data) as unknown }
    default:
      return undefined
  }
}

/** Asked anew each time: the compiler would take the first answer to hold. */
function isAborted(signal: AbortSignal | undefined): boolean {
  return signal?.aborted === true
}
