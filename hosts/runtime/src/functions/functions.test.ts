import assert from "node:assert/strict"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join, relative } from "node:path"
import { type TestContext, test } from "node:test"
import { fileURLToPath } from "node:url"
import { ManualClock } from "@millrace/conformance"
import { type FunctionPlan, MillraceError, type Plan } from "@millrace/model"
import type { Log } from "../log.ts"
import { functionClock } from "./clock.ts"
import { Functions, type FunctionsOptions } from "./functions.ts"
import type { Invocation } from "./invocation.ts"

const dir = fileURLToPath(new URL("../../test/functions/", import.meta.url))

function plan(name: string, [file, handler = "handler"]: readonly [file: string, handler?: string], settings: Partial<FunctionPlan> = {}): FunctionPlan {
  const source = { kind: "module", file: dir + file, handler } as const
  return { name, source, timeoutMs: 3_000, memoryMegabytes: 128, env: {}, concurrency: null, ...settings }
}

interface Line {
  readonly facts: Readonly<Record<string, unknown>>
  readonly sentence: string
}

/** Tasks that answer what they are asked. */
const tasks: FunctionsOptions["tasks"] = {
  send: async (task, inputs) => {
    if (task === "none") throw new MillraceError("MR1022", "There is no such task.")
    return inputs.map((_, i) => `${task}-${i}`)
  },
  call: async (task, input) => ({ id: `${task}-7`, result: { status: "succeeded", output: `[${input}]` } }),
  result: async (id) => ({ status: "succeeded", output: JSON.stringify(id) }),
  run: async () => ({ number: 7, task: "square", status: "running", key: "", priority: 0, trigger: "call", input: "1", enqueuedAt: 5, attempt: 1, attempts: [], progress: "[1]" }),
  cancel: async (id) => Promise.reject(new MillraceError("MR1032", `cancel ${id}`)),
  retry: async (id) => Promise.reject(new MillraceError("MR1024", `retry ${id}`)),
}

interface Options extends Partial<FunctionsOptions> {
  readonly onLine?: (sentence: string) => void
}

function opened(t: TestContext, functions: readonly FunctionPlan[], { onLine, ...options }: Options = {}): { readonly it: Functions; readonly lines: Line[] } {
  const lines: Line[] = []
  const take = (facts: object, sentence: string): void => {
    lines.push({ facts: facts as Line["facts"], sentence })
    onLine?.(sentence)
  }
  const log: Log = { info: take, warn: take, error: take }
  const it = new Functions({ clock: functionClock(() => Date.now()), log, env: {}, tasks, instancesMax: 4, idleMs: 60_000, initMs: 10_000, ...options })
  t.after(() => it.stop())
  it.open([planOf(functions)], { files: [] })
  return { it, lines }
}

function planOf(functions: readonly FunctionPlan[]): Plan {
  return { service: "s", streams: [], stages: [], sinks: [], tasks: [], functions }
}

interface Echoed {
  readonly event: unknown
  readonly calls: number
  readonly started: number
  readonly id: string
  readonly left: number
  readonly context: Readonly<Record<string, unknown>>
  readonly env: Readonly<Record<string, string>>
}

async function returned(of: Promise<Invocation>): Promise<unknown> {
  const invocation = await of
  assert.equal(invocation.kind, "returned", JSON.stringify(invocation))
  return JSON.parse((invocation as { payload: string }).payload)
}

async function failed(of: Promise<Invocation>): Promise<{ readonly errorType: string; readonly errorMessage: string; readonly trace?: readonly string[] }> {
  const invocation = await of
  if (invocation.kind !== "failed") throw new Error(`it has not failed: ${JSON.stringify(invocation).slice(0, 200)}`)
  assert.equal(invocation.functionError, "Unhandled")
  return invocation.error
}

function scratch(t: TestContext): string {
  const own = mkdtempSync(join(tmpdir(), "millrace-functions-"))
  t.after(() => rmSync(own, { recursive: true }))
  return own
}

