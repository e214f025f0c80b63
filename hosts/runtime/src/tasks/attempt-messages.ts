/** What a node and the threads that run tasks' code say to each other: plain data. */
import type { CalledRun, Outcome, WaitingRun } from "@millrace/engine"
import type { EnqueueOptions, ErrorData } from "@millrace/model"
import type { RunFacts, RunResult } from "@millrace/sdk"
import type { ServiceCode } from "../service-code.ts"
import type { Flat } from "./flat-list.ts"

export interface AttemptWorkerData {
  readonly code: ServiceCode
  /** Where large values lie: a directory, or `s3://bucket/prefix`. */
  readonly valuesAt: string
  /** Where the thread shows whose code it is in: see {@link inHand}. */
  readonly shown: SharedArrayBuffer
  /** Where its attempts' newest lines are, whatever becomes of the thread: see line-ring.ts. */
  readonly lines: SharedArrayBuffer
}

/** What a thread shows, as numbers of 64 bits: the lease of the call that has it in hand, and its task's {@link taskMark}. */
export const inHand = { lease: 0, task: 1, slots: 2 } as const

/** In nobody's hand, or whose is not known: code that goes on after an `await` does not say so. */
export const nobody = -1

/** What code wants of another task, or of a run. */
export type SendMode = "send" | "call" | "result" | "run" | "cancel" | "retry"

/** A number for a task of a service. */
export function taskMark(service: string, task: string): number {
  let mark = 0x811c9dc5
  for (const character of `${service}\n${task}`) mark = Math.imul(mark ^ (character.codePointAt(0) as number), 0x01000193)
  return mark >>> 0
}

/** A call of a task's code. */
export interface Call {
  readonly service: string
  readonly task: string
  readonly lease: number
  readonly runs: readonly CalledRun[]
}

export type ToAttempts =
  | { readonly kind: "call"; readonly calls: Flat<Call> }
  | { readonly kind: "abort"; readonly service: string; readonly task: string; readonly lease: number; readonly reason: string }
  /** To be answered by `pong`: is the thread alive? */
  | { readonly kind: "ping" }
  /** It is to collect its garbage; answered by `collected`. */
  | { readonly kind: "collect" }
  /** What has a call told so far? Answered by `lines`. */
  | { readonly kind: "lines"; readonly id: number; readonly service: string; readonly task: string; readonly lease: number }
  /** What came of a `send`. */
  | { readonly kind: "sent"; readonly id: number; readonly ids?: readonly string[]; readonly result?: RunResult; readonly run?: RunFacts; readonly error?: ErrorData }

export type FromAttempts =
  | { readonly kind: "loaded" }
  | { readonly kind: "refused"; readonly error: ErrorData }
  | { readonly kind: "pong" }
  /** So much is in use now. */
  | { readonly kind: "collected"; readonly bytes: number }
  | { readonly kind: "outcomes"; readonly of: ReadonlyArray<{ readonly service: string; readonly task: string; readonly outcomes: Flat<Outcome> }> }
  | { readonly kind: "lines"; readonly id: number; readonly lines: readonly string[] }
  /** A call that was aborted has come to an end. */
  | { readonly kind: "settled"; readonly service: string; readonly task: string; readonly lease: number }
  /** Told by `ctx.progress` or `ctx.stream`; JSON. */
  | {
      readonly kind: "told"
      readonly service: string
      readonly task: string
      readonly lease: number
      readonly number: number
      readonly attempt: number
      readonly what: "progress" | "chunk"
      readonly json: string
    }
  /** The code calls another task. */
  | {
      readonly kind: "send"
      readonly id: number
      readonly task: string
      readonly inputs: readonly string[]
      readonly options: EnqueueOptions
      /** `result`: the id of a run in `inputs`, whose end is waited for; so is that of one to be told of, cancelled or begun again. */
      readonly mode: SendMode
      /** How many calls of tasks by tasks led to this one. */
      readonly depth: number
      /** Whose code it is; of a batch, the first run. */
      readonly from?: WaitingRun
      /** Its attempt was aborted before, as it knows. */
      readonly isLate?: true
      readonly traceparent?: string
      readonly tracestate?: string
    }
