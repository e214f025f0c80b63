/**
 * GET /v1/runs/{run}/live: what happens to a run, as server-sent events. First the run as it stands, then what its code has told so far, then what
 * it tells as it does. Ids are places in what the run has told, so whoever comes back with one hears the rest.
 */
import { RESPONSE_ALREADY_SENT } from "@hono/node-server/utils/response"
import { assertReady, type Handler } from "../../gate.ts"
import { liveHeadersOf } from "../../live-reader.ts"
import { runJson } from "../../run-reply.ts"
import { RunReader } from "../../run-reader.ts"
import type { NodeRun, NodeRunEvent } from "../../tasks.ts"

/** Longest `Last-Event-ID` that is looked at, in characters. */
const placeLengthMax = 64

export const followRun: Handler = async (context, gate) => {
  assertReady(gate.node)
  const id = context.req.param("run") ?? ""
  const { incoming, outgoing } = context.env
  const waiting: NodeRunEvent[] = []
  let take = (event: NodeRunEvent): void => void waiting.push(event)
  const given = incoming.headers["last-event-id"]
  let place = typeof given === "string" ? given.slice(0, placeLengthMax) : ""
  // Watched before it is asked, so that nothing in between is missed.
  const stop = gate.node.tasks.watch(id, (event) => take(event), place)
  let run: NodeRun
  try {
    run = await gate.node.tasks.run(id)
  } catch (error) {
    stop()
    throw error
  }
  if (incoming.method === "HEAD") {
    stop()
    return new Response(null, { headers: liveHeadersOf(outgoing) })
  }
  let seat: ReturnType<typeof gate.readers.take>
  try {
    seat = gate.readers.take()
  } catch (error) {
    stop()
    throw error
  }
  const reader = new RunReader(outgoing, gate.clock, () => {
    stop()
    gate.readers.leave(seat)
  })
  gate.readers.hold(seat, reader)
  reader.begin()
  const end = async (): Promise<void> => {
    const ended = await gate.node.tasks.run(id).catch(() => undefined)
    if (ended !== undefined) reader.write("end", runJson(ended), place)
    reader.end()
  }
  reader.write("run", runJson(run), place)
  take = (event) => {
    switch (event.kind) {
      case "ended":
        return void end()
      case "missed":
        return reader.write("missed", JSON.stringify({ count: event.count }), place)
      case "attempt":
        place = event.place ?? place
        return reader.write("attempt", JSON.stringify({ attempt: event.attempt }), place)
      case "progress":
      case "chunk":
        place = event.place
        return reader.write(event.kind, event.json, place)
    }
  }
  for (const event of waiting) if (run.finishedAt === undefined || event.kind !== "ended") take(event)
  if (run.finishedAt !== undefined) await end()
  return RESPONSE_ALREADY_SENT
}
