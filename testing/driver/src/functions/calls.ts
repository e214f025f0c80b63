/**
 * Functions under test: their handlers run here, in this process, for real; time passes for them by the test's clock alone. What a crash finds
 * under way comes to nothing.
 *
 * Not for: what an instance is on a node: threads, memory, variables of its own.
 */
import { fileURLToPath } from "node:url"
import path from "node:path"
import { type FunctionPlan, MillraceError, type Program, type TraceFields, account, limits } from "@millrace/model"
import type { GatewayFunctions } from "@millrace/gateway/http-functions"
import { type FunctionInvoker, type Handler, type Invocation, type InvokeOptions, answerPayload, functionErrorOf, handlerOf, awslambda, handlerOfCode, isStreaming, ResponseStream, streamed, traceIn, uuidOf } from "@millrace/runtime/feeding"
import type { Alarms } from "./alarms.ts"

/** What a handler was called with, and what came of it. */
export interface TestInvocation {
  readonly event: unknown
  readonly requestId: string
  /** By the test's clock. */
  readonly at: Date
  /** Absent: it has not ended. */
  readonly outcome?: "returned" | "failed" | "throttled"
  /** What it has returned; of a streamed answer its text. */
  readonly answer?: unknown
  readonly error?: { readonly errorType: string; readonly errorMessage: string; readonly trace?: readonly string[] }
}

/** A Lambda handler, as a function of the test's process. */
export type TestHandler = (event: never, context: never, callback: never) => unknown

/** Where handlers are. */
export interface FunctionSources {
  /** By the functions' names. */
  readonly handlers: Readonly<Record<string, TestHandler>>
  /** The service's module, beside which files of handlers lie. */
  readonly file: string | undefined
}

interface Known {
  readonly plan: FunctionPlan
  readonly service: string
  readonly program: Program
  busy: number
  handler: Promise<Handler> | undefined
}

type Noted = { -readonly [Member in keyof TestInvocation]: TestInvocation[Member] }

const region = "us-east-1"

export class FunctionCalls implements FunctionInvoker, GatewayFunctions {
  readonly #known: Map<string, Known> = new Map()
  readonly #noted: Map<string, Noted[]> = new Map()
  readonly #sources: FunctionSources
  readonly #alarms: Alarms
  /** Runs a handler so that the tasks that it calls are the test's. */
  readonly #within: <T>(trace: TraceFields, act: () => T) => T
  readonly plans: readonly FunctionPlan[]
  /** Invocations whose code has not ended. */
  readonly underWay: Set<Promise<unknown>> = new Set()
  /** Grows with all that happens. */
  moves = 0
  /** What keeps a handler from being there at all: the test's fault. */
  fault: Error | undefined

