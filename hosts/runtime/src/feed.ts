/**
 * What one seat (service, stage, partition) has been given and has consumed. The node hands input on while the seat has
 * room for it; what it has no room for stays in the log and is read from there later.
 */
import { type ErrorData, type StreamPlan, limits } from "@millrace/model"
import { Culprits } from "./culprits.ts"
import type { FromWorker, Seat, TransactionData } from "./messages.ts"

/**
 * `closed`: no worker has it; `seating`: a worker is reading its state; `open`: it takes input; `asleep`: no worker has it
 * and it needs none before the next record or tick; `stuck`: its state cannot be read, and that is tried again now and then.
 * Where its stream was resharded (reshard/handovers.ts): `waiting`: for what its parents keep; `sealed`: all is read, and what it
 * keeps is about to go on; `moved`: it has.
 */
export type FeedState = "closed" | "seating" | "open" | "asleep" | "stuck" | "waiting" | "sealed" | "moved"

export class Feed {
  readonly seat: Seat
  /** Number of the seat on this node: how a dead worker names it. */
  readonly number: number
  readonly input: StreamPlan
  /** Place of its worker. */
  readonly worker: number
  state: FeedState = "closed"
  /** Next offset to hand to the worker. */
  next = 0
  /** Next offset to consume, by the newest transaction. */
  consumed = 0
  watermark: number = Number.NEGATIVE_INFINITY
  /** Whether its input has ended and all that came of it is in transactions. */
  ended = false
  /** Bytes appended to the input and not consumed; an estimate after a restart. */
  lagBytes = 0
  /** Clock time of the next tick, in ms. */
  tickAt: number = Number.POSITIVE_INFINITY
  ticking = false
  reading = false
  /** Its worker has been told to seal it. */
  sealing = false
  /** Messages about work done elsewhere that its worker has not taken up. */
  completing = 0
  /** Grows when the seat loses its worker: what was begun before is of no use after. */
  opening = 0
  /** When its dead letters were told of the last time, in ms of a steady clock. */
  toldAt: number = Number.NEGATIVE_INFINITY
  /** When a stuck one is tried again, in ms of a steady clock. */
  triedAt = 0
  /** Why its state could not be read the last time. */
  fault: ErrorData | undefined
  /** Why its input cannot be read. */
  error: ErrorData | undefined
  /** Figures since the start. */
  records = 0
  deadLetters = 0
  keys = 0
  /** Whether its worker held more state after its last transaction than it may, until that is folded. */
  overMemory = false
  /** Records that wait for the results of calls. */
  pending = 0
  /** Whether it takes no input before calls have ended. */
  held = false
  readonly late: Map<string, number> = new Map()
  /** What has brought its workers down. */
  readonly culprits: Culprits = new Culprits()
  /** Sequences of its worker's transactions that the store's state has not taken up yet. */
  #unfolded: number[] = []
  #folded = 0
  /** The newest commit of this node's life that holds one of its transactions. */
  #newest = -1
  #sent: { readonly end: number; readonly bytes: number }[] = []
  #inFlight = 0

  constructor(seat: Seat, number: number, input: StreamPlan, worker: number) {
    this.seat = seat
    this.number = number
    this.input = input
    this.worker = worker
  }

  /** Whether entries that begin at `base` can go to the worker now. */
  takes(base: number): boolean {
    return this.state === "open" && !this.reading && this.next === base && this.hasRoom
  }

  /** Whether no worker has it and none is to take it before a split or merge is done, or ever. */
  get isParted(): boolean {
    return this.state === "waiting" || this.state === "sealed" || this.state === "moved"
  }

  get hasRoom(): boolean {
    return this.#inFlight < limits.stageInFlightBytesMax
  }

  get idle(): boolean {
    return this.#sent.length === 0 && !this.ticking && this.completing === 0
  }

  sent(end: number, bytes: number): void {
    this.next = end
    this.#inFlight += bytes
    this.#sent.push({ end, bytes })
  }

  /** A worker has it, and has read its state. */
  seated({ consumed, tickAt, watermark, keys, pending }: Extract<FromWorker, { kind: "seated" }>): void {
    this.state = "open"
    this.consumed = consumed
    this.next = consumed
    this.tickAt = tickAt
    this.watermark = watermark
    // Only the end of the input brings the watermark there.
    this.ended = watermark === Number.POSITIVE_INFINITY
    this.keys = keys
    this.pending = pending
  }

  /** A transaction of its worker is commit `sequence`. */
  took(transaction: TransactionData, sequence: number): void {
    this.#committed(transaction.consumed, sequence)
    this.culprits.committed(transaction.consumed, transaction.deadLetters)
    this.ticking = false
    this.completing -= transaction.completed
    this.tickAt = transaction.tickAt
    this.watermark = transaction.watermark
    this.ended = transaction.ended
    this.records += transaction.records
    this.deadLetters += transaction.deadLetters
    this.keys = transaction.keys
    this.overMemory = transaction.overMemory
    this.pending = transaction.pending
    this.held = transaction.held
    for (const [operator, count] of transaction.late) this.late.set(operator, (this.late.get(operator) ?? 0) + count)
    if (transaction.sealed !== undefined) this.sealing = false
    if (transaction.sealed === true) this.state = "sealed"
  }

  #committed(consumed: number, sequence: number): void {
    this.consumed = consumed
    this.#unfolded.push(sequence)
    this.#newest = sequence
    let done = 0
    for (const { end, bytes } of this.#sent) {
      if (end > consumed) break
      this.#inFlight -= bytes
      this.lagBytes = Math.max(0, this.lagBytes - bytes)
      done++
    }
    if (done > 0) this.#sent.splice(0, done)
  }

  /** Whether nothing more comes from here, by the commits before `durable` alone. */
  hasEnded(durable: number): boolean {
    if (this.state === "moved") return true
    return this.ended && this.tickAt === Number.POSITIVE_INFINITY && this.#newest < durable
  }

  /** How many of its worker's transactions are in the store's state, which is that before commit `sequence`; undefined: no more than before. */
  folded(sequence: number): number | undefined {
    const at = this.#unfolded.findIndex((each) => each >= sequence)
    const more = at < 0 ? this.#unfolded.length : at
    if (more === 0) return undefined
    this.#unfolded.splice(0, more)
    // What is left may be too much by itself.
    if (this.#unfolded.length === 0) this.overMemory = false
    this.#folded += more
    return this.#folded
  }

  /** What is stored is less than what had been committed: goes on from there. */
  rewind(consumed: number): void {
    this.close()
    this.consumed = consumed
    this.next = consumed
    this.lagBytes = 0
    this.ended = false
    this.#newest = -1
    this.culprits.clear()
  }

  /** Its worker is about to be ended, with nothing in hand. */
  sleep(): void {
    this.close()
    this.state = "asleep"
    this.keys = 0
  }

  /** Its worker is gone: what was sent is sent again. */
  close(): void {
    this.state = "closed"
    this.overMemory = false
    this.opening++
    this.reading = false
    this.ticking = false
    this.sealing = false
    this.completing = 0
    this.#sent = []
    this.#unfolded = []
    this.#folded = 0
    this.#inFlight = 0
    this.next = this.consumed
  }
}
