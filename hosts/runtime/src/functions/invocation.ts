/** What is asked of functions and what comes of it, whoever asks: a mapping, a request of HTTP, the API of Lambda. */

/** Why an invocation has failed, as Lambda writes it. */
export interface FunctionError {
  /** The error's class, or Lambda's name of what befell the function, such as `Sandbox.Timedout`. */
  readonly errorType: string
  readonly errorMessage: string
  /** Lines of the error's stack. */
  readonly trace?: readonly string[]
}

export type Invocation =
  /** JSON. Empty for an answer that was taken in parts. */
  | { readonly kind: "returned"; readonly requestId: string; readonly payload: string; readonly ms: number; readonly log?: string }
  | {
      readonly kind: "failed"
      readonly requestId: string
      readonly error: FunctionError
      readonly functionError: "Unhandled"
      readonly ms: number
      readonly log?: string
    }
  /** All instances that it may have, or that the node has room for, are busy: nothing was called. */
  | { readonly kind: "throttled"; readonly reason: "concurrency" | "node" }

/** Takes an answer in parts, as the handler writes it. */
export interface AnswerParts {
  /** Before the first part. */
  begin(contentType: string): void
  /** @returns a promise to wait for before the next part; undefined: go on */
  part(bytes: Uint8Array): Promise<void> | undefined
}

export interface InvokeOptions {
  /** @default a new UUID */
  readonly requestId?: string
  /** Gives the invocation up: its instance is ended, and `invoke` rejects with the signal's reason. */
  readonly signal?: AbortSignal
  /** Keep the last 4 KB of what it logs, as Lambda's `LogType: Tail` does. */
  readonly tail?: boolean
  /** The `clientContext` of the invocation, JSON. */
  readonly clientContext?: string
  /** Takes the parts of a streamed answer. @default they are gathered */
  readonly parts?: AnswerParts
}

export interface FunctionInvoker {
  /**
   * Calls a function and waits for its end.
   *
   * @param payload - the event, JSON text
   * @throws MR1031 when there is no such function, MR1401 when the node stops
   */
  invoke(name: string, payload: string, options?: InvokeOptions): Promise<Invocation>
}
