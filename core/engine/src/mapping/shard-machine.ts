/**
 * The way of a mapping through one shard: which records make a batch, when it is invoked, what becomes of it. It is told
 * what was read and what invocations came to, and says what to do (`effects`); it reads no clock and holds no record's
 * data, so a batch costs some numbers however long it is retried.
 *
 * Not for: reading, building events, invoking, keeping what `checkpoint` gives, or the order of shards (parents first).
 *
 * Invariants, with their tests in docs/specs/mapping.md:
 * M1 a lane has one batch under way, and its records are done in their order; M2 a checkpoint is never ahead of what
 * an invocation or a destination has taken; M3 what has failed keeps its borders and its count through restarts;
 * M4 a record is done, or given up with a reason.
 */
import { limits } from "@millrace/model"
import { type DiscardCondition, type FunctionError, type Piece, type ShardCheckpoint, withLanes } from "./checkpoint.ts"
import { Lane, type MappedRecord, type Running } from "./lane.ts"
import type { MappingSettings } from "./settings.ts"
import { TumblingWindow, type WindowFacts } from "./tumbling-window.ts"
import type { Verdict } from "./verdict.ts"

/** Invoke the function with these records; then tell {@link ShardMachine.outcome}. */
export interface InvokeEffect {
  readonly kind: "invoke"
  readonly id: number
  readonly records: readonly MappedRecord[]
  readonly bytes: number
  readonly window?: WindowFacts
}

/**
 * Tell the destination of these records, once the checkpoint that says so is durable; then tell
 * {@link ShardMachine.delivered}.
 */
export interface DiscardEffect {
  readonly kind: "discard"
  readonly id: number
  readonly records: readonly MappedRecord[]
  readonly condition: DiscardCondition
  readonly attempts: number
  readonly error: FunctionError
  /** When it was decided, in ms. */
  readonly at: number
}

export type MappingEffect = InvokeEffect | DiscardEffect

/** Events, as Lambda's metrics count them. */
export interface MappingFigures {
  polled: number
  filteredOut: number
  invoked: number
  failedInvoke: number
  dropped: number
  delivered: number
  throttles: number
  /** Age of the last record of the newest batch that was done, when it was, in ms. */
  iteratorAgeMs: number
}

export class ShardMachine {
  readonly figures: MappingFigures = {
    polled: 0,
    filteredOut: 0,
    invoked: 0,
    failedInvoke: 0,
    dropped: 0,
    delivered: 0,
    throttles: 0,
    iteratorAgeMs: 0,
  }
  /** What should be kept has changed since `checkpoint` was asked for. */
  isChanged = false
  /** Records were passed over since then: worth keeping, but not at once. */
  isMoved = false
  readonly #settings: MappingSettings
  readonly #lanes: readonly Lane[]
  #before: readonly number[] | undefined
  /** Undefined: the mapping has none. */
  readonly #window: TumblingWindow | undefined
  /** One past the last record of a shard that is closed. */
  #end = Number.POSITIVE_INFINITY
  /** One past the last record that there was when records were read last. */
  #seenEnd = Number.POSITIVE_INFINITY
  #effects: MappingEffect[] = []
  #nextId = 1
  readonly #running: Map<number, Lane> = new Map()

  constructor(settings: MappingSettings, checkpoint: ShardCheckpoint) {
    const { lanes, before, ...window } = withLanes(checkpoint, settings.parallelizationFactor)
    this.#settings = settings
    this.#lanes = lanes.map((lane, number) => new Lane(number, lane, settings.batchSize))
    this.#before = before
    this.#window = settings.tumblingWindowMs === 0 ? undefined : new TumblingWindow(settings.tumblingWindowMs, window)
  }

