/** What the front door asks of functions: the runtime's fit it by shape. */
import type { FunctionPlan } from "@millrace/model"

/** Why an invocation has failed, as Lambda writes it. */
interface InvocationError {
  readonly errorType: string
  readonly errorMessage: string
  readonly trace?: readonly string[]
}

export type FunctionInvocation =
  /** JSON. */
  | { readonly kind: "returned"; readonly requestId: string; readonly payload: string; readonly ms: number; readonly log?: string }
  | { readonly kind: "failed"; readonly requestId: string; readonly error: InvocationError; readonly ms: number; readonly log?: string }
  | { readonly kind: "throttled"; readonly reason: "concurrency" | "node" }

/** Takes an answer in parts, as the handler writes it. */
export interface InvocationParts {
  begin(contentType: string): void
  /** @returns a promise to wait for before the next part; undefined: go on */
  part(bytes: Uint8Array): Promise<void> | undefined
}

export interface FunctionInvokeOptions {
  readonly requestId?: string
  /** Keep the last 4 KB of what it logs. */
  readonly tail?: boolean
  /** JSON. */
  readonly clientContext?: string
  /** @default the parts are gathered */
  readonly parts?: InvocationParts
}

export interface GatewayFunctions {
  /** The functions and how they stand. */
  readonly list: ReadonlyArray<{ readonly plan: FunctionPlan; readonly service: string; readonly instances: number; readonly busy: number }>
  /** The same array until other services run. */
  readonly plans: readonly FunctionPlan[]
  find(name: string): FunctionPlan | undefined
  /** @throws MR1031, MR1401 */
  invoke(name: string, payload: string, options?: FunctionInvokeOptions): Promise<FunctionInvocation>
}

export interface GatewayEvents {
  /** Puts what was given up back into the queue. @throws MR1009, MR1010, MR1031, MR1501 */
  redrive(name: string, signal: AbortSignal): Promise<number>
  /**
   * Takes an invocation that nobody waits for; resolves once it is durable.
   *
   * @throws MR1010 when too many wait, MR1031, MR1303, MR1304, MR1401
   */
  add(name: string, payload: string, event: { readonly requestId: string; readonly clientContext?: string }): Promise<void>
}
