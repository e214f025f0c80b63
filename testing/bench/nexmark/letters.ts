/**
 * Random texts at the price of a slice. Drawing each letter would cost more than all the rest of an event, so a long
 * random text is drawn once and an event takes a piece of it from a place that its own random numbers choose.
 */
import { EventRandom } from "./random.ts"

const poolLength = 1 << 18
/** Longest piece that is ever asked for. */
const pieceLengthMax = 1_000
const shortest = 3
const specialOneIn = 13

export class Letters {
  readonly #plain: string
  readonly #spaced: string
  readonly #underscored: string

  constructor(seed: number) {
    this.#plain = drawn(seed, 1, undefined)
    this.#spaced = drawn(seed, 2, " ")
    this.#underscored = drawn(seed, 3, "_")
  }

  /** Exactly `length` letters a to z. */
  letters(random: EventRandom, length: number): string {
    return piece(this.#plain, random, length)
  }

  /** 3 to below `most` characters, one in 13 a space, trimmed. */
  words(random: EventRandom, most: number): string {
    return piece(this.#spaced, random, shortest + random.below(most - shortest)).trim()
  }

  /** 3 to below `most` characters, one in 13 an underscore. */
  slug(random: EventRandom, most: number): string {
    return piece(this.#underscored, random, shortest + random.below(most - shortest))
  }
}

function piece(pool: string, random: EventRandom, length: number): string {
  const from = random.below(poolLength - pieceLengthMax)
  return pool.slice(from, from + length)
}

function drawn(seed: number, which: number, special: string | undefined): string {
  const random = new EventRandom(seed).start(-which)
  const codes = new Uint8Array(poolLength)
  const specialCode = special?.charCodeAt(0)
  for (let i = 0; i < poolLength; i++) {
    const isSpecial = specialCode !== undefined && random.below(specialOneIn) === 0
    codes[i] = isSpecial ? specialCode : 97 + random.below(26)
  }
  return Buffer.from(codes.buffer).toString("latin1")
}
