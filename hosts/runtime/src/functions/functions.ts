/**
 * The functions of a node: invokes them, has their instances started and ended, keeps to the node's bounds.
 *
 * F2 One instance has one invocation at a time.
 * F4 Whatever a function's code does ends at most its own instance.
 * F12 While the node has no room for one more instance, invocations wait their turn.
 */
import { randomUUID } from "node:crypto"
import { type FunctionPlan, MillraceError, type Plan, errorData, limits } from "@millrace/model"
import type { Log } from "../log.ts"
import type { Sample } from "../samples.ts"
import type { ServiceCode } from "../service-code.ts"
import type { TracedCaller } from "../tasks/traced-caller.ts"
import type { FunctionClock } from "./clock.ts"
import type { Surroundings } from "./environment.ts"
import { FunctionFigures, type FunctionStand } from "./function-figures.ts"
import { FunctionPool } from "./function-pool.ts"
import type { Instance } from "./instance.ts"
import type { LogLevel, TaskAnswer, TaskAsk } from "./instance-messages.ts"
import type { FunctionInvoker, Invocation, InvokeOptions } from "./invocation.ts"
import { LogTail } from "./log-tail.ts"
import { Turns } from "./turns.ts"
import { unknownFunction } from "./unknown-function.ts"

export interface FunctionsOptions {
  readonly clock: FunctionClock
  readonly log: Log
  readonly env: Surroundings["env"]
  /** Through which functions call tasks. */
  readonly tasks: TracedCaller
  /** Most instances at once. See `limits.functionInstancesMax`. */
  readonly instancesMax: number
  /** See `limits.functionIdleMs`. */
  readonly idleMs: number
  /** See `limits.functionInitMsMax`. */
  readonly initMs: number
}

interface Known {
  readonly service: string
  readonly pool: FunctionPool
}

export class Functions implements FunctionInvoker {
  readonly #options: FunctionsOptions
  readonly #figures: FunctionFigures = new FunctionFigures()
  #known: ReadonlyMap<string, Known> = new Map()
  /** Pools of services that were replaced, whose invocations go on to their end. */
  readonly #retired: Set<FunctionPool> = new Set()
  #plans: readonly FunctionPlan[] = []
  #url: string | undefined
  #credentials: Surroundings["credentials"]
  #s3Endpoint: string | undefined
  readonly #turns: Turns
  #stopped = false

  constructor(options: FunctionsOptions) {
    this.#options = options
    this.#turns = new Turns(options.clock, limits.functionCallsWaitingMax, limits.functionCallsWaitingLengthMax)
  }

  /** Where the node answers: instances that start from now on know it. */
  set address({ url, credentials }: { readonly url: string; readonly credentials?: Surroundings["credentials"] }) {
    this.#url = url
    this.#credentials = credentials
  }

  /** Other services run now. Invocations under way go on to their end. */
  open(plans: readonly Plan[], code: ServiceCode): void {
    for (const { pool } of this.#known.values()) {
      pool.retire()
      if (pool.size > 0) this.#retired.add(pool)
    }
    this.#s3Endpoint = plans.flatMap(({ sinks }) => sinks).flatMap(({ to }) => endpointOf(to))[0]
    this.#plans = plans.flatMap(({ functions }) => functions)
    this.#known = new Map(plans.flatMap(({ service, functions }) => functions.map((plan) => [plan.name, { service, pool: this.#poolFor(plan, code) }] as const)))
  }

