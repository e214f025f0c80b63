// AWS's own client for JavaScript before the node's API of Lambda: answers that are streamed.
import assert from "node:assert/strict"
import { after, before, test } from "node:test"
import { type InvokeWithResponseStreamCommandInput, InvokeCommand, InvokeWithResponseStreamCommand, LambdaClient } from "@aws-sdk/client-lambda"
import { type Served, serve } from "../test/served.ts"
import { connect } from "./client.ts"
import type { RunningNode } from "./node.ts"

let place: Served
let node: RunningNode
let client: LambdaClient

const serviceText = `
import { fn, service } from "millrace"
export default service("shop", [
  fn("streams", "./handler.mjs", { handler: "streams" }),
  fn("returns", "./handler.mjs", { handler: "returns" }),
  fn("breaks", "./handler.mjs", { handler: "breaks" }),
  fn("fails", "./handler.mjs", { handler: "fails" }),
  fn("much", "./handler.mjs", { handler: "much" }),
  fn("one", "./handler.mjs", { handler: "waits", concurrency: 1 }),
])
`

const handlerText = `
export const streams = awslambda.streamifyResponse(async (event, out) => {
  console.log("streaming", event.n)
  for (let n = 0; n < event.n; n++) {
    out.write("part " + n + ";")
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  out.end()
})
export const returns = async (event) => ({ event })
export const breaks = awslambda.streamifyResponse(async (event, out) => {
  out.write("the beginning")
  await new Promise((resolve) => setTimeout(resolve, 20))
  throw new RangeError("in the midst")
})
export const fails = async () => { throw new TypeError("at once") }
export const much = awslambda.streamifyResponse(async (event, out) => {
  for (let n = 0; n < 200; n++) if (!out.write(Buffer.alloc(100_000, n))) await new Promise((resolve) => out.once("drain", resolve))
  out.end()
})
export const waits = () => new Promise((resolve) => setTimeout(resolve, 1_000, 1))
`

before(async () => {
  place = await serve({ "service.ts": serviceText, "handler.mjs": handlerText }, { workers: 1, log: "silent", kinesisCredentials: { KEY: "secret" } })
  node = place.node
  client = new LambdaClient({ endpoint: node.url, region: "eu-west-1", credentials: { accessKeyId: "KEY", secretAccessKey: "secret" }, maxAttempts: 1 })
})

after(async () => {
  client.destroy()
  await place.close()
})

interface Streamed {
  readonly parts: readonly string[]
  readonly complete: { readonly ErrorCode?: string | undefined; readonly ErrorDetails?: string | undefined; readonly LogResult?: string | undefined } | undefined
}

async function streamed(given: InvokeWithResponseStreamCommandInput): Promise<Streamed> {
  const { EventStream, StatusCode, ExecutedVersion } = await client.send(new InvokeWithResponseStreamCommand(given))
  assert.deepEqual([StatusCode, ExecutedVersion], [200, "$LATEST"])
  const parts: string[] = []
  let complete: Streamed["complete"]
  for await (const { PayloadChunk, InvokeComplete } of EventStream ?? []) {
    if (PayloadChunk !== undefined) parts.push(Buffer.from(PayloadChunk.Payload ?? "").toString())
    if (InvokeComplete !== undefined) complete = InvokeComplete
  }
  return { parts, complete }
}

test("a streamed answer comes in parts, as AWS's client reads them, with the log at its end", async () => {
  const { parts, complete } = await streamed({ FunctionName: "streams", Payload: Buffer.from('{"n":4}'), LogType: "Tail" })
  assert.equal(parts.join(""), "part 0;part 1;part 2;part 3;")
  assert.ok(parts.length > 1, "it came in one part")
  assert.equal(complete?.ErrorCode, undefined)
  assert.match(Buffer.from(complete?.LogResult ?? "", "base64").toString(), /INFO\tstreaming 4\n/)
})

test("what a handler returns that does not stream is one part", async () => {
  const { parts, complete } = await streamed({ FunctionName: "returns", Payload: Buffer.from('{"n":1}') })
  assert.deepEqual([parts, complete?.ErrorCode, complete?.LogResult], [['{"event":{"n":1}}'], undefined, undefined])
})

test("a handler that fails says so at the end of the stream, whatever it has written", async () => {
  const broken = await streamed({ FunctionName: "breaks" })
  assert.deepEqual([broken.parts.join(""), broken.complete?.ErrorCode], ["the beginning", "Unhandled"])
  const { errorType, errorMessage } = JSON.parse(broken.complete?.ErrorDetails ?? "") as { errorType: string; errorMessage: string }
  assert.deepEqual([errorType, errorMessage], ["RangeError", "in the midst"])
  const failed = await streamed({ FunctionName: "fails" })
  assert.deepEqual([failed.parts, failed.complete?.ErrorCode], [[], "Unhandled"])
})

test("20 MB come whole, no faster than they are read; who goes away ends the invocation", async () => {
  const { EventStream } = await client.send(new InvokeWithResponseStreamCommand({ FunctionName: "much" }))
  let bytes = 0
  for await (const { PayloadChunk } of EventStream ?? []) bytes += PayloadChunk?.Payload?.length ?? 0
  assert.equal(bytes, 20_000_000)
  const other = await client.send(new InvokeWithResponseStreamCommand({ FunctionName: "much" }))
  for await (const { PayloadChunk } of other.EventStream ?? []) if (PayloadChunk !== undefined) break
  assert.deepEqual((await streamed({ FunctionName: "returns" })).parts, ['{"event":{}}'])
})

test("streamed invocations are refused as others are: throttled, unknown, and of a kind that cannot stream", async () => {
  const first = client.send(new InvokeCommand({ FunctionName: "one" }))
  while ((await connect(node.url).functions()).find(({ name }) => name === "one")?.busy !== 1);
  await assert.rejects(streamed({ FunctionName: "one" }), { name: "TooManyRequestsException" })
  await first
  await assert.rejects(streamed({ FunctionName: "none" }), { name: "ResourceNotFoundException" })
  await assert.rejects(streamed({ FunctionName: "returns", InvocationType: "Event" as never }), { name: "InvalidParameterValueException" })
  await assert.rejects(streamed({ FunctionName: "returns", Payload: Buffer.from("{") }), { name: "InvalidRequestContentException" })
})
