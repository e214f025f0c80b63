/** What a node and an instance of a function say to each other: plain data. */
import type { EnqueueOptions, ErrorData, TraceFields } from "@millrace/model"
import type { RunFacts, RunResult } from "@millrace/sdk"
import type { HeldModule } from "../service-code.ts"
import type { SendMode } from "../tasks/attempt-messages.ts"
import type { FunctionError } from "./invocation.ts"

/** Where the handler is. */
export type HandlerPlace =
  | { readonly kind: "module"; readonly file: string; readonly handler: string }
  /** A typed function of the service that this file exports. */
  | { readonly kind: "typed"; readonly file: string; readonly name: string }

export interface InstanceData {
  readonly place: HandlerPlace
  /** What its modules are, by URL; undefined: they are read, and told with `ready`. */
  readonly modules: ReadonlyMap<string, HeldModule> | undefined
  /** Texts of the context of every invocation. */
  readonly context: {
    readonly functionName: string
    readonly functionVersion: string
    readonly invokedFunctionArn: string
    readonly memoryLimitInMB: string
    readonly logGroupName: string
    readonly logStreamName: string
  }
  /** See `limits.functionAnswerBytesMax`. */
  readonly answerBytesMax: number
  /** See `limits.functionLogLengthMax`. */
  readonly logLengthMax: number
}

export type ToInstance =
  | { readonly kind: "invoke"; readonly id: string; readonly payload: string; readonly timeoutMs: number; readonly clientContext?: string; readonly streamed: boolean }
  /** What came of a `task`. */
  | { readonly kind: "told"; readonly ask: number; readonly answer: TaskAnswer }
  /** So many bytes of the answer's parts were taken. */
  | { readonly kind: "taken"; readonly bytes: number }
  /** It is to collect its garbage. */
  | { readonly kind: "collect" }

/** The function's code calls a task. */
export interface TaskAsk {
  readonly kind: "task"
  readonly ask: number
  readonly mode: SendMode
  readonly task: string
  readonly inputs: readonly string[]
  readonly options: EnqueueOptions
  /** As the headers of the event say that is in hand: anyone's words. */
  readonly trace: TraceFields
}

export interface TaskAnswer {
  readonly ids?: readonly string[]
  readonly result?: RunResult
  readonly run?: RunFacts
  readonly error?: ErrorData
}

export type LogLevel = "TRACE" | "DEBUG" | "INFO" | "WARN" | "ERROR"

export type FromInstance =
  | { readonly kind: "ready"; readonly modules?: ReadonlyMap<string, HeldModule> }
  | { readonly kind: "returned"; readonly id: string; readonly payload: string }
  /** `fatal`: the instance is of no use any more. Without an id: while the module was loaded, or between invocations. */
  | { readonly kind: "failed"; readonly id: string | undefined; readonly error: FunctionError; readonly fatal: boolean }
  | { readonly kind: "line"; readonly id: string | undefined; readonly level: LogLevel; readonly text: string }
  | TaskAsk
  /** It has collected its garbage, and so much is in use. */
  | { readonly kind: "collected"; readonly bytes: number }
  | { readonly kind: "begin"; readonly id: string; readonly contentType: string }
  | { readonly kind: "part"; readonly id: string; readonly bytes: Uint8Array }
