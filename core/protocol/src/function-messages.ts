/** The JSON bodies about functions. */

/** How a function stands. */
export interface FunctionReply {
  readonly name: string
  readonly service: string
  readonly description?: string
  /** The module of its handler and the export's name; absent where its code is in the service. */
  readonly file?: string
  readonly handler?: string
  readonly timeoutMs: number
  readonly memoryMegabytes: number
  /** Most instances at once; absent: as many as the node has room for. */
  readonly concurrency?: number
  /** Instances that there are, and how many of them are called just now. */
  readonly instances: number
  readonly busy: number
  /** The stream that feeds it. */
  readonly stream?: string
  /** The requests of HTTP that it answers. */
  readonly routes?: readonly string[]
}

export interface FunctionList {
  readonly functions: readonly FunctionReply[]
}

/** Why an invocation has failed, as Lambda writes it. */
export interface FunctionFailure {
  readonly errorType: string
  readonly errorMessage: string
  readonly trace?: readonly string[]
}

/** What became of an invocation. `log`: the end of what it has logged. */
export type InvocationReply =
  | { readonly outcome: "returned"; readonly requestId: string; readonly ms: number; readonly log: string; readonly payload: unknown }
  | { readonly outcome: "failed"; readonly requestId: string; readonly ms: number; readonly log: string; readonly error: FunctionFailure }