  /** From where on records are wanted; undefined: not now. */
  get readFrom(): number | undefined {
    let from = this.#end
    for (const lane of this.#lanes) if (lane.isHungry && lane.scanned < from) from = lane.scanned
    return from < this.#end ? from : undefined
  }

  /** How many records are wanted at most. */
  get readMost(): number {
    return this.#lanes.reduce((least, lane) => (lane.isHungry ? Math.min(least, lane.room) : least), Number.POSITIVE_INFINITY)
  }

  /** All records before this are done. */
  get position(): number {
    return this.#lanes.reduce((least, lane) => Math.min(least, lane.position), Number.POSITIVE_INFINITY)
  }

  /** Records that it knows of and that are not done. */
  get known(): number {
    let known = 0
    for (const { pending, running } of this.#lanes) known += pending.length + (running?.records.length ?? 0)
    return known
  }

  /** A batch has failed and is tried again. */
  get isFailing(): boolean {
    return this.#lanes.some(({ piece }) => piece !== undefined && piece.attempts > 0)
  }

  /** Invocations and deliveries under way. */
  get busy(): number {
    return this.#running.size
  }

  /** The shard is closed, and nothing of it is left to do. */
  get isOver(): boolean {
    return this.position >= this.#end && this.#window?.isOpen !== true && this.#running.size === 0
  }

  /** What is to be done; each effect is given out once. */
  effects(): readonly MappingEffect[] {
    const effects = this.#effects
    if (effects.length > 0) this.#effects = []
    return effects
  }

  checkpoint(): ShardCheckpoint {
    this.isChanged = false
    this.isMoved = false
    return {
      lanes: this.#lanes.map((lane) => lane.checkpoint()),
      ...(this.#before === undefined ? {} : { before: this.#before }),
      ...this.#window?.checkpoint,
    }
  }

  /**
   * Records were read: all of [from, next) that pass the filters.
   *
   * @param from - as `readFrom` was
   * @param end - one past the last record that there is
   */
  received(records: readonly MappedRecord[], from: number, next: number, filteredOut: number, end: number, now: number): void {
    const stops: (number | undefined)[] = this.#lanes.map(() => undefined)
    let fresh = 0
    for (const record of records) {
      const at = record.keyHash % this.#lanes.length
      const lane = this.#lanes[at] as Lane
      if (record.offset < lane.scanned || lane.scanned < from || stops[at] !== undefined) continue
      if (lane.isFull) {
        stops[at] = record.offset
        continue
      }
      fresh++
      if (!this.#isBefore(record)) lane.pending.push(record)
    }
    const isNew = this.#lanes.every((lane) => lane.scanned <= from)
    for (const [at, lane] of this.#lanes.entries()) {
      if (lane.scanned >= from && lane.scanned < next) lane.scanned = stops[at] ?? next
    }
    this.figures.polled += fresh
    // A page that some lanes read again has been filtered before.
    if (isNew) {
      this.figures.polled += filteredOut
      this.figures.filteredOut += filteredOut
    }
    this.#seenEnd = end
    this.isMoved = true
    this.tick(now)
  }

  /** The shard is closed: there is nothing at `end` and beyond. */
  close(end: number, now: number): void {
    this.#end = end
    this.tick(now)
  }

  /** The log no longer has what lies before `first`; what was not done of it never will be. */
  trimmed(first: number, now: number): void {
    for (const lane of this.#lanes) {
      const kept = lane.pending.filter(({ offset }) => offset >= first)
      this.figures.dropped += lane.pending.length - kept.length
      lane.pending = kept
      if (lane.scanned < first) lane.scanned = first
    }
    this.isChanged = true
    this.tick(now)
  }

  /** An invocation has come to an end. */
  outcome(id: number, verdict: Verdict, now: number): void {
    const lane = this.#running.get(id)
    const running = lane?.running
    if (lane === undefined || running === undefined || running.kind === "discard") throw new Error(`mapping: no invocation ${id}`)
    this.#ended(lane, running)
    if (running.kind === "final") this.#finalOutcome(lane, verdict, now)
    else this.#batchOutcome(lane, running.records, verdict, now)
    this.tick(now)
  }

  /** The log no longer has the records of an effect that was given out. */
  lost(id: number, now: number): void {
    const lane = this.#running.get(id)
    const running = lane?.running
    if (lane === undefined || running === undefined) throw new Error(`mapping: no effect ${id}`)
    this.#ended(lane, running)
    this.figures.dropped += running.records.length
    this.#succeeded(lane)
    this.tick(now)
  }

  /**
   * Records that were given up are settled.
   *
   * @param isTold - a destination has taken them; false: there is none
   */
  delivered(id: number, isTold: boolean, now: number): void {
    const lane = this.#running.get(id)
    const running = lane?.running
    if (lane === undefined || running?.kind !== "discard") throw new Error(`mapping: no discard ${id}`)
    this.#ended(lane, running)
    this.figures.dropped += running.records.length
    if (isTold) this.figures.delivered += running.records.length
    this.#succeeded(lane)
    this.tick(now)
  }

  /** Time has passed, or something has changed: whatever may begin does. */
  tick(now: number): void {
    for (const lane of this.#lanes) this.#advance(lane, now)
    if (this.#before !== undefined && this.position >= Math.max(...this.#before)) {
      this.#before = undefined
      this.isChanged = true
    }
  }

  /** When `tick` should be called, in ms; Infinity: not by itself. */
  wakeAt(): number {
    let at = Number.POSITIVE_INFINITY
    for (const lane of this.#lanes) at = Math.min(at, this.#wakeOf(lane))
    return at
  }

  // --- what comes next of a lane

  #advance(lane: Lane, now: number): void {
    if (lane.running !== undefined) return
    if (lane.passPieces()) this.isChanged = true
    const front = lane.pending[0]
    if (this.#isWindowOver(lane, front, now)) {
      if (now >= lane.retryAt) this.#invoke(lane, [], "final")
      return
    }
    if (front === undefined) return
    const { piece } = lane
    if (piece?.discard !== undefined) {
      if (lane.isKnown(piece)) this.#discard(lane, this.#within(lane, piece.to), piece, piece.discard)
      return
    }
    const aged = this.#aged(lane, piece, now)
    if (aged > 0) {
      const last = lane.pending[aged - 1] as MappedRecord
      const { attempts = 0, since = now, error = null } = piece ?? {}
      const discard = { condition: "RecordAgeExceeded", at: now } as const
      const given: Piece = { to: last.offset + 1, attempts, since, error, discard }
      lane.fix([given])
      this.#discard(lane, aged, given, discard)
      return
    }
    if (now < lane.retryAt || (piece !== undefined && !lane.isKnown(piece))) return
    const { count, isFull } = this.#batch(lane, piece)
    if (piece === undefined && !isFull && !this.#isGathered(lane, front, now)) return
    this.#invoke(lane, lane.take(count), "invoke")
  }

  /** Whether a batch that is not full goes all the same. */
  #isGathered(lane: Lane, { readAt }: MappedRecord, now: number): boolean {
    const { batchingWindowMs } = this.#settings
    if (now < readAt + batchingWindowMs) return lane.scanned >= this.#end
    // There is more in the log, and it will be here at once.
    return batchingWindowMs > 0 || !lane.isHungry || lane.scanned >= Math.min(this.#seenEnd, this.#end)
  }

  #wakeOf(lane: Lane): number {
    if (lane.running !== undefined) return Number.POSITIVE_INFINITY
    const { batchingWindowMs, maximumRecordAgeMs, retentionMs } = this.#settings
    const { piece, retryAt } = lane
    const front = lane.pending[0]
    if (front === undefined) {
      const over = this.#windowOverAt(lane)
      return over === Number.POSITIVE_INFINITY ? over : Math.max(over, retryAt)
    }
    if (this.#window?.isOverBy(front) === true) return retryAt
    // Its other records have to be read first.
    let at = piece === undefined ? Math.max(retryAt, front.readAt + batchingWindowMs) : lane.isKnown(piece) ? retryAt : Number.POSITIVE_INFINITY
    if (maximumRecordAgeMs >= 0) at = Math.min(at, front.time + maximumRecordAgeMs + 1)
    if (piece !== undefined && piece.attempts > 0) at = Math.min(at, piece.since + retentionMs)
    return at
  }

  /** How many records at the front have become too old. */
  #aged(lane: Lane, piece: Piece | undefined, now: number): number {
    const { maximumRecordAgeMs, retentionMs } = this.#settings
    const most = this.#within(lane, piece?.to ?? Number.POSITIVE_INFINITY)
    // M9: without a bound of attempts or age it ends when the stream would not have kept the records.
    if (piece !== undefined && piece.attempts > 0 && now - piece.since >= retentionMs) return most
    if (maximumRecordAgeMs < 0) return 0
    let count = 0
    while (count < most && now - (lane.pending[count] as MappedRecord).time > maximumRecordAgeMs) count++
    return count
  }

  #within(lane: Lane, to: number): number {
    let count = 0
    for (const { offset } of lane.pending) {
      if (offset >= to) break
      count++
    }
    return count
  }

  /** The next batch: how many records, and whether no more fit. */
  #batch(lane: Lane, piece: Piece | undefined): { readonly count: number; readonly isFull: boolean } {
    const { batchSize, envelopeBytes } = this.#settings
    const { pending } = lane
    const window = this.#window
    const most = Math.min(this.#within(lane, piece?.to ?? Number.POSITIVE_INFINITY), batchSize)
    let bytes = envelopeBytes + (window?.stateBytes ?? 0)
    const start = window?.startOf(pending[0] as MappedRecord)
    for (let count = 0; count < most; count++) {
      const record = pending[count] as MappedRecord
      // One record goes, however large: nothing else ever would.
      if (count > 0 && bytes + record.bytes + 1 > limits.functionEventBytesMax) return { count, isFull: true }
      if (window !== undefined && window.startOf(record, start) !== start) return { count, isFull: true }
      bytes += record.bytes + 1
    }
    return { count: most, isFull: most >= batchSize || most < pending.length }
  }

  #invoke(lane: Lane, records: readonly MappedRecord[], kind: "invoke" | "final"): void {
    const id = this.#begin(lane, kind, records)
    const window = this.#window?.facts(records[0], kind === "final")
    let bytes = this.#settings.envelopeBytes + (this.#window?.stateBytes ?? 0)
    for (const record of records) bytes += record.bytes + 1
    this.figures.invoked += records.length
    this.#effects.push({ kind: "invoke", id, records, bytes, ...(window === undefined ? {} : { window }) })
  }

  #discard(lane: Lane, count: number, { attempts, error }: Piece, { condition, at }: NonNullable<Piece["discard"]>): void {
    const records = lane.take(count)
    const id = this.#begin(lane, "discard", records)
    // M2: that it is given up is kept before anybody is told.
    this.isChanged = true
    this.#effects.push({ kind: "discard", id, records, condition, attempts, error, at })
  }

  #begin(lane: Lane, kind: Running["kind"], records: readonly MappedRecord[]): number {
    const id = this.#nextId++
    lane.running = { id, kind, records }
    this.#running.set(id, lane)
    return id
  }

  // --- what has come to an end

  #ended(lane: Lane, { id }: Running): void {
    lane.running = undefined
    this.#running.delete(id)
  }

