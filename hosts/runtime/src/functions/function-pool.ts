/**
 * The instances of one function: started on demand, the most recently used first, ended when they have not been called for a while.
 */
import { randomUUID } from "node:crypto"
import { type FunctionPlan, limits } from "@millrace/model"
import type { Log } from "../log.ts"
import type { HeldModule } from "../service-code.ts"
import type { FunctionClock } from "./clock.ts"
import { environmentOf, logGroupOf, regionOf, type Surroundings } from "./environment.ts"
import { type Call, Instance, type InstanceSpec, type Outcome } from "./instance.ts"
import type { HandlerPlace, LogLevel, TaskAnswer, TaskAsk } from "./instance-messages.ts"

export interface PoolOptions {
  readonly plan: FunctionPlan
  /** The modules of the function, where a thread has loaded them. */
  readonly modules: ReadonlyMap<string, HeldModule> | undefined
  readonly clock: FunctionClock
  readonly log: Log
  readonly surroundings: () => Surroundings
  readonly idleMs: number
  readonly initMs: number
  readonly logLengthMax: number
  readonly onTask: (ask: TaskAsk) => Promise<TaskAnswer>
  /** Makes room for one more instance on the node; false: there is none. */
  readonly room: () => boolean
  /** An instance has ended, or has become idle. */
  readonly onFree: () => void
}

interface Idle {
  readonly instance: Instance
  readonly since: number
  readonly cancel: () => void
}

export class FunctionPool {
  readonly plan: FunctionPlan
  readonly #options: PoolOptions
  /** Oldest first. */
  #idle: Idle[] = []
  readonly #busy: Set<Instance> = new Set()
  /** Threads that were ended and are not gone yet. */
  readonly #ending: Set<Promise<void>> = new Set()
  /** What the first instance has read: the later ones run the same. */
  #modules: ReadonlyMap<string, HeldModule> | undefined
  #retired = false

  constructor(options: PoolOptions) {
    this.#options = options
    this.#modules = options.modules
    this.plan = options.plan
  }

  get size(): number {
    return this.#idle.length + this.#busy.size
  }

  get busy(): number {
    return this.#busy.size
  }

  /** When the instance that has been idle for longest became so; undefined: none is. */
  get idleSince(): number | undefined {
    return this.#idle[0]?.since
  }

  /**
   * Calls the function; undefined when there is no instance to be had.
   *
   * @param onInstance - told which instance has the call
   */
  call(call: Call, onInstance: (instance: Instance) => void): Promise<Outcome> | "concurrency" | "node" {
    const instance = this.#taken() ?? this.#started(this.#options.initMs)
    if (typeof instance === "string") return instance
    onInstance(instance)
    return this.#called(instance, call, onInstance)
  }

  /** Ends the instance that has been idle for longest. */
  endOldest(): void {
    const oldest = this.#idle.shift()
    if (oldest === undefined) return
    oldest.cancel()
    this.#end(oldest.instance)
  }

  /** Takes no more calls; instances end with those that they have. */
  retire(): void {
    this.#retired = true
    while (this.#idle.length > 0) this.endOldest()
  }

  /** Ends all instances, whatever they do; resolves once their threads are gone. */
  async stop(): Promise<void> {
    this.retire()
    for (const instance of this.#busy) this.#end(instance)
    this.#busy.clear()
    await Promise.all(this.#ending)
  }

  async #called(instance: Instance, call: Call, onInstance: (instance: Instance) => void): Promise<Outcome> {
    let outcome = await instance.call(call)
    let last = instance
    if (outcome.kind === "not-loaded") {
      // As Lambda has it: a module that was not loaded in time is loaded once more, within the time of the invocation.
      this.#free(instance)
      const again = this.#started(this.plan.timeoutMs)
      if (typeof again !== "string") {
        last = again
        onInstance(again)
        outcome = await again.call(call)
      }
      if (outcome.kind === "not-loaded") {
        const errorMessage = `RequestId: ${call.id} Error: Task timed out after ${(this.plan.timeoutMs / 1000).toFixed(2)} seconds`
        outcome = { kind: "failed", error: { errorType: "Sandbox.Timedout", errorMessage } }
      }
    }
    this.#free(last)
    return outcome
  }

  /** The most recently used one: the others may go away. */
  #taken(): Instance | undefined {
    for (let last = this.#idle.pop(); last !== undefined; last = this.#idle.pop()) {
      last.cancel()
      if (!last.instance.isAlive) continue
      this.#busy.add(last.instance)
      return last.instance
    }
    return undefined
  }

  #started(initMs: number): Instance | "concurrency" | "node" {
    const { concurrency } = this.plan
    if (concurrency !== null && this.size >= concurrency) return "concurrency"
    if (!this.#options.room()) return "node"
    const { clock, log } = this.#options
    const { name } = this.plan
    const instance = new Instance(this.#spec(initMs), clock, {
      onStray: (level: LogLevel, text: string) => log.info({ function: name, level }, text),
      onRead: (modules) => (this.#modules ??= modules),
      onTask: this.#options.onTask,
    })
    this.#busy.add(instance)
    return instance
  }

  #spec(initMs: number): InstanceSpec {
    const { plan } = this
    const { surroundings, clock, logLengthMax } = this.#options
    const around = surroundings()
    const logStreamName = `${new Date(clock.now()).toISOString().slice(0, 10).replaceAll("-", "/")}/[$LATEST]${randomUUID().replaceAll("-", "")}`
    const { source, name, memoryMegabytes, timeoutMs } = plan
    const place: HandlerPlace = source.kind === "module" ? source : { kind: "typed", file: source.file, name }
    return {
      place,
      modules: this.#modules,
      context: {
        functionName: name,
        functionVersion: "$LATEST",
        invokedFunctionArn: functionArn(regionOf(around.env), name),
        memoryLimitInMB: String(memoryMegabytes),
        logGroupName: logGroupOf(name),
        logStreamName,
      },
      env: environmentOf(plan, place.file, logStreamName, around),
      heapMegabytes: memoryMegabytes,
      timeoutMs,
      initMs,
      answerBytesMax: limits.functionAnswerBytesMax,
      logLengthMax,
    }
  }

  #free(instance: Instance): void {
    // Ended by `stop` meanwhile.
    if (!this.#busy.delete(instance)) return
    if (instance.isAlive && !this.#retired) {
      const { clock, idleMs } = this.#options
      const idle: Idle = {
        instance,
        since: clock.now(),
        cancel: clock.after(idleMs, () => {
          this.#idle = this.#idle.filter((each) => each !== idle)
          this.#end(instance)
        }),
      }
      this.#idle.push(idle)
    } else this.#end(instance)
    this.#options.onFree()
  }

  #end(instance: Instance): void {
    instance.end()
    const gone: Promise<void> = instance.gone().then(() => {
      this.#ending.delete(gone)
    })
    this.#ending.add(gone)
  }
}

/** The account in every name: a node has one. */
function functionArn(region: string, name: string): string {
  return `arn:aws:lambda:${region}:000000000000:function:${name}`
}
