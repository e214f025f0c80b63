/**
 * The watermark of a stage's input: a promise that no record with an earlier event time is expected.
 *
 * W1  Within a source partition it is the highest event time so far minus `outOfOrder`, record by record.
 * W2  After a repartition it is the minimum over the upstream partitions; idle and ended ones are left out. With every upstream
 *     idle it is as far as the furthest has said.
 * W3  It never goes back.
 */

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

/** W2, W3. */
export class MergedClock {
  /** Watermark of each upstream partition, in ms; -Infinity: not heard of. */
  readonly marks: Float64Array
  readonly #idle: Uint8Array
  watermark: number

  constructor(upstreams: number, marks: readonly number[], idle: readonly number[], watermark: number) {
    this.marks = new Float64Array(upstreams).fill(Number.NEGATIVE_INFINITY)
    this.marks.set(marks.slice(0, upstreams))
    this.#idle = new Uint8Array(upstreams)
    for (const upstream of idle) if (upstream < upstreams) this.#idle[upstream] = 1
    this.watermark = watermark
    // A transaction may have ended before all that a mark made due was done: the clock is ahead of what was done.
    this.#settle()
  }

  /** Takes all back to what it was. */
  restore(marks: readonly number[], idle: readonly number[], watermark: number): void {
    this.marks.set(marks)
    this.#idle.fill(0)
    for (const upstream of idle) this.#idle[upstream] = 1
    this.watermark = watermark
    this.#settle()
  }

  get idle(): number[] {
    const idle: number[] = []
    for (const [upstream, flag] of this.#idle.entries()) if (flag === 1) idle.push(upstream)
    return idle
  }

  /** An upstream partition has reached a watermark; returns the minimum. */
  mark(upstream: number, watermark: number): number {
    const before = this.marks[upstream] as number
    const woke = this.#idle[upstream] === 1
    this.#idle[upstream] = 0
    if (watermark > before) this.marks[upstream] = watermark
    // Only the one that held the others back can move the minimum.
    if (woke || before <= this.watermark) this.#settle()
    return this.watermark
  }

  /** An upstream partition has nothing to say for now; returns the minimum over the others. */
  rest(upstream: number): number {
    this.#idle[upstream] = 1
    this.#settle()
    return this.watermark
  }

  #settle(): void {
    let least = Number.POSITIVE_INFINITY
    let furthest = Number.NEGATIVE_INFINITY
    let waiting = false
    for (let i = 0; i < this.marks.length; i++) {
      const mark = this.marks[i] as number
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
