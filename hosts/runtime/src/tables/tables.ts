/**
 * The tables of a node as its front doors see them: which there are, and questions about their rows, answered by a thread of its own that
 * is started with the first question and ended when there has been none for a while.
 *
 * G1  A row is shown as of a durable commit, with the position in the table's input that it reflects.
 * G2  A follower is told the newest row of every key that changes; who is slow is told less often, not more at a time.
 * G3  The thread's heap is held by a watch, as that of workers is: a result that outgrows it costs its own question, and those beside it, not the node.
 */
import { Worker } from "node:worker_threads"
import { type TablePlan, tablesOf } from "@millrace/engine"
import { type ErrorData, errorFrom, limits, MillraceError, type Plan } from "@millrace/model"
import { engineHeapMegabytes, HeapWatch } from "../heap-watch.ts"
import type { ShardsByStream } from "../reshard/shards.ts"
import type { ServiceCode } from "../service-code.ts"
import type { FromTables, TableName, TableQuestion, TableRange, TableRow, TableThreadData, ToTables } from "./table-messages.ts"

export interface TablesOptions {
  readonly code: ServiceCode
  readonly dataDir: string
  /** One past the newest durable commit. */
  durableSequence(): number
  /** How long an answer may take, in ms, the loading of the services apart. */
  readonly answerMs: number
  readonly loadMs: number
  readonly heapMegabytes: number
  /** See `limits.tableChangesMax`. */
  readonly changesMost: number
  /** Of streams that were split or merged. */
  readonly shards: ShardsByStream
}

/** Rows of a table, and what they reflect. */
export interface TableView {
  readonly table: string
  readonly service: string
  /** The stream whose offsets `position` holds, one for each partition: the first that is not reflected. */
  readonly stream: string
  readonly position: readonly number[]
  readonly rows: readonly TableRow[]
  /** Whether there are more behind the last row. */
  readonly more: boolean
}

interface Asked {
  resolve(rows: Extract<FromTables, { kind: "answer" }>["rows"]): void
  reject(error: Error): void
}

const stopping: ErrorData = { code: "MR1401", message: "The node is stopping, or runs other services now; ask again.", details: {} }

export class Tables {
  readonly #options: TablesOptions
  readonly #plans: readonly TablePlan[]
  #worker: Worker | undefined
  readonly #asked: Map<number, Asked> = new Map()
  #followers = 0
  #next = 0
  /** The commit up to which the thread was told to go, and whether it is there. */
  #advanced = 0
  #advancing = false
  #idle: NodeJS.Timeout | undefined
  #stopped = false

  constructor(plans: readonly Plan[], options: TablesOptions) {
    const { shards } = options
    this.#plans = plans.flatMap(tablesOf).map((plan) => ({ ...plan, partitions: shards.get(plan.input)?.length ?? plan.partitions }))
    this.#options = options
  }

  /** Every table, with the name by which it is asked for. */
  get all(): ReadonlyArray<{ readonly name: string; readonly service: string; readonly stream: string; readonly partitions: number }> {
    return this.#plans.map((plan) => ({ name: this.#nameOf(plan), service: plan.service, stream: plan.input, partitions: plan.partitions }))
  }

  /** The row of a key; its value is undefined when there is none. @throws MR1025, MR1201, MR1202, MR1203, MR1302, MR1401 */
  async row(table: string, key: string): Promise<TableView> {
    const plan = this.#find(table)
    return this.#viewOf(plan, await this.#ask({ kind: "row", table: named(plan), key }))
  }

  /** Rows in the order of their keys. @throws as {@link row} */
  async page(table: string, range: TableRange): Promise<TableView> {
    const plan = this.#find(table)
    return this.#viewOf(plan, await this.#ask({ kind: "page", table: named(plan), range }))
  }

  /**
   * First nothing, with the position at which it begins; then rows as they change, with no value where a row has gone.
   *
   * @throws MR1014 when more has changed than is remembered for one reader, and as {@link row}
   */
  async *follow(table: string, prefix: string, signal: AbortSignal): AsyncGenerator<TableView, void, undefined> {
    const plan = this.#find(table)
    const follower = this.#next++
    const leave = (): void => this.#post({ kind: "leave", follower })
    this.#followers++
    try {
      yield this.#viewOf(plan, await this.#ask({ kind: "follow", table: named(plan), prefix, follower }))
      signal.addEventListener("abort", leave)
      while (!signal.aborted) {
        this.advance()
        const view = this.#viewOf(plan, await this.#ask({ kind: "take", follower }))
        if (!signal.aborted) yield view
      }
    } finally {
      signal.removeEventListener("abort", leave)
      leave()
      this.#followers--
      this.#rest()
    }
  }

  /** More is durable than before. */
  advance(): void {
    const sequence = this.#options.durableSequence()
    if (this.#followers === 0 || this.#advancing || this.#worker === undefined || sequence === this.#advanced) return
    this.#advancing = true
    this.#advanced = sequence
    this.#post({ kind: "advance", sequence })
  }

  /** For good: questions under way fail with MR1401. */
  async stop(): Promise<void> {
    this.#stopped = true
    await this.#end(stopping)
  }

  #find(name: string): TablePlan {
    const found = this.#plans.find((plan) => this.#nameOf(plan) === name || `${plan.service}/${plan.name}` === name)
    if (found !== undefined) return found
    const names = this.all.map((each) => each.name).slice(0, 20)
    const listed = names.length === 0 ? "The services of this node keep none." : `There are: ${names.join(", ")}.`
    throw new MillraceError("MR1025", `There is no table ${JSON.stringify(name.slice(0, 200))}. ${listed}`, { table: name.slice(0, 200), tables: names })
  }