  get list(): readonly FunctionStand[] {
    return [...this.#known.values()].map(({ service, pool }) => ({ plan: pool.plan, service, instances: pool.size, busy: pool.busy }))
  }

  /** The same array until other services run. */
  get plans(): readonly FunctionPlan[] {
    return this.#plans
  }

  find(name: string): FunctionPlan | undefined {
    return this.#known.get(name)?.pool.plan
  }

  async invoke(name: string, payload: string, options: InvokeOptions = {}): Promise<Invocation> {
    if (this.#stopped) throw new MillraceError("MR1401", "The node is stopping.")
    const { signal } = options
    signal?.throwIfAborted()
    const pool = this.#poolOf(name)
    const requestId = options.requestId ?? randomUUID()
    const began = performance.now()
    const { log } = this.#options
    const tail = options.tail === true ? new LogTail(requestId, pool.plan) : undefined
    const call = {
      id: requestId,
      payload,
      ...(options.clientContext === undefined ? {} : { clientContext: options.clientContext }),
      ...(options.parts === undefined ? {} : { parts: options.parts }),
      onLine: (level: LogLevel, text: string) => {
        log.info({ function: name, requestId, level }, text)
        tail?.line(this.#options.clock.now(), level, text)
      },
    }
    let instance: Instance | undefined
    const has = (its: Instance): void => {
      instance = its
    }
    const onAbort = (): void => instance?.end()
    signal?.addEventListener("abort", onAbort, { once: true })
    // Whoever comes now goes behind those who wait.
    let outcome = this.#turns.size > 0 ? "node" as const : pool.call(call, has)
    const waitsUntil = this.#options.clock.now() + limits.functionWaitMsMax
    // Meanwhile another version may have been deployed.
    while (outcome === "node" && (await this.#turns.next(waitsUntil, signal, payload.length))) outcome = this.#poolOf(name).call(call, has)
    const ended = typeof outcome === "string" ? outcome : await outcome
    signal?.removeEventListener("abort", onAbort)
    signal?.throwIfAborted()
    if (this.#stopped) throw new MillraceError("MR1401", "The node is stopping.")
    if (typeof ended === "string") {
      this.#figures.throttled(name)
      return { kind: "throttled", reason: ended }
    }
    const ms = performance.now() - began
    this.#figures.ended(name, ended.kind === "returned", ms)
    if (ended.kind === "returned") return { kind: "returned", requestId, payload: ended.payload, ms, ...(tail === undefined ? {} : { log: tail.end(ms) }) }
    if (ended.kind === "not-loaded") throw new Error("functions: an invocation without an end")
    const { error } = ended
    log.warn({ function: name, requestId, errorType: error.errorType }, `An invocation failed: ${error.errorMessage}`)
    return { kind: "failed", requestId, error, functionError: "Unhandled", ms, ...(tail === undefined ? {} : { log: tail.end(ms) }) }
  }

  samples(): Sample[] {
    return this.#figures.samples(this.list)
  }

  /** Ends all instances; invocations under way are lost. */
  async stop(): Promise<void> {
    this.#stopped = true
    this.#turns.close()
    const pools = [...this.#retired, ...[...this.#known.values()].map(({ pool }) => pool)]
    await Promise.all(pools.map((pool) => pool.stop()))
  }

  /** @throws MR1031 */
  #poolOf(name: string): FunctionPool {
    const pool = this.#known.get(name)?.pool
    if (pool === undefined) throw unknownFunction(name, [...this.#known.keys()])
    return pool
  }

  #poolFor(plan: FunctionPlan, code: ServiceCode): FunctionPool {
    const { clock, log, env, idleMs, initMs } = this.#options
    const pool: FunctionPool = new FunctionPool({
      plan,
      modules: plan.source.kind === "typed" ? code.modules : undefined,
      clock,
      log,
      surroundings: () => ({ env, url: this.#url, s3Endpoint: this.#s3Endpoint, credentials: this.#credentials }),
      idleMs,
      initMs,
      logLengthMax: limits.functionLogLengthMax,
      room: () => this.#room(),
      onTask: (ask) => this.#task(ask),
      onFree: () => {
        if (pool.size === 0) this.#retired.delete(pool)
        this.#turns.one()
      },
    })
    return pool
  }

  async #task({ mode, task, inputs, options, trace }: TaskAsk): Promise<TaskAnswer> {
    const { tasks } = this.#options
    const [first = ""] = inputs
    try {
      if (mode === "send") return { ids: await tasks.send(task, inputs, options, trace) }
      if (mode === "result") return { result: await tasks.result(first) }
      if (mode === "run") return { run: await tasks.run(first) }
      if (mode === "cancel" || mode === "retry") {
        await tasks[mode](first)
        return {}
      }
      const { id, result } = await tasks.call(task, first, options, trace)
      return { ids: [id], result }
    } catch (error) {
      return { error: errorData(error) }
    }
  }

  /** Whether one more instance may start; the one that has been idle for longest makes room. */
  #room(): boolean {
    const pools = [...this.#known.values()].map(({ pool }) => pool)
    const most = this.#options.instancesMax
    let size = 0
    for (const pool of pools) size += pool.size
    for (const pool of this.#retired) size += pool.size
    if (size < most) return true
    let oldest: FunctionPool | undefined
    for (const pool of pools) if ((pool.idleSince ?? Number.POSITIVE_INFINITY) < (oldest?.idleSince ?? Number.POSITIVE_INFINITY)) oldest = pool
    oldest?.endOldest()
    return oldest !== undefined
  }
}

/** The server that a sink of this node names, where that is not AWS's own. */
function endpointOf(to: string | undefined): string[] {
  if (to?.startsWith("s3://") !== true) return []
  const endpoint = new URLSearchParams(to.split("?")[1] ?? "").get("endpoint")
  return endpoint === null ? [] : [endpoint]
}
