/**
 * The tumbling window of a shard: which records belong to it, the state that it carries, when it is over.
 *
 * Not for: invoking (shard-machine.ts does), or windows of streams, which go by keys and event time (operators/window.ts).
 */
import { limits } from "@millrace/model"
import type { ShardCheckpoint } from "./checkpoint.ts"
import type { MappedRecord } from "./lane.ts"
import { isStateTooLarge, utf8Length } from "./verdict.ts"

/** What an event says of its window. */
export interface WindowFacts {
  /** ms */
  readonly start: number
  readonly end: number
  /** JSON */
  readonly state: string
  readonly isFinal: boolean
  readonly isEarly: boolean
}

type Kept = Pick<ShardCheckpoint, "window" | "floor">

export class TumblingWindow {
  readonly #sizeMs: number
  #open: NonNullable<Kept["window"]> | undefined
  /** Windows before this are closed. */
  #floor: number

  constructor(sizeMs: number, { window, floor }: Kept) {
    this.#sizeMs = sizeMs
    this.#open = window
    this.#floor = floor ?? Number.NEGATIVE_INFINITY
  }

  get isOpen(): boolean {
    return this.#open !== undefined
  }

  /** Bytes of the state that an event carries. */
  get stateBytes(): number {
    return this.#open === undefined ? 2 : utf8Length(this.#open.state)
  }

  /** What is kept of it. */
  get checkpoint(): Kept {
    return {
      ...(this.#open === undefined ? {} : { window: this.#open }),
      ...(this.#floor === Number.NEGATIVE_INFINITY ? {} : { floor: this.#floor }),
    }
  }

  /** Of an event with these records; the first record of a window opens it. */
  facts(first: MappedRecord | undefined, isFinal: boolean): WindowFacts {
    if (first !== undefined) this.#open ??= { start: this.startOf(first), state: "{}", early: false }
    if (this.#open === undefined) throw new Error("mapping: a last invocation without a window")
    const { start, state, early } = this.#open
    return { start, end: start + this.#sizeMs, state, isFinal, isEarly: early }
  }

  /** A batch is done, or a part of it. */
  keep(state: string | undefined): void {
    if (state !== undefined && this.#open !== undefined) this.#open = { start: this.#open.start, state, early: isStateTooLarge(state) }
  }

  /** Its last invocation is done. One that ended early leaves its time to what still comes. */
  close(): void {
    if (this.#open === undefined) return
    const { start, early } = this.#open
    this.#floor = early ? start : start + this.#sizeMs
    this.#open = undefined
  }

  /** The start of the window to which a record belongs: what comes late belongs to the one that is open. */
  startOf({ time }: MappedRecord, open: number = this.#open?.start ?? Number.NEGATIVE_INFINITY): number {
    const at = Math.max(time, this.#floor, open)
    return Math.floor(at / this.#sizeMs) * this.#sizeMs
  }

  /** Whether its last invocation is due, with this record next. */
  isOverBy(next: MappedRecord): boolean {
    const open = this.#open
    return open !== undefined && (open.early || this.startOf(next) > open.start)
  }

  /**
   * When its last invocation is due if nothing comes any more, in ms; Infinity when none is open.
   *
   * @param isClosed - whether nothing can come
   */
  overAt(isClosed: boolean): number {
    const open = this.#open
    if (open === undefined) return Number.POSITIVE_INFINITY
    if (open.early || isClosed) return Number.NEGATIVE_INFINITY
    return open.start + this.#sizeMs + limits.mappingWindowGraceMs
  }
}
