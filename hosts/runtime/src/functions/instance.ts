/**
 * An instance of a function, as the node sees it: a thread of its own with its own environment variables and heap, that takes one
 * invocation at a time. Whatever its code does, the thread can be ended; nothing else is touched by that.
 *
 * ```
 * loading ──> idle <──> busy
 *    └─────────┴──────────┴────> ended: it has exited, run out of time or memory, or thrown where nobody catches
 * ```
 */
import { Worker } from "node:worker_threads"
import { limits } from "@millrace/model"
import { HeapWatch, engineHeapMegabytes } from "../heap-watch.ts"
import type { HeldModule } from "../service-code.ts"
import type { FunctionClock } from "./clock.ts"
import type { FromInstance, HandlerPlace, InstanceData, LogLevel, TaskAnswer, TaskAsk, ToInstance } from "./instance-messages.ts"
import type { AnswerParts, FunctionError } from "./invocation.ts"

export interface InstanceSpec {
  readonly place: HandlerPlace
  /** Its modules as an instance before it has read them; undefined: there was none. */
  readonly modules: ReadonlyMap<string, HeldModule> | undefined
  readonly context: InstanceData["context"]
  readonly env: Readonly<Record<string, string>>
  readonly heapMegabytes: number
  /** Longest time of one invocation. */
  readonly timeoutMs: number
  /** Longest time that its module may take to load. */
  readonly initMs: number
  readonly answerBytesMax: number
  readonly logLengthMax: number
}

export interface Call {
  readonly id: string
  readonly payload: string
  readonly clientContext?: string
  readonly parts?: AnswerParts
  onLine(level: LogLevel, text: string): void
}

export type Outcome =
  | { readonly kind: "returned"; readonly payload: string }
  | { readonly kind: "failed"; readonly error: FunctionError }
  /** Its module was not loaded in time: nothing was called. */
  | { readonly kind: "not-loaded" }

interface Open {
  readonly call: Call
  readonly settle: (outcome: Outcome) => void
  /** Answers in parts that nobody takes as they come. */
  readonly gathered: Uint8Array[]
  gatheredBytes: number
}

export interface InstanceEvents {
  /** It logs while nothing is called. */
  onStray(level: LogLevel, text: string): void
  /** It has read its modules from the disk. */
  onRead(modules: ReadonlyMap<string, HeldModule>): void
  /** Its code calls a task. Never rejects. */
  onTask(ask: TaskAsk): Promise<TaskAnswer>
}

export class Instance {
  readonly #spec: InstanceSpec
  readonly #clock: FunctionClock
  readonly #worker: Worker
  readonly #events: InstanceEvents
  #open: Open | undefined
  #loaded = false
  #ended = false
  /** Characters that it may still write past its console until the next call. */
  #writable: number
  /** The failure that ended it while nothing was called. */
  #failure: FunctionError | undefined
  #cancel: () => void
  readonly #heap: HeapWatch
  #cancelWatch: () => void

