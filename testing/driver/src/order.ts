/**
 * The order of play: which seat works next and how its input is cut into batches and transactions. What a service gives
 * must not depend on it; a seed makes it as wild as it can be on a machine with many workers, the same each time.
 */
import { limits } from "@millrace/model"
import { Dice } from "./dice.ts"

/** How many entries each batch of the next transaction takes. */
export type Cut = readonly number[]

export interface Order {
  /** Which of `count` seats with input works next. */
  next(count: number): number
  cut(): Cut
  /** How many records of those that wait to be sent go into the next request. */
  request(waiting: number): number
  /** How many transactions there are between two requests. */
  between(): number
  /** Whether the store takes up the state of all commits now, so that memory may let go of it. */
  folds(): boolean
  /** How many bytes of state may stay in memory. */
  readonly stateBytesMost: number
  /** After how many bytes of results and changes a transaction ends, in the midst of its input. */
  readonly transactionBytes: number
}

const everything: Cut = [Number.POSITIVE_INFINITY]

/** The first seat that has input takes all of it. */
export const plainOrder: Order = {
  next: () => 0,
  cut: () => everything,
  request: (waiting) => waiting,
  between: () => 0,
  folds: () => false,
  stateBytesMost: Number.POSITIVE_INFINITY,
  transactionBytes: limits.transactionBytes,
}

/** Any seat, any cut, small ones as often as large ones; transactions that end early; state that comes back from the store. */
export function randomOrder(seed: number): Order {
  const dice = new Dice(seed)
  const size = (): number => 1 + dice.roll(2 ** dice.roll(12))
  return {
    next: (count) => dice.roll(count),
    cut: () => Array.from({ length: 1 + dice.roll(3) }, size),
    request: (waiting) => Math.min(waiting, size()),
    between: () => dice.roll(4),
    folds: () => dice.roll(5) === 0,
    // Mostly so little that what the store can give back is read again and again.
    stateBytesMost: dice.roll(4) === 0 ? Number.POSITIVE_INFINITY : dice.roll(4_096),
    transactionBytes: dice.roll(4) === 0 ? limits.transactionBytes : 64 * 2 ** dice.roll(8),
  }
}
