/**
 * The delivery thread as the node sees it: started with the first file, ended when there has been none for a while. It runs
 * no user code.
 */
import { Worker } from "node:worker_threads"
import { type ErrorData, errorFrom } from "@millrace/model"
import type { DeliveryData, FileOrder, FromDelivery, ToDelivery } from "./delivery-messages.ts"

const stopping: ErrorData = { code: "MR1501", message: "The node is stopping.", details: {} }
const idleMs = 10_000

/** A file being written. */
export interface OpenDelivery {
  /** Hands over the entries [from, to) of a block; the block is given away. Resolves when there is room for more. */
  rows(block: Uint8Array<ArrayBuffer>, from: number, to: number): Promise<void>
  /** Resolves with the number of rows once the file is where it belongs. @throws MR1501, MR1502 */
  close(): Promise<number>
  /** Gives the file up: the rows handed over so far are forgotten. */
  abandon(): void
}

interface Waiting {
  resolve(rows: number): void
  reject(error: Error): void
}

export class DeliveryThread {
  readonly #data: DeliveryData
  #worker: Worker | undefined
  #idle: NodeJS.Timeout | undefined
  readonly #waiting: Map<number, Waiting> = new Map()
  #open = 0
  #stopped = false
  #next = 0

  constructor(data: DeliveryData) {
    this.#data = data
  }

  open(order: FileOrder): OpenDelivery {
    const id = this.#next++
    this.#open++
    clearTimeout(this.#idle)
    this.#post({ kind: "open", id, order })
    return {
      rows: async (block, from, to) => {
        await this.#ask(id, { kind: "rows", id, block, from, to }, [block.buffer])
      },
      close: async () => {
        const rows = await this.#ask(id, { kind: "close", id })
        this.#closed()
        return rows
      },
      abandon: () => {
        this.#post({ kind: "abandon", id })
        this.#closed()
      },
    }
  }

  /** For good: what is under way fails, and no thread is started any more. */
  async stop(): Promise<void> {
    this.#stopped = true
    await this.#rest()
  }

  /** Ends the thread; the next file starts another. */
  async #rest(): Promise<void> {
    clearTimeout(this.#idle)
    const worker = this.#worker
    this.#worker = undefined
    await worker?.terminate()
    this.#giveUp(stopping)
  }

  #giveUp(error: ErrorData): void {
    const waiting = [...this.#waiting.values()]
    this.#waiting.clear()
    for (const { reject } of waiting) reject(errorFrom(error))
  }

  #closed(): void {
    this.#open--
    if (this.#open > 0) return
    clearTimeout(this.#idle)
    this.#idle = setTimeout(() => void this.#rest(), idleMs)
    this.#idle.unref()
  }

  #ask(id: number, message: ToDelivery, transfer: ArrayBuffer[] = []): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject })
      this.#post(message, transfer)
    })
  }

  #post(message: ToDelivery, transfer: ArrayBuffer[] = []): void {
    if (this.#stopped) throw errorFrom(stopping)
    this.#worker ??= this.#start()
    this.#worker.postMessage(message, transfer)
  }

  #start(): Worker {
    const file = import.meta.url.endsWith(".ts") ? "./delivery-worker.ts" : "./delivery-worker.js"
    const worker = new Worker(new URL(file, import.meta.url), { workerData: this.#data })
    worker.on("message", (message: FromDelivery) => {
      const waiting = this.#waiting.get(message.id)
      if (waiting === undefined) return
      this.#waiting.delete(message.id)
      if (message.kind === "failed") waiting.reject(errorFrom(message.error))
      else waiting.resolve(message.kind === "delivered" ? message.rows : 0)
    })
    const lost = (error: ErrorData): void => {
      if (this.#worker !== worker) return
      this.#worker = undefined
      this.#giveUp(error)
    }
    worker.on("error", (error) => lost({ code: "MR1501", message: `The delivery thread failed: ${error.message}`, details: {} }))
    worker.on("exit", () => lost({ code: "MR1501", message: "The delivery thread stopped.", details: {} }))
    return worker
  }
}
