/**
 * HTTP functions on the gateway's own port: finds the function of a request, tells it the request as API Gateway does, and writes down
 * its answer.
 *
 * Not for: the node's own addresses, which no function gets.
 */
import { randomUUID } from "node:crypto"
import { type CorsPlan, isMillraceError, limits } from "@millrace/model"
import type { FunctionInvocation, GatewayFunctions } from "../functions/functions.ts"
import type { Log } from "../log.ts"
import type { Mount, MountedRequest, MountedResponse } from "../mount.ts"
import { allows, corsHeaders, preflightHeaders } from "./cors.ts"
import { eventOf } from "./event.ts"
import { plainReply, type Reply, replyOf } from "./reply.ts"
import { type Match, Router } from "./router.ts"
import { StreamedAnswer } from "./streamed-answer.ts"

export interface HttpFunctionsOptions {
  readonly functions: GatewayFunctions
  readonly log: Log
  /** Milliseconds since 1970. @default Date.now */
  readonly now?: () => number
}

type Head = Pick<MountedRequest, "method" | "url" | "headers">

/** The functions of a node that answer requests of HTTP. */
export function createHttpFunctions({ functions, log, now = Date.now }: HttpFunctionsOptions): Mount {
  let router = new Router([])
  let routed: GatewayFunctions["plans"] = []

  /** Routes change only with a deployment. */
  function current(): Router {
    if (functions.plans !== routed) {
      routed = functions.plans
      router = new Router(routed)
    }
    return router
  }

  /** The match of a request, and of a preflight that of the call that it is about. */
  function found({ method, url, headers }: Head): { readonly match: Match; readonly preflight: readonly Match[] | undefined } | undefined {
    const routes = current()
    if (routes.isEmpty) return undefined
    const path = url.split("?", 1)[0] as string
    const wanted = headers["access-control-request-method"]
    if (method === "OPTIONS" && typeof wanted === "string" && headers["origin"] !== undefined) {
      const all = routes.at(path)
      const match = all.find(({ route }) => route.method === wanted || route.method === "ANY")
      if (match !== undefined && match.plan.http?.cors !== null && match.plan.http !== undefined) return { match, preflight: all }
    }
    const match = routes.match(method, path)
    return match === undefined ? undefined : { match, preflight: undefined }
  }

  return {
    name: "httpFunctions",
    takes: (request) => found(request) !== undefined,
    admits(request) {
      const cors = found(request)?.match.plan.http?.cors
      const { origin } = request.headers
      return cors !== undefined && cors !== null && typeof origin === "string" && allows(cors, origin)
    },
    async answer(request) {
      const origin = typeof request.headers["origin"] === "string" ? request.headers["origin"] : undefined
      const at = found(request)
      // Another deployment has taken it away meanwhile.
      if (at === undefined) return responseOf(plainReply(404, "Not Found"), request)
      const cors = at.match.plan.http?.cors ?? undefined
      if (at.preflight !== undefined && cors !== undefined && origin !== undefined) {
        return { status: 204, headers: allows(cors, origin) ? preflightHeaders(cors, origin, at.preflight) : {}, body: new Uint8Array(0) }
      }
      const response = await answerOf(request, at.match)
      return cors === undefined || origin === undefined || !allows(cors, origin) ? response : withCors(response, cors, origin)
    },
  }

  async function answerOf(request: MountedRequest, match: Match): Promise<MountedResponse> {
    let body: Uint8Array
    try {
      body = await request.body()
    } catch (error) {
      return responseOf(bodyFailure(error), request)
    }
    if (body.length > limits.functionHttpBodyBytesMax) return responseOf(plainReply(413, "Request Entity Too Large"), request)
    const requestId = randomUUID()
    const payload = JSON.stringify(eventOf(request, match, body, requestId, now()))
    if (Buffer.byteLength(payload) > limits.functionPayloadBytesMax) return responseOf(plainReply(413, "Request Entity Too Large"), request)
    const ids = { "apigw-requestid": requestId }
    const streamed = new StreamedAnswer()
    const { name } = match.plan
    const invoked = functions.invoke(name, payload, { requestId, parts: streamed }).then(
      (invocation) => {
        streamed.end(invocation.kind === "returned" ? undefined : new Error("The function has failed in the middle of its answer."))
        return invocation
      },
      (error: unknown): undefined => {
        streamed.end(new Error("The function has failed in the middle of its answer."))
        if (!isMillraceError(error)) log.error({ function: name, error }, "A request failed in a way that was not foreseen.")
        return undefined
      },
    )
    const first = await Promise.race([streamed.head.then((head) => ({ head })), invoked])
    if (first !== undefined && "head" in first) {
      if (first.head === undefined) return responseOf(plainReply(500, "Internal Server Error"), request, ids)
      const { status, headers } = first.head
      return { status, headers: { ...ids, ...headers }, body: streamed.parts() }
    }
    return responseOf(first === undefined ? plainReply(503, "Service Unavailable") : replyTo(first, match), request, ids)
  }
}

function replyTo(invocation: FunctionInvocation, { plan }: Match): Reply {
  if (invocation.kind === "returned") return replyOf(invocation.payload)
  if (invocation.kind === "throttled") return plainReply(503, "Service Unavailable")
  // API Gateway itself gives up after 30 s; what ends before is the function's own failure.
  const gaveUp = invocation.error.errorType === "Sandbox.Timedout" && plan.timeoutMs >= limits.functionHttpMsMax
  return gaveUp ? plainReply(503, "Service Unavailable") : plainReply(500, "Internal Server Error")
}

function bodyFailure(error: unknown): Reply {
  const code = isMillraceError(error) ? error.code : undefined
  if (code === "MR1007") return plainReply(413, "Request Entity Too Large")
  if (code === "MR1010") return plainReply(503, "Service Unavailable")
  return plainReply(code === undefined ? 500 : 400, code === undefined ? "Internal Server Error" : "Bad Request")
}

function responseOf({ status, headers, body }: Reply, { method }: Head, ids: Readonly<Record<string, string>> = {}): MountedResponse {
  const isBare = status === 204 || status === 304
  const length = isBare ? {} : { "content-length": String(body.length) }
  return { status, headers: { ...ids, ...headers, ...length }, body: isBare || method === "HEAD" ? new Uint8Array(0) : body }
}

function withCors(response: MountedResponse, cors: CorsPlan, origin: string): MountedResponse {
  return { ...response, headers: { ...response.headers, ...corsHeaders(cors, origin) } }
}
