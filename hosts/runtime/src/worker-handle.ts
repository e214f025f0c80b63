/**
 * A worker thread as the node sees it: starts it, watches it, and says what it was doing when it hung or died.
 *
 * A worker hangs when for `handlerMs` it has had the same record in hand, and in it the same step of what has become due, or has not taken
 * a message that waits for it: the second also finds user code that blocks the thread outside of any record, in a timer or a promise.
 */
import { Worker } from "node:worker_threads"
import { type ErrorData, errorFrom, limits as bounds } from "@millrace/model"
import { HeapWatch, engineHeapMegabytes } from "./heap-watch.ts"
import { type FromWorker, type ToWorker, type WorkerData, activity } from "./messages.ts"

/** What a worker says once it has loaded its services. */
export type Loaded = Extract<FromWorker, { kind: "loaded" }>

/** Why a worker is gone, and the record it had in hand. */
export interface WorkerEnd {
  readonly error: ErrorData
  readonly kind: "ingest" | "stage" | "call" | "idle"
  /** The ingest's id, or the seat's number. */
  readonly job: number
  /** The record's index in the body, or its offset, or the call's number; -1: none in particular. */
  readonly record: number
  /** Name of the step of what came due, where the seat was watched; 0: none. */
  readonly step: number
  /** Place of the operator whose call it was. */
  readonly operator: number
}

export interface WorkerEvents {
  onMessage(message: FromWorker): void
  onEnd(end: WorkerEnd): void
}

export interface WorkerLimits {
  /** See `limits.handlerMsMax`. */
  readonly handlerMs: number
  /** See `limits.loadMsMax`. */
  readonly loadMs: number
  /** See `limits.workerHeapMegabytesMax`. */
  readonly heapMegabytes: number
}

/** Where a hanging worker was, by what it was doing. */
const places: Readonly<Record<number, string>> = {
  [activity.idle]: "outside of any record (in a timer or promise)",
  [activity.call]: "in one call of an asynchronous function",
}

/** How long a thread may take to end itself before it is made to, in ms. */
const endMs = 500

export class WorkerHandle {
  readonly #worker: Worker
  readonly #doing: Float64Array
  readonly #limits: WorkerLimits
  readonly #events: WorkerEvents
  readonly #watch: NodeJS.Timeout
  readonly #heapWatch: NodeJS.Timeout
  /** Messages posted so far. */
  #posted = 0
  /** What the worker was seen doing, and since when. */
  #seen = ""
  #since = 0
  #ended = false
  readonly #gone: Promise<void>