test("a module is loaded once per instance, and its handler gets event and context", async (t) => {
  const { it } = opened(t, [plan("echo", ["echo.ts"], { memoryMegabytes: 256, env: { BUCKET: "photos" } })])
  it.address = { url: "http://127.0.0.1:7070", credentials: ["KEY", "secret"] }
  const first = (await returned(it.invoke("echo", '{"n":1}', { requestId: "r1" }))) as Echoed
  const second = (await returned(it.invoke("echo", '{"n":2}', { requestId: "r2", clientContext: '{"custom":{"a":1}}' }))) as Echoed
  assert.deepEqual([first.event, first.calls, first.id], [{ n: 1 }, 1, "r1"])
  assert.deepEqual([second.event, second.calls, second.id, second.started], [{ n: 2 }, 2, "r2", first.started])
  assert.ok(first.left > 2_000 && first.left <= 3_000, String(first.left))
  const { env } = first
  const { logStreamName, ...context } = first.context
  assert.match(String(logStreamName), /^\d{4}\/\d\d\/\d\d\/\[\$LATEST\][0-9a-f]{32}$/)
  assert.deepEqual(context, {
    functionName: "echo",
    functionVersion: "$LATEST",
    invokedFunctionArn: "arn:aws:lambda:us-east-1:000000000000:function:echo",
    memoryLimitInMB: "256",
    logGroupName: "/aws/lambda/echo",
    awsRequestId: "r1",
    callbackWaitsForEmptyEventLoop: true,
  })
  assert.deepEqual(second.context["clientContext"], { custom: { a: 1 } })
  const wanted = {
    BUCKET: "photos",
    AWS_REGION: "us-east-1",
    AWS_DEFAULT_REGION: "us-east-1",
    AWS_LAMBDA_FUNCTION_NAME: "echo",
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE: "256",
    AWS_ACCESS_KEY_ID: "KEY",
    AWS_SECRET_ACCESS_KEY: "secret",
    AWS_ENDPOINT_URL_KINESIS: "http://127.0.0.1:7070",
    MILLRACE_URL: "http://127.0.0.1:7070",
    _HANDLER: "echo.handler",
    LAMBDA_TASK_ROOT: dir.replace(/\/$/, ""),
  }
  for (const [name, value] of Object.entries(wanted)) assert.equal(env[name], value, name)
})

test("of the node's environment only what clients of AWS need gets in", async (t) => {
  const env = { MILLRACE_KINESIS_CREDENTIALS: "KEY:secret", DATABASE_PASSWORD: "secret", AWS_REGION: "eu-central-1", AWS_ACCESS_KEY_ID: "A", AWS_ENDPOINT_URL_S3: "http://s3", PATH: "/bin" }
  const { it } = opened(t, [plan("echo", ["echo.ts"])], { env })
  const { env: seen } = (await returned(it.invoke("echo", "{}"))) as { env: Record<string, string> }
  assert.deepEqual([seen["MILLRACE_KINESIS_CREDENTIALS"], seen["DATABASE_PASSWORD"]], [undefined, undefined])
  assert.deepEqual([seen["AWS_REGION"], seen["AWS_DEFAULT_REGION"], seen["AWS_ACCESS_KEY_ID"], seen["AWS_ENDPOINT_URL_S3"], seen["PATH"]], ["eu-central-1", "eu-central-1", "A", "http://s3", "/bin"])
  assert.equal(seen["AWS_SECRET_ACCESS_KEY"], undefined)
})

