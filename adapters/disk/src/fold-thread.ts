/**
 * The thread that folds, beside the one that writes the journal. It begins with its first job and stays until the store is closed: each thread that
 * reads LMDB owns 16 MB of it, and from the first such block that is freed glibc learns to keep as much in every thread's memory as it can get.
 * One job at a time: the store sees to that.
 */
import { Worker } from "node:worker_threads"
import { type ErrorData, errorFrom } from "@millrace/model"
import type { FoldJob } from "./fold.ts"
import type { Checkpoint } from "./state-store.ts"

export type FoldAnswer = { readonly checkpoint: Checkpoint } | { readonly error: ErrorData }

export class FoldThread {
  readonly #dir: string
  #worker: Worker | undefined

  /** @param dir - the data directory */
  constructor(dir: string) {
    this.#dir = dir
  }

  /** Folds the stretch, on a new thread when the one before has died. */
  fold(job: FoldJob): Promise<Checkpoint> {
    this.#worker ??= this.#start()
    const worker = this.#worker
    return new Promise((resolve, reject) => {
      const settled = (): void => {
        worker.off("message", onAnswer).off("error", onError).off("exit", onExit)
        worker.unref()
      }
      const onAnswer = (answer: FoldAnswer): void => {
        settled()
        if ("error" in answer) reject(errorFrom(answer.error))
        else resolve(answer.checkpoint)
      }
      const onError = (error: Error): void => {
        settled()
        reject(error)
      }
      const onExit = (code: number): void => onError(new Error(`the fold's thread ended with ${code}`))
      worker.on("message", onAnswer).on("error", onError).on("exit", onExit)
      worker.ref()
      worker.postMessage(job)
    })
  }

  /** Lets the thread close the state and end; none may be under way. */
  async close(): Promise<void> {
    const worker = this.#worker
    if (worker === undefined) return
    worker.ref()
    const ended = new Promise<void>((resolve) => worker.once("exit", () => resolve()))
    worker.postMessage("close")
    await ended
  }

  #start(): Worker {
    const file = import.meta.url.endsWith(".ts") ? "./fold-worker.ts" : "./fold-worker.js"
    const worker = new Worker(new URL(file, import.meta.url), { workerData: this.#dir })
    const gone = (): void => {
      if (this.#worker === worker) this.#worker = undefined
    }
    return worker.on("error", gone).on("exit", gone)
  }
}
