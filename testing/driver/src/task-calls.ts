/**
 * The calls of tasks' code that a service under test wants made: they run here, in this process, for real; time that they wait for
 * passes only by the test's clock. What a crash finds under way comes to nothing, as in a process that died.
 */
import { AsyncLocalStorage } from "node:async_hooks"
import type { CallTask, Outcome, TaskEffect, WaitingRun } from "@millrace/engine"
import { addLine, outcomesOf, toldText } from "@millrace/engine/machine"
import { type ErrorData, MillraceError, type TaskContext, type TraceFields, errorFrom } from "@millrace/model"
import { bindTaskCaller, noTaskCaller, type TaskCaller } from "@millrace/sdk/caller"
import type { Tasked } from "./catalogue.ts"
import type { LargeValues } from "./large-values.ts"
import { Patience } from "./stillness.ts"

interface Open {
  readonly task: Tasked
  readonly call: CallTask
  readonly controller: AbortController
  outcomes: readonly Outcome[] | undefined
  /** Lines that its code has told. */
  readonly logs: readonly string[]
  readonly done: Promise<void>
}

/** What has come of a call. */
export interface Ended {
  readonly task: Tasked
  readonly outcomes: readonly Outcome[]
}

/** Something that a run's code has told. */
export interface Told {
  readonly run: string
  readonly kind: "progress" | "chunk"
  readonly value: unknown
}

/** Attempts that fail before their code runs, because the test says so. */
interface Failing {
  readonly task: string
  readonly attempts: ReadonlySet<number>
  readonly error: ErrorData
}

/** A run whose code calls other tasks; the signal says when its attempt is over before its time. */
export interface CallingRun extends WaitingRun {
  readonly signal: AbortSignal
}

type CallerAt = (depth: number, trace: TraceFields, from: CallingRun | undefined) => TaskCaller

/** Whose code runs: `task.call` reaches the service under test to which the calling code belongs. */
const at = new AsyncLocalStorage<TaskCaller>()

/** Runs the code of an operator, which calls no tasks. */
export function asOperator<T>(operator: string, act: () => T): T {
  return at.run(noTaskCaller(() => `operator "${operator}"`), act)
}

export class TaskCalls {
  readonly #open: Map<string, Open> = new Map()
  /** Calls that did not end while they were waited for: they are not waited for again. */
  readonly #patient: Set<Open> = new Set()
  /** Calls that were aborted, until what they have told is heard. */
  readonly #aborted: Open[] = []
  readonly #failing: Failing[] = []
  readonly told: Told[] = []
  #poked: (() => void) | undefined
  /** Also while nobody waits for a call: whoever does then looks first at what has come. */
  #isPoked = false
  readonly #callerAt: CallerAt
  /** How long a call may take outside of the test's clock before it is no longer waited for, in ms. */
  readonly #patienceMs: number
  readonly #values: LargeValues

  /** @param callerAt - what code calls other tasks through, by how many calls led to them and the trace that goes on in them */
  constructor(callerAt: CallerAt, patienceMs: number, values: LargeValues) {
    this.#values = values
    this.#callerAt = callerAt
    this.#patienceMs = patienceMs
    bindTaskCaller(outermost)
  }

