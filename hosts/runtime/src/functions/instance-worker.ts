/**
 * An instance of a function: a thread in which its module is loaded once and its handler called again and again, one invocation at a
 * time, as Lambda's runtime for Node does it.
 *
 * Not for: time limits and everything else that must hold against code that does not give the thread back: the node has those.
 *
 * ```
 * loading ──> idle ──> busy ──> idle …
 * ```
 *
 * While a handler runs, the port does not keep the event loop alive: so the loop running empty is noticed, which ends an invocation
 * whose callback waits for that, or whose promise can never settle.
 */
import { getHeapStatistics } from "node:v8"
import { parentPort, workerData } from "node:worker_threads"
import type { TraceFields } from "@millrace/model"
import type { RunFacts, RunResult, TaskCaller } from "@millrace/sdk"
import { collector } from "../resting-heap.ts"
import { holdModules } from "../service-code.ts"
import { answerPayload } from "./answer-payload.ts"
import { CapturedConsole } from "./captured-console.ts"
import { traceIn } from "./event-trace.ts"
import { type Handler, handlerOf, isStreaming } from "./handler-module.ts"
import type { FromInstance, InstanceData, TaskAnswer, TaskAsk, ToInstance } from "./instance-messages.ts"
import { ResponseStream } from "./response-stream.ts"
import { awslambda, streamed } from "./streaming-call.ts"
import { functionErrorOf, RuntimeFailure } from "./thrown.ts"

const { place, modules, context: facts, answerBytesMax, logLengthMax } = workerData as InstanceData
if (parentPort === null) throw new Error("instance-worker: not in a thread")
const port = parentPort

/** The invocation in hand. */
let current: string | undefined
let stream: ResponseStream | undefined
/** What the event loop running empty means. */
let onEmpty: (() => void) | undefined

const captured = new CapturedConsole((level, text) => send({ kind: "line", id: current, level, text }), logLengthMax)
captured.install(console)

function send(message: FromInstance): void {
  port.postMessage(message)
}

function fatal(error: unknown): void {
  send({ kind: "failed", id: current, error: functionErrorOf(error), fatal: true })
}

// The process is not the function's: whoever means to end it ends this thread.
const kill = process.kill.bind(process)
process.kill = (pid, signal) => (pid === process.pid && signal !== 0 ? process.exit(1) : kill(pid, signal))

process.on("uncaughtException", fatal)
process.on("unhandledRejection", (reason) => fatal(new RuntimeFailure("Runtime.UnhandledPromiseRejection", textOf(reason))))
process.on("beforeExit", () => {
  const act = onEmpty
  onEmpty = undefined
  act?.()
})

Object.assign(globalThis, { awslambda })

/** Calls of tasks that have no answer yet. */
const asked = new Map<number, (answer: TaskAnswer) => void>()
let asks = 0
/** W3C Trace Context of the event in hand, if it is a request of HTTP. */
let trace: TraceFields = {}

/** Tasks are called through the node. Bound by its symbol, as most functions have no use for the SDK. */
async function ask(mode: TaskAsk["mode"], task: string, inputs: readonly string[], options: object): Promise<TaskAnswer> {
  const number = ++asks
  const answered = new Promise<TaskAnswer>((resolve) => asked.set(number, resolve))
  // What wakes the caller comes through the port.
  port.ref()
  send({ kind: "task", ask: number, mode, task, inputs, options, trace })
  const answer = await answered
  if (answer.error === undefined) return answer
  const { errorFrom } = await import("@millrace/model")
  throw errorFrom(answer.error)
}

Object.assign(globalThis, {
  [Symbol.for("millrace.task-caller")]: {
    send: async (task, inputs, options) => (await ask("send", task, inputs, options)).ids ?? [],
    call: async (task, input, options) => {
      const { ids = [], result } = await ask("call", task, [input], options)
      return { id: ids[0] ?? "", result: result as RunResult }
    },
    result: async (id) => (await ask("result", "", [id], {})).result as RunResult,
    run: async (id) => (await ask("run", "", [id], {})).run as RunFacts,
    cancel: async (id) => void (await ask("cancel", "", [id], {})),
    retry: async (id) => void (await ask("retry", "", [id], {})),
  } satisfies TaskCaller,
})

function onTold({ ask: number, answer }: Extract<ToInstance, { kind: "told" }>): void {
  asked.get(number)?.(answer)
  asked.delete(number)
  if (asked.size === 0 && current !== undefined) port.unref()
}

let collect: (() => void) | undefined

function onCollect(): void {
  collect ??= collector()
  collect()
  send({ kind: "collected", bytes: getHeapStatistics().used_heap_size })
}

