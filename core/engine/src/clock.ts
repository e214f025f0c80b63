/**
 * The watermark of a stage's input: a promise that no record with an earlier event time is expected.
 *
 * W1  Within a source partition it is the highest event time so far minus `outOfOrder`, record by record.
 * W2  After a repartition it is the minimum over the upstream partitions; idle and ended ones are left out. With every upstream
 *     idle it is as far as the furthest has said.
 * W3  It never goes back.
 * W50 After a pause it is held for a while, so that upstreams which wake one after the other do not make each other's records late.
 * An upstream partition that comes to be when a stream is resharded is told of before the one that it came from ends.
 */
import { limits } from "@millrace/model"

/** W1. The hot loop of the stage reads and writes `highest` itself. */
export class SourceClock {
  readonly outOfOrderMs: number
  /** Highest event time so far, in ms. */
  highest: number

  constructor(outOfOrderMs: number, highest: number) {
    this.outOfOrderMs = outOfOrderMs
    this.highest = highest
  }
}

/** The mark of an upstream partition that came to be when a stream was resharded, before it is heard of. */
const unheard = Number.MAX_VALUE

/** What a {@link MergedClock} remembers. */
export interface MergedTimes {
  readonly marks: readonly number[]
  readonly idle: readonly number[]
  readonly watermark: number
  /** See {@link MergedClock.heldUntil}. */
  readonly heldUntil: number
  /** Clock time of the last mark, in ms. */
  readonly heardAt: number
  /** Clock time of the last mark after a silence of half the idle time, in ms. */
  readonly backAt: number
}

/** W2, W3, W50. Times of the clock are those that it is told. */
export class MergedClock {
  /** Watermark of each upstream partition, in ms; -Infinity: not heard of. */
  marks: Float64Array
  #idle: Uint8Array
  readonly #idleMs: number
  readonly #wakeMs: number
  watermark: number
  /**
   * Clock time until which the watermark stands still, in ms; Infinity: it does not; -Infinity: that is over, but what it has made due
   * may not all be done.
   */
  heldUntil: number
  heardAt: number
  backAt: number

  /** @param upstreams - those that there were at first: who came to be when a stream was resharded is known by its marks */
  constructor(upstreams: number, idleMs: number, { marks, idle, watermark, heldUntil, heardAt, backAt }: MergedTimes) {
    this.marks = new Float64Array(Math.max(upstreams, marks.length)).fill(Number.NEGATIVE_INFINITY)
    this.marks.set(marks)
    this.#idle = new Uint8Array(this.marks.length)
    for (const upstream of idle) this.#idle[upstream] = 1
    this.#idleMs = idleMs
    this.#wakeMs = Math.min(limits.wakeMs, idleMs)
    this.watermark = watermark
    this.heldUntil = heldUntil
    this.heardAt = heardAt
    this.backAt = backAt
    // A transaction may have ended before all that a mark made due was done: the clock is ahead of what was done.
    this.#settle()
  }

  /** Takes all back to what it was. */
  restore({ marks, idle, watermark, heldUntil, heardAt, backAt }: MergedTimes): void {
    if (marks.length < this.marks.length) this.marks = this.marks.slice(0, marks.length)
    this.marks.set(marks)
    this.#idle = new Uint8Array(marks.length)
    for (const upstream of idle) this.#idle[upstream] = 1
    this.watermark = watermark
    this.heldUntil = heldUntil
    this.heardAt = heardAt
    this.backAt = backAt
    this.#settle()
  }