test("handlers of CommonJS answer by callback, by context, by promise, or not at all", async (t) => {
  const names = ["answers", "fails", "failsWithText", "waits", "hurries", "returns", "succeeds", "throws", "promises", "later"] as const
  const { it } = opened(t, names.map((name) => plan(name, ["callbacks.cjs", name])), { instancesMax: 20 })
  assert.deepEqual(await returned(it.invoke("answers", "[1]")), { got: [1] })
  assert.deepEqual(await returned(it.invoke("waits", "{}")), ["timer"], "the callback waits until nothing is left to do")
  assert.deepEqual(await returned(it.invoke("waits", "{}")), ["timer"])
  assert.equal(await returned(it.invoke("hurries", "{}")), "at once")
  assert.equal(await returned(it.invoke("hurries", "{}")), "at once")
  assert.equal(await returned(it.invoke("returns", "{}")), null, "what is returned without a promise is not the answer")
  assert.deepEqual(await returned(it.invoke("succeeds", "{}")), { done: true })
  assert.deepEqual(await returned(it.invoke("promises", '"e"')), { got: "e" })
  assert.equal(await returned(it.invoke("later", "{}")), "first")
  const error = await failed(it.invoke("fails", "{}"))
  assert.deepEqual([error.errorType, error.errorMessage, error.trace?.[0]], ["TypeError", "no such order", "TypeError: no such order"])
  assert.deepEqual(await failed(it.invoke("failsWithText", "{}")), { errorType: "string", errorMessage: "no such order", trace: [] })
  assert.equal((await failed(it.invoke("throws", "{}"))).errorType, "RangeError")
})

test("a handler that fails keeps its instance", async (t) => {
  const { it } = opened(t, [plan("throws", ["callbacks.cjs", "throws"])])
  await failed(it.invoke("throws", "{}"))
  await failed(it.invoke("throws", "{}"))
  assert.deepEqual(it.list.map(({ instances, busy }) => [instances, busy]), [[1, 0]])
})

const bad: Readonly<Record<string, readonly [event: string, type: string, message: RegExp, memory?: number]>> = {
  exits: ['{"code":1}', "Runtime.ExitError", /^RequestId: bad Error: Runtime exited with error: exit status 1$/],
  kills: ["{}", "Runtime.ExitError", /^RequestId: bad Error: Runtime exited with error: exit status 1$/],
  neverSettles: ["{}", "Runtime.NodeJsExit", /Promise that was never settled/],
  waitsForEver: ["{}", "Sandbox.Timedout", /^RequestId: bad Error: Task timed out after 1\.00 seconds$/],
  blocks: ["{}", "Sandbox.Timedout", /^RequestId: bad Error: Task timed out after 1\.00 seconds$/],
  large: ["{}", "Function.ResponseSizeTooLarge", /exceeded maximum allowed payload size \(6291556 bytes\)\.$/],
  circular: ["{}", "Runtime.JSONStringifyError", /^Unable to stringify response body$/],
  throwsText: ["{}", "string", /^a text$/],
  throwsHostile: ["{}", "handled", /there was a problem/],
  rejectsUnseen: ["{}", "Runtime.UnhandledPromiseRejection", /^Error: nobody looked$/],
  throwsLater: ["{}", "Error", /^from a timer$/],
}

for (const [name, [event, type, message]] of Object.entries(bad)) {
  test(`a handler that ${name} gets Lambda's error, and no other function is touched`, async (t) => {
    const clock = new ManualClock()
    // Time passes once it is known to run.
    const onLine = (sentence: string): void => {
      if (sentence === "running") clock.advance(1_000)
    }
    const { it } = opened(t, [plan("bad", ["misbehaves.ts", `handlers.${name}`], { timeoutMs: 1_000 }), plan("good", ["echo.ts"])], { clock, onLine })
    await returned(it.invoke("good", "{}"))
    const under = failed(it.invoke("bad", event, { requestId: "bad" }))
    const beside = (await returned(it.invoke("good", "{}"))) as { calls: number }
    assert.equal(beside.calls, 2)
    const error = await under
    assert.equal(error.errorType, type)
    assert.match(error.errorMessage, message)
    const after = (await returned(it.invoke("good", "{}"))) as { calls: number }
    assert.equal(after.calls, 3, "the other function still has its instance")
    assert.equal((await failed(it.invoke("bad", event, { requestId: "bad" }))).errorType, type, "and so it is the next time")
  })
}

