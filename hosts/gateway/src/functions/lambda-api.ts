/**
 * The part of AWS Lambda's API (2015-03-31) that calls functions: Invoke, and what clients look up before it. The functions are those of
 * the node's services, so nothing here makes, changes or removes one.
 */
import { randomUUID } from "node:crypto"
import { type FunctionPlan, isMillraceError, limits } from "@millrace/model"
import type { Mount, MountedRequest, MountedResponse } from "../mount.ts"
import type { FunctionInvocation, GatewayEvents, GatewayFunctions } from "./functions.ts"

/** Why a request was not signed well, in AWS's words. */
interface SignatureFault {
  readonly type: string
  readonly message: string
}

export interface LambdaApiOptions {
  readonly functions: GatewayFunctions
  /** Takes invocations that nobody waits for. */
  readonly events: GatewayEvents
  /** Looks at a request's signature. @default none is looked at */
  readonly signature?: (request: Pick<MountedRequest, "method" | "url" | "headers">, body: Uint8Array) => SignatureFault | undefined
}

const base = "/2015-03-31/functions"
const account = "000000000000"

/** An answer that is an error of the API. */
class Refusal extends Error {
  readonly status: number
  readonly type: string
  readonly more: Readonly<Record<string, string>>

  constructor(status: number, type: string, message: string, more: Readonly<Record<string, string>> = { Type: "User" }) {
    super(message)
    this.status = status
    this.type = type
    this.more = more
  }
}

export function createLambdaApi({ functions, events, signature }: LambdaApiOptions): Mount {
  return {
    name: "lambda",
    takes: ({ url }) => url === base || url.startsWith(`${base}/`) || url.startsWith(`${base}?`),
    async answer(request) {
      const requestId = randomUUID()
      try {
        const body = await request.body()
        const fault = signature?.(request, body)
        if (fault !== undefined) throw new Refusal(403, fault.type, fault.message, {})
        return await answerOf(request, body, requestId)
      } catch (error) {
        return refused(refusalOf(error, request.url), requestId)
      }
    },
  }

  async function answerOf(request: MountedRequest, body: Uint8Array, requestId: string): Promise<MountedResponse> {
    const { method, url } = request
    const [path = "", query = ""] = url.split("?", 2)
    const region = regionOf(request.headers["authorization"])
    const [named = "", action, ...rest] = path.slice(base.length + 1).split("/")
    if (named === "" && action === undefined && method === "GET") return json(200, listOf(query, region), requestId)
    const qualifier = new URLSearchParams(query).get("Qualifier") ?? undefined
    const plan = found(decodeURIComponent(named), qualifier, region)
    if (method === "GET" && action === undefined) return json(200, { Configuration: configurationOf(plan, region), Code: {}, Tags: {} }, requestId)
    if (method === "GET" && action === "configuration" && rest.length === 0) return json(200, configurationOf(plan, region), requestId)
    if (method === "POST" && action === "invocations" && rest.length === 0) return invoked(request, plan, body, requestId)
    throw new Refusal(404, "UnknownOperationException", "This node's functions are those of its services: they can be invoked, listed and shown.", {})
  }

  function listOf(query: string, region: string): object {
    const parameters = new URLSearchParams(query)
    const from = Number(parameters.get("Marker") ?? 0)
    const most = Math.min(pageFunctions, Math.max(1, Number(parameters.get("MaxItems") ?? pageFunctions) || pageFunctions))
    const page = functions.plans.slice(from, from + most)
    const next = from + most < functions.plans.length ? { NextMarker: String(from + most) } : {}
    return { Functions: page.map((plan) => configurationOf(plan, region)), ...next }
  }

  function found(given: string, asked: string | undefined, region: string): FunctionPlan {
    // A name, a name with a qualifier, or an ARN, whole or in part.
    const match = /^(?:(?:arn:aws[\w-]*:lambda:[\w-]*:)?\d{12}:function:)?([A-Za-z0-9_-]{1,64})(?::([A-Za-z0-9$_-]+))?$/.exec(given)
    const [, name = given, own] = match ?? []
    const qualifier = asked ?? own
    const plan = qualifier === undefined || qualifier === "$LATEST" ? functions.find(name) : undefined
    if (plan !== undefined) return plan
    const message = `Function not found: ${arnOf(region, name)}${qualifier === undefined ? "" : `:${qualifier}`}`
    throw new Refusal(404, "ResourceNotFoundException", message)
  }

  async function invoked({ headers }: MountedRequest, plan: FunctionPlan, body: Uint8Array, requestId: string): Promise<MountedResponse> {
    const kind = one(headers["x-amz-invocation-type"]) ?? "RequestResponse"
    if (!["RequestResponse", "Event", "DryRun"].includes(kind)) {
      throw new Refusal(400, "InvalidParameterValueException", `1 validation error detected: Value '${kind}' at 'invocationType' failed to satisfy constraint: Member must satisfy enum value set: [Event, RequestResponse, DryRun]`)
    }
    const most = kind === "Event" ? limits.functionQueuedBytesMax : limits.functionPayloadBytesMax
    if (body.length > most) throw tooLarge(most)
    const payload = payloadOf(body)
    const ids = { "x-amzn-requestid": requestId }
    if (kind === "DryRun") return { status: 204, headers: ids, body: new Uint8Array(0) }
    const clientContext = contextOf(one(headers["x-amz-client-context"]))
    if (kind === "Event") {
      // Once it is durable.
      await events.add(plan.name, payload, { requestId, ...(clientContext === undefined ? {} : { clientContext }) })
      return { status: 202, headers: { ...ids, "content-length": "0" }, body: new Uint8Array(0) }
    }
    const tail = one(headers["x-amz-log-type"]) === "Tail"
    const invocation = await functions.invoke(plan.name, payload, { requestId, tail, ...(clientContext === undefined ? {} : { clientContext }) })
    return responseOf(invocation, ids)
  }
}