  #succeeded(lane: Lane): void {
    lane.streak = 0
    lane.retryAt = 0
    lane.passPieces()
    this.isChanged = true
  }

  #batchOutcome(lane: Lane, records: readonly MappedRecord[], verdict: Verdict, now: number): void {
    const { bisectBatchOnFunctionError: bisects } = this.#settings
    switch (verdict.kind) {
      case "done": {
        const last = records.at(-1) as MappedRecord
        this.figures.iteratorAgeMs = Math.max(0, now - last.time)
        this.#window?.keep(verdict.state)
        this.#succeeded(lane)
        return
      }
      case "partial": {
        this.#window?.keep(verdict.state)
        const { index } = verdict
        const rest = records.slice(index)
        this.figures.failedInvoke += rest.length
        this.isChanged = true
        if (index > 0) lane.streak = 0
        const piece = lane.piece
        lane.giveBack(rest)
        this.#wait(lane, now)
        // M15: with bisect the batch is split exactly there, and a split does not count.
        if (bisects && index > 0) lane.fix([this.#piece(rest, piece, 0, null, now)])
        else this.#count(lane, rest, piece, null, now)
        return
      }
      case "failed": {
        this.figures.failedInvoke += records.length
        this.isChanged = true
        const piece = lane.piece
        lane.giveBack(records)
        if (bisects && records.length > 1) {
          // M10: each half is a batch of its own. Were the waits to grow on, a bad record that comes first would take minutes.
          lane.retryAt = now + limits.mappingRetryMsMin
          lane.streak = 0
          const middle = Math.ceil(records.length / 2)
          const halves = [records.slice(0, middle), records.slice(middle)]
          lane.fix(halves.map((half) => this.#piece(half, piece, 0, verdict.error, now)))
        } else {
          this.#wait(lane, now)
          this.#count(lane, records, piece, verdict.error, now)
        }
        return
      }
      case "throttled":
        this.figures.throttles++
        lane.giveBack(records)
        this.#wait(lane, now, limits.mappingThrottleMsMax)
        return
    }
  }

  /** A failure that counts: the batch is tried again as it is, or given up. */
  #count(lane: Lane, records: readonly MappedRecord[], before: Piece | undefined, error: FunctionError, now: number): void {
    const { maximumRetryAttempts: retries } = this.#settings
    const piece = this.#piece(records, before, 1, error, now)
    const isOver = retries >= 0 && piece.attempts > retries
    lane.fix([isOver ? { ...piece, discard: { condition: "RetryAttemptsExhausted", at: now } } : piece])
  }

  #piece(records: readonly MappedRecord[], before: Piece | undefined, more: number, error: FunctionError, now: number): Piece {
    const to = (records.at(-1) as MappedRecord).offset + 1
    // A batch that was not a piece may not be counted by one that lies behind it.
    const own = before !== undefined && (records[0] as MappedRecord).offset < before.to ? before : undefined
    return { to, attempts: (own?.attempts ?? 0) + more, since: own?.since ?? now, error }
  }

  #wait(lane: Lane, now: number, most: number = limits.mappingRetryMsMax): void {
    lane.retryAt = now + Math.min(most, limits.mappingRetryMsMin * 2 ** Math.min(lane.streak, 20))
    lane.streak++
  }

  // --- tumbling windows

  #finalOutcome(lane: Lane, verdict: Verdict, now: number): void {
    // M23: a window's last invocation is repeated until it succeeds, and its shard waits.
    if (verdict.kind !== "done") {
      const isThrottled = verdict.kind === "throttled"
      if (isThrottled) this.figures.throttles++
      this.#wait(lane, now, isThrottled ? limits.mappingThrottleMsMax : limits.mappingRetryMsMax)
      return
    }
    this.#window?.close()
    this.#succeeded(lane)
  }

  #isWindowOver(lane: Lane, front: MappedRecord | undefined, now: number): boolean {
    if (this.#window === undefined) return false
    return front === undefined ? now >= this.#windowOverAt(lane) : this.#window.isOverBy(front)
  }

  /** When the open window ends if nothing more comes, in ms. */
  #windowOverAt(lane: Lane): number {
    const isClosed = lane.scanned >= this.#end
    // What is there and was not read yet may belong to it.
    const at = this.#window?.overAt(isClosed) ?? Number.POSITIVE_INFINITY
    return isClosed || lane.scanned >= this.#seenEnd ? at : Number.POSITIVE_INFINITY
  }

  #isBefore({ offset, keyHash }: MappedRecord): boolean {
    const before = this.#before
    return before !== undefined && offset < (before[keyHash % before.length] as number)
  }
}
