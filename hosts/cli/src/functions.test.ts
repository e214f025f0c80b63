// Functions as callers see them: over HTTP, through the client, the API of Lambda with boto3, and on the command line.
import assert from "node:assert/strict"
import { spawn } from "node:child_process"
import path from "node:path"
import { after, before, test } from "node:test"
import { Ajv2020 } from "ajv/dist/2020.js"
import { millrace } from "../test/cli.ts"
import { type Served, serve } from "../test/served.ts"
import { connect } from "./client.ts"
import { type RunningNode, startNode } from "./node.ts"

const python = process.env["MILLRACE_TEST_PYTHON"] ?? "python3"

const serviceText = `
import { fn, service, stream } from "millrace"
export const orders = stream("orders")
export default service("shop", [
  fn("echo", "./handler.mjs", { description: "Gives back", env: { SECRET: "s3cr3t" } }),
  fn("fails", "./handler.mjs", { handler: "fails" }),
  fn("large", "./handler.mjs", { handler: "large" }),
  fn("one", "./handler.mjs", { handler: "waits", concurrency: 1 }),
  fn("numbers", "./handler.mjs", { handler: "numbers" }),
])
`

const handlerText = `
export const handler = async (event, context) => {
  console.log("an event", event)
  return { event, custom: context.clientContext?.custom, url: process.env.AWS_ENDPOINT_URL_KINESIS, key: process.env.AWS_ACCESS_KEY_ID, arn: context.invokedFunctionArn }
}
export const fails = async () => { throw new RangeError("out of it") }
export const large = async () => "x".repeat(7_000_000)
export const waits = () => new Promise((resolve) => setTimeout(resolve, 300, "waited"))
export const numbers = async () => ({ long: Number.MAX_SAFE_INTEGER })
`

let place: Served
let node: RunningNode

before(async () => {
  const kinesisCredentials = { AKIDEXAMPLE: "a secret for tests" }
  place = await serve({ "service.ts": serviceText, "handler.mjs": handlerText }, { workers: 1, log: "silent", kinesisCredentials })
  node = place.node
})

after(() => place.close())

function boto3(script: string, secret = "a secret for tests"): Promise<unknown> {
  const env = {
    ...process.env,
    AWS_ACCESS_KEY_ID: "AKIDEXAMPLE",
    AWS_SECRET_ACCESS_KEY: secret,
    AWS_DEFAULT_REGION: "eu-west-1",
    AWS_ENDPOINT_URL_LAMBDA: node.url,
    AWS_CONFIG_FILE: "/dev/null",
    AWS_SHARED_CREDENTIALS_FILE: "/dev/null",
  }
  return new Promise((resolve, reject) => {
    const child = spawn(python, ["-c", script], { env })
    let out = ""
    let err = ""
    child.stdout.setEncoding("utf8").on("data", (text: string) => (out += text))
    child.stderr.setEncoding("utf8").on("data", (text: string) => (err += text))
    child.on("error", reject)
    child.on("close", (code) => (code === 0 ? resolve(JSON.parse(out)) : reject(new Error(err))))
  })
}

const beginning = `
import base64, boto3, json
from botocore.exceptions import ClientError
l = boto3.client("lambda")

def failing(**given):
    try:
        l.invoke(**given)
    except ClientError as error:
        return [error.response["ResponseMetadata"]["HTTPStatusCode"], error.response["Error"]["Code"], error.response["Error"]["Message"]]
    return "nothing"
`