for (const name of ["leaksBytes", "leaksBlocking", "leaks", "leaksFast", "leaksAtOnce"]) {
  test(`a handler that ${name} is ended by its memory, and no other function is touched`, async (t) => {
    const { it } = opened(t, [plan("bad", ["misbehaves.ts", `handlers.${name}`], { timeoutMs: 600_000 }), plan("good", ["echo.ts"])])
    await returned(it.invoke("good", "{}"))
    const error = await failed(it.invoke("bad", "{}", { requestId: "bad" }))
    assert.deepEqual([error.errorType, error.errorMessage], ["Runtime.OutOfMemory", "RequestId: bad Error: Runtime exited with error: signal: killed"])
    assert.equal(((await returned(it.invoke("good", "{}"))) as { calls: number }).calls, 2)
  })
}

test("garbage that V8 has not looked for yet is not held against a handler", async (t) => {
  const { it } = opened(t, [plan("wastes", ["misbehaves.ts", "handlers.wastes"], { timeoutMs: 60_000 })])
  assert.equal(await returned(it.invoke("wastes", "{}")), 10_000_000)
})

test("while handlers block, leak, exit and hang, another function answers as before, from the instance that it had", async (t) => {
  const names = ["blocks", "leaks", "exits", "waitsForEver"]
  const { it } = opened(t, [...names.map((name) => plan(name, ["misbehaves.ts", `handlers.${name}`], { timeoutMs: 1_500 })), plan("good", ["echo.ts"])], { instancesMax: 8 })
  await returned(it.invoke("good", "{}"))
  const bad = names.map(async (name) => failed(it.invoke(name, "{}")))
  const times: number[] = []
  for (let ended = false, n = 2; !ended; n++) {
    const from = performance.now()
    assert.equal(((await returned(it.invoke("good", "{}"))) as { calls: number }).calls, n)
    times.push(performance.now() - from)
    ended = await Promise.race([Promise.all(bad).then(() => true), new Promise<false>((resolve) => setTimeout(resolve, 5, false))])
  }
  const sorted = times.toSorted((a, b) => a - b)
  t.diagnostic(`${times.length} invocations beside them: ${sorted[times.length >> 1]?.toFixed(2)} ms (p50), ${sorted.at(-1)?.toFixed(1)} ms (most)`)
  assert.ok(times.length > 20, String(times.length))
  assert.ok((sorted[times.length >> 1] ?? 0) < 500)
})

test("what was left to do after an invocation ends the instance when it fails, and is told to the log", async (t) => {
  const { it, lines } = opened(t, [plan("leaves", ["misbehaves.ts", "handlers.leavesBehind"])])
  assert.equal(await returned(it.invoke("leaves", "{}")), "done")
  while (lines.length === 0) await new Promise((resolve) => setImmediate(resolve))
  assert.equal(lines[0]?.sentence, "What was left to do after an invocation has failed: Error: from before")
  assert.equal(await returned(it.invoke("leaves", "{}")), "done")
})

test("a function knows the S3 that the node's own sinks use", async (t) => {
  const { it } = opened(t, [])
  const sink = { to: "s3://bucket/out?endpoint=http%3A%2F%2F127.0.0.1%3A9000" } as Plan["sinks"][number]
  it.open([{ ...planOf([plan("echo", ["echo.ts"])]), sinks: [sink] }], { files: [] })
  const { env } = (await returned(it.invoke("echo", "{}"))) as Echoed
  assert.equal(env["AWS_ENDPOINT_URL_S3"], "http://127.0.0.1:9000")
})

test("a handler that exits with 0 gives no reason", async (t) => {
  const { it } = opened(t, [plan("exits", ["misbehaves.ts", "handlers.exits"])])
  const { errorMessage } = await failed(it.invoke("exits", "{}", { requestId: "r" }))
  assert.equal(errorMessage, "RequestId: r Error: Runtime exited without providing a reason")
})

test("nothing becomes null", async (t) => {
  const { it } = opened(t, [plan("nothing", ["misbehaves.ts", "handlers.nothing"])])
  assert.equal(await returned(it.invoke("nothing", "{}")), null)
})

