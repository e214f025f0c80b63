/** Turns of those who read records: each holds an answer of up to 10 MiB in memory while it is made, so few make one at once. */
import { limits } from "@millrace/model"

export class Reads {
  #underWay = 0
  readonly #waiting: (() => void)[] = []

  async turn<Result>(act: () => Promise<Result>): Promise<Result> {
    if (this.#underWay >= limits.kinesisReadsMax) await new Promise<void>((resolve) => this.#waiting.push(resolve))
    else this.#underWay++
    try {
      return await act()
    } finally {
      // The next one takes over this turn.
      const next = this.#waiting.shift()
      if (next === undefined) this.#underWay--
      else next()
    }
  }
}