  constructor(spec: InstanceSpec, clock: FunctionClock, events: InstanceEvents) {
    this.#spec = spec
    this.#clock = clock
    this.#events = events
    this.#writable = spec.logLengthMax
    const { place, modules, context, answerBytesMax, logLengthMax } = spec
    const file = import.meta.url.endsWith(".ts") ? "./instance-worker.ts" : "./instance-worker.js"
    this.#worker = new Worker(new URL(file, import.meta.url), {
      workerData: { place, modules, context, answerBytesMax, logLengthMax } satisfies InstanceData,
      env: { ...spec.env },
      resourceLimits: { maxOldGenerationSizeMb: engineHeapMegabytes(spec.heapMegabytes) },
      stdout: true,
      stderr: true,
      name: context.functionName,
    })
    // An instance that nobody calls does not keep the process alive.
    this.#worker.unref()
    this.#worker.on("message", (message: FromInstance) => this.#onMessage(message))
    this.#worker.on("error", (error: unknown) => this.#end(this.#deathOf(error)))
    this.#worker.on("exit", (code) => this.#end(this.#exited(code)))
    this.#listen(this.#worker.stdout, "INFO")
    this.#listen(this.#worker.stderr, "ERROR")
    this.#cancel = clock.after(spec.initMs, () => this.#onLate())
    this.#heap = new HeapWatch(this.#worker, spec.heapMegabytes, {
      onCollect: () => this.#tell({ kind: "collect" }),
      onOver: () => this.#end(this.#outOfMemory()),
    })
    this.#cancelWatch = clock.after(limits.heapLookMs, () => this.#watch())
  }

  /** Whether it can be called, now or once it has loaded. */
  get isAlive(): boolean {
    return !this.#ended
  }

  /** One call at a time. */
  call(call: Call): Promise<Outcome> {
    if (this.#open !== undefined) throw new Error("instance: called while it is busy")
    return new Promise((settle) => {
      this.#open = { call, settle, gathered: [], gatheredBytes: 0 }
      this.#worker.ref()
      // It may have died unnoticed between two calls.
      if (this.#ended) this.#settle({ kind: "failed", error: this.#failure ?? this.#exited(1) })
      else if (this.#loaded) this.#begin(this.#spec.timeoutMs)
    })
  }

  /** Ends the thread. What it had in hand fails with this. */
  end(error?: FunctionError): void {
    this.#end(error ?? this.#exited(1))
  }

  /** Resolves once the thread is gone. */
  async gone(): Promise<void> {
    await this.#worker.terminate()
  }

  #begin(timeoutMs: number): void {
    const { call } = this.#open as Open
    const { id, payload, clientContext, parts } = call
    this.#writable = this.#spec.logLengthMax
    this.#cancel()
    this.#cancel = this.#clock.after(timeoutMs, () => this.#onLate())
    const context = clientContext === undefined ? {} : { clientContext }
    this.#worker.postMessage({ kind: "invoke", id, payload, timeoutMs, ...context, streamed: parts !== undefined } satisfies ToInstance)
  }

  #onMessage(message: FromInstance): void {
    if (this.#ended) return
    switch (message.kind) {
      case "ready":
        this.#loaded = true
        this.#cancel()
        if (message.modules !== undefined) this.#events.onRead(message.modules)
        if (this.#open !== undefined) this.#begin(this.#spec.timeoutMs)
        return
      case "line":
        return this.#say(message.level, message.text)
      case "returned":
        return this.#settle({ kind: "returned", payload: this.#gathered() ?? message.payload })
      case "failed":
        if (message.fatal) {
          const { errorType, errorMessage } = message.error
          if (this.#open === undefined) this.#events.onStray("ERROR", `What was left to do after an invocation has failed: ${errorType}: ${errorMessage}`)
          this.#end(message.error)
        } else this.#settle({ kind: "failed", error: message.error })
        return
      case "task":
        void this.#events.onTask(message).then((answer) => this.#tell({ kind: "told", ask: message.ask, answer }))
        return
      case "collected":
        return this.#heap.collected(message.bytes)
      case "begin":
        return this.#open?.call.parts?.begin(message.contentType)
      case "part":
        return this.#onPart(message.bytes)
    }
  }

  #onPart(bytes: Uint8Array): void {
    const open = this.#open
    if (open === undefined) return
    const { parts } = open.call
    const taken = (): void => this.#tell({ kind: "taken", bytes: bytes.byteLength })
    if (parts === undefined) {
      open.gathered.push(bytes)
      open.gatheredBytes += bytes.byteLength
      if (open.gatheredBytes > this.#spec.answerBytesMax) {
        const errorMessage = `Response payload size exceeded maximum allowed payload size (${this.#spec.answerBytesMax} bytes).`
        return this.#end({ errorType: "Function.ResponseSizeTooLarge", errorMessage })
      }
      return taken()
    }
    const waits = parts.part(bytes)
    if (waits === undefined) taken()
    else void waits.then(taken, () => this.#end({ errorType: "Function.ResponseAborted", errorMessage: "Nobody takes the answer any more." }))
  }

  #tell(message: ToInstance): void {
    if (!this.#ended) this.#worker.postMessage(message)
  }

  #gathered(): string | undefined {
    const open = this.#open
    return open === undefined || open.gathered.length === 0 ? undefined : JSON.stringify(Buffer.concat(open.gathered).toString("utf8"))
  }

  /** The module was not loaded in time, or the handler has not answered in time. */
  #onLate(): void {
    if (this.#ended) return
    if (this.#loaded) {
      this.#end({ errorType: "Sandbox.Timedout", errorMessage: this.#said(`Task timed out after ${(this.#spec.timeoutMs / 1000).toFixed(2)} seconds`) })
      return
    }
    this.#close()
    const open = this.#open
    this.#open = undefined
    open?.settle({ kind: "not-loaded" })
  }

  #settle(outcome: Outcome): void {
    const open = this.#open
    this.#open = undefined
    this.#cancel()
    this.#worker.unref()
    open?.settle(outcome)
  }

  #end(error: FunctionError): void {
    if (this.#ended) return
    this.#close()
    this.#failure = error
    this.#settle({ kind: "failed", error })
  }

  #close(): void {
    this.#ended = true
    this.#cancel()
    this.#cancelWatch()
    void this.#worker.terminate()
  }

  /** Its memory is looked at while the handler runs, also one that blocks; what lies outside its heap, buffers above all, may be as much again. */
  #watch(): void {
    if (this.#ended) return
    this.#cancelWatch = this.#clock.after(limits.heapLookMs, () => this.#watch())
    if (this.#open !== undefined) this.#heap.look()
  }

  #outOfMemory(): FunctionError {
    return { errorType: "Runtime.OutOfMemory", errorMessage: this.#said("Runtime exited with error: signal: killed") }
  }

  #listen(stream: NodeJS.ReadableStream, level: LogLevel): void {
    stream.setEncoding("utf8")
    stream.on("data", (text: string) => {
      const kept = text.slice(0, this.#writable)
      this.#writable -= kept.length
      for (const line of kept.split("\n")) if (line !== "") this.#say(level, line)
    })
  }

  #say(level: LogLevel, text: string): void {
    if (this.#open === undefined) this.#events.onStray(level, text)
    else this.#open.call.onLine(level, text)
  }

  #deathOf(thrown: unknown): FunctionError {
    const isMemory = (thrown as { readonly code?: unknown } | null)?.code === "ERR_WORKER_OUT_OF_MEMORY"
    if (isMemory) return this.#outOfMemory()
    const said = thrown instanceof Error ? thrown.message : String(thrown)
    return { errorType: "Runtime.ExitError", errorMessage: this.#said(`Runtime exited with error: ${said}`) }
  }

  #exited(code: number): FunctionError {
    const why = code === 0 ? "Runtime exited without providing a reason" : `Runtime exited with error: exit status ${code}`
    return { errorType: "Runtime.ExitError", errorMessage: this.#said(why) }
  }

  #said(words: string): string {
    const id = this.#open?.call.id
    return id === undefined ? `Error: ${words}` : `RequestId: ${id} Error: ${words}`
  }
}
