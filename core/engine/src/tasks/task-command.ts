/** What a task is told, as records of its stream of commands: coded arrays, the kind first. A run's number is the offset of its `enqueue`. */
import type { EndedRunFilter, OpenRunFilter } from "./run-filter.ts"
import type { Trigger } from "./run.ts"

/** What is said of a run besides its input; only what is not the default. */
export interface EnqueueFacts {
  readonly key?: string
  readonly priority?: number
  readonly delayMs?: number
  readonly idempotencyKey?: string
  /** How long that is remembered, at most, in ms; else as the task says. */
  readonly keyMs?: number
  /** It is one of so many of one bulk, whose runs have numbers that follow each other: the key is the bulk's, a slash, and its index. */
  readonly among?: number
  /** Of the body that came with the key: a repeat with another one is refused. Without it, a repeat joins whatever it says. */
  readonly fingerprint?: number
  readonly traceparent?: string
  readonly tracestate?: string
  readonly trigger?: Trigger
  /** The time of the cron's for which it is, in ms. */
  readonly scheduledAt?: number
  /** How many calls of tasks by tasks led here. */
  readonly depth?: number
  /** Whoever enqueues it wants to hear of its end. */
  readonly waited?: boolean
  /** Asks for the number of the run that it becomes, or joins. */
  readonly ticket?: string
}

/** Whoever tells a command for many asks how many they are; the count of the steps before. */
export interface Tally {
  readonly ticket: string
  readonly count: number
}

export type TaskCommand =
  | readonly ["enqueue", input: string, facts?: EnqueueFacts]
  /** `freesKey`: its idempotency key is free, as who had called it under that would otherwise join it when it begins again. */
  | readonly ["cancel", number: number, reason?: string, freesKey?: true]
  /** A run that has ended, unless it succeeded, begins again. */
  | readonly ["retry", number: number]
  /** In steps, see bulk.ts: what is behind the filter is said by the queue to itself. */
  | readonly ["retry-all", filter: EndedRunFilter, after?: string | undefined, tally?: Tally | undefined]
  | readonly ["cancel-all", filter: OpenRunFilter, before?: number | undefined, tally?: Tally | undefined]
  | readonly ["pause"]
  | readonly ["resume"]