test("boto3 invokes functions by name and by ARN, and learns of their failures", async () => {
  const seen = (await boto3(`${beginning}
context = base64.b64encode(json.dumps({"custom": {"a": 1}}).encode()).decode()
done = l.invoke(FunctionName="echo", Payload=json.dumps({"n": 1}), LogType="Tail", ClientContext=context)
bare = l.invoke(FunctionName="arn:aws:lambda:eu-west-1:000000000000:function:echo:$LATEST")
failed = l.invoke(FunctionName="fails", Payload="{}")
large = l.invoke(FunctionName="000000000000:function:large") if False else None
event = l.invoke(FunctionName="echo", InvocationType="Event", Payload="{}")
dry = l.invoke(FunctionName="echo", InvocationType="DryRun", Qualifier="$LATEST")
print(json.dumps({
    "done": [done["StatusCode"], done["ExecutedVersion"], done.get("FunctionError"), json.loads(done["Payload"].read())],
    "log": base64.b64decode(done["LogResult"]).decode(),
    "bare": json.loads(bare["Payload"].read())["event"],
    "failed": [failed["StatusCode"], failed["FunctionError"], json.loads(failed["Payload"].read())],
    "event": [event["StatusCode"], event["Payload"].read().decode()],
    "dry": dry["StatusCode"],
    "failing": [
        failing(FunctionName="none"),
        failing(FunctionName="echo", Qualifier="live"),
        failing(FunctionName="echo", Payload="{"),
        failing(FunctionName="echo", Payload=json.dumps("x" * 6291456)),
        failing(FunctionName="echo", InvocationType="Event", Payload=json.dumps("x" * 1048576)),
    ],
}))`)) as Record<string, unknown>
  const arn = "arn:aws:lambda:us-east-1:000000000000:function:echo"
  assert.deepEqual(seen["done"], [200, "$LATEST", null, { event: { n: 1 }, custom: { a: 1 }, url: node.url, key: "AKIDEXAMPLE", arn }])
  assert.match(String(seen["log"]), /^START RequestId: .*\n.*\tINFO\tan event \{ n: 1 \}\nEND RequestId: /)
  assert.deepEqual(seen["bare"], {})
  const [status, functionError, { errorType, errorMessage, trace }] = seen["failed"] as [number, string, { errorType: string; errorMessage: string; trace: string[] }]
  assert.deepEqual([status, functionError, errorType, errorMessage, trace[0]], [200, "Unhandled", "RangeError", "out of it", "RangeError: out of it"])
  assert.deepEqual([seen["event"], seen["dry"]], [[202, ""], 204])
  const failing = seen["failing"] as [number, string, string][]
  assert.deepEqual(failing.map(([code, type]) => [code, type]), [
    [404, "ResourceNotFoundException"],
    [404, "ResourceNotFoundException"],
    [400, "InvalidRequestContentException"],
    [413, "RequestTooLargeException"],
    [413, "RequestTooLargeException"],
  ])
  assert.equal(failing[0]?.[2], "Function not found: arn:aws:lambda:eu-west-1:000000000000:function:none")
  assert.equal(failing[3]?.[2], "Request must be smaller than 6291456 bytes for the InvokeFunction operation")
})

test("boto3 lists and shows functions, whose secrets stay theirs", async () => {
  const seen = (await boto3(`${beginning}
shown = l.get_function(FunctionName="echo")["Configuration"]
print(json.dumps({
    "names": [f["FunctionName"] for page in l.get_paginator("list_functions").paginate(PaginationConfig={"PageSize": 2}) for f in page["Functions"]],
    "shown": [shown[name] for name in ["FunctionArn", "Handler", "Timeout", "MemorySize", "Description", "State"]],
    "env": l.get_function_configuration(FunctionName="echo")["Environment"]["Variables"],
}))`)) as Record<string, unknown>
  assert.deepEqual(seen["names"], ["echo", "fails", "large", "one", "numbers"])
  assert.deepEqual(seen["shown"], ["arn:aws:lambda:eu-west-1:000000000000:function:echo", "handler.handler", 3, 128, "Gives back", "Active"])
  assert.deepEqual(seen["env"], { SECRET: "***" })
})

test("a request to Lambda's API that is not signed with one of the node's keys is refused", async () => {
  const [status, type] = (await boto3(`${beginning}print(json.dumps(failing(FunctionName="echo")))`, "another secret")) as [number, string]
  assert.deepEqual([status, type], [403, "InvalidSignatureException"])
  const bare = await fetch(`${node.url}/2015-03-31/functions/echo/invocations`, { method: "POST", body: "{}" })
  assert.deepEqual([bare.status, bare.headers.get("x-amzn-errortype")], [403, "MissingAuthenticationTokenException"])
})

test("more invocations than a function may have are told to be too many", async () => {
  const seen = (await boto3(`${beginning}
from concurrent.futures import ThreadPoolExecutor
from botocore.config import Config
l = boto3.client("lambda", config=Config(retries={"total_max_attempts": 1}))
with ThreadPoolExecutor(2) as pool:
    print(json.dumps(list(pool.map(lambda _: failing(FunctionName="one"), range(2)))))`)) as unknown[]
  assert.deepEqual(new Set(seen.map(String)), new Set(["nothing", "429,TooManyRequestsException,Rate Exceeded."]))
})

