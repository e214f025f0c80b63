/** GET /v1/runs/{run}/live: what happens to a run, as server-sent events. */
import { RESPONSE_ALREADY_SENT } from "@hono/node-server/utils/response"
import { limits } from "@millrace/model"
import { eventText, heartbeatText } from "@millrace/protocol"
import { written } from "../../answer.ts"
import { assertReady, type Gate, type Handler } from "../../gate.ts"
import { beginLive, liveHeadersOf } from "../../live-reader.ts"
import { runReply } from "../../run-reply.ts"
import type { NodeRun, NodeRunEvent } from "../../tasks.ts"

/** How often a quiet run says that its connection lives, in ms. */
const heartbeatMs = 15_000

export const followRun: Handler = async (context, gate) => {
  assertReady(gate.node)
  const id = context.req.param("run") ?? ""
  const { incoming, outgoing } = context.env
  const waiting: NodeRunEvent[] = []
  let take = (event: NodeRunEvent): void => void waiting.push(event)
  // Watched before it is asked, so that nothing in between is missed.
  const stop = gate.node.tasks.watch(id, (event) => take(event))
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
  const seat = gate.readers.take()
  let number = 0
  let closed = false
  const close = (): void => {
    if (closed) return
    closed = true
    stop()
    cancel()
    gate.readers.leave(seat)
    outgoing.end()
  }
  const write = (name: string, data: string): void => {
    if (closed) return
    written(outgoing, eventText(String(number++), data, name))
    // A reader that takes nothing is cut off; the run as it stands awaits it when it comes back.
    if (outgoing.writableLength > limits.liveBufferBytesMax + limits.taskValueBytesMax) close()
  }
  const cancel = beat(gate, () => written(outgoing, heartbeatText))
  beginLive(outgoing)
  outgoing.once("close", close)
  write("run", JSON.stringify(runReply(run)))
  take = (event) => {
    if (event.kind === "attempt") write("attempt", JSON.stringify({ attempt: event.attempt }))
    else if (event.kind === "ended") void end()
    else write(event.kind, event.json)
  }
  const end = async (): Promise<void> => {
    const ended = await gate.node.tasks.run(id).catch(() => undefined)
    if (ended !== undefined) write("end", JSON.stringify(runReply(ended)))
    close()
  }
  if (run.finishedAt === undefined) for (const event of waiting) take(event)
  else await end()
  return RESPONSE_ALREADY_SENT
}

/** Calls again and again; returns how to stop that. */
function beat(gate: Gate, act: () => void): () => void {
  let cancel = gate.clock.after(heartbeatMs, again)
  function again(): void {
    act()
    cancel = gate.clock.after(heartbeatMs, again)
  }
  return () => cancel()
}
