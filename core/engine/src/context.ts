/** What the operators of one stage and partition share while a batch is applied. */
import type { Plan, Program, StagePlan, TraceFields } from "@millrace/model"
import type { Outputs } from "./outputs.ts"
import type { DeadLetterCause } from "./dead-letter.ts"
import type { KeyedState } from "./state.ts"
import type { TaskEffect } from "./tasks/effects.ts"

/** Hands a value on: to the next operator, or nowhere. */
export type Push = (value: unknown, key: string, time: number) => void

/** Carried out once the transaction is durable. */
export interface SealFile {
  readonly kind: "seal"
  readonly sink: string
  readonly partition: number
  /** Number of the file within the sink and partition, from 0. */
  readonly number: number
  /** Offsets [from, to) of the sink's stream. */
  readonly from: number
  readonly to: number
}

export type Effect = SealFile | TaskEffect

/** The next time after `afterMs` at which a cron expression is due; undefined: never. */
export type CronClock = (expression: string, timeZone: string, afterMs: number) => number | undefined

/** An operator that acts when the watermark or the clock has come to a time. */
export interface TimedOperator {
  /** The next watermark at which it acts, in ms; Infinity: none. */
  readonly due: number
  /**
   * Acts on all that is due at `watermark`, which is its own `due` or lies before it. May stop early, after at least one step
   * forward that its state remembers, when `context.full()`; then its `due` stays where it is and it is called again.
   */
  advance(watermark: number): void
  /** The next clock time at which it acts. */
  readonly dueByClock: number
  tick(now: number): void
  /** The input has ended and all that was due has been done. */
  end(): void
  /** The partition has had no input for a while and is about to say so: what others would wait for goes on now. */
  rest?(): void
  /** The partition takes no more, and others go on with its keys: what cannot go there is brought to an end. */
  seal?(): void
  /** It has its ticks also while the stage takes no input: others wait, since what they do may need room that there is not. */
  readonly ticksWhileHeld?: true
  /** A rollback has changed the state under it: learns anew from the state what is due. */
  reload(): void
}

export interface StageContext {
  readonly program: Program
  readonly plan: Plan
  readonly stage: StagePlan
  readonly partition: number
  readonly state: KeyedState
  readonly outputs: Outputs
  /** The record in hand, for user functions that ask. */
  readonly at: { key: string; time: number }
  /** The watermark that operators see, in ms. */
  watermark: number
  /** The watermark being worked towards while timed operators act, else -Infinity. */
  step: number
  /**
   * The watermark up to which a timed operator has done what was due: it may be ahead of `watermark` when a transaction ended in the
   * midst of a step. What an operator learns from its state in `reload`, it learns as of here.
   */
  reachedBy(operator: string): number
  /** No timed operator acts before the watermark is here; operators lower it when they learn of an earlier time. */
  due: number
  /** The clock, as last told, in ms. */
  now: number
  readonly effects: Effect[]
  /** The offset of the record in hand. */
  offset(): number
  /** The W3C Trace Context that the record in hand came with; empty: none, or a timer acts. */
  trace(): TraceFields
  readonly cron: CronClock
  /** Whether the transaction has become so large that it should end, or there is no room for more: operators that can stop and go on later do. */
  full(): boolean
  /** Operators that have no room for more: while there is one, the stage takes no input. */
  readonly holds: Set<string>
  /** Whether what the transaction carries has become too large, `holds` left aside. */
  spent(): boolean
  /** A record that an operator has kept could not be processed. */
  deadLetter(cause: DeadLetterCause, offset: number): void
  /** Records that came too late, by operator name. */
  readonly late: Map<string, number>
  /**
   * Runs what follows from a timer rather than from the record in hand. When user code throws in it, only `value` becomes a
   * dead letter, not the record whose arrival moved the watermark.
   */
  guard(operator: string, value: unknown, key: string, time: number, run: Push): void
}