  /** Its own name, where no other service has a table of that name. */
  #nameOf({ name, service }: TablePlan): string {
    return this.#plans.filter((plan) => plan.name === name).length === 1 ? name : `${service}/${name}`
  }

  #viewOf(plan: TablePlan, rows: Pick<TableView, "rows" | "position" | "more">): TableView {
    return { table: this.#nameOf(plan), service: plan.service, stream: plan.input, ...rows }
  }

  #ask(question: TableQuestion): Promise<Pick<TableView, "rows" | "position" | "more">> {
    return new Promise((resolve, reject) => {
      if (this.#stopped) throw errorFrom(stopping)
      clearTimeout(this.#idle)
      const { loadMs, answerMs } = this.#options
      const worker = (this.#worker ??= this.#start())
      const id = this.#next++
      // Whoever follows waits for as long as nothing changes.
      const timer = question.kind === "take" ? undefined : setTimeout(() => this.#onSlow(worker), loadMs + answerMs)
      const settled = (): void => {
        clearTimeout(timer)
        this.#asked.delete(id)
        this.#rest()
      }
      this.#asked.set(id, {
        resolve: (rows) => {
          settled()
          resolve(rows)
        },
        reject: (error) => {
          settled()
          reject(error)
        },
      })
      this.#post({ kind: "ask", id, sequence: this.#options.durableSequence(), question })
    })
  }

  #post(message: ToTables): void {
    this.#worker?.postMessage(message)
  }

  /** Ends the thread when it is not needed any more; the next question starts another. */
  #rest(): void {
    clearTimeout(this.#idle)
    if (this.#worker === undefined || this.#asked.size > 0 || this.#followers > 0) return
    this.#idle = setTimeout(() => void this.#end(stopping), limits.tableThreadIdleMs)
    this.#idle.unref()
  }

  #onSlow(worker: Worker): void {
    if (this.#worker !== worker) return
    const message = `A table's answer took longer than ${this.#options.answerMs} ms: an aggregate's result must not take so long.`
    void this.#end({ code: "MR1202", message, details: { limitMs: this.#options.answerMs } }, true)
  }

  async #end(error: ErrorData, hangs = false): Promise<void> {
    clearTimeout(this.#idle)
    const worker = this.#worker
    this.#worker = undefined
    this.#giveUp(error)
    if (worker === undefined) return
    const gone = new Promise<void>((resolve) => worker.once("exit", () => resolve()))
    // At a safe place, between two messages: a thread that is ended inside the store takes the process along.
    worker.postMessage({ kind: "end" } satisfies ToTables)
    const force = setTimeout(() => void worker.terminate(), hangs ? 0 : this.#options.answerMs)
    await gone
    clearTimeout(force)
  }

  #giveUp(error: ErrorData): void {
    this.#advancing = false
    this.#advanced = 0
    const asked = [...this.#asked.values()]
    for (const { reject } of asked) reject(errorFrom(error))
  }

  #start(): Worker {
    const { code, dataDir, heapMegabytes, changesMost, shards } = this.#options
    const file = import.meta.url.endsWith(".ts") ? "./table-worker.ts" : "./table-worker.js"
    const worker = new Worker(new URL(file, import.meta.url), {
      workerData: { code, dataDir, changesMost, shards } satisfies TableThreadData,
      resourceLimits: { maxYoungGenerationSizeMb: limits.youngHeapMegabytesMax, maxOldGenerationSizeMb: engineHeapMegabytes(heapMegabytes) },
    })
    const heap = new HeapWatch(worker, heapMegabytes, {
      onCollect: () => worker.postMessage({ kind: "collect" } satisfies ToTables),
      onOver: (answers) => {
        if (this.#worker === worker) void this.#end(outgrown(heapMegabytes), !answers)
      },
    })
    const watch = setInterval(() => heap.look(), limits.heapLookMs)
    watch.unref()
    worker.once("exit", () => clearInterval(watch))
    worker.on("message", (message: FromTables) => {
      if (this.#worker !== worker) return
      if (message.kind === "collected") heap.collected(message.bytes)
      else if (message.kind === "advanced") {
        this.#advancing = false
        this.advance()
      } else if (message.kind === "answer") this.#asked.get(message.id)?.resolve(message.rows)
      else this.#asked.get(message.id)?.reject(errorFrom(message.error))
    })
    const lost = (error: ErrorData): void => {
      if (this.#worker !== worker) return
      this.#worker = undefined
      this.#giveUp(error)
    }
    const stopped = (why: string): ErrorData => ({ code: "MR1204", message: `The thread that reads tables stopped: ${why}`, details: {} })
    worker.on("error", (error: unknown) => {
      const isFull = error instanceof Error && (error as NodeJS.ErrnoException).code === "ERR_WORKER_OUT_OF_MEMORY"
      lost(isFull ? outgrown(heapMegabytes) : stopped(error instanceof Error ? error.message : String(error)))
    })
    worker.on("exit", (code) => lost(stopped(`exit code ${code}`)))
    return worker
  }
}

function outgrown(heapMegabytes: number): ErrorData {
  const message = `A table's answer outgrew its thread's ${heapMegabytes} MB of heap: an aggregate's result must be small; the thread was replaced.`
  return { code: "MR1203", message, details: { limitMegabytes: heapMegabytes } }
}

function named({ service, name }: TablePlan): TableName {
  return { service, name }
}