test("a module that cannot be loaded fails the invocation with its own error, each time anew", async (t) => {
  const broken = join(scratch(t), "broken.mjs")
  writeFileSync(broken, "export const handler = (")
  const files = ["throws-at-import.mjs", "imports-nothing.mjs", relative(dir, broken), "exits-at-import.mjs"] as const
  const { it } = opened(t, [...files.map((file, i) => plan(`f${i}`, [file])), plan("unnamed", ["echo.ts", "other"]), plan("number", ["callbacks.cjs", "answers.length"])])
  const types = ["Error", "Runtime.ImportModuleError", "Runtime.UserCodeSyntaxError", "Runtime.ExitError"]
  for (const i of types.keys()) assert.equal((await failed(it.invoke(`f${i}`, "{}"))).errorType, types[i])
  const { errorMessage, trace } = await failed(it.invoke("f0", "{}"))
  assert.deepEqual([errorMessage, trace?.[0]], ["no database", "Error: no database"])
  assert.deepEqual(await failed(it.invoke("unnamed", "{}")), { errorType: "Runtime.HandlerNotFound", errorMessage: "echo.other is undefined or not exported", trace: ["Runtime.HandlerNotFound: echo.other is undefined or not exported"] })
  assert.equal((await failed(it.invoke("number", "{}"))).errorMessage, "callbacks.answers.length is not a function")
  assert.deepEqual(it.list.map(({ instances }) => instances), [0, 0, 0, 0, 0, 0])
})

test("a module that loads for ever is tried again within the time of the invocation, and then it has timed out", async (t) => {
  const clock = new ManualClock()
  const times = [10_000, 3_000]
  const onLine = (sentence: string): void => {
    if (sentence === "loading") clock.advance(times.shift() ?? 0)
  }
  const { it } = opened(t, [plan("loops", ["loops-at-import.mjs"])], { clock, onLine })
  assert.deepEqual(await failed(it.invoke("loops", "{}", { requestId: "r" })), { errorType: "Sandbox.Timedout", errorMessage: "RequestId: r Error: Task timed out after 3.00 seconds" })
  assert.deepEqual(times, [])
})

test("instances start on demand, one invocation at a time each, and the last one used is used first", async (t) => {
  const { it } = opened(t, [plan("echo", ["echo.ts"])])
  const all = await Promise.all([1, 2, 3].map(async (n) => returned(it.invoke("echo", String(n)))))
  assert.deepEqual(all.map((each) => (each as { calls: number }).calls), [1, 1, 1])
  assert.deepEqual(it.list.map(({ instances, busy }) => [instances, busy]), [[3, 0]])
  const again: number[] = []
  for (let n = 0; n < 3; n++) again.push(((await returned(it.invoke("echo", "0"))) as { calls: number }).calls)
  assert.deepEqual(again, [2, 3, 4])
})

test("more invocations than a function may have instances are throttled", async (t) => {
  const { it } = opened(t, [plan("few", ["echo.ts"], { concurrency: 1 })])
  const [first, second] = await Promise.all([it.invoke("few", "1"), it.invoke("few", "2")])
  assert.deepEqual([first.kind, second], ["returned", { kind: "throttled", reason: "concurrency" }])
})

test("a full node makes room by ending the instance that has been idle for longest", async (t) => {
  const { it } = opened(t, [plan("a", ["echo.ts"]), plan("b", ["echo.ts"]), plan("c", ["echo.ts"])], { instancesMax: 2 })
  await it.invoke("a", "1")
  await it.invoke("b", "1")
  await it.invoke("c", "1")
  assert.deepEqual(it.list.map(({ instances }) => instances), [0, 1, 1])
})