function run(handler: Handler, message: Extract<ToInstance, { kind: "invoke" }>): void {
  const { id, payload, timeoutMs, clientContext } = message
  const began = performance.now()
  current = id
  let over = false
  const end = (reply: FromInstance): void => {
    if (over) return
    over = true
    onEmpty = undefined
    stream?.flush()
    stream = undefined
    captured.reset()
    port.ref()
    send(reply)
    current = undefined
  }
  const fail = (error: unknown): void => end({ kind: "failed", id, error: functionErrorOf(error), fatal: false })
  const succeed = (value: unknown): void => end(answerOf(id, value))
  let waitsForEmpty = true
  let called = false
  /** Only the first word of a handler counts. */
  const once = (act: (error: unknown, value: unknown) => void) => (error?: unknown, value?: unknown): void => {
    if (called) return
    called = true
    act(error, value)
  }
  const done = once((error, value) => (error === undefined || error === null ? succeed(value) : fail(error)))
  const callback = once((error, value) => {
    if (error !== undefined && error !== null) fail(error)
    else if (waitsForEmpty) onEmpty = () => succeed(value)
    else succeed(value)
  })
  const context = {
    ...facts,
    awsRequestId: id,
    clientContext: clientContext === undefined ? undefined : (JSON.parse(clientContext) as unknown),
    identity: undefined,
    get callbackWaitsForEmptyEventLoop() {
      return waitsForEmpty
    },
    set callbackWaitsForEmptyEventLoop(waits: boolean) {
      waitsForEmpty = waits
    },
    getRemainingTimeInMillis: () => Math.max(0, Math.round(timeoutMs - (performance.now() - began))),
    done,
    succeed: (value: unknown) => done(null, value),
    fail: (error: unknown) => done(error ?? "handled"),
  }
  port.unref()
  try {
    const event: unknown = JSON.parse(payload)
    trace = traceIn(event)
    if (isStreaming(handler)) return runStreaming(handler, event, context, id, end, fail)
    const isAsync = handler.constructor.name === "AsyncFunction"
    onEmpty = () => (isAsync ? fail(neverSettled()) : succeed(null))
    const result = handler(event, context, callback)
    if (isPromise(result)) result.then(context.succeed, context.fail)
  } catch (error) {
    callback(error ?? "handled")
  }
}

function runStreaming(handler: Handler, event: unknown, context: object, id: string, end: (reply: FromInstance) => void, fail: (error: unknown) => void): void {
  const out = new ResponseStream({
    begin: (contentType) => send({ kind: "begin", id, contentType }),
    part: (bytes) => send({ kind: "part", id, bytes }),
    waiting: (waits) => {
      // What wakes it comes through the port.
      if (waits) port.ref()
      else if (current === id && asked.size === 0) port.unref()
    },
  })
  stream = out
  onEmpty = () => fail(neverSettled())
  streamed(handler, event, out, context).then(() => end({ kind: "returned", id, payload: "" }), fail)
}

function answerOf(id: string, value: unknown): FromInstance {
  const answer = answerPayload(value, answerBytesMax)
  return "payload" in answer ? { kind: "returned", id, payload: answer.payload } : { kind: "failed", id, error: answer.error, fatal: false }
}

function neverSettled(): RuntimeFailure {
  const message =
    "The Lambda runtime client detected an unexpected Node.js exit code. This is most commonly caused by a Promise that was never settled. " +
    "For more information, see https://nodejs.org/docs/latest/api/process.html#exit-codes"
  return new RuntimeFailure("Runtime.NodeJsExit", message)
}

function isPromise(thing: unknown): thing is PromiseLike<unknown> {
  return typeof (thing as { readonly then?: unknown } | null | undefined)?.then === "function"
}

function textOf(reason: unknown): string {
  try {
    return String(reason)
  } catch {
    return "an object without a text form"
  }
}

async function loadedHandler(): Promise<Handler> {
  if (place.kind === "module") return handlerOf(place.file, place.handler)
  // Loaded only here: most functions have no use for it.
  const { typedHandler } = await import("./typed-handler.ts")
  return typedHandler(place.file, place.name)
}

try {
  const read = holdModules(modules === undefined ? { files: [] } : { files: [], modules })
  const handler = await loadedHandler()
  port.on("message", (message: ToInstance) => {
    if (message.kind === "invoke") run(handler, message)
    else if (message.kind === "told") onTold(message)
    else if (message.kind === "collect") onCollect()
    else stream?.taken(message.bytes)
  })
  captured.reset()
  send(modules === undefined ? { kind: "ready", modules: read } : { kind: "ready" })
} catch (error) {
  fatal(error)
}
