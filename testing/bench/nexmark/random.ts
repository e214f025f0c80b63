/**
 * A small generator of random numbers that starts anew at each event: what is drawn for an event depends on the seed
 * and the event's id alone, so that events can be made in any order, by any number of threads, again and again.
 * The sequence within an event is mulberry32 (public domain, Tommy Ettinger).
 */
export class EventRandom {
  readonly #seed: number
  #state = 0

  constructor(seed: number) {
    this.#seed = mixed(seed | 0)
  }

  /** Starts the sequence of an event; `id` is a whole number up to 2^53. */
  start(id: number): this {
    this.#state = mixed((id | 0) ^ this.#seed) ^ mixed(Math.floor(id / 2 ** 32) + 0x5bd1e995)
    return this
  }

  /** A number from 0 to below 1. */
  unit(): number {
    const state = (this.#state = (this.#state + 0x6d2b79f5) | 0)
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }

  /** A whole number from 0 to below `end`. */
  below(end: number): number {
    return Math.floor(this.unit() * end)
  }
}

/** Spreads neighbouring numbers over all 32 bits (the finalizer of MurmurHash3, public domain, Austin Appleby). */
function mixed(value: number): number {
  let h = value | 0
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return h ^ (h >>> 16)
}
