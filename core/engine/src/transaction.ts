/** What the machine of a stage and partition gives for a batch, and what it may take for that. */
import type { Call, CancelledCall } from "./calls/call.ts"
import type { CronClock, Effect } from "./context.ts"
import type { Append } from "./ports/store.ts"
import type { StateMemory } from "./state/memory.ts"
import type { WatchedSteps } from "./step-watch.ts"

/** What a stage and partition has done with a batch. An adapter commits it whole or not at all. */
export interface Transaction {
  /** Offset of the next entry to consume. */
  readonly consumed: number
  /** The watermark reached, in ms. */
  readonly watermark: number
  /** Whether the input has ended. */
  readonly ended: boolean
  readonly appends: readonly Append[]
  readonly state: Uint8Array<ArrayBuffer>
  readonly effects: readonly Effect[]
  /** Records consumed, marks not counted. */
  readonly records: number
  readonly deadLetters: number
  /** Records that came too late, by operator. */
  readonly late: ReadonlyMap<string, number>
  /** Clock time at which `tick` has something to do, in ms; Infinity: none. */
  readonly tickAt: number
  /** Calls to be made now; they need not wait for anything. See calls/call.ts. */
  readonly calls: readonly Call[]
  /** Calls whose answers do not count any more. */
  readonly cancelled: readonly CancelledCall[]
  /** Records that wait for the results of calls. */
  readonly pending: number
  /** Whether the stage takes no input, for want of room: not before calls have ended. */
  readonly held: boolean
}

/** What a machine may take. */
export interface StageBounds {
  /** What the state in memory may take, shared by the machines of a thread. @default no bound */
  readonly memory?: StateMemory
  /** Bytes after which a transaction ends itself. @default limits.transactionBytes */
  readonly transactionBytes?: number
  /** @default none: no cron is ever due */
  readonly cron?: CronClock
  /** Clock time since which input could come, in ms: before it there was none because nobody took it. @default always */
  readonly openSince?: number
  /** What brought the partition's workers down before. @default nothing did */
  readonly watched?: WatchedSteps | undefined
}
