/**
 * A thread that runs tasks' code, as the node sees it: starts it, gives it calls, and notices when it has died or its event loop
 * stands still. Whatever it had in hand is then lost, all of it: who of them was to blame shows when each is called alone.
 */
import { Worker } from "node:worker_threads"
import { type ErrorData, limits as bounds } from "@millrace/model"
import type { AttemptWorkerData, Call, FromAttempts, ToAttempts } from "./attempt-messages.ts"
import { flatCalls } from "./flat.ts"

export interface AttemptThreadEvents {
  onMessage(message: FromAttempts): void
  /** It is gone, with these calls in hand. */
  onEnd(error: ErrorData, calls: readonly Call[]): void
}

export interface AttemptLimits {
  /** See `limits.handlerMsMax`. */
  readonly blockedMs: number
  readonly heapMegabytes: number
}

export class AttemptThread {
  readonly #worker: Worker
  readonly #limits: AttemptLimits
  readonly #events: AttemptThreadEvents
  /** Calls in hand, by service, task and lease. */
  readonly calls: Map<string, Call> = new Map()
  /** Calls that were aborted and have not come to their end, and since when, on the steady clock in ms. */
  readonly zombies: Map<string, number> = new Map()
  /** Takes no more calls: it ends when those in hand have. */
  retired = false
  #outbox: Call[] | undefined
  #loaded = false
  #ended = false
  readonly #watch: NodeJS.Timeout
  /** When a ping was sent that has not been answered, on the steady clock in ms. */
  #pinged: number | undefined
  /** When it last had something to do. */
  busyAt: number = performance.now()

  constructor({ code, valuesAt }: AttemptWorkerData, limits: AttemptLimits, events: AttemptThreadEvents) {
    this.#limits = limits
    this.#events = events
    const file = import.meta.url.endsWith(".ts") ? "./attempt-worker.ts" : "./attempt-worker.js"
    this.#worker = new Worker(new URL(file, import.meta.url), {
      workerData: { code, valuesAt } satisfies AttemptWorkerData,
      resourceLimits: { maxYoungGenerationSizeMb: bounds.youngHeapMegabytes, maxOldGenerationSizeMb: limits.heapMegabytes },
    })
    this.#worker.on("message", (message: FromAttempts) => this.#onMessage(message))
    this.#worker.on("error", (error: unknown) => this.#end(deathOf(error, limits)))
    this.#worker.on("exit", (code) => this.#end({ code: "MR1204", message: `The worker stopped with exit code ${code}; a task's code must not end its thread.`, details: { code } }))
    this.#watch = setInterval(() => this.#look(), limits.blockedMs / 5)
    this.#watch.unref()
  }

  call(call: Call): void {
    this.busyAt = performance.now()
    this.calls.set(callName(call), call)
    if (this.#outbox !== undefined) {
      this.#outbox.push(call)
      return
    }
    this.#outbox = [call]
    // What is called together is sent together.
    queueMicrotask(() => this.#flush())
  }

  abort(call: Call, reason: string): void {
    const { service, task, lease } = call
    const name = callName(call)
    if (!this.calls.delete(name)) return
    this.zombies.set(name, performance.now())
    this.#flush()
    this.post({ kind: "abort", service, task, lease, reason })
  }

  /** A call has come to its end. */
  settled(call: Pick<Call, "service" | "task" | "lease">): void {
    const name = callName(call)
    this.calls.delete(name)
    this.zombies.delete(name)
    this.busyAt = performance.now()
  }

  post(message: ToAttempts): void {
    if (!this.#ended) this.#worker.postMessage(message)
  }

  /** Ends the thread; no event follows. */
  async stop(): Promise<void> {
    this.#ended = true
    clearInterval(this.#watch)
    await this.#worker.terminate()
  }

  /** Ends the thread; its calls are lost. */
  kill(error: ErrorData): void {
    this.#end(error)
  }

  #flush(): void {
    const calls = this.#outbox
    this.#outbox = undefined
    if (calls !== undefined && calls.length > 0) this.post({ kind: "call", calls: flatCalls(calls) })
  }

  #onMessage(message: FromAttempts): void {
    if (this.#ended) return
    if (message.kind === "pong") this.#pinged = undefined
    else if (message.kind === "loaded") this.#loaded = true
    else if (message.kind === "refused") this.#end(message.error)
    else this.#events.onMessage(message)
  }

  #look(): void {
    if (!this.#loaded || this.calls.size + this.zombies.size === 0) {
      this.#pinged = undefined
      return
    }
    const now = performance.now()
    if (this.#pinged === undefined) {
      this.#pinged = now
      this.post({ kind: "ping" })
    } else if (now - this.#pinged >= this.#limits.blockedMs) {
      const message = `Code of a task held its thread for more than ${this.#limits.blockedMs} ms without a pause; the thread was replaced.`
      this.#end({ code: "MR1202", message, details: { limitMs: this.#limits.blockedMs } })
    }
  }

  #end(error: ErrorData): void {
    if (this.#ended) return
    this.#ended = true
    clearInterval(this.#watch)
    void this.#worker.terminate()
    const calls = [...this.calls.values()]
    this.calls.clear()
    this.zombies.clear()
    this.#events.onEnd(error, calls)
  }
}

export function callName({ service, task, lease }: Pick<Call, "service" | "task" | "lease">): string {
  return `${service}\n${task}\n${lease}`
}

/** User code may throw anything, nothing included. */
function deathOf(thrown: unknown, { heapMegabytes }: AttemptLimits): ErrorData {
  if (!(thrown instanceof Error)) return { code: "MR1201", message: `A task's code brought its thread down: ${String(thrown)}`, details: {} }
  const { code, name, message: said } = thrown as NodeJS.ErrnoException
  if (code === "ERR_WORKER_OUT_OF_MEMORY") {
    const message = `A task's code outgrew its thread's ${heapMegabytes} MB of heap; the thread was replaced.`
    return { code: "MR1203", message, details: { limitMegabytes: heapMegabytes } }
  }
  return { code: "MR1201", message: `A task's code brought its thread down: ${name}: ${said}`, details: {} }
}