  /** Runs code whose calls of tasks reach the service under test. */
  within<T>(depth: number, trace: TraceFields, act: () => T, from?: CallingRun): T {
    return at.run(this.#callerAt(depth, trace, from), act)
  }

  /** From now on, these attempts at runs of a task fail before their code runs. */
  fail(failing: Failing): void {
    this.#failing.push(failing)
  }

  take(task: Tasked, effect: TaskEffect): void {
    const { service } = task.program.plan
    if (effect.kind === "call") this.#start(task, effect)
    else if (effect.kind === "forget") this.#values.remove(effect.values)
    else if (effect.kind === "abort") {
      const name = `${service}\n${effect.task}\n${effect.lease}`
      const open = this.#open.get(name)
      this.#open.delete(name)
      open?.controller.abort(new MillraceError("MR1207", `The run was ${effect.reason}.`))
      if (open !== undefined && effect.reason !== "superseded") this.#aborted.push(open)
    }
  }

  /** Something has come that a call may have waited for, or wants: all are waited for again. */
  poke(): void {
    this.#patient.clear()
    this.#isPoked = true
    this.#poked?.()
  }

  /** A call that has ended; waits for one while there is one to wait for. `poked`: look again at all else. */
  async next(): Promise<Ended | "poked" | undefined> {
    for (;;) {
      // What code does at once, it has done by then.
      await new Promise((resolve) => setImmediate(resolve))
      for (const { task, call, logs } of this.#aborted.splice(0, 1)) {
        if (logs.length === 0) continue
        return { task, outcomes: call.runs.map(({ number }) => ({ kind: "said", number, lease: call.lease, logs: [...logs] })) }
      }
      for (const [name, { task, outcomes }] of this.#open) {
        if (outcomes === undefined) continue
        this.#open.delete(name)
        return { task, outcomes }
      }
      if (this.#isPoked) {
        this.#isPoked = false
        return "poked"
      }
      const waiting = [...this.#open.values()].filter((open) => !this.#patient.has(open))
      if (waiting.length === 0) return undefined
      const patience = new Patience(this.#patienceMs)
      let over = false
      const late = patience.over.then(() => {
        over = true
      })
      let poked = false
      const poke = new Promise<void>((resolve) => {
        this.#poked = () => {
          poked = true
          resolve()
        }
      })
      await Promise.race([late, poke, ...waiting.map(({ done }) => done)])
      patience.end()
      this.#poked = undefined
      if (poked) {
        this.#isPoked = false
        return "poked"
      }
      if (over) for (const open of waiting) this.#patient.add(open)
    }
  }

  /** The process has died. */
  crash(): void {
    for (const { controller } of this.#open.values()) controller.abort(new MillraceError("MR1204", "The process died."))
    this.#open.clear()
    this.#aborted.length = 0
  }

  #start(task: Tasked, call: CallTask): void {
    const { program, plan, code } = task
    const controller = new AbortController()
    const [first] = call.runs as readonly [CallTask["runs"][number]]
    const logs: string[] = []
    const id = `${plan.name}-${first.number}`
    const ctx: TaskContext = {
      run: id,
      attempt: first.attempt,
      key: first.key,
      enqueuedAt: first.enqueuedAt,
      scheduledAt: first.scheduledAt === undefined ? undefined : new Date(first.scheduledAt),
      traceparent: first.traceparent,
      tracestate: first.tracestate,
      signal: controller.signal,
      // Told values are JSON, as on a node.
      progress: (value) => void this.told.push({ run: id, kind: "progress", value: JSON.parse(toldText(plan.name, "progress", value)) }),
      stream: (value) => void this.told.push({ run: id, kind: "chunk", value: JSON.parse(toldText(plan.name, "stream", value)) }),
      log: (...parts) => addLine(logs, parts),
    }
    const failing = this.#failing.find(({ task: name, attempts }) => name === plan.name && attempts.has(first.attempt))
    const enter = (act: () => unknown): unknown => {
      if (failing !== undefined) throw errorFrom(failing.error)
      return this.within((first.depth ?? 0) + 1, first, act, { id, task: plan.name, key: first.key, lease: call.lease, signal: controller.signal })
    }
    const streamed = program.plan.stages.some(({ input }) => input === `${plan.name}.output`)
    const open: Open = {
      task,
      call,
      controller,
      outcomes: undefined,
      logs,
      done: outcomesOf(plan, code, call.lease, call.runs, { ctx, logs, enter, values: this.#values, streamed }).then((outcomes) => {
        open.outcomes = outcomes
      }),
    }
    this.#open.set(`${program.plan.service}\n${plan.name}\n${call.lease}`, open)
  }
}

function current(task: string): TaskCaller {
  const caller = at.getStore()
  if (caller !== undefined) return caller
  throw new MillraceError("MR1401", `task "${task}": in a test, call it through the service under test, test.call(task, input); or from the code of another task.`)
}

const outermost: TaskCaller = {
  send: async (task, inputs, options) => current(task).send(task, inputs, options),
  call: async (task, input, options) => current(task).call(task, input, options),
  result: async (id) => current(id).result(id),
  run: async (id) => current(id).run(id),
  cancel: async (id) => current(id).cancel(id),
  retry: async (id) => current(id).retry(id),
}