  constructor(programs: readonly Program[], sources: FunctionSources, alarms: Alarms, within: <T>(trace: TraceFields, act: () => T) => T) {
    for (const program of programs) {
      for (const plan of program.plan.functions) this.#known.set(plan.name, { plan, service: program.plan.service, program, busy: 0, handler: undefined })
    }
    this.plans = [...this.#known.values()].map(({ plan }) => plan)
    this.#sources = sources
    this.#alarms = alarms
    this.#within = within
    for (const name of Object.keys(sources.handlers)) this.known(name)
  }

  get list(): GatewayFunctions["list"] {
    return [...this.#known.values()].map(({ plan, service, busy }) => ({ plan, service, instances: busy, busy }))
  }

  find(name: string): FunctionPlan | undefined {
    return this.#known.get(name)?.plan
  }

  /** @throws MR1031 */
  known(name: string): Known {
    const known = this.#known.get(name)
    if (known !== undefined) return known
    throw new MillraceError("MR1031", `There is no function ${JSON.stringify(name)}; there are ${[...this.#known.keys()].join(", ") || "none"}.`, { function: name })
  }

  of(name: string): readonly TestInvocation[] {
    this.known(name)
    return [...(this.#noted.get(name) ?? [])]
  }

  async invoke(name: string, payload: string, options: InvokeOptions = {}): Promise<Invocation> {
    const known = this.known(name)
    // The same for the same event, so that a test gives the same each time.
    const requestId = options.requestId ?? uuidOf(`${name} ${payload}`)
    const noted: Noted = { event: JSON.parse(payload) as unknown, requestId, at: new Date(this.#alarms.now()) }
    this.#noted.set(name, [...(this.#noted.get(name) ?? []), noted])
    this.moves++
    if (known.plan.concurrency !== null && known.busy >= known.plan.concurrency) {
      noted.outcome = "throttled"
      return { kind: "throttled", reason: "concurrency" }
    }
    known.busy++
    try {
      const began = this.#alarms.now()
      const invocation = await this.#ended(known, payload, requestId, options)
      noted.outcome = invocation.kind
      if (invocation.kind === "returned") noted.answer = JSON.parse(invocation.payload) as unknown
      if (invocation.kind === "failed") noted.error = invocation.error
      return invocation.kind === "throttled" ? invocation : { ...invocation, ms: this.#alarms.now() - began }
    } finally {
      known.busy--
      this.moves++
    }
  }

  /** The process has died. */
  crash(): void {
    this.underWay.clear()
    for (const known of this.#known.values()) known.busy = 0
  }

  async #ended(known: Known, payload: string, requestId: string, { signal, clientContext, parts }: InvokeOptions): Promise<Invocation> {
    const { plan } = known
    const failed = (error: ReturnType<typeof functionErrorOf>): Invocation => ({ kind: "failed", requestId, error, functionError: "Unhandled", ms: 0 })
    let cancel = (): void => undefined
    let abort = (): void => undefined
    const late = new Promise<Invocation>((resolve, reject) => {
      const errorMessage = `RequestId: ${requestId} Error: Task timed out after ${(plan.timeoutMs / 1000).toFixed(2)} seconds`
      cancel = this.#alarms.after(plan.timeoutMs, () => resolve(failed({ errorType: "Sandbox.Timedout", errorMessage })))
      abort = () => reject(signal?.reason as Error)
      signal?.addEventListener("abort", abort)
    })
    const handler = await this.#handler(known)
    const until = this.#alarms.now() + plan.timeoutMs
    const event: unknown = JSON.parse(payload)
    const context = this.#context(plan, requestId, until, clientContext)
    const called = this.#within(traceIn(event), () => (isStreaming(handler) ? streamedText(handler, event, context, parts) : calledBack(handler, event, context))).then(
      (value): Invocation => {
        const answer = answerPayload(value, limits.functionAnswerBytesMax)
        return "payload" in answer ? { kind: "returned", requestId, payload: answer.payload, ms: 0 } : failed(answer.error)
      },
      (thrown: unknown) => failed(functionErrorOf(thrown)),
    )
    this.underWay.add(called)
    called.finally(() => this.underWay.delete(called)).catch(() => undefined)
    try {
      return await Promise.race([called, late])
    } finally {
      cancel()
      signal?.removeEventListener("abort", abort)
      this.underWay.delete(called)
    }
  }

  #context({ name, memoryMegabytes }: FunctionPlan, requestId: string, until: number, clientContext: string | undefined): object {
    return {
      functionName: name,
      functionVersion: "$LATEST",
      invokedFunctionArn: `arn:aws:lambda:${region}:${account}:function:${name}`,
      memoryLimitInMB: String(memoryMegabytes),
      logGroupName: `/aws/lambda/${name}`,
      logStreamName: "test",
      awsRequestId: requestId,
      clientContext: clientContext === undefined ? undefined : (JSON.parse(clientContext) as unknown),
      callbackWaitsForEmptyEventLoop: true,
      getRemainingTimeInMillis: () => Math.max(0, until - this.#alarms.now()),
    }
  }

  /** Loaded once, as by one instance that lives for ever. */
  async #handler(known: Known): Promise<Handler> {
    known.handler ??= this.#loaded(known)
    try {
      return await known.handler
    } catch (error) {
      this.fault ??= error as Error
      throw error
    }
  }

  async #loaded({ plan: { name, source }, program }: Known): Promise<Handler> {
    const given = this.#sources.handlers[name]
    if (given !== undefined) return given as Handler
    const code = program.functions.get(name)
    if (code !== undefined) return handlerOfCode(name, code)
    if (source.kind !== "module") throw new Error(`function ${name} has no code`)
    // What Lambda's runtime has for handlers that stream; modules ask for it while they load.
    if (!("awslambda" in globalThis)) Object.assign(globalThis, { awslambda })
    return handlerOf(this.#fileOf(name, source.file), source.handler)
  }

  #fileOf(name: string, file: string): string {
    if (file.startsWith("file:")) return fileURLToPath(file)
    if (path.isAbsolute(file)) return file
    if (this.#sources.file !== undefined) return path.resolve(path.dirname(this.#sources.file), file)
    const message =
      `function "${name}": its file ${file} lies beside the service's, which the test does not know. Tell it: ` +
      `testService(app, { file: import.meta.resolve("./service.ts") }), or hand the handler over: { handlers: { ${JSON.stringify(name)}: handler } }.`
    throw new MillraceError("MR1101", message, { function: name, file })
  }
}

/** Calls a handler that streams its answer: the parts go to whoever takes them, the text is what it has returned. */
async function streamedText(handler: Handler, event: unknown, context: object, parts: InvokeOptions["parts"]): Promise<string> {
  const kept: Uint8Array[] = []
  let bytesLeft = limits.functionAnswerBytesMax
  // Nobody takes the answer any more: the handler is not waited for.
  let leave: (why: Error) => void = () => undefined
  const left = new Promise<never>((_, reject) => (leave = reject))
  const out: ResponseStream = new ResponseStream({
    begin: (contentType) => parts?.begin(contentType),
    part: (bytes) => {
      bytesLeft -= bytes.length
      if (bytesLeft >= 0) kept.push(bytes)
      else if (parts === undefined) return leave(tooLarge())
      const waits = parts?.part(bytes)
      if (waits === undefined) out.taken(bytes.length)
      else waits.then(() => out.taken(bytes.length), leave)
    },
    waiting: () => undefined,
  })
  try {
    await Promise.race([streamed(handler, event, out, context), left])
  } finally {
    out.flush()
  }
  return Buffer.concat(kept).toString("utf8")
}

function tooLarge(): Error {
  const error = new Error(`Response payload size exceeded maximum allowed payload size (${limits.functionAnswerBytesMax} bytes).`)
  error.name = "Function.ResponseSizeTooLarge"
  return error
}

/** Calls a handler; what it calls back counts as what it returns. */
function calledBack(handler: Handler, event: unknown, context: object): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const done = (error?: Error | null, value?: unknown): void => (error === undefined || error === null ? resolve(value) : reject(error))
    const own = { ...context, done, succeed: resolve, fail: reject }
    const result = handler(event, own, done)
    if (typeof (result as { then?: unknown } | undefined)?.then === "function") (result as Promise<unknown>).then(resolve, reject)
    // Without a promise it calls back, or it has nothing to say.
    else if (handler.length < 3) resolve(result)
  })
}
