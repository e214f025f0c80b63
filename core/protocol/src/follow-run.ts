/** Follows a run by its `live`: after a broken connection, from the last thing that it has told. */
import type { ServerSentEvent } from "./event-stream.ts"
import { eventsOf, type Following } from "./events-of.ts"
import type { RunReply } from "./run-messages.ts"
import type { RunEvent } from "./task-client.ts"

/** @throws what the node's problem details say; MR1602 when it was never reached, in all attempts */
export function followRun(following: Following, signal: AbortSignal | undefined): AsyncGenerator<RunEvent, void, undefined> {
  return eventsOf<RunEvent>(following, signal, { read: told, last: "end" })
}

function told({ name, data }: ServerSentEvent): RunEvent | undefined {
  switch (name) {
    case "run":
    case "end":
      return { kind: name, run: JSON.parse(data) as RunReply }
    case "attempt":
      return { kind: name, attempt: (JSON.parse(data) as { readonly attempt: number }).attempt }
    case "missed":
      return { kind: name, count: (JSON.parse(data) as { readonly count: number }).count }
    case "progress":
    case "chunk":
      return { kind: name, value: JSON.parse(data) as unknown }
    default:
      return undefined
  }
}
