/**
 * A thread that runs the code of tasks: many calls at once, as they wait for the world outside. It decides nothing: what comes of
 * a call goes to the node, which knows whether it still counts.
 */
import { AsyncLocalStorage } from "node:async_hooks"
import { getHeapStatistics } from "node:v8"
import { parentPort, workerData } from "node:worker_threads"
import type { CalledRun, Outcome } from "@millrace/engine"
import { addLine, outcomesOf, toldText } from "@millrace/engine/machine"
import { type ErrorData, MillraceError, type Program, type TaskCode, type TaskContext, type TaskPlan, errorData, errorFrom, traceOf } from "@millrace/model"
import { bindTaskCaller, type RunFacts, type RunResult } from "@millrace/sdk/caller"
import { loadPrograms } from "../programs.ts"
import { collector } from "../resting-heap.ts"
import { holdModules } from "../service-code.ts"
import { type AttemptWorkerData, type Call, type FromAttempts, type SendMode, type ToAttempts, inHand, nobody, taskMark } from "./attempt-messages.ts"
import { ByTask } from "./by-task.ts"
import { keepConsole } from "./console-lines.ts"
import { callsOf, flatOutcomes } from "./flat.ts"
import { LineRing } from "./line-ring.ts"
import { attemptSpan, callSpan, endSpan, isTraced, traceAfter, within } from "./tracing.ts"
import { Values } from "./values.ts"

const { code, valuesAt, shown, lines } = workerData as AttemptWorkerData
const doing = new Float64Array(shown)
const ring = new LineRing(lines)
/** What is known of tasks that were called, by service and task. */
const known = new Map<string, Known>()
const values = new Values(valuesAt, Date.now)
let programs: ReadonlyMap<string, Program> = new Map()

/** A task of which calls have come. */
interface Known {
  readonly service: string
  readonly task: string
  readonly mark: number
  /** Undefined: this thread has no such task. */
  readonly code: { readonly of: TaskCode; readonly plan: TaskPlan; readonly streamed: boolean } | undefined
  /** Outcomes that wait to be told. */
  readonly outcomes: Outcome[]
}

interface Open {
  readonly call: Call
  readonly known: Known
  controller: AbortController | undefined
  aborted: string | undefined
  /** Lines that its code has told. */
  readonly logs: string[]
}

/** By lease. */
const open = new ByTask<Open>()
/** Tasks with outcomes that wait to be told. */
const waiting = new Set<Known>()
let recent: Known | undefined
let scheduled = false
const asked = new Map<number, (answer: Extract<ToAttempts, { kind: "sent" }>) => void>()
let asks = 0
let collect: (() => void) | undefined
/** The call in hand, for what it calls in turn and what it says. */
const current = new AsyncLocalStorage<{ readonly run: CalledRun; readonly opened: Open }>()
keepConsole(console, () => {
  const opened = current.getStore()?.opened
  return opened === undefined ? undefined : (line) => keepLine(opened, [line])
})

function send(message: FromAttempts): void {
  parentPort?.postMessage(message)
}

function knownAs(service: string, task: string): Known {
  if (recent !== undefined && recent.task === task && recent.service === service) return recent
  const name = `${service}\n${task}`
  recent = known.get(name)
  if (recent !== undefined) return recent
  const program = programs.get(service)
  const code = program?.tasks.get(task)
  const plan = program?.plan.tasks.find(({ name: each }) => each === task)
  const streamed = program?.plan.stages.some(({ input }) => input === `${task}.output`) === true
  const found = code === undefined || plan === undefined ? undefined : { of: code, plan, streamed }
  recent = { service, task, mark: taskMark(service, task), code: found, outcomes: [] }
  known.set(name, recent)
  return recent
}

function onMessage(message: ToAttempts): void {
  switch (message.kind) {
    case "call":
      for (const call of callsOf(message.calls)) void run(call)
      return
    case "abort": {
      const found = open.get(message, message.lease)
      if (found === undefined) return
      found.aborted = message.reason
      found.controller?.abort(new MillraceError("MR1207", `The run was ${message.reason}.`))
      // After what the code tells of its end.
      if (message.reason === "cancelled" || message.reason === "timed-out") setImmediate(() => quote(found))
      return
    }
    case "lines":
      return send({ kind: "lines", id: message.id, lines: open.get(message, message.lease)?.logs ?? [] })
    case "ping":
      return send({ kind: "pong" })
    case "collect":
      collect ??= collector()
      collect()
      return send({ kind: "collected", bytes: getHeapStatistics().used_heap_size })
    case "sent":
      asked.get(message.id)?.(message)
      asked.delete(message.id)
  }
}

async function run(call: Call): Promise<void> {
  const { service, task, lease, runs } = call
  const whose = knownAs(service, task)
  const opened: Open = { call, known: whose, controller: undefined, aborted: undefined, logs: [] }
  open.set(call, lease, opened)
  doing[inHand.task] = whose.mark
  doing[inHand.lease] = lease
  const ended = outcomesAt(opened)
  // Its first part is over: from here on the thread is anybody's.
  doing[inHand.lease] = nobody
  const outcomes = await ended
  open.delete(call, lease)
  if (opened.aborted !== undefined) {
    send({ kind: "settled", service, task, lease })
    return
  }
  for (const outcome of outcomes) whose.outcomes.push(outcome)
  waiting.add(whose)
  if (scheduled || runs.length === 0) return
  // Nothing that it could wait for.
  if (open.size === 0) return tell()
  scheduled = true
  // After what has ended by now: what ends together is told together.
  setImmediate(tell)
}