function responseOf(invocation: FunctionInvocation, ids: Readonly<Record<string, string>>): MountedResponse {
  if (invocation.kind === "throttled") throw throttled(invocation.reason === "node" ? "ConcurrentInvocationLimitExceeded" : "ReservedFunctionConcurrentInvocationLimitExceeded")
  const { log } = invocation
  const failed = invocation.kind === "failed"
  const error = failed ? invocation.error.errorType : undefined
  // The answer to the caller, unlike the function's own failures, is the caller's 413.
  if (error === "Function.ResponseSizeTooLarge" && failed) {
    return withBody(413, { ...ids, "x-amz-function-error": "Unhandled", "x-amzn-errortype": "Function.ResponseSizeTooLarge" }, JSON.stringify(invocation.error))
  }
  const headers = {
    ...ids,
    "x-amz-executed-version": "$LATEST",
    ...(failed ? { "x-amz-function-error": "Unhandled" } : {}),
    ...(log === undefined ? {} : { "x-amz-log-result": Buffer.from(log).toString("base64") }),
  }
  return withBody(200, headers, failed ? JSON.stringify(invocation.error) : invocation.payload)
}

function refusalOf(error: unknown, url: string): Refusal | Error {
  if (error instanceof Refusal) return error
  if (error instanceof URIError) return new Refusal(404, "ResourceNotFoundException", `Function not found: ${url}`)
  if (isMillraceError(error)) {
    if (error.code === "MR1007") return tooLarge(limits.functionPayloadBytesMax)
    if (error.code === "MR1010") return throttled("ConcurrentInvocationLimitExceeded")
    if (error.code === "MR1031") return new Refusal(404, "ResourceNotFoundException", error.message)
    if (error.code === "MR1020" || error.code === "MR1006") return new Refusal(400, "InvalidRequestContentException", error.message)
    return new Refusal(500, "ServiceException", `${error.message} [${error.code}]`, { Type: "Service" })
  }
  return error instanceof Error ? error : new Error(String(error))
}

