/**
 * The calls of tasks' code that are under way, and the threads that run them: a few that tasks share, own ones for tasks that ask for
 * it, and one for each call that must be alone. Threads start on demand and end when they have nothing to do.
 */
import { setTimeout as sleep } from "node:timers/promises"
import type { Outcome } from "@millrace/engine"
import { type ErrorData, type TaskPlan, limits } from "@millrace/model"
import type { Log } from "../log.ts"
import type { ServiceCode } from "../service-code.ts"
import type { Call, FromAttempts } from "./attempt-messages.ts"
import { AttemptThread, runsIn } from "./attempt-thread.ts"
import { ByTask } from "./by-task.ts"
import { outcomesIn } from "./flat.ts"
import type { Flat } from "./flat-list.ts"

export interface AttemptsOptions {
  readonly code: ServiceCode
  /** Where large values lie. */
  readonly valuesAt: string
  /** Threads that tasks share, at most. */
  readonly threads: number
  readonly blockedMs: number
  readonly heapMegabytes: number
  readonly idleMs: number
  readonly log: Log
  readonly events: AttemptsEvents
}

interface AttemptsEvents {
  /** @param flat - the same, as they came; else they are to be laid flat */
  onOutcomes(service: string, task: string, outcomes: readonly Outcome[], flat?: Flat<Outcome>): void
  /** A run's code has told something. */
  onTold(message: Extract<FromAttempts, { kind: "told" }>): void
  /** A run's code calls another task. */
  onSend(message: Extract<FromAttempts, { kind: "send" }>, thread: AttemptThread): void
}

/** A call that was aborted may take this long to end, in a thread that answers, before that takes no more calls, in ms. */
const graceMs = 5_000
/** How often those that are drained are looked after, in ms. */
const drainLookMs = 5

export class Attempts {
  readonly #options: AttemptsOptions
  /** By pool: "" is the shared one, else a service's task. */
  readonly #pools: Map<string, AttemptThread[]> = new Map()
  /** The newest call of each run, by its number: an older one is superseded. */
  readonly #byRun: ByTask<Call> = new ByTask()
  readonly #care: NodeJS.Timeout
  #stopped = false
  #draining = false
  replaced = 0

  constructor(options: AttemptsOptions) {
    this.#options = options
    this.#care = setInterval(() => this.#lookAfter(), 1_000)
    this.#care.unref()
  }

  /** Calls under way. */
  get size(): number {
    return this.#threads().reduce((sum, { calls }) => sum + calls.size, 0)
  }

  /** Threads that run now. */
  get running(): number {
    return this.#threads().length
  }

  start(plan: TaskPlan, call: Call, alone: boolean): void {
    // Whoever takes over makes the call: nobody has it in hand.
    if (this.#stopped || this.#draining) return
    for (const { number } of call.runs) {
      const before = this.#byRun.get(call, number)
      if (before !== undefined) this.abort(before, "superseded")
      this.#byRun.set(call, number, call)
    }
    this.#threadFor(plan, call.service, alone).call(call, plan.timeoutMs)
  }

  /** Sends what waits for the end of the turn. */
  flush(): void {
    for (const threads of this.#pools.values()) for (const thread of threads) thread.flush()
  }

  abort(named: Pick<Call, "service" | "task" | "lease">, reason: string): void {
    const thread = this.#threadWith(named)
    const call = thread?.calls.get(named, named.lease)
    if (thread === undefined || call === undefined) return
    this.#forget(call)
    thread.abort(call, reason)
  }

  /** What the newest attempt of a run has told so far; nothing when none is under way. */
  lines(service: string, task: string, number: number): Promise<readonly string[]> {
    const call = this.#byRun.get({ service, task }, number)
    const thread = call === undefined ? undefined : this.#threadWith(call)
    return call === undefined || thread === undefined ? Promise.resolve([]) : thread.lines(call)
  }

  get draining(): boolean {
    return this.#draining
  }

  /**
   * From now on no call is made. Those under way get so long to end; then they are aborted, and what comes of them does not count: they are
   * made again by whoever takes over, as the same attempts.
   */
  async drain(ms: number): Promise<void> {
    this.#draining = true
    const until = performance.now() + ms
    while (this.size > 0 && performance.now() < until) await sleep(drainLookMs)
    const threads = this.#threads()
    const left = threads.flatMap(({ calls }) => [...calls.values()])
    if (left.length === 0) return
    for (const call of left) this.abort(call, "interrupted, as its node stops or is given other code")
    const graceUntil = performance.now() + limits.drainGraceMs
    while (threads.some(({ zombies }) => zombies.size > 0) && performance.now() < graceUntil) await sleep(drainLookMs)
    this.#options.log.warn({ calls: left.length }, "attempts of tasks that took too long to end were interrupted; they are made again")
  }

  /** Ends all threads; nothing comes of what they had in hand. */
  interrupt(): void {
    const threads = this.#threads()
    this.#pools.clear()
    this.#byRun.clear()
    for (const thread of threads) void thread.stop()
  }

  async stop(): Promise<void> {
    this.#stopped = true
    clearInterval(this.#care)
    const threads = this.#threads()
    this.#pools.clear()
    this.#byRun.clear()
    await Promise.all(threads.map((thread) => thread.stop()))
  }

  #threads(): AttemptThread[] {
    return [...this.#pools.values()].flat()
  }

  /** Which thread has a call in hand: there are few. */
  #threadWith(call: Pick<Call, "service" | "task" | "lease">): AttemptThread | undefined {
    return this.#threads().find(({ calls }) => calls.get(call, call.lease) !== undefined)
  }

  #threadFor(plan: TaskPlan, service: string, alone: boolean): AttemptThread {
    const pool = alone ? "alone" : plan.isolate ? `${service}\n${plan.name}` : ""
    const threads = this.#pools.get(pool) ?? []
    if (threads.length === 0) this.#pools.set(pool, threads)
    const most = pool === "" ? this.#options.threads : 1
    let [open, least]: [number, AttemptThread | undefined] = [0, undefined]
    for (const thread of alone ? [] : threads) {
      if (thread.retired) continue
      open++
      if (least === undefined || thread.calls.size < least.calls.size) least = thread
    }
    // Another thread helps only once the first has something to do.
    if (least !== undefined && (open >= most || least.calls.size === 0)) return least
    const { code, valuesAt, blockedMs, heapMegabytes, events } = this.#options
    const threadLimits = { blockedMs, heapMegabytes: plan.memoryMegabytes ?? heapMegabytes }
    const thread: AttemptThread = new AttemptThread({ code, valuesAt }, threadLimits, {
      onMessage: (message) => this.#onMessage(thread, message, events),
      onBegin: (calls) => {
        for (const { service, task, lease, runs } of calls) events.onOutcomes(service, task, runs.map(({ number }) => ({ kind: "begun", number, lease })))
      },
      onEnd: (error, calls, aborted, culprit) => this.#onEnd(pool, thread, error, calls, aborted, culprit),
    })
    thread.retired = alone
    threads.push(thread)
    return thread
  }

  #onMessage(thread: AttemptThread, message: FromAttempts, events: AttemptsEvents): void {
    switch (message.kind) {
      case "outcomes":
        for (const { service, task, outcomes: flat } of message.of) {
          const outcomes = outcomesIn(flat)
          const whose = { service, task }
          for (const { lease, kind } of outcomes) {
            if (kind === "said") thread.heard({ service, task, lease })
            const call = thread.calls.get(whose, lease)
            if (call === undefined) continue
            this.#forget(call)
            thread.settled(call)
          }
          // Whether they still count, their leases tell.
          events.onOutcomes(service, task, outcomes, flat)
        }
        return
      case "settled":
        return thread.settled(message)
      case "told":
        // Of a call that was aborted nothing counts, neither what it gives nor what it tells.
        if (thread.calls.get(message, message.lease) !== undefined) events.onTold(message)
        return
      case "send":
        return events.onSend(message, thread)
      case "loaded":
      case "refused":
      case "pong":
      case "collected":
      case "lines":
        throw new Error(`attempts: ${message.kind} out of turn`)
    }
  }

