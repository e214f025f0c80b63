/**
 * What a node and its workers say to each other. Everything is plain data; blocks cross as transferred buffers where
 * the sender has no more use for them.
 */
import type { BodyFormat, Effect, EnqueueFacts, IngestPoison, Outcome, Rejected, WatchedSteps } from "@millrace/engine"
import type { ErrorData, Plan, TraceFields } from "@millrace/model"
import type { PackedAppend } from "./parcel.ts"
import type { ShardsByStream } from "./reshard/shards.ts"
import type { HeldModule, ServiceCode } from "./service-code.ts"
import type { Flat } from "./tasks/flat-list.ts"

/** That a body holds inputs of a task. */
export interface TaskInputs {
  readonly name: string
  /** Said of each of them. */
  readonly facts: EnqueueFacts
  /** Where those lie that are large values, by their index. */
  readonly stored?: ReadonlyMap<number, string>
}

/** One stage and partition of a service. */
export interface Seat {
  readonly service: string
  readonly stage: string
  readonly partition: number
}

export function seatName({ service, stage, partition }: Seat): string {
  return `${service}\n${stage}\n${partition}`
}

/** Entries that killed their worker: offset, reason, attempts. */
export type PoisonData = ReadonlyArray<readonly [offset: number, reason: { readonly error: ErrorData; readonly attempts: number }]>

/** Calls of asynchronous functions that are not to be made again: they killed their workers. By operator's place and the call's number. */
export type LostCalls = ReadonlyArray<readonly [operator: number, number: number, reason: { readonly error: ErrorData; readonly attempts: number }]>

/** What brought the workers of a seat down: see culprits.ts. */
export interface CulpritsData {
  readonly poison: PoisonData
  readonly lost: LostCalls
  readonly watched: WatchedSteps | undefined
}

export interface WorkerData {
  readonly code: ServiceCode
  readonly dataDir: string
  /** See `limits.stateMemoryBytesMax`. */
  readonly stateBytesMost: number
  /** See `limits.transactionBytes`. */
  readonly transactionBytes: number
  readonly shards: ShardsByStream
  /** See {@link activity}. */
  readonly activity: SharedArrayBuffer
}

/**
 * What a worker is doing, in memory shared with the node, so that it can be told after the worker hung or died:
 * `[offset or index of the record in hand or number of the call, steps of what no record of its own brings about, name of the one in hand
 * where that is watched, kind, job, messages dealt with, 1 while it is in the store, 1 once it shall end, transactions ended, bytes of transactions sent, bytes of them taken, place of the
 * operator whose call it is]`; the node writes what says that it shall end, and the bytes taken.
 */
export const activity = {
  cursor: 0,
  steps: 1,
  step: 2,
  kind: 3,
  job: 4,
  handled: 5,
  inStore: 6,
  ending: 7,
  ended: 8,
  sentBytes: 9,
  takenBytes: 10,
  operator: 11,
  slots: 12,
  idle: 0,
  ingest: 1,
  stage: 2,
  call: 3,
} as const

