// What becomes of requests whose function does not answer well, and of any request and answer there may be.
import assert from "node:assert/strict"
import { test } from "node:test"
import type { FunctionPlan } from "@millrace/model"
import fc from "fast-check"
import type { FunctionInvocation, GatewayFunctions } from "../functions/functions.ts"
import type { MountedResponse } from "../mount.ts"
import { eventOf } from "./event.ts"
import { createHttpFunctions } from "./http-functions.ts"
import { replyOf } from "./reply.ts"
import { Router } from "./router.ts"

function plan(timeoutMs: number): FunctionPlan {
  const route = { key: "$default", method: "ANY", segments: null }
  return { name: "f", source: { kind: "typed", file: "" }, timeoutMs, memoryMegabytes: 128, env: {}, concurrency: null, http: { routes: [route], cors: null } }
}

const silent = { info: () => undefined, warn: () => undefined, error: () => undefined }

async function answered(timeoutMs: number, invocation: FunctionInvocation | Error): Promise<readonly [status: number, text: string]> {
  const functions: GatewayFunctions = {
    list: [],
    plans: [plan(timeoutMs)],
    find: () => undefined,
    invoke: async () => {
      if (invocation instanceof Error) throw invocation
      return invocation
    },
  }
  const response: MountedResponse = await createHttpFunctions({ functions, log: silent }).answer({
    method: "GET",
    url: "/x",
    headers: { host: "localhost" },
    body: async () => new Uint8Array(0),
    signal: new AbortController().signal,
    remoteAddress: "127.0.0.1",
    protocol: "HTTP/1.1",
  })
  return [response.status, Buffer.from(response.body as Uint8Array).toString()]
}

const unavailable = [503, '{"message":"Service Unavailable"}'] as const
const failure = [500, '{"message":"Internal Server Error"}'] as const

test("who takes 30 s is given up by the gateway with 503; a shorter timeout is the function's failure, 500", async () => {
  const timedOut: FunctionInvocation = { kind: "failed", requestId: "r", ms: 1, error: { errorType: "Sandbox.Timedout", errorMessage: "Task timed out" } }
  assert.deepEqual(await answered(30_000, timedOut), unavailable)
  assert.deepEqual(await answered(5_000, timedOut), failure)
  assert.deepEqual(await answered(30_000, { ...timedOut, error: { errorType: "Error", errorMessage: "no" } }), failure)
})

test("who is throttled, or asks a node that stops, gets 503", async () => {
  assert.deepEqual(await answered(30_000, { kind: "throttled", reason: "concurrency" }), unavailable)
  assert.deepEqual(await answered(30_000, new Error("stopping")), unavailable)
})

test("a status code without a text form is a misformed answer (seed -1385408267)", () => {
  assert.equal(replyOf('{"statusCode":{"toString":false}}').status, 500)
  assert.equal(replyOf('{"statusCode":null}').status, 500)
})

test("any JSON is an answer of some kind", () => {
  const members = fc.record({ statusCode: fc.jsonValue(), headers: fc.jsonValue(), body: fc.jsonValue(), cookies: fc.jsonValue(), isBase64Encoded: fc.jsonValue() }, { requiredKeys: [] })
  const headers = fc.record({ statusCode: fc.integer({ min: 100, max: 700 }), headers: fc.dictionary(fc.string(), fc.oneof(fc.string(), fc.integer())), body: fc.string() })
  fc.assert(
    fc.property(fc.oneof(fc.jsonValue(), members, headers), (answer) => {
      const { status, headers: all } = replyOf(JSON.stringify(answer))
      assert.ok(Number.isInteger(status) && status >= 200 && status <= 599)
      // Whatever goes on the wire is made of names and values that may.
      assert.ok(new Headers(Object.entries(all).flatMap(([name, value]) => (typeof value === "string" ? [value] : value).map((one): [string, string] => [name, one]))))
    }),
  )
})

test("any request becomes an event", () => {
  const router = new Router([plan(1)])
  fc.assert(
    fc.property(fc.webPath(), fc.string(), fc.dictionary(fc.string(), fc.oneof(fc.string(), fc.array(fc.string()))), fc.uint8Array(), (path, query, headers, body) => {
      const url = `/x${path}?${query}`
      const match = router.match("GET", `/x${path}`)
      assert.ok(match !== undefined)
      const event = eventOf({ method: "GET", url, headers, remoteAddress: "::1", protocol: "HTTP/2.0" }, match, body, "r", 0) as Record<string, unknown>
      assert.equal(event["rawQueryString"], query)
      assert.equal(JSON.parse(JSON.stringify(event)).version, "2.0")
    }),
  )
})
