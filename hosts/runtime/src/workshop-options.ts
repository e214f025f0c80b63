/** What a workshop is given, and what it tells: see workshop.ts. */
import type { Commit, Store } from "@millrace/engine"
import type { ErrorData, Plan } from "@millrace/model"
import type { Bounds } from "./bounds.ts"
import type { Log } from "./log.ts"
import type { FromWorker, Seat, TransactionData } from "./messages.ts"
import type { ShardsByStream } from "./reshard/shards.ts"
import type { WorkerEnd } from "./worker-handle.ts"

export interface WorkshopOptions {
  readonly store: Store
  /** Modules that export services, by absolute path. */
  readonly files: readonly string[]
  readonly dataDir: string
  readonly workers: number
  readonly clock: () => number
  readonly log: Log
  readonly bounds: Bounds
  readonly events: WorkshopEvents
}

interface WorkshopEvents {
  /** Commits what seats have done and returns the commit's sequence; throws when the store refuses. */
  onTransactions(transactions: readonly TransactionData[], parcel: Uint8Array): number
  onIngested(message: Extract<FromWorker, { kind: "ingested" }>, worker: number): void
  onNotIngested(message: Extract<FromWorker, { kind: "not-ingested" }>): void
  /** A worker is gone; a new one is about to start. */
  onWorkerEnd(worker: number, end: WorkerEnd): void
  /** Workers cannot be started (it is tried again), or can be again (undefined). */
  onBroken(error: ErrorData | undefined): void
  /** A seat was taken: what it has stored is known. */
  onSeated(): void
  /** A seat has something to do at this time on the clock, in ms. */
  onDue(at: number): void
  /** Whether a seat waits for what is done elsewhere. */
  waits(seat: Seat): boolean
  /** Resolves once the store's state is that of all commits. */
  settled(): Promise<void>
  /** Streams that were split or merged. */
  shards(plans: readonly Plan[]): ShardsByStream
  /** Commits what goes from seat to seat; resolves once durable. @throws MR1303, MR1304 */
  commit(commit: Commit): Promise<void>
}
