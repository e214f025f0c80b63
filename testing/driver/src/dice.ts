/** Random but repeatable choices: the same seed, the same rolls. Not for anything but tests: it is a plain generator. */
export class Dice {
  #state: number

  /** @param seed - any whole number */
  constructor(seed: number) {
    // Seeds that lie side by side begin far apart.
    this.#state = Math.imul(seed ^ 0x9e37_79b9, 0x85eb_ca6b) | 0
  }

  /** A whole number from 0, below `sides`. */
  roll(sides: number): number {
    // Marsaglia's xorshift with a Weyl step, so that no state is a dead end.
    this.#state = (this.#state + 0x6d2b_79f5) | 0
    let mixed = this.#state
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) % sides
  }
}
