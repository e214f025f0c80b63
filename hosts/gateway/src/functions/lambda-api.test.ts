// The API of Lambda before functions that say what a test wants; with real ones: hosts/cli/src/functions.test.ts.
import assert from "node:assert/strict"
import { test } from "node:test"
import type { FunctionPlan } from "@millrace/model"
import fc from "fast-check"
import { ManualClock } from "../../test/manual-clock.ts"
import type { FunctionInvocation, GatewayFunctions } from "./functions.ts"
import { createLambdaApi } from "./lambda-api.ts"

const plan: FunctionPlan = { name: "f", source: { kind: "module", file: "/x/f.mjs", handler: "handler" }, timeoutMs: 3_000, memoryMegabytes: 128, env: {}, concurrency: null }
const failure: FunctionInvocation = { kind: "failed", requestId: "r", ms: 1, error: { errorType: "Error", errorMessage: "no" } }

interface Bench {
  readonly called: string[]
  readonly clock: ManualClock
  readonly logged: string[]
  ask(method: string, url: string, body?: string | Uint8Array, headers?: Readonly<Record<string, string>>): Promise<readonly [status: number, type: string | undefined, text: string]>
}

function bench(outcomes: readonly FunctionInvocation[] = []): Bench {
  const called: string[] = []
  const logged: string[] = []
  const clock = new ManualClock()
  const waiting = [...outcomes]
  const functions: GatewayFunctions = {
    list: [],
    plans: [plan],
    find: (name) => (name === "f" ? plan : undefined),
    invoke: async (_, payload) => {
      called.push(payload)
      return waiting.shift() ?? { kind: "returned", requestId: "r", payload: "1", ms: 1 }
    },
  }
  const log = { info: () => undefined, warn: () => undefined, error: (_: object, sentence: string) => void logged.push(sentence) }
  const api = createLambdaApi({ functions, log, clock })
  return {
    called,
    clock,
    logged,
    async ask(method, url, body = "", headers = {}) {
      const bytes = typeof body === "string" ? Buffer.from(body) : body
      const response = await api.answer({ method, url, headers, body: async () => bytes, signal: new AbortController().signal, remoteAddress: "", protocol: "HTTP/1.1" })
      return [response.status, response.headers["x-amzn-errortype"] as string | undefined, Buffer.from(response.body as Uint8Array).toString()]
    },
  }
}

const invocations = "/2015-03-31/functions/f/invocations"
/** Lets what is due be done. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

test("an event is called again one and two minutes after it failed, and then given up", async () => {
  const { ask, called, clock, logged } = bench([failure, failure, failure])
  assert.deepEqual(await ask("POST", invocations, '{"n":1}', { "x-amz-invocation-type": "Event" }), [202, undefined, ""])
  await turn()
  assert.equal(called.length, 1)
  clock.advance(59_999)
  await turn()
  assert.equal(called.length, 1)
  clock.advance(1)
  await turn()
  assert.equal(called.length, 2)
  clock.advance(120_000)
  await turn()
  assert.deepEqual(called, ['{"n":1}', '{"n":1}', '{"n":1}'])
  assert.deepEqual(logged, ["An event was given up: its function has failed three times."])
  clock.advance(1_000_000)
  await turn()
  assert.equal(called.length, 3)
})

test("an event of a busy function is called again until there is room", async () => {
  const busy: FunctionInvocation = { kind: "throttled", reason: "concurrency" }
  const { ask, called, clock } = bench([busy, busy, busy, busy])
  await ask("POST", invocations, "", { "x-amz-invocation-type": "Event" })
  for (let i = 0; i < 6; i++) {
    await turn()
    clock.advance(1_000)
  }
  assert.equal(called.length, 5)
})

test("more events than have room are too many requests", async () => {
  const { ask, called } = bench(Array.from({ length: 1_000 }, () => failure))
  const headers = { "x-amz-invocation-type": "Event" }
  for (let i = 0; i < 1_000; i++) assert.equal((await ask("POST", invocations, "", headers))[0], 202)
  assert.deepEqual((await ask("POST", invocations, "", headers)).slice(0, 2), [429, "TooManyRequestsException"])
  assert.equal(called.length, 1_000)
})

test("what is no operation of the node is told so", async () => {
  const { ask } = bench()
  const wrong: readonly (readonly [method: string, url: string, status: number, type: string])[] = [
    ["POST", "/2015-03-31/functions", 404, "ResourceNotFoundException"],
    ["DELETE", "/2015-03-31/functions/f", 404, "UnknownOperationException"],
    ["PUT", "/2015-03-31/functions/f/code", 404, "UnknownOperationException"],
    ["GET", "/2015-03-31/functions/none", 404, "ResourceNotFoundException"],
    ["POST", "/2015-03-31/functions/%zz/invocations", 404, "ResourceNotFoundException"],
  ]
  for (const [method, url, status, type] of wrong) assert.deepEqual((await ask(method, url)).slice(0, 2), [status, type], `${method} ${url}`)
  assert.deepEqual((await ask("POST", invocations, "", { "x-amz-invocation-type": "Later" })).slice(0, 2), [400, "InvalidParameterValueException"])
  assert.deepEqual((await ask("POST", invocations, "", { "x-amz-client-context": "eA==" })).slice(0, 2), [400, "InvalidRequestContentException"])
})

test("any request has an answer that is not the node's fault", async () => {
  const { ask } = bench()
  const name = fc.oneof(fc.string(), fc.webSegment(), fc.constant("f"), fc.constant("arn:aws:lambda:x:000000000000:function:f"))
  const rest = fc.oneof(fc.constant("/invocations"), fc.constant("/configuration"), fc.constant(""), fc.webPath(), fc.string())
  const headers = fc.record({ "x-amz-invocation-type": fc.constantFrom("Event", "DryRun", "RequestResponse", "x"), "x-amz-client-context": fc.base64String(), authorization: fc.string() }, { requiredKeys: [] })
  await fc.assert(
    fc.asyncProperty(fc.constantFrom("GET", "POST", "PUT"), name, rest, headers, fc.oneof(fc.uint8Array(), fc.json().map((text) => Buffer.from(text))), async (method, of, path, given, body) => {
      const [status, , text] = await ask(method, `/2015-03-31/functions/${of}${path}`, body, given)
      assert.ok(status < 500, text)
      if (status !== 204 && status !== 202) JSON.parse(text)
    }),
  )
})