export type ToWorker =
  /** Decode a body; answered by `ingested`. */
  | {
      readonly kind: "ingest"
      readonly id: number
      readonly stream: string
      readonly service: string
      readonly format: BodyFormat
      readonly body: Uint8Array
      readonly now: number
      readonly poison: IngestPoison | undefined
      readonly trace?: TraceFields
      /** The body holds inputs of this task, whose commands go to the stream. */
      readonly task?: TaskInputs
    }
  /**
   * The blocks of an ingest have these offsets; a base of -1, or none: forget the decoded records, another will ask for
   * them or nobody will.
   */
  | { readonly kind: "appended"; readonly id: number; readonly service: string; readonly bases: readonly number[]; readonly now: number }
  /** Take a seat: read its state; answered by `seated`. `openSince`: clock time since which input could come. */
  | { readonly kind: "sit"; readonly seat: Seat; readonly number: number; readonly culprits: CulpritsData; readonly now: number; readonly openSince: number }
  /** Input for a seat, from the log. */
  | { readonly kind: "input"; readonly seat: Seat; readonly base: number; readonly skip: number; readonly block: Uint8Array; readonly now: number }
  /** What an operator had done elsewhere has come to an end. */
  | { readonly kind: "complete"; readonly seat: Seat; readonly operator: string; readonly outcomes: Flat<Outcome>; readonly now: number }
  /** Ask an operator about what it keeps; answered by `answer`. */
  | { readonly kind: "ask"; readonly id: number; readonly seat: Seat; readonly operator: string; readonly question: unknown }
  /** `waits`: input lies in the log that the seat has not consumed. */
  | { readonly kind: "tick"; readonly seat: Seat; readonly now: number; readonly waits: boolean }
  /** The seat's shard is closed and all of it is read: bring to an end what cannot go on elsewhere, and leave the seat. */
  | { readonly kind: "seal"; readonly seat: Seat; readonly watermark: number; readonly now: number }
  /** Streams have been resharded: all that are, by name. */
  | { readonly kind: "shards"; readonly shards: ShardsByStream }
  /** The store's state has taken up the first so many transactions of these seats. */
  | { readonly kind: "folded"; readonly seats: ReadonlyArray<readonly [seat: Seat, transactions: number]> }
  /** Collect the garbage; answered by `collected`. Not among the messages that are counted. */
  | { readonly kind: "collect" }
  /** End the thread. Also asked for in shared memory, which is seen before the messages that wait. */
  | { readonly kind: "end" }

export interface TransactionData {
  readonly seat: Seat
  readonly consumed: number
  readonly watermark: number
  readonly ended: boolean
  readonly appends: readonly PackedAppend[]
  /** Where the state changes lie in the message's parcel. */
  readonly stateAt: number
  readonly stateLength: number
  readonly effects: Flat<Effect>
  readonly records: number
  readonly deadLetters: number
  readonly late: ReadonlyMap<string, number>
  readonly tickAt: number
  readonly keys: number
  /** Whether the worker's state takes more memory than it may, until it is folded. */
  readonly overMemory: boolean
  /** Records that wait for the results of calls. */
  readonly pending: number
  /** Whether the seat takes no input before calls have ended. */
  readonly held: boolean
  /** `complete` messages that it took up. */
  readonly completed: number
  /** What came of sealing the seat: true when the worker has left it, false when it is to be tried again. */
  readonly sealed?: boolean
}

export type FromWorker =
  /** The state of a seat could not be read: the worker has dropped it, and no record is to blame. */
  | { readonly kind: "state-fault"; readonly seat: Seat; readonly error: ErrorData }
  /** `modules`: what was read from the disk. */
  | { readonly kind: "loaded"; readonly plans: readonly Plan[]; readonly modules: ReadonlyMap<string, HeldModule> }
  | { readonly kind: "refused"; readonly error: ErrorData }
  /** It has collected its garbage, and so much is in use. */
  | { readonly kind: "collected"; readonly bytes: number }
  | {
      readonly kind: "ingested"
      readonly id: number
      readonly accepted: number
      readonly rejected: readonly Rejected[]
      readonly rejectedUnlisted: number
      readonly appends: readonly PackedAppend[]
      /** Where each record of a keyed body went. */
      readonly places?: Uint16Array<ArrayBuffer>
      readonly parcel: Uint8Array<ArrayBuffer>
    }
  | { readonly kind: "not-ingested"; readonly id: number; readonly error: ErrorData }
  | {
      readonly kind: "seated"
      readonly seat: Seat
      readonly consumed: number
      readonly tickAt: number
      readonly watermark: number
      readonly ended: boolean
      readonly keys: number
      readonly pending: number
    }
  | { readonly kind: "transactions"; readonly transactions: readonly TransactionData[]; readonly parcel: Uint8Array }
  | { readonly kind: "answer"; readonly id: number; readonly answer: unknown }
  /** Nothing to do for the tick. */
  | { readonly kind: "ticked"; readonly seat: Seat; readonly tickAt: number }