function refused(refusal: Refusal | Error, requestId: string): MountedResponse {
  if (!(refusal instanceof Refusal)) {
    return withBody(500, { "x-amzn-requestid": requestId, "x-amzn-errortype": "ServiceException" }, JSON.stringify({ Type: "Service", Message: "The node failed in a way that it did not foresee. Its log names the fault." }))
  }
  const { status, type, message, more } = refusal
  // AWS writes the message of this one with a capital letter.
  const said = type === "ResourceNotFoundException" || type === "ServiceException" ? { Message: message } : { message }
  return withBody(status, { "x-amzn-requestid": requestId, "x-amzn-errortype": type }, JSON.stringify({ ...more, ...said }))
}

function tooLarge(most: number): Refusal {
  return new Refusal(413, "RequestTooLargeException", `Request must be smaller than ${most} bytes for the InvokeFunction operation`)
}

function throttled(reason: string): Refusal {
  return new Refusal(429, "TooManyRequestsException", "Rate Exceeded.", { Reason: reason, Type: "User" })
}

/** @throws Refusal InvalidRequestContentException */
function payloadOf(body: Uint8Array): string {
  if (body.length === 0) return "{}"
  const text = Buffer.from(body.buffer, body.byteOffset, body.length).toString("utf8")
  try {
    JSON.parse(text)
    return text
  } catch (cause) {
    throw new Refusal(400, "InvalidRequestContentException", `Could not parse request body into json: ${(cause as Error).message}`)
  }
}

function contextOf(given: string | undefined): string | undefined {
  if (given === undefined) return undefined
  const text = Buffer.from(given, "base64").toString("utf8")
  try {
    JSON.parse(text)
    return text
  } catch {
    throw new Refusal(400, "InvalidRequestContentException", "Client context must be a valid Base64-encoded JSON object.")
  }
}

const pageFunctions = 50

function arnOf(region: string, name: string): string {
  return `arn:aws:lambda:${region}:${account}:function:${name}`
}

/** What clients of AWS are told of a function. */
function configurationOf({ name, description = "", source, timeoutMs, memoryMegabytes, env }: FunctionPlan, region: string): object {
  const handler = source.kind === "module" ? `${source.file.replace(/^.*[\\/]/, "").replace(/\.\w+$/, "")}.${source.handler}` : "typed"
  return {
    FunctionName: name,
    FunctionArn: arnOf(region, name),
    Runtime: `nodejs${process.versions.node.split(".")[0]}.x`,
    Role: `arn:aws:iam::${account}:role/millrace`,
    Handler: handler,
    CodeSize: 0,
    Description: description,
    Timeout: Math.ceil(timeoutMs / 1000),
    MemorySize: memoryMegabytes,
    LastModified: "1970-01-01T00:00:00.000+0000",
    CodeSha256: "",
    Version: "$LATEST",
    // Values may be secrets: names say enough.
    Environment: { Variables: Object.fromEntries(Object.keys(env).map((variable) => [variable, "***"])) },
    TracingConfig: { Mode: "PassThrough" },
    PackageType: "Zip",
    Architectures: [process.arch === "arm64" ? "arm64" : "x86_64"],
    State: "Active",
    LastUpdateStatus: "Successful",
  }
}

/** The region that the signature names: what a client is configured with comes back in ARNs. */
function regionOf(authorization: unknown): string {
  const scope = typeof authorization === "string" ? /Credential=[^/]+\/\d{8}\/([a-z0-9-]{1,32})\//.exec(authorization) : null
  return scope?.[1] ?? "us-east-1"
}

function json(status: number, body: object, requestId: string): MountedResponse {
  return withBody(status, { "x-amzn-requestid": requestId }, JSON.stringify(body))
}

function withBody(status: number, headers: Readonly<Record<string, string>>, text: string): MountedResponse {
  const body = Buffer.from(text)
  return { status, headers: { ...headers, "content-type": "application/json", "content-length": String(body.length) }, body }
}

function one(value: string | readonly string[] | undefined): string | undefined {
  return typeof value === "string" || value === undefined ? value : value.join(",")
}