test("an answer that is too large is 413 to the caller", async () => {
  const { url } = await plainNode()
  const response = await fetch(`${url}/2015-03-31/functions/large/invocations`, { method: "POST" })
  assert.equal(response.status, 413)
  assert.equal(((await response.json()) as { errorType: string }).errorType, "Function.ResponseSizeTooLarge")
})

let plain: RunningNode | undefined
/** The same services without keys. */
async function plainNode(): Promise<RunningNode> {
  plain ??= await startNode({ files: [path.join(place.dir, "service.ts")], dataDir: path.join(place.dir, "plain"), port: 0, workers: 1, log: "silent" })
  return plain
}

after(async () => plain?.close())

test("the client invokes a function, and its failure is an answer", async () => {
  const client = connect(node.url)
  const functions = await client.functions()
  assert.deepEqual(functions.map(({ name }) => name), ["echo", "fails", "large", "one", "numbers"])
  assert.deepEqual([functions[0]?.service, functions[0]?.timeoutMs, functions[3]?.concurrency], ["shop", 3_000, 1])
  const returned = await client.invoke("echo", { n: 1 })
  assert.equal(returned.outcome, "returned")
  assert.deepEqual((returned as { payload: { event: unknown } }).payload.event, { n: 1 })
  const failed = await client.invoke("fails", {})
  assert.deepEqual([failed.outcome, (failed as { error: { errorType: string } }).error.errorType], ["failed", "RangeError"])
  await assert.rejects(client.invoke("none", {}), { code: "MR1031" })
  const deep = await fetch(`${node.url}/v1/functions/echo/invocations`, { method: "POST", body: "[".repeat(20_000) + "]".repeat(20_000) })
  assert.deepEqual([deep.status, ((await deep.json()) as { readonly code: string }).code], [422, "MR1034"])
  const odd = await fetch(`${node.url}/v1/functions/echo/invocations`, { method: "POST", body: "{" })
  assert.deepEqual([odd.status, ((await odd.json()) as { code: string }).code], [422, "MR1001"])
})

test("what is told of functions fits the schemas of openapi.json", async () => {
  const document = (await (await fetch(`${node.url}/v1/openapi.json`)).json()) as object
  const ajv = new Ajv2020({ strict: false, validateFormats: false })
  ajv.addSchema({ ...document, $id: "openapi.json" })
  const fits = async (schema: string, asked: Promise<Response>): Promise<void> => {
    const check = ajv.compile({ $ref: `openapi.json#/components/schemas/${schema}` })
    assert.ok(check(await (await asked).json()), ajv.errorsText(check.errors))
  }
  await fits("FunctionList", fetch(`${node.url}/v1/functions`))
  for (const name of ["echo", "fails"]) await fits("InvocationReply", fetch(`${node.url}/v1/functions/${name}/invocations`, { method: "POST" }))
})

test("millrace fn lists and invokes", async () => {
  const env = { MILLRACE_URL: node.url }
  const listed = await millrace(["fn", "list"], { env })
  assert.match(listed.out, /^function +service +timeout +memory +instances +fed by\necho +shop +3 s +128 MB +\d of \d busy\n/)
  const invoked = await millrace(["fn", "invoke", "echo", "-"], { env, stdin: '{"n":7}' })
  assert.deepEqual([invoked.code, (JSON.parse(invoked.out) as { event: unknown }).event, invoked.err], [0, { n: 7 }, "INFO an event { n: 7 }\n"])
  const failed = await millrace(["fn", "invoke", "fails"], { env })
  assert.equal(failed.code, 1)
  assert.match(failed.err, /RangeError: out of it\n[\s\S]*millrace: function "fails": RangeError: out of it \[MR1201\]\n$/)
  const json = await millrace(["fn", "invoke", "echo", "{}", "--json"], { env })
  assert.equal((JSON.parse(json.out) as { outcome: string }).outcome, "returned")
  const wrong = await millrace(["fn", "invoke", "echo", "{n}"], { env })
  assert.deepEqual([wrong.code, wrong.err.includes("the event is not JSON")], [2, true])
})