  get idle(): number[] {
    const idle: number[] = []
    for (const [upstream, flag] of this.#idle.entries()) if (flag === 1) idle.push(upstream)
    return idle
  }

  /**
   * An upstream partition has reached a watermark; returns the minimum.
   *
   * @param now - the clock, in ms
   */
  mark(upstream: number, watermark: number, now: number): number {
    if (upstream >= this.marks.length) this.#grow(upstream)
    let before = this.marks[upstream] as number
    if (before === unheard) {
      before = Number.NEGATIVE_INFINITY
      this.marks[upstream] = before
    }
    const woke = this.#idle[upstream] === 1
    const silent = now - this.heardAt >= this.#idleMs / 2
    // The end of one says nothing about when the others go on.
    if ((woke || silent) && watermark < Number.POSITIVE_INFINITY && this.#pauses(upstream, silent)) {
      this.heldUntil = now + this.#wakeMs
    }
    this.heardAt = now
    if (silent) this.backAt = now
    this.#idle[upstream] = 0
    if (watermark > before) this.marks[upstream] = watermark
    if (this.#holds) {
      // All are back.
      if (!this.#rests(-1)) this.release()
    } else if (woke || before <= this.watermark) this.#settle() // Only the one that held the others back can move the minimum.
    return this.watermark
  }

  /**
   * An upstream partition has nothing to say for now; returns the minimum over the others.
   *
   * @param now - the clock, in ms
   */
  rest(upstream: number, now: number): number {
    if (upstream >= this.marks.length) this.#grow(upstream)
    // The others may just have ended a pause that this one is about to end, too.
    if (this.heldUntil === Number.POSITIVE_INFINITY && now - this.backAt < this.#wakeMs) this.heldUntil = this.backAt + this.#wakeMs
    this.#idle[upstream] = 1
    this.#settle()
    return this.watermark
  }

  /** Whether the watermark has been held for its time, or by a clock that has been set back since. */
  heldLongEnough(now: number): boolean {
    return this.heldUntil <= now || (this.#holds && this.heldUntil - now > limits.wakeMs)
  }

  /** The watermark is not held any more; `heldUntil` says so until {@link done}: what that makes due has been done. */
  release(): void {
    this.heldUntil = Number.NEGATIVE_INFINITY
    this.#settle()
  }

  done(): void {
    if (this.heldUntil === Number.NEGATIVE_INFINITY) this.heldUntil = Number.POSITIVE_INFINITY
  }

  get #holds(): boolean {
    return Number.isFinite(this.heldUntil)
  }

  /**
   * W50: whether what this upstream says may end a pause that others will end in a moment, too: all rest, or one does and none has said
   * anything for so long that the others are about to.
   */
  #pauses(upstream: number, silent: boolean): boolean {
    return this.heldUntil === Number.POSITIVE_INFINITY && this.#rests(upstream) && (silent || !this.#wakes())
  }

  /** Whether any upstream but this one rests. */
  #rests(but: number): boolean {
    for (let i = 0; i < this.marks.length; i++) {
      if (i !== but && this.#idle[i] === 1 && (this.marks[i] as number) < unheard) return true
    }
    return false
  }

  /** Whether any upstream is neither at rest nor at its end. */
  #wakes(): boolean {
    for (let i = 0; i < this.marks.length; i++) if (this.#idle[i] === 0 && (this.marks[i] as number) < unheard) return true
    return false
  }

  /** One that is not heard of yet holds nobody back: the one that it came from does, until it ends. */
  #grow(upstream: number): void {
    const marks = new Float64Array(upstream + 1).fill(unheard)
    marks.set(this.marks)
    const idle = new Uint8Array(upstream + 1)
    idle.set(this.#idle)
    this.marks = marks
    this.#idle = idle
  }

  #settle(): void {
    if (this.#holds) return
    let least = Number.POSITIVE_INFINITY
    let furthest = Number.NEGATIVE_INFINITY
    let waiting = false
    for (let i = 0; i < this.marks.length; i++) {
      const mark = this.marks[i] as number
      if (mark === unheard) continue
      // An ended one is never idle again: it waits for nothing.
      if (mark < Number.POSITIVE_INFINITY && mark > furthest) furthest = mark
      if (this.#idle[i] === 1 && mark < Number.POSITIVE_INFINITY) waiting = true
      else if (mark < least) least = mark
    }
    // An idle upstream has not ended: while others are idle, the end of one is not the end of all. With every upstream
    // idle there is nobody to wait for: time is as far as the furthest has said, whichever came to rest first (as in Flink).
    if (waiting && least === Number.POSITIVE_INFINITY) least = furthest
    if (least > this.watermark) this.watermark = least
  }
}