  private constructor(worker: Worker, doing: Float64Array, limits: WorkerLimits, events: WorkerEvents) {
    this.#worker = worker
    this.#doing = doing
    this.#limits = limits
    this.#events = events
    this.#watch = setInterval(() => this.#look(), limits.handlerMs / 5)
    this.#watch.unref()
    const heap = new HeapWatch(worker, limits.heapMegabytes, {
      onCollect: () => worker.postMessage({ kind: "collect" } satisfies ToWorker),
      onOver: (answers) => this.#outgrow(answers),
    })
    this.#heapWatch = setInterval(() => heap.look(), bounds.heapLookMs)
    this.#heapWatch.unref()
    worker.on("message", (message: FromWorker) => {
      if (message.kind === "collected") heap.collected(message.bytes)
      else if (!this.#ended) events.onMessage(message)
    })
    worker.on("error", (error: unknown) => this.#end(deathOf(error, limits)))
    this.#gone = new Promise((resolve) => worker.once("exit", () => resolve()))
    worker.on("exit", (code) => {
      const message = `The worker stopped with exit code ${code}; user code must not end its thread.`
      this.#end({ code: "MR1204", message, details: { code } })
    })
  }

  /**
   * Starts a worker and waits until its services are loaded.
   *
   * @throws what the services' modules threw: MR1102, MR1103, MR1104, MR1202 when importing takes too long
   */
  static async start(
    data: Omit<WorkerData, "activity">,
    limits: WorkerLimits,
    events: WorkerEvents,
  ): Promise<[WorkerHandle, Loaded]> {
    const shared = new SharedArrayBuffer(activity.slots * 8)
    const file = import.meta.url.endsWith(".ts") ? "./worker.ts" : "./worker.js"
    const worker = new Worker(new URL(file, import.meta.url), {
      workerData: { ...data, activity: shared } satisfies WorkerData,
      resourceLimits: { maxYoungGenerationSizeMb: bounds.youngHeapMegabytesMax, maxOldGenerationSizeMb: engineHeapMegabytes(limits.heapMegabytes) },
    })
    const loaded = await loadedBy(worker, limits).catch(async (error: unknown) => {
      // A fault that comes after the first is of no interest, but must find a listener.
      worker.on("error", () => undefined)
      await worker.terminate()
      throw error
    })
    return [new WorkerHandle(worker, new Float64Array(shared), limits, events), loaded]
  }

  post(message: ToWorker, transfer: ArrayBuffer[] = []): void {
    if (this.#ended) return
    this.#posted++
    this.#worker.postMessage(message, transfer)
  }

  /** So many more bytes of its transactions are on their way to the disk. */
  taken(bytes: number): void {
    this.#doing[activity.takenBytes] = (this.#doing[activity.takenBytes] as number) + bytes
  }

  /** Messages posted so far: tells whether something came in between. */
  get posted(): number {
    return this.#posted
  }

  /** Messages that it has not dealt with, the one in hand among them. */
  get backlog(): number {
    return this.#posted - (this.#doing[activity.handled] as number)
  }

  /** Whether the body of an ingest is in hand. */
  isAt(ingest: number): boolean {
    return this.#doing[activity.kind] === activity.ingest && this.#doing[activity.job] === ingest
  }

  /** Whether the worker has dealt with all that it was given. */
  get idle(): boolean {
    return this.#doing[activity.kind] === activity.idle && this.backlog === 0
  }

  /** Ends the thread; no event follows. It ends itself at a safe place; if user code does not let it come there, it is made to. */
  async stop(): Promise<void> {
    this.#unwatch()
    if (this.#ended) return await this.#gone
    this.#ended = true
    await this.#leave()
  }

  async #leave(): Promise<void> {
    this.#doing[activity.ending] = 1
    this.#worker.postMessage({ kind: "end" } satisfies ToWorker)
    const force = setInterval(() => {
      if (this.#doing[activity.inStore] === 0) void this.#worker.terminate()
    }, endMs)
    await this.#gone
    clearInterval(force)
  }

  /** Sees whether user code makes headway. A steady clock: the time of day may jump. */
  #look(): void {
    if (this.idle) {
      this.#seen = ""
      return
    }
    const seen = this.#doing.join(" ")
    const now = performance.now()
    if (seen !== this.#seen) {
      this.#seen = seen
      this.#since = now
      return
    }
    const { handlerMs } = this.#limits
    // A thread that is ended in native code takes the process along; the store is slow, not user code.
    if (now - this.#since < handlerMs || this.#doing[activity.inStore] === 1) return
    const where = places[this.#doing[activity.kind] ?? activity.idle] ?? "at one record"
    const message = `User code held its worker for more than ${handlerMs} ms ${where}; the worker was replaced.`
    this.#end({ code: "MR1202", message, details: { limitMs: handlerMs } })
  }

  #unwatch(): void {
    clearInterval(this.#watch)
    clearInterval(this.#heapWatch)
  }

  /** It holds more than it may: by what user code does right now, or else by what it keeps, which is no record's fault. */
  #outgrow(answers: boolean): void {
    if (this.#ended) return
    const error = outgrown(this.#limits)
    if (answers) {
      this.#ended = true
      this.#unwatch()
      void this.#leave().then(() => this.#events.onEnd({ error, kind: "idle", job: 0, record: -1, step: 0, operator: 0 }))
      // A thread that is ended in native code takes the process along: the next look will do.
    } else if (this.#doing[activity.inStore] === 0) this.#end(error)
  }

  #end(error: ErrorData): void {
    if (this.#ended) return
    this.#ended = true
    this.#unwatch()
    const doing = this.#doing
    const record = doing[activity.cursor] as number
    const kind = doing[activity.kind]
    const job = doing[activity.job] as number
    const what = kind === activity.ingest ? "ingest" : kind === activity.stage ? "stage" : kind === activity.call ? "call" : "idle"
    const operator = doing[activity.operator] as number
    const step = doing[activity.step] as number
    void this.#worker.terminate()
    void this.#gone.then(() => this.#events.onEnd({ error, kind: what, job, record, step, operator }))
  }
}

/** The exit code with which Node ends a module whose top-level await can never settle. */
const unsettledAwait = 13

/** What a starting worker says first: the plans of its services, or why there are none. */
function loadedBy(worker: Worker, limits: WorkerLimits): Promise<Loaded> {
  return new Promise((resolve, reject) => {
    const settle = (loaded: Loaded | undefined, error?: ErrorData): void => {
      clearTimeout(timer)
      worker.off("message", onMessage).off("error", onError).off("exit", onExit)
      if (loaded === undefined) reject(errorFrom(error ?? { code: "MR1404", message: "A worker spoke out of turn.", details: {} }))
      else resolve(loaded)
    }
    const onMessage = (message: FromWorker): void => {
      if (message.kind === "loaded") settle(message)
      else settle(undefined, message.kind === "refused" ? message.error : undefined)
    }
    const onError = (error: unknown): void => settle(undefined, deathOf(error, limits))
    const onExit = (code: number): void => {
      const message =
        code === unsettledAwait
          ? "A service's module waits at its top level for something that never comes; a module that is imported must not wait."
          : `The worker stopped with exit code ${code} while it loaded the services.`
      settle(undefined, { code: code === unsettledAwait ? "MR1104" : "MR1204", message, details: { code } })
    }
    const timer = setTimeout(() => {
      const message = `Importing the services took longer than ${limits.loadMs} ms; a module that is imported must not wait or loop.`
      settle(undefined, { code: "MR1202", message, details: { limitMs: limits.loadMs } })
    }, limits.loadMs)
    worker.on("message", onMessage).on("error", onError).on("exit", onExit)
  })
}

function outgrown({ heapMegabytes }: WorkerLimits): ErrorData {
  const message = `User code outgrew its worker's ${heapMegabytes} MB of heap; the worker was replaced.`
  return { code: "MR1203", message, details: { limitMegabytes: heapMegabytes } }
}

/** User code may throw anything, nothing included. */
function deathOf(thrown: unknown, limits: WorkerLimits): ErrorData {
  if (!(thrown instanceof Error)) return { code: "MR1201", message: `User code brought its worker down: ${String(thrown)}`, details: {} }
  const { code, name, message: said, stack } = thrown as NodeJS.ErrnoException
  if (code === "ERR_WORKER_OUT_OF_MEMORY") return outgrown(limits)
  return { code: "MR1201", message: `User code brought its worker down: ${name}: ${said}`, details: stack === undefined ? {} : { stack } }
}
