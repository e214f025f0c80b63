/**
 * A thread that runs tasks' code, as the node sees it: starts it, gives it calls, and notices when it has died or its event loop
 * stands still. Whatever it had in hand is then lost, all of it. Who of them was to blame the thread has shown, where it was in the first part
 * of a call, up to the first `await`; else it shows when each is called alone.
 *
 * When a thread that does not answer is given up: silence.ts. What its code has told until then: line-ring.ts.
 */
import { Worker } from "node:worker_threads"
import { type ErrorData, limits as bounds } from "@millrace/model"
import { HeapWatch, engineHeapMegabytes } from "../heap-watch.ts"
import { type AttemptWorkerData, type Call, type FromAttempts, type ToAttempts, inHand, nobody, taskMark } from "./attempt-messages.ts"
import { ByTask } from "./by-task.ts"
import { flatCalls } from "./flat.ts"
import { LineRing, lineMemory } from "./line-ring.ts"
import { Silence, isGivenUp } from "./silence.ts"

export interface AttemptThreadEvents {
  onMessage(message: FromAttempts): void
  /** It has loaded the code, or still does; these calls begin only now. */
  onBegin(calls: readonly Call[]): void
  /**
   * It is gone, with these calls in hand, and these that were aborted and have not said what they told; `culprit`, one of its calls: who is to
   * blame, if that is known.
   */
  onEnd(error: ErrorData, calls: readonly Call[], aborted: readonly Call[], culprit: Call | undefined): void
}

export interface AttemptLimits {
  /** See `limits.taskBlockedMsMax`. */
  readonly blockedMs: number
  readonly heapMegabytes: number
}

/** A call that was aborted and has not come to its end. */
interface Zombie {
  readonly call: Call
  /** On the steady clock, in ms. */
  readonly since: number
  /** Whether what it has told is known. */
  said: boolean
}

export class AttemptThread {
  readonly #worker: Worker
  readonly #limits: AttemptLimits
  readonly #events: AttemptThreadEvents
  /** Calls in hand, by lease. */
  readonly calls: ByTask<Call> = new ByTask()
  /** When calls in hand will have taken too long, on the steady clock in ms; not those that may take any time. */
  readonly #deadlines: Map<Call, number> = new Map()
  /** Calls that were aborted and have not come to their end, by name. */
  readonly zombies: Map<string, Zombie> = new Map()
  readonly #shown: Float64Array
  readonly #lines: LineRing
  /** What calls that came before the code was loaded may take, in ms: starting a thread is not their doing. */
  readonly #early: Map<Call, number> = new Map()
  /** Takes no more calls: it ends when those in hand have. */
  retired = false
  #outbox: Call[] | undefined
  #loaded = false
  #ended = false
  readonly #watch: NodeJS.Timeout
  readonly #heap: HeapWatch
  readonly #heapWatch: NodeJS.Timeout
  readonly #silence = new Silence()
  readonly #since: number = performance.now()
  /** Who waits for lines, by what they have asked. */
  readonly #asked: Map<number, (lines: readonly string[]) => void> = new Map()
  #asks = 0
  /** When it last had something to do. */
  busyAt: number = performance.now()