test("while a full node has no instance to spare, invocations wait their turn, and are throttled when that takes too long", async (t) => {
  const clock = new ManualClock()
  const { it } = opened(t, [plan("a", ["echo.ts"]), plan("b", ["echo.ts"]), plan("waits", ["misbehaves.ts", "handlers.waitsForEver"], { timeoutMs: 900_000 })], { instancesMax: 2, clock })
  const ended: string[] = []
  const all = ["a1", "b1", "b2", "a2", "a3"].map(async (id) => {
    await returned(it.invoke(id.slice(0, 1), JSON.stringify(id)))
    ended.push(id)
  })
  assert.deepEqual(it.list.map(({ instances }) => instances), [1, 1, 0])
  await Promise.all(all)
  assert.deepEqual(new Set(ended), new Set(["a1", "b1", "b2", "a2", "a3"]))
  assert.ok(it.list.reduce((sum, { instances }) => sum + instances, 0) <= 2)
  const controller = new AbortController()
  const busy = [1, 2].map(() => it.invoke("waits", "{}", { signal: controller.signal }).catch((error: Error) => error.message))
  const late = it.invoke("a", "1")
  const given = it.invoke("b", "1", { signal: controller.signal })
  given.catch(() => undefined)
  clock.advance(10_000)
  assert.deepEqual(await late, { kind: "throttled", reason: "node" })
  controller.abort(new Error("over"))
  assert.deepEqual(await Promise.all(busy), ["over", "over"])
})

test("an instance that is not called goes away after its time", async (t) => {
  const clock = new ManualClock()
  const { it } = opened(t, [plan("echo", ["echo.ts"])], { clock, idleMs: 1_000 })
  await it.invoke("echo", "1")
  clock.advance(999)
  await it.invoke("echo", "1")
  clock.advance(999)
  assert.equal(it.list[0]?.instances, 1)
  clock.advance(1)
  assert.equal(it.list[0]?.instances, 0)
})

test("what a function logs goes to the node's log with its invocation, up to a bound", async (t) => {
  const { it, lines } = opened(t, [plan("shouts", ["misbehaves.ts", "handlers.shouts"]), plan("echo", ["echo.ts"])])
  const { log = "" } = (await it.invoke("echo", '{"n":1}', { requestId: "r1", tail: true })) as { log?: string }
  assert.deepEqual(lines, [{ facts: { function: "echo", requestId: "r1", level: "INFO" }, sentence: 'called with {"n":1}' }])
  assert.match(log, /^START RequestId: r1 Version: \$LATEST\n\S+Z\tr1\tINFO\tcalled with \{"n":1\}\nEND RequestId: r1\nREPORT RequestId: r1\tDuration: [\d.]+ ms\t/)
  lines.length = 0
  await it.invoke("shouts", "{}")
  const length = lines.reduce((sum, { sentence }) => sum + sentence.length, 0)
  assert.ok(length < 270_000, String(length))
  assert.ok(lines.some(({ sentence }) => /^737856 more characters were logged and dropped\.$/.test(sentence)))
})

test("an invocation that is given up ends its instance", async (t) => {
  const { it } = opened(t, [plan("waits", ["misbehaves.ts", "handlers.waitsForEver"])])
  const controller = new AbortController()
  const under = it.invoke("waits", "{}", { signal: controller.signal })
  controller.abort(new Error("not wanted"))
  await assert.rejects(under, /not wanted/)
  assert.equal(it.list[0]?.instances, 0)
})

test("a handler calls tasks through its node", async (t) => {
  const { it } = opened(t, [plan("calls", ["calls-tasks.ts"])])
  for (let i = 0; i < 2; i++) assert.deepEqual(await returned(it.invoke("calls", '{"n":1}')), { called: [{ n: 1 }], sent: "square-0", result: "square-0", refused: "MR1022", told: ["running", [1], 5, "MR1032", "MR1024"] })
})