/** Of an attempt that was aborted its outcome does not count, and what it told is kept. */
function quote({ call: { service, task, lease, runs }, logs }: Open): void {
  if (logs.length === 0) return
  const outcomes = runs.map(({ number }): Outcome => ({ kind: "said", number, lease, logs: [...logs] }))
  send({ kind: "outcomes", of: [{ service, task, outcomes: flatOutcomes(outcomes) }] })
}

/** Keeps a line with its attempt; also where the node finds it, should this thread not come to tell it. */
function keepLine({ call: { lease }, known: { mark }, logs }: Open, parts: readonly unknown[]): void {
  addLine(logs, parts)
  ring.add(lease, mark, logs.at(-1) ?? "")
}

function tell(): void {
  scheduled = false
  send({ kind: "outcomes", of: [...waiting].map(({ service, task, outcomes }) => ({ service, task, outcomes: flatOutcomes(outcomes) })) })
  for (const { outcomes } of waiting) outcomes.length = 0
  waiting.clear()
}

async function outcomesAt(opened: Open): Promise<readonly Outcome[]> {
  const { call: { task, lease, runs }, known: { code } } = opened
  if (code === undefined) {
    const error: ErrorData = { code: "MR1404", message: `This thread has no task "${task}".`, details: {} }
    return runs.map(({ number }) => ({ kind: "failed", number, lease, error }))
  }
  const [first] = runs as readonly [CalledRun]
  const { logs } = opened
  const { of, plan, streamed } = code
  if (!isTraced()) {
    const enter = (act: () => unknown): unknown => current.run({ run: first, opened }, act)
    return outcomesOf(plan, of, lease, runs, { ctx: contextOf(opened, first), logs, enter, values, streamed })
  }
  const span = attemptSpan(task, runs)
  const after = traceAfter(span, first)
  const traced = after.traceparent === first.traceparent ? first : { ...first, ...after }
  const enter = (act: () => unknown): unknown => within(span, () => current.run({ run: traced, opened }, act))
  const outcomes = await outcomesOf(plan, of, lease, runs, { ctx: contextOf(opened, traced), logs, enter, values, streamed })
  const failed = outcomes.find((outcome) => outcome.kind === "failed")
  endSpan(span, failed?.error)
  return outcomes
}

function contextOf(opened: Open, run: CalledRun): TaskContext {
  const { service, task, lease } = opened.call
  const { number, attempt, key, enqueuedAt, scheduledAt, traceparent, tracestate } = run
  const told = (what: "progress" | "chunk", value: unknown): void => {
    const json = toldText(task, what === "chunk" ? "stream" : what, value)
    send({ kind: "told", service, task, lease, number, attempt, what, json })
  }
  return {
    run: `${task}-${number}`,
    attempt,
    key,
    enqueuedAt,
    scheduledAt: scheduledAt === undefined ? undefined : new Date(scheduledAt),
    traceparent,
    tracestate,
    get signal() {
      if (opened.controller === undefined) {
        opened.controller = new AbortController()
        if (opened.aborted !== undefined) opened.controller.abort(new MillraceError("MR1207", `The run was ${opened.aborted}.`))
      }
      return opened.controller.signal
    },
    progress: (value) => told("progress", value),
    stream: (chunk) => told("chunk", chunk),
    log: (...parts) => keepLine(opened, parts),
  }
}

/** Other tasks are called through the node. */
async function ask(mode: SendMode, task: string, inputs: readonly string[], options: object): Promise<Extract<ToAttempts, { kind: "sent" }>> {
  const id = ++asks
  const { run, opened } = current.getStore() ?? {}
  const outer: Partial<CalledRun> = run ?? {}
  const call = opened?.call
  const from = run === undefined || call === undefined ? {} : { from: { id: `${call.task}-${run.number}`, task: call.task, key: run.key, lease: call.lease }, ...(opened?.aborted === undefined ? {} : { isLate: true as const }) }
  const span = callSpan(mode === "send" || mode === "call" ? task : (inputs[0] ?? ""), mode, outer)
  const { traceparent, tracestate } = traceAfter(span, outer)
  const answer = await new Promise<Extract<ToAttempts, { kind: "sent" }>>((resolve) => {
    asked.set(id, resolve)
    send({ kind: "send", id, task, inputs, options, mode, depth: (outer.depth ?? 0) + 1, ...from, ...traceOf(traceparent, tracestate) })
  })
  endSpan(span, answer.error)
  if (answer.error !== undefined) throw errorFrom(answer.error)
  return answer
}

bindTaskCaller({
  send: async (task, inputs, options) => (await ask("send", task, inputs, options)).ids ?? [],
  call: async (task, input, options) => {
    const { ids = [], result } = await ask("call", task, [input], options)
    return { id: ids[0] ?? "", result: result as RunResult }
  },
  result: async (id) => (await ask("result", "", [id], {})).result as RunResult,
  run: async (id) => (await ask("run", "", [id], {})).run as RunFacts,
  cancel: async (id) => void (await ask("cancel", "", [id], {})),
  retry: async (id) => void (await ask("retry", "", [id], {})),
})

try {
  holdModules(code)
  const loaded = await loadPrograms(code.files)
  programs = new Map(loaded.map((program) => [program.plan.service, program]))
  parentPort?.on("message", onMessage)
  send({ kind: "loaded" })
} catch (error) {
  send({ kind: "refused", error: errorData(error) })
}
