/**
 * The part of AWS Lambda's API that calls functions: Invoke, InvokeWithResponseStream, and what clients look up before them. The functions are those of
 * the node's services, so nothing here makes, changes or removes one.
 */
import { randomUUID } from "node:crypto"
import type { FunctionPlan } from "@millrace/model"
import type { Mount, MountedRequest, MountedResponse } from "../mount.ts"
import { arnOf, configurationOf, regionOf } from "./configuration.ts"
import type { GatewayEvents, GatewayFunctions } from "./functions.ts"
import { eventSourceMappings, mappingsBase } from "./event-source-mappings.ts"
import { askedOf } from "./invocations.ts"
import { invoke } from "./invoke.ts"
import { invokeWithResponseStream } from "./invoke-with-response-stream.ts"
import { json } from "./lambda-answer.ts"
import type { GatewayMappings } from "./mappings.ts"
import { Refusal, refusalOf, refused } from "./refusal.ts"

/** Why a request was not signed well, in AWS's words. */
interface SignatureFault {
  readonly type: string
  readonly message: string
}

export interface LambdaApiOptions {
  readonly functions: GatewayFunctions
  /** Takes invocations that nobody waits for. */
  readonly events: Pick<GatewayEvents, "add">
  /** What feeds functions from streams. */
  readonly mappings: GatewayMappings
  /** Looks at a request's signature. @default none is looked at */
  readonly signature?: (request: Pick<MountedRequest, "method" | "url" | "headers">, body: Uint8Array) => SignatureFault | undefined
}

const base = "/2015-03-31/functions"
const streaming = "/2021-11-15/functions"

export function createLambdaApi({ functions, events, mappings, signature }: LambdaApiOptions): Mount {
  return {
    name: "lambda",
    takes: ({ url }) => url.startsWith(`${streaming}/`) || [base, mappingsBase].some((at) => url === at || url.startsWith(`${at}/`) || url.startsWith(`${at}?`)),
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
    if (path === mappingsBase || path.startsWith(`${mappingsBase}/`)) return eventSourceMappings({ functions, mappings }, request, body, { region, requestId })
    const qualified = new URLSearchParams(query).get("Qualifier") ?? undefined
    if (path.startsWith(`${streaming}/`)) {
      const [of = "", operation, ...more] = path.slice(streaming.length + 1).split("/")
      if (method !== "POST" || operation !== "response-streaming-invocations" || more.length > 0) throw unknownOperation()
      const asked = askedOf(request, body, ["RequestResponse", "DryRun"])
      return invokeWithResponseStream(functions, found(decodeURIComponent(of), qualified, region), asked, requestId)
    }
    const [named = "", action, ...rest] = path.slice(base.length + 1).split("/")
    if (named === "" && action === undefined && method === "GET") return json(200, listOf(query, region), requestId)
    const plan = found(decodeURIComponent(named), qualified, region)
    if (method === "GET" && action === undefined) return json(200, { Configuration: configurationOf(plan, region), Code: {}, Tags: {} }, requestId)
    if (method === "GET" && action === "configuration" && rest.length === 0) return json(200, configurationOf(plan, region), requestId)
    if (method === "POST" && action === "invocations" && rest.length === 0) return invoke({ functions, events }, plan, askedOf(request, body), requestId)
    throw unknownOperation()
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
}

const pageFunctions = 50

function unknownOperation(): Refusal {
  return new Refusal(404, "UnknownOperationException", "This node's functions are those of its services: they can be invoked, listed and shown.", {})
}
