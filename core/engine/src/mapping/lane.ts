/**
 * A lane of a shard: the records of some partition keys, in their order, of which one batch at a time is under way.
 *
 * ```
 *            records                invoke                 done
 *  (empty) ----------> gathering ------------> running ----------> (empty) or gathering
 *                          ^                      | failed, throttled: pieces, a wait
 *                          +----------------------+
 *                          | too old, tried too often
 *                          +--------> discarding ----------> (empty) or gathering
 * ```
 *
 * Not for: deciding any of this (shard-machine.ts does), or holding what records say: it knows their offsets and sizes.
 */
import { limits } from "@millrace/model"
import type { LaneCheckpoint, Piece } from "./checkpoint.ts"

/** What the machine knows of a record. */
export interface MappedRecord {
  readonly offset: number
  /** Decides the lane: the same for the same partition key, always. */
  readonly keyHash: number
  /** Its arrival time as the event shows it, in ms. */
  readonly time: number
  /** Bytes that it takes in an event. */
  readonly bytes: number
  /** When it was read, in ms. */
  readonly readAt: number
}

/** What a lane waits for. */
export interface Running {
  readonly id: number
  readonly kind: "invoke" | "final" | "discard"
  readonly records: readonly MappedRecord[]
}

export class Lane {
  readonly number: number
  /** Records from here on have not been looked at for this lane. */
  scanned: number
  /** Oldest first; not those under way. */
  pending: MappedRecord[] = []
  pieces: Piece[]
  running: Running | undefined
  /** Nothing is invoked before this, in ms. */
  retryAt = 0
  /** Failures and throttles since the last success. */
  streak = 0
  readonly #room: number

  constructor(number: number, { position, pieces }: LaneCheckpoint, batchSize: number) {
    this.number = number
    this.scanned = position
    this.pieces = [...pieces]
    this.#room = Math.max(2 * batchSize, limits.mappingReadAheadRecordsMax)
  }

  /** All of its records before this are done. */
  get position(): number {
    return this.running?.records[0]?.offset ?? this.pending[0]?.offset ?? this.scanned
  }

  get isFull(): boolean {
    return this.room <= 0
  }

  /** How many more records it may know. */
  get room(): number {
    return this.#room - this.pending.length
  }

  /** Whether more should be read for it: once half of what it may know is used up. */
  get isHungry(): boolean {
    return this.pending.length * 2 <= this.#room
  }

  /** The piece to which the next record belongs. */
  get piece(): Piece | undefined {
    return this.pieces[0]
  }

  /** Whether all records of the first piece are known, or as many as are read for now: a batch at least. */
  isKnown({ to }: Piece): boolean {
    return this.scanned >= to || !this.isHungry
  }

  /** Forgets pieces that lie behind the next record. */
  passPieces(): boolean {
    const { position } = this
    const before = this.pieces.length
    while (this.pieces[0] !== undefined && this.pieces[0].to <= position) this.pieces.shift()
    return this.pieces.length !== before
  }

  /** Takes the next records out of it, to be under way. */
  take(count: number): readonly MappedRecord[] {
    return this.pending.splice(0, count)
  }

  giveBack(records: readonly MappedRecord[]): void {
    this.pending.unshift(...records)
  }

  /** Puts pieces in the place of the first one, as far as it lies before their end. */
  fix(pieces: readonly Piece[]): void {
    const to = pieces.at(-1)?.to ?? 0
    const first = this.pieces[0]
    if (first !== undefined && first.to <= to) this.pieces.shift()
    this.pieces.unshift(...pieces)
  }

  checkpoint(): LaneCheckpoint {
    return { position: this.position, pieces: [...this.pieces] }
  }
}