test("what a handler of HTTP calls is part of the trace that its request brought", async (t) => {
  const told: unknown[] = []
  const { it } = opened(t, [plan("calls", ["calls-tasks.ts"])], {
    tasks: {
      ...tasks,
      send: async (task, inputs, options, trace) => {
        told.push([task, trace])
        return tasks.send(task, inputs, options)
      },
      call: async (task, input, options, trace) => {
        told.push([task, trace])
        return tasks.call(task, input, options)
      },
    },
  })
  const trace = { traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", tracestate: "rojo=1" }
  await returned(it.invoke("calls", JSON.stringify({ headers: { ...trace, accept: "*/*" } })))
  await returned(it.invoke("calls", JSON.stringify({ headers: { traceparent: 7 } })))
  const names = ["square", "square", "none"]
  assert.deepEqual(told, [...names.map((name) => [name, trace]), ...names.map((name) => [name, {}])])
})

test("a deployment lets invocations of the version before go on to their end", async (t) => {
  const { it } = opened(t, [plan("f", ["callbacks.cjs", "answers"])])
  const under = it.invoke("f", "1")
  it.open([planOf([plan("f", ["echo.ts"])])], { files: [] })
  assert.deepEqual(await returned(under), { got: 1 })
  assert.equal(((await returned(it.invoke("f", "2"))) as { calls: number }).calls, 1)
})

test("instances that start later run the module as the first one read it, until the next deployment", async (t) => {
  const file = join(scratch(t), "handler.mjs")
  writeFileSync(file, `export const handler = async () => "old"`)
  const { it } = opened(t, [{ ...plan("f", ["echo.ts"]), source: { kind: "module", file, handler: "handler" } }])
  assert.equal(await returned(it.invoke("f", "1")), "old")
  writeFileSync(file, `export const handler = async () => "new"`)
  assert.deepEqual(await Promise.all([returned(it.invoke("f", "1")), returned(it.invoke("f", "2"))]), ["old", "old"])
  it.open([planOf([{ ...plan("f", ["echo.ts"]), source: { kind: "module", file, handler: "handler" } }])], { files: [] })
  assert.equal(await returned(it.invoke("f", "1")), "new")
})

test("who waited for an instance while another version was deployed is answered by that", async (t) => {
  const { it } = opened(t, [plan("f", ["callbacks.cjs", "answers"])], { instancesMax: 1 })
  const first = it.invoke("f", "1")
  const second = it.invoke("f", "2")
  it.open([planOf([plan("f", ["echo.ts"])])], { files: [] })
  assert.deepEqual(await returned(first), { got: 1 })
  assert.equal(((await returned(second)) as Echoed).event, 2)
  assert.equal(it.list[0]?.instances, 1)
})

test("a function that is not there is named, with those that are", async (t) => {
  const { it } = opened(t, [plan("echo", ["echo.ts"])])
  await assert.rejects(it.invoke("ecco", "{}"), { code: "MR1031", message: 'There is no function "ecco". There are: echo.' })
})

test("a node that stops ends all instances", async (t) => {
  const { it } = opened(t, [plan("waits", ["misbehaves.ts", "handlers.waitsForEver"])])
  const under = assert.rejects(it.invoke("waits", "{}"), { code: "MR1401" })
  await it.stop()
  await under
  await assert.rejects(it.invoke("waits", "{}"), { code: "MR1401" })
})

test("a streamed answer comes in parts, with its metadata before them", async (t) => {
  const { it } = opened(t, [plan("streams", ["streams.mjs"]), plan("plain", ["streams.mjs", "plain"]), plan("breaks", ["streams.mjs", "breaksOff"])])
  const types: string[] = []
  const parts: Uint8Array[] = []
  const take = {
    begin: (type: string) => void types.push(type),
    part: (bytes: Uint8Array) => {
      parts.push(bytes)
      return Promise.resolve()
    },
  }
  assert.equal((await it.invoke("streams", '{"parts":5000}', { requestId: "r", parts: take })).kind, "returned")
  const text = Buffer.concat(parts).toString("latin1")
  const [head = "", ...body] = text.split("\0\0\0\0\0\0\0\0")
  assert.deepEqual(JSON.parse(head), { statusCode: 201, headers: { "content-type": "text/plain", "x-id": "r" } })
  assert.equal(body.join("").split("\n").length, 5_001)
  assert.deepEqual(types, ["application/vnd.awslambda.http-integration-response"])
  assert.equal(await returned(it.invoke("plain", "{}")), "plain text", "gathered where nobody takes parts")
  assert.equal((await failed(it.invoke("breaks", "{}", { parts: take }))).errorMessage, "in the middle")
})
