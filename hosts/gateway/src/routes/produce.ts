/**
 * POST /v1/streams/{stream}/records: the hot route. It takes its body from node:http and answers there, past the Fetch
 * API's objects; docs/decisions/0002-hono.md has what that saves.
 */
import { RESPONSE_ALREADY_SENT } from "@hono/node-server/utils/response"
import { type ErrorCode, errorTable, MillraceError, traceOf } from "@millrace/model"
import { type BodyFormat, bodyFormat, mediaTypes, problemOf, type ProduceReply } from "@millrace/protocol"
import { failureOf, headersOf, refuse, send } from "../answer.ts"
import { encodingOf, idempotencyKeyOf, unsupported } from "../body-headers.ts"
import { type Gate, type Handler, type RouteContext, streamOf } from "../gate.ts"
import type { IngestAnswer } from "../node.ts"
import { queryOf } from "../query.ts"
import { assertLength, readBody, SenderGone } from "../request-body.ts"

const jsonHeaders = { "content-type": "application/json" }

export const produce: Handler = async (context, gate) => {
  const { incoming, outgoing } = context.env
  try {
    const answer = await take(context, gate)
    const reply = replyOf(answer)
    if (answer.accepted === 0 && answer.rejected.length > 0) throw allRejected(answer, reply)
    send(outgoing, 200, jsonHeaders, JSON.stringify(reply))
    // What a sender adds after the end of its compressed body is nobody's.
    incoming.resume()
  } catch (thrown) {
    if (thrown instanceof SenderGone) return RESPONSE_ALREADY_SENT
    const failure = failureOf(thrown)
    if (failure.code === "MR1404")
      gate.log.error({ route: "produce", error: thrown }, "A request failed in a way that was not foreseen.")
    const text = JSON.stringify(problemOf(failure, context.req.path))
    refuse(incoming, outgoing, errorTable[failure.code].status, headersOf(failure), text, gate.clock)
  }
  return RESPONSE_ALREADY_SENT
}

async function take(context: RouteContext, gate: Gate): Promise<IngestAnswer> {
  const { incoming } = context.env
  const { headers } = incoming
  const stream = streamOf(context, gate)
  queryOf(incoming.url ?? "", [])
  const format = formatOf(headers["content-type"])
  const encoding = encodingOf(headers["content-encoding"])
  const idempotencyKey = idempotencyKeyOf(headers["idempotency-key"])
  const declared = headers["content-length"]
  if (declared !== undefined) assertLength(Number(declared))
  const body = await readBody(incoming, encoding, gate.bodies)
  gate.metrics.bodyBytes += body.length
  return gate.node.ingest({
    stream: stream.name,
    format,
    body,
    ...(idempotencyKey === undefined ? {} : { idempotencyKey }),
    ...(headers["traceparent"] === undefined ? {} : { trace: traceOf(headers["traceparent"], headers["tracestate"]) }),
  })
}

function formatOf(contentType: string | undefined): BodyFormat {
  const format = bodyFormat(contentType)
  if (format !== undefined) return format
  throw unsupported(contentType, Object.values(mediaTypes))
}

function replyOf(answer: IngestAnswer): ProduceReply {
  const { accepted, positions } = answer
  const rejected = answer.rejected.map(({ index, problem }) => ({ index, problem: problemOf(problem) }))
  return answer.rejectedUnlisted > 0
    ? { accepted, rejected, rejectedUnlisted: answer.rejectedUnlisted, positions }
    : { accepted, rejected, positions }
}

/**
 * A request of which nothing was stored is a failure as a whole: by the code that all of its records share, if they do.
 */
function allRejected(answer: IngestAnswer, { rejected, rejectedUnlisted }: ProduceReply): MillraceError {
  const [first] = answer.rejected
  const codes = new Set(answer.rejected.map(({ problem }) => problem.code))
  const shared =
    codes.size === 1 && first !== undefined && errorTable[first.problem.code].status === errorTable.MR1017.status
  const code: ErrorCode = shared ? first.problem.code : "MR1017"
  const count = answer.rejected.length + answer.rejectedUnlisted
  const reason = first?.problem.message ?? ""
  const message = count === 1 ? reason : `None of the ${count} records was accepted; the first: ${reason}`
  return new MillraceError(code, message, { rejected, ...(rejectedUnlisted === undefined ? {} : { rejectedUnlisted }) })
}
