/** Random but repeatable choices: the same seed, the same rolls. */
export class Dice {
  #state: number

  constructor(seed: number) {
    this.#state = seed | 0
  }

  /** A whole number from 0, below `sides`. */
  roll(sides: number): number {
    this.#state = (Math.imul(this.#state, 1_103_515_245) + 12_345) | 0
    return ((this.#state >>> 16) & 0x7fff) % sides
  }
}
