/**
 * Folds the rows of a sliding window in as many steps as the logarithm of their number: blocks of time of a power of two, each the
 * fold of its halves, are remembered and shared by the windows that hold them whole.
 *
 * B1  A fold depends on the rows alone: blocks lie where they lie whatever is remembered, so it is the same, to the last bit of a sum,
 *     after a restart.
 * B2  Only blocks whose time is over are remembered: none of their rows changes any more. After a rollback all are forgotten.
 *
 * Not here: state. What is remembered can be made again from the rows.
 */
import { limits } from "@millrace/model"
import type { Accumulation, Accumulator } from "./accumulation.ts"

/** A row: an accumulator whose first number is its time. */
interface Row {
  readonly value: Accumulator | undefined
}

/** So many rows are folded one by one. */
const fewRows = 16

/** A key's blocks by level, the power of two of their length, and number; in the order in which they were made. */
type Blocks = Map<number, Accumulator>[]

export class SlidingBlocks {
  readonly #accumulation: Accumulation
  readonly #sizeMs: number
  /** The first level whose blocks are at least as long as a window, which so lies in two of them at most. */
  readonly #top: number
  readonly #known: Map<string, Blocks> = new Map()
  #count = 0

  constructor(accumulation: Accumulation, sizeMs: number) {
    this.#accumulation = accumulation
    this.#sizeMs = sizeMs
    this.#top = Math.ceil(Math.log2(sizeMs))
  }

  /**
   * The fold of the window of a key that ends at `end`, which all time up to there is over for.
   *
   * @param rows - in the order of their times, those of the window and perhaps others
   */
  fold(key: string, rows: readonly Row[], end: number): Accumulator {
    const acc = this.#accumulation.init()
    const start = end - this.#sizeMs
    const low = firstAt(rows, start, 0, rows.length)
    const high = firstAt(rows, end, low, rows.length)
    if (high - low <= fewRows) {
      this.forget(key)
      this.#foldRows(acc, rows, low, high)
      return acc
    }
    const blocks = this.#blocksOf(key, start)
    const length = 2 ** this.#top
    const first = Math.floor(start / length)
    const middle = firstAt(rows, (first + 1) * length, low, high)
    this.#foldPart(acc, blocks, rows, this.#top, first, low, middle, start, end)
    this.#foldPart(acc, blocks, rows, this.#top, first + 1, middle, high, start, end)
    return acc
  }

  /** The key has no rows any more. */
  forget(key: string): void {
    const blocks = this.#known.get(key)
    if (blocks === undefined) return
    this.#known.delete(key)
    for (const known of blocks) this.#count -= known?.size ?? 0
  }

  clear(): void {
    this.#known.clear()
    this.#count = 0
  }

  /** Folds what lies in a window and in a block: rows[low, high). */
  #foldPart(
    acc: Accumulator,
    blocks: Blocks,
    rows: readonly Row[],
    level: number,
    number: number,
    low: number,
    high: number,
    start: number,
    end: number,
  ): void {
    if (high - low <= fewRows) return this.#foldRows(acc, rows, low, high)
    const length = 2 ** level
    if (number * length >= start && (number + 1) * length <= end) {
      return this.#accumulation.merge(acc, this.#block(blocks, rows, level, number, low, high))
    }
    const middle = firstAt(rows, (number + 0.5) * length, low, high)
    this.#foldPart(acc, blocks, rows, level - 1, 2 * number, low, middle, start, end)
    this.#foldPart(acc, blocks, rows, level - 1, 2 * number + 1, middle, high, start, end)
  }

  /** The fold of a whole block, which has rows[low, high): more than a few. */
  #block(blocks: Blocks, rows: readonly Row[], level: number, number: number, low: number, high: number): Accumulator {
    const known = (blocks[level] ??= new Map())
    const before = known.get(number)
    if (before !== undefined) return before
    const acc = this.#accumulation.init()
    const middle = firstAt(rows, (number + 0.5) * 2 ** level, low, high)
    this.#foldHalf(acc, blocks, rows, level - 1, 2 * number, low, middle)
    this.#foldHalf(acc, blocks, rows, level - 1, 2 * number + 1, middle, high)
    known.set(number, acc)
    this.#count++
    return acc
  }

  #foldHalf(acc: Accumulator, blocks: Blocks, rows: readonly Row[], level: number, number: number, low: number, high: number): void {
    if (high - low <= fewRows) this.#foldRows(acc, rows, low, high)
    else this.#accumulation.merge(acc, this.#block(blocks, rows, level, number, low, high))
  }

  #foldRows(acc: Accumulator, rows: readonly Row[], low: number, high: number): void {
    for (let i = low; i < high; i++) this.#accumulation.merge(acc, rows[i]?.value as Accumulator)
  }

  /** The key's blocks, without those that lie before `start`. */
  #blocksOf(key: string, start: number): Blocks {
    if (this.#count > limits.slidingBlocksMax) this.clear()
    const blocks = this.#known.get(key) ?? []
    this.#known.set(key, blocks)
    for (const [level, known] of blocks.entries()) {
      for (const number of known?.keys() ?? []) {
        if ((number + 1) * 2 ** level > start) break
        known?.delete(number)
        this.#count--
      }
    }
    return blocks
  }
}

/** The first of rows[low, high) whose time is at or after `time`; `high`: none is. */
export function firstAt(rows: readonly Row[], time: number, low: number, high: number): number {
  let from = low
  let to = high
  while (from < to) {
    const middle = (from + to) >> 1
    if (((rows[middle] as Row).value as number[])[0] as number < time) from = middle + 1
    else to = middle
  }
  return from
}