  #onEnd(pool: string, thread: AttemptThread, error: ErrorData, calls: readonly Call[], aborted: readonly Call[], culprit: Call | undefined): void {
    const threads = this.#pools.get(pool) ?? []
    this.#pools.set(
      pool,
      threads.filter((each) => each !== thread),
    )
    if (this.#stopped) return
    this.replaced++
    const facts = { calls: calls.length, tasks: [...new Set(calls.map(({ task }) => task))].slice(0, 10), code: error.code }
    this.#options.log.error(culprit === undefined ? facts : { ...facts, culprit: runsIn(culprit) }, error.message)
    const tell = (call: Call, how: "lost" | "innocent" | "blocked" | "said"): void => {
      const { service, task, lease, runs } = call
      const logs = thread.told(call)
      if (how === "said" && logs.length === 0) return
      const outcomes = runs.map(({ number }): Outcome => {
        if (how === "blocked") return { kind: "blocked", number, lease, error }
        if (how === "said") return { kind: "said", number, lease, logs }
        return { kind: "lost", number, lease, error, ...(logs.length === 0 ? {} : { logs }), ...(how === "innocent" ? { innocent: true } : {}) }
      })
      this.#options.events.onOutcomes(service, task, outcomes)
    }
    // The attempts of those that were aborted have ended; what they told is not with them yet.
    for (const call of aborted) tell(call, "said")
    for (const call of calls) {
      this.#forget(call)
      tell(call, culprit === undefined || culprit === call ? "lost" : "innocent")
    }
    if (culprit !== undefined && !calls.includes(culprit)) tell(culprit, "blocked")
  }

  #forget(call: Call): void {
    for (const { number } of call.runs) if (this.#byRun.get(call, number) === call) this.#byRun.delete(call, number)
  }

  /** Gives up threads with calls that do not end though they were aborted, and ends those that have nothing to do. */
  #lookAfter(): void {
    const now = performance.now()
    for (const [pool, threads] of this.#pools) {
      for (const thread of threads) {
        const oldest = Math.min(Number.POSITIVE_INFINITY, ...[...thread.zombies.values()].map(({ since }) => since))
        if (now - oldest > graceMs) thread.retired = true
        const done = thread.calls.size === 0
        const idle = done && thread.zombies.size === 0 && now - thread.busyAt > (pool === "alone" ? 0 : this.#options.idleMs)
        const over = thread.retired && done && (thread.zombies.size === 0 || now - oldest > graceMs)
        if (idle || over) this.#end(pool, thread)
        else if (thread.retired && now - oldest > limits.retiredMsMax) {
          thread.kill({ code: "MR1204", message: "A call that was aborted does not end; its thread was replaced.", details: {} })
        }
      }
      if (threads.length === 0) this.#pools.delete(pool)
    }
  }

  #end(pool: string, thread: AttemptThread): void {
    const threads = this.#pools.get(pool) ?? []
    this.#pools.set(
      pool,
      threads.filter((each) => each !== thread),
    )
    void thread.stop()
  }
}
