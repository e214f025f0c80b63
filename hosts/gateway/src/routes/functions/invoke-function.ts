/** POST /v1/functions/{function}/invocations: calls a function and waits for its end. */
import { RESPONSE_ALREADY_SENT } from "@hono/node-server/utils/response"
import { checkJsonDepth, errorTable, limits, MillraceError } from "@millrace/model"
import { type InvocationReply, problemOf } from "@millrace/protocol"
import { failureOf, headersOf, refuse, send } from "../../answer.ts"
import { encodingOf } from "../../body-headers.ts"
import { assertReady, type Gate, type Handler, type RouteContext } from "../../gate.ts"
import { assertLength, readBody, SenderGone } from "../../request-body.ts"

export const invokeFunction: Handler = async (context, gate) => {
  const { incoming, outgoing } = context.env
  try {
    const reply = await replyOf(context, gate)
    gate.unread.add(outgoing, reply.length)
    send(outgoing, 200, { "content-type": "application/json" }, reply)
    incoming.resume()
  } catch (thrown) {
    if (thrown instanceof SenderGone) return RESPONSE_ALREADY_SENT
    const failure = failureOf(thrown)
    if (failure.code === "MR1404") gate.log.error({ route: "invokeFunction", error: thrown }, "A request failed in a way that was not foreseen.")
    const text = JSON.stringify(problemOf(failure, context.req.path))
    refuse(incoming, outgoing, errorTable[failure.code].status, headersOf(failure), text, gate.clock)
  }
  return RESPONSE_ALREADY_SENT
}

async function replyOf(context: RouteContext, gate: Gate): Promise<string> {
  const { incoming } = context.env
  const { headers } = incoming
  assertReady(gate.node)
  const name = context.req.param("function") ?? ""
  const declared = headers["content-length"]
  if (declared !== undefined) assertLength(Number(declared))
  const body = await readBody(incoming, encodingOf(headers["content-encoding"]), gate.bodies)
  if (body.length > limits.functionPayloadBytesMax) {
    throw new MillraceError("MR1007", `An event of ${body.length} bytes; at most ${limits.functionPayloadBytesMax} are taken.`, { bytesMax: limits.functionPayloadBytesMax })
  }
  const payload = body.length === 0 ? "{}" : Buffer.from(body.buffer).toString("utf8")
  try {
    JSON.parse(payload)
  } catch (cause) {
    throw new MillraceError("MR1001", `The body is not JSON: ${(cause as Error).message}.`)
  }
  checkJsonDepth(payload, "The event")
  const invocation = await gate.node.functions.invoke(name, payload, { tail: true })
  if (invocation.kind === "throttled") {
    const who = invocation.reason === "node" ? "all instances that this node has room for" : `all instances that function "${name}" may have`
    throw new MillraceError("MR1010", `Busy: ${who}; call again after a moment.`)
  }
  const { requestId, ms, log = "" } = invocation
  const facts = { requestId, ms, log }
  if (invocation.kind === "failed") return JSON.stringify({ outcome: "failed", ...facts, error: invocation.error } satisfies InvocationReply)
  // As the function wrote it: numbers of any length stay as they are.
  return `${JSON.stringify({ outcome: "returned", ...facts }).slice(0, -1)},"payload":${invocation.payload}}`
}