  constructor({ code, valuesAt }: Omit<AttemptWorkerData, "shown" | "lines">, limits: AttemptLimits, events: AttemptThreadEvents) {
    this.#limits = limits
    this.#events = events
    const shown = new SharedArrayBuffer(inHand.slots * 8)
    this.#shown = new Float64Array(shown).fill(nobody)
    const lines = lineMemory()
    this.#lines = new LineRing(lines)
    const file = import.meta.url.endsWith(".ts") ? "./attempt-worker.ts" : "./attempt-worker.js"
    this.#worker = new Worker(new URL(file, import.meta.url), {
      workerData: { code, valuesAt, shown, lines } satisfies AttemptWorkerData,
      resourceLimits: { maxYoungGenerationSizeMb: bounds.youngHeapMegabytesMax, maxOldGenerationSizeMb: engineHeapMegabytes(limits.heapMegabytes) },
    })
    this.#worker.on("message", (message: FromAttempts) => this.#onMessage(message))
    this.#worker.on("error", (error: unknown) => this.#end(deathOf(error, limits), undefined))
    this.#worker.on("exit", (code) => this.#end({ code: "MR1204", message: `The worker stopped with exit code ${code}; a task's code must not end its thread.`, details: { code } }, this.#inHand()))
    this.#watch = setInterval(() => this.#look(), Math.min(bounds.attemptLookMs, limits.blockedMs / 5))
    this.#watch.unref()
    this.#heap = new HeapWatch(this.#worker, limits.heapMegabytes, {
      onCollect: () => this.post({ kind: "collect" }),
      onOver: () => this.#end(outgrown(limits), undefined),
    })
    this.#heapWatch = setInterval(() => this.#heap.look(), bounds.heapLookMs)
    this.#heapWatch.unref()
  }

  /** @param timeoutMs - after which the queue will say that it has taken too long; null: never */
  call(call: Call, timeoutMs: number | null): void {
    this.busyAt = performance.now()
    this.calls.set(call, call.lease, call)
    if (timeoutMs !== null) {
      this.#deadlines.set(call, this.busyAt + timeoutMs)
      if (!this.#loaded) this.#early.set(call, timeoutMs)
    }
    if (this.#outbox !== undefined) {
      this.#outbox.push(call)
      return
    }
    this.#outbox = [call]
    // What is called together is sent together.
    queueMicrotask(() => this.flush())
  }

  abort(call: Call, reason: string): void {
    const { service, task, lease } = call
    if (this.calls.get(call, lease) !== call) return
    this.calls.delete(call, lease)
    this.#deadlines.delete(call)
    this.zombies.set(callName(call), { call, since: performance.now(), said: false })
    this.flush()
    this.post({ kind: "abort", service, task, lease, reason })
  }

  /** Whether a call was aborted and has not come to its end. */
  isAborted(call: Pick<Call, "service" | "task" | "lease">): boolean {
    return this.zombies.size > 0 && this.zombies.has(callName(call))
  }

  /** What a call that was aborted has told is known. */
  heard(call: Pick<Call, "service" | "task" | "lease">): void {
    const zombie = this.zombies.get(callName(call))
    if (zombie !== undefined) zombie.said = true
  }

  /** A call has come to its end. */
  settled(call: Pick<Call, "service" | "task" | "lease">): void {
    const known = this.calls.get(call, call.lease)
    if (known !== undefined) {
      this.calls.delete(call, call.lease)
      this.#deadlines.delete(known)
    }
    if (this.zombies.size > 0) this.zombies.delete(callName(call))
    this.busyAt = performance.now()
  }

  /** What a call has told, as far as that lies in memory: the newest of all that its thread has told. Also of a thread that has ended. */
  told({ service, task, lease }: Call): readonly string[] {
    return this.#lines.of(lease, taskMark(service, task))
  }

  /** What a call in hand has told so far; of a thread that is too busy to say, what lies in memory. */
  lines(call: Call): Promise<readonly string[]> {
    if (!this.#loaded || this.#ended) return Promise.resolve([])
    const { service, task, lease } = call
    const id = ++this.#asks
    return new Promise((resolve) => {
      const late = setTimeout(() => this.#onLines(id, this.told(call)), bounds.attemptLinesWaitMsMax)
      this.#asked.set(id, (lines) => {
        clearTimeout(late)
        resolve(lines)
      })
      this.post({ kind: "lines", id, service, task, lease })
    })
  }

  #onLines(id: number, lines: readonly string[]): void {
    const tell = this.#asked.get(id)
    this.#asked.delete(id)
    tell?.(lines)
  }

  post(message: ToAttempts): void {
    if (!this.#ended) this.#worker.postMessage(message)
  }

  /** Ends the thread; no event follows. */
  async stop(): Promise<void> {
    this.#ended = true
    this.#unwatch()
    await this.#worker.terminate()
  }

  /** Ends the thread; its calls are lost. */
  kill(error: ErrorData): void {
    this.#end(error, undefined)
  }

  #unwatch(): void {
    clearInterval(this.#watch)
    clearInterval(this.#heapWatch)
  }

  /** Sends the calls that wait for the end of the turn. */
  flush(): void {
    const calls = this.#outbox
    this.#outbox = undefined
    if (calls !== undefined && calls.length > 0) this.post({ kind: "call", calls: flatCalls(calls) })
  }

  #onMessage(message: FromAttempts): void {
    if (this.#ended) return
    if (message.kind === "pong") this.#silence.answered()
    else if (message.kind === "collected") this.#heap.collected(message.bytes)
    else if (message.kind === "lines") this.#onLines(message.id, message.lines)
    else if (message.kind === "loaded") this.#onLoaded()
    else if (message.kind === "refused") this.#end(message.error, undefined)
    else this.#events.onMessage(message)
  }

  #onLoaded(): void {
    this.#loaded = true
    this.#tellEarly(performance.now())
    this.#early.clear()
  }

  /** The time of calls that wait for the code runs from now. */
  #tellEarly(now: number): void {
    const begun: Call[] = []
    for (const [call, timeoutMs] of this.#early) {
      if (this.calls.get(call, call.lease) !== call) continue
      this.#deadlines.set(call, now + timeoutMs)
      begun.push(call)
    }
    if (begun.length > 0) this.#events.onBegin(begun)
  }

  #look(): void {
    const now = performance.now()
    if (!this.#loaded) {
      if (now - this.#since < bounds.loadMsMax) this.#tellEarly(now)
      return
    }
    if (this.calls.size + this.zombies.size === 0) {
      this.#silence.answered()
      return
    }
    const idleMs = this.#worker.performance.eventLoopUtilization().idle
    const silentMs = this.#silence.ms(now, idleMs)
    if (silentMs === undefined) {
      this.#silence.ask(now, idleMs)
      this.post({ kind: "ping" })
      return
    }
    const culprit = this.#inHand()
    const abortedAt = [...this.zombies.values()].map(({ since }) => since)
    const deadlines = [...this.#deadlines].flatMap(([call, deadline]) => (call === culprit ? [] : [deadline]))
    if (isGivenUp(silentMs, now, { blockedMs: this.#limits.blockedMs, abortedAt, deadlines })) {
      const isOver = [...this.zombies.values()].some(({ call }) => call === culprit)
      this.#end(blockedError(culprit, Math.floor(silentMs), isOver), culprit)
    }
  }

  /** The call that has shown that the thread is in its hand, or who else it can be. */
  #inHand(): Call | undefined {
    const [lease = nobody, task] = this.#shown
    const all = [...this.calls.values(), ...[...this.zombies.values()].map(({ call }) => call)]
    if (all.length === 1) return all[0]
    return lease === nobody ? undefined : all.find((call) => call.lease === lease && taskMark(call.service, call.task) === task)
  }

  #end(error: ErrorData, culprit: Call | undefined): void {
    if (this.#ended) return
    this.#ended = true
    this.#unwatch()
    void this.#worker.terminate()
    const calls = [...this.calls.values()]
    const aborted = [...this.zombies.values()].flatMap(({ call, said }) => (said ? [] : [call]))
    this.calls.clear()
    this.#deadlines.clear()
    this.zombies.clear()
    this.#events.onEnd(error, calls, aborted, culprit)
  }
}

function callName({ service, task, lease }: Pick<Call, "service" | "task" | "lease">): string {
  return `${service}\n${task}\n${lease}`
}

/** @param isOver - its attempt had ended before, through its time or a cancel: it is told as shorter than the thread was held */
function blockedError(culprit: Call | undefined, ms: number, isOver: boolean): ErrorData {
  const whose = culprit === undefined ? "Code of a task" : `Code of ${runsIn(culprit)}`
  const message = `${whose} held its thread for more than ${ms} ms without a pause${isOver ? ", on after its attempt was over" : ""}; the thread was replaced. Await in long work, or give it a process of its own.`
  return { code: "MR1202", message, details: { limitMs: ms } }
}

/** What to call a call's runs. */
export function runsIn({ task, runs }: Call): string {
  const [first] = runs
  return `run ${task}-${first?.number}${runs.length > 1 ? ` and ${runs.length - 1} more of its batch` : ""}`
}

function outgrown({ heapMegabytes }: AttemptLimits): ErrorData {
  const message = `A task's code outgrew its thread's ${heapMegabytes} MB of heap; the thread was replaced.`
  return { code: "MR1203", message, details: { limitMegabytes: heapMegabytes } }
}

/** User code may throw anything, nothing included. */
function deathOf(thrown: unknown, limits: AttemptLimits): ErrorData {
  if (!(thrown instanceof Error)) return { code: "MR1201", message: `A task's code brought its thread down: ${String(thrown)}`, details: {} }
  const { code, name, message: said } = thrown as NodeJS.ErrnoException
  if (code === "ERR_WORKER_OUT_OF_MEMORY") return outgrown(limits)
  return { code: "MR1201", message: `A task's code brought its thread down: ${name}: ${said}`, details: {} }
}
