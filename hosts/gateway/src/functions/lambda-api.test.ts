// The API of Lambda before functions that say what a test wants; with real ones: hosts/cli/src/functions.test.ts.
import assert from "node:assert/strict"
import { test } from "node:test"
import { type FunctionPlan, MillraceError } from "@millrace/model"
import fc from "fast-check"
import type { GatewayEvents, GatewayFunctions } from "./functions.ts"
import type { GatewayMappings } from "./mappings.ts"
import { createLambdaApi } from "./lambda-api.ts"

const plan: FunctionPlan = { name: "f", source: { kind: "module", file: "/x/f.mjs", handler: "handler" }, timeoutMs: 3_000, memoryMegabytes: 128, env: {}, concurrency: null }

const nothing = (): never => {
  throw new MillraceError("MR1031", "no")
}
const mappings: GatewayMappings = { status: () => [], hasStream: () => false, hasConsumer: () => false, make: async () => nothing(), change: async () => nothing(), enable: async () => nothing(), remove: async () => nothing(), redrive: async () => nothing() }

/** An event stream is no JSON: that it is there is enough. */
async function textOf(body: Uint8Array | AsyncIterable<Uint8Array>): Promise<string> {
  if (body instanceof Uint8Array) return Buffer.from(body).toString()
  let bytes = 0
  for await (const part of body) bytes += part.length
  return String(bytes)
}

interface Bench {
  readonly called: string[]
  ask(method: string, url: string, body?: string | Uint8Array, headers?: Readonly<Record<string, string>>): Promise<readonly [status: number, type: string | undefined, text: string]>
}

function bench(events: Pick<GatewayEvents, "add"> = { add: async () => undefined }): Bench {
  const called: string[] = []
  const functions: GatewayFunctions = {
    list: [],
    plans: [plan],
    find: (name) => (name === "f" ? plan : undefined),
    invoke: async (_, payload) => {
      called.push(payload)
      return { kind: "returned", requestId: "r", payload: "1", ms: 1 }
    },
  }
  const api = createLambdaApi({ functions, events, mappings })
  return {
    called,
    async ask(method, url, body = "", headers = {}) {
      const bytes = typeof body === "string" ? Buffer.from(body) : body
      const response = await api.answer({ method, url, headers, body: async () => bytes, signal: new AbortController().signal, remoteAddress: "", protocol: "HTTP/1.1" })
      return [response.status, response.headers["x-amzn-errortype"] as string | undefined, await textOf(response.body)]
    },
  }
}

const invocations = "/2015-03-31/functions/f/invocations"
const event = { "x-amz-invocation-type": "Event" }

test("an event is confirmed once it was taken, with what it was given; nobody is called for that", async () => {
  const taken: unknown[] = []
  let confirm = (): void => undefined
  const { ask, called } = bench({
    add: async (name, payload, { requestId, ...more }) => {
      taken.push([name, payload, requestId.length, more])
      await new Promise<void>((resolve) => (confirm = resolve))
    },
  })
  let answer: unknown
  const asked = ask("POST", invocations, '{"n":1}', { ...event, "x-amz-client-context": Buffer.from('{"a":1}').toString("base64") }).then((given) => (answer = given))
  while (taken.length === 0) await new Promise((go) => setImmediate(go))
  assert.deepEqual([taken, answer, called], [[["f", '{"n":1}', 36, { clientContext: '{"a":1}' }]], undefined, []])
  confirm()
  await asked
  assert.deepEqual(answer, [202, undefined, ""])
})

test("an event that is not taken is AWS's error: too many requests, or the node's fault", async () => {
  const refusals = [["MR1010", 429, "TooManyRequestsException"], ["MR1303", 500, "ServiceException"], ["MR1031", 404, "ResourceNotFoundException"]] as const
  for (const [code, status, type] of refusals) {
    const { ask } = bench({ add: () => Promise.reject(new MillraceError(code, "no")) })
    assert.deepEqual((await ask("POST", invocations, "", event)).slice(0, 2), [status, type])
  }
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
  // Deeper than code can walk through.
  const deep = "[".repeat(1_001) + "]".repeat(1_001)
  assert.deepEqual((await ask("POST", invocations, deep)).slice(0, 2), [400, "InvalidRequestContentException"])
})

test("any request has an answer that is not the node's fault", async () => {
  const { ask } = bench()
  const name = fc.oneof(fc.string(), fc.webSegment(), fc.constant("f"), fc.constant("arn:aws:lambda:x:000000000000:function:f"))
  const rest = fc.oneof(fc.constant("/invocations"), fc.constant("/response-streaming-invocations"), fc.constant("/configuration"), fc.constant(""), fc.webPath(), fc.string())
  const headers = fc.record({ "x-amz-invocation-type": fc.constantFrom("Event", "DryRun", "RequestResponse", "x"), "x-amz-client-context": fc.base64String(), authorization: fc.string() }, { requiredKeys: [] })
  await fc.assert(
    fc.asyncProperty(fc.constantFrom("GET", "POST", "PUT", "DELETE"), name, rest, headers, fc.oneof(fc.uint8Array(), fc.json().map((text) => Buffer.from(text))), async (method, of, path, given, body) => {
      const at = (["2015-03-31/functions", "2021-11-15/functions", "2015-03-31/event-source-mappings"] as const)[of.length % 3]
      const [status, , text] = await ask(method, `/${at}/${of}${path}`, body, given)
      assert.ok(status < 500, text)
      if (status !== 204 && status !== 202) JSON.parse(text)
    }),
  )
})
