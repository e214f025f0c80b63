/** POST /v1/tasks/{task}/runs: enqueues runs; with `Prefer: wait=N`, waits for the output. */
import { RESPONSE_ALREADY_SENT } from "@hono/node-server/utils/response"
import { durationMs, errorTable, limits, MillraceError, priorityMost, traceOf } from "@millrace/model"
import { bodyFormat, type EnqueueAllReply, type EnqueueReply, mediaTypes, pathOf, problemOf } from "@millrace/protocol"
import { failureOf, headersOf, refuse, send } from "../../answer.ts"
import { encodingOf, idempotencyKeyOf, unsupported } from "../../body-headers.ts"
import { assertReady, type Gate, type Handler, type RouteContext } from "../../gate.ts"
import { queryOf } from "../../query.ts"
import { assertLength, readBody, SenderGone } from "../../request-body.ts"
import type { NodeEnqueue, NodeRunResult } from "../../tasks.ts"

export const callTask: Handler = async (context, gate) => {
  const { incoming, outgoing } = context.env
  try {
    await answer(context, gate)
    // What a sender adds after the end of its compressed body is nobody's.
    incoming.resume()
  } catch (thrown) {
    if (thrown instanceof SenderGone) return RESPONSE_ALREADY_SENT
    const failure = failureOf(thrown)
    if (failure.code === "MR1404") gate.log.error({ route: "callTask", error: thrown }, "A request failed in a way that was not foreseen.")
    const text = JSON.stringify(problemOf(failure, context.req.path))
    refuse(incoming, outgoing, errorTable[failure.code].status, headersOf(failure), text, gate.clock)
  }
  return RESPONSE_ALREADY_SENT
}

async function answer(context: RouteContext, gate: Gate): Promise<void> {
  const { incoming, outgoing } = context.env
  const { headers } = incoming
  assertReady(gate.node)
  const task = context.req.param("task") ?? ""
  const query = queryOf(incoming.url ?? "", ["delay", "priority", "idempotency"])
  const format = formatOf(headers["content-type"])
  const waitMs = format === "json" ? waitOf(headers["prefer"]) : 0
  const idempotencyKey = idempotencyKeyOf(headers["idempotency-key"])
  const declared = headers["content-length"]
  if (declared !== undefined) assertLength(Number(declared))
  const body = await readBody(incoming, encodingOf(headers["content-encoding"]), gate.bodies)
  gate.metrics.bodyBytes += body.length
  const request: NodeEnqueue = {
    task,
    format,
    body,
    options: {
      ...(query.delay === undefined ? {} : { delay: delayOf(query.delay) }),
      ...(query.priority === undefined ? {} : { priority: priorityOf(query.priority) }),
      ...(idempotencyKey === undefined ? {} : { idempotencyKey }),
      ...(query.idempotency === undefined ? {} : { idempotency: durationOf(query.idempotency, "idempotency") }),
    },
    ...traceOf(headers["traceparent"], headers["tracestate"]),
  }
  const { ids, result } = waitMs > 0 ? await calledWithin(gate, context, request, waitMs) : { ids: await gate.node.tasks.enqueue(request), result: undefined }
  if (format === "ndjson") {
    send(outgoing, 202, jsonHeaders, JSON.stringify({ task, ids } satisfies EnqueueAllReply))
    return
  }
  const [id = ""] = ids
  const location = { location: pathOf("showRun", { run: id }) }
  if (result === undefined) send(outgoing, 202, { ...jsonHeaders, ...location }, JSON.stringify({ id, task } satisfies EnqueueReply))
  else if (result.status === "succeeded") send(outgoing, 200, { ...jsonHeaders, ...location, "preference-applied": "wait" }, result.output ?? "null")
  else {
    const failure = result.error ?? { code: "MR1201" as const, message: `The run has ${result.status}.`, details: {} }
    const problem = problemOf({ ...failure, details: { ...failure.details, run: id, status: result.status } }, context.req.path)
    send(outgoing, errorTable[failure.code].status, { ...headersOf(failure), ...location }, JSON.stringify(problem))
  }
}

const jsonHeaders = { "content-type": "application/json" }

/** The run, and how it has ended, unless that takes longer, or whoever asked has gone. */
async function calledWithin(
  gate: Gate,
  context: RouteContext,
  request: NodeEnqueue,
  waitMs: number,
): Promise<{ readonly ids: readonly string[]; readonly result: NodeRunResult | undefined }> {
  const { outgoing } = context.env
  const over = new AbortController()
  const abort = (): void => over.abort()
  const cancel = gate.clock.after(waitMs, abort)
  outgoing.once("close", abort)
  try {
    const { id, result } = await gate.node.tasks.call(request, over.signal)
    return { ids: [id], result }
  } finally {
    cancel()
    outgoing.removeListener("close", abort)
  }
}

function formatOf(contentType: string | undefined): "json" | "ndjson" {
  const format = bodyFormat(contentType)
  if (format === "json" || format === "ndjson") return format
  throw unsupported(contentType, [mediaTypes.json, mediaTypes.ndjson])
}

/** Milliseconds that a `Prefer` header asks to wait; 0: not at all. */
function waitOf(prefer: string | string[] | undefined): number {
  const text = Array.isArray(prefer) ? prefer.join(",") : (prefer ?? "")
  for (const preference of text.split(",")) {
    const match = /^\s*wait\s*=\s*"?(\d{1,9})"?\s*(?:;.*)?$/i.exec(preference)
    if (match !== null) return Math.min(Number(match[1]) * 1000, limits.waitMsMax)
  }
  return 0
}

function durationOf(text: string, parameter: "delay" | "idempotency"): number {
  try {
    return durationMs(text as `${number}s`, parameter)
  } catch {
    throw new MillraceError("MR1009", `${parameter}=${text} is not a duration such as 30s, 5m or 2h.`, { parameter })
  }
}

/** What it leads to has to be a time that a date can say. */
function delayOf(text: string): number {
  const ms = durationOf(text, "delay")
  if (ms <= limits.delayMsMax) return ms
  const most = Math.floor(limits.delayMsMax / 86_400_000)
  throw new MillraceError("MR1009", `delay=${text} is longer than the longest delay; give at most ${most}d.`, { parameter: "delay", mostMs: limits.delayMsMax })
}

function priorityOf(text: string): number {
  const value = /^-?\d{1,3}$/.test(text) ? Number(text) : Number.NaN
  if (Math.abs(value) <= priorityMost) return value
  throw new MillraceError("MR1009", `priority=${text} is not a whole number from -${priorityMost} to ${priorityMost}.`, { parameter: "priority" })
}
