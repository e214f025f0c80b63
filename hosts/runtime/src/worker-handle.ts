/**
 * A worker thread as the node sees it: starts it, watches it, and says what it was doing when it hung or died.
 */
import { Worker } from "node:worker_threads"
import { type ErrorData, type Plan, errorFrom, limits } from "@millrace/model"
import { type FromWorker, type ToWorker, type WorkerData, activity } from "./messages.ts"

/** Why a worker is gone, and the record it had in hand. */
export interface WorkerEnd {
  readonly error: ErrorData
  readonly kind: "ingest" | "stage" | "idle"
  /** The ingest's id, or the seat's number. */
  readonly job: number
  /** The record's index in the body, or its offset; -1: none in particular. */
  readonly record: number
}

interface WorkerEvents {
  onMessage(message: FromWorker): void
  onEnd(end: WorkerEnd): void
}

export class WorkerHandle {
  readonly #worker: Worker
  readonly #doing: Float64Array
  readonly #events: WorkerEvents
  readonly #clock: () => number
  readonly #watch: NodeJS.Timeout
  /** What the worker was seen doing, and since when. */
  #seen = ""
  #since = 0
  #ended = false

  private constructor(worker: Worker, doing: Float64Array, clock: () => number, events: WorkerEvents) {
    this.#worker = worker
    this.#doing = doing
    this.#clock = clock
    this.#events = events
    this.#watch = setInterval(() => this.#look(), limits.handlerMsMax / 5)
    this.#watch.unref()
    worker.on("message", (message: FromWorker) => {
      if (!this.#ended) events.onMessage(message)
    })
    worker.on("error", (error: NodeJS.ErrnoException) => this.#end(deathOf(error)))
    worker.on("exit", (code) => this.#end({ code: "MR1204", message: `The worker stopped with exit code ${code}.`, details: { code } }))
  }

  /**
   * Starts a worker and waits until its services are loaded.
   *
   * @throws what the services' modules threw: MR1102, MR1103, MR1104, MR1202 when importing takes too long
   */
  static async start(data: Omit<WorkerData, "activity">, clock: () => number, events: WorkerEvents): Promise<[WorkerHandle, readonly Plan[]]> {
    const shared = new SharedArrayBuffer(activity.slots * 8)
    const file = import.meta.url.endsWith(".ts") ? "./worker.ts" : "./worker.js"
    const worker = new Worker(new URL(file, import.meta.url), {
      workerData: { ...data, activity: shared } satisfies WorkerData,
      resourceLimits: { maxYoungGenerationSizeMb: 48, maxOldGenerationSizeMb: limits.workerHeapMegabytesMax },
    })
    const plans = await plansOf(worker).catch(async (error: unknown) => {
      await worker.terminate()
      throw error
    })
    return [new WorkerHandle(worker, new Float64Array(shared), clock, events), plans]
  }

  post(message: ToWorker, transfer: ArrayBuffer[] = []): void {
    if (this.#ended) return
    this.#worker.postMessage(message, transfer)
  }

  /** Ends the thread at once; no event follows. */
  async stop(): Promise<void> {
    this.#ended = true
    clearInterval(this.#watch)
    await this.#worker.terminate()
  }

  /** Sees whether user code makes headway. */
  #look(): void {
    const [record, kind, job] = this.#doing
    if (kind === activity.idle) {
      this.#seen = ""
      return
    }
    const seen = `${kind} ${job} ${record}`
    const now = this.#clock()
    if (seen !== this.#seen) {
      this.#seen = seen
      this.#since = now
    } else if (now - this.#since >= limits.handlerMsMax) {
      this.#end({
        code: "MR1202",
        message: `User code held its worker for more than ${limits.handlerMsMax} ms at one record; the worker was replaced.`,
        details: { limitMs: limits.handlerMsMax },
      })
    }
  }

  #end(error: ErrorData): void {
    if (this.#ended) return
    this.#ended = true
    clearInterval(this.#watch)
    const [record = -1, kind, job = 0] = this.#doing
    const what = kind === activity.ingest ? "ingest" : kind === activity.stage ? "stage" : "idle"
    void this.#worker.terminate().then(() => this.#events.onEnd({ error, kind: what, job, record }))
  }
}

/** What a starting worker says first: the plans of its services, or why there are none. */
function plansOf(worker: Worker): Promise<readonly Plan[]> {
  return new Promise((resolve, reject) => {
    const settle = (plans: readonly Plan[] | undefined, error?: ErrorData): void => {
      clearTimeout(timer)
      worker.off("message", onMessage).off("error", onError).off("exit", onExit)
      if (plans === undefined) reject(errorFrom(error ?? { code: "MR1404", message: "A worker spoke out of turn.", details: {} }))
      else resolve(plans)
    }
    const onMessage = (message: FromWorker): void => {
      if (message.kind === "loaded") settle(message.plans)
      else settle(undefined, message.kind === "refused" ? message.error : undefined)
    }
    const onError = (error: Error): void => settle(undefined, deathOf(error))
    const onExit = (code: number): void => {
      settle(undefined, { code: "MR1204", message: `The worker stopped with exit code ${code} while it loaded.`, details: { code } })
    }
    const timer = setTimeout(() => {
      const message = `Importing the services took longer than ${limits.handlerMsMax} ms; a module that is imported must not wait or loop.`
      settle(undefined, { code: "MR1202", message, details: { limitMs: limits.handlerMsMax } })
    }, limits.handlerMsMax)
    worker.on("message", onMessage).on("error", onError).on("exit", onExit)
  })
}

function deathOf(error: NodeJS.ErrnoException): ErrorData {
  if (error.code === "ERR_WORKER_OUT_OF_MEMORY") {
    const message = `User code outgrew its worker's ${limits.workerHeapMegabytesMax} MB of heap; the worker was replaced.`
    return { code: "MR1203", message, details: { limitMegabytes: limits.workerHeapMegabytesMax } }
  }
  const stack = error.stack
  return { code: "MR1201", message: `User code brought its worker down: ${error.name}: ${error.message}`, details: stack === undefined ? {} : { stack } }
}
