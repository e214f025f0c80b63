/** Windows of one length at regular distances: tumbling and hopping ones. */
import type { AlignedPlan } from "@millrace/model"
import type { Frames } from "./frames.ts"

export class AlignedFrames implements Frames {
  readonly #sizeMs: number
  readonly #everyMs: number
  readonly #offsetMs: number
  readonly stepMs: number

  constructor({ sizeMs, everyMs, offsetMs }: AlignedPlan) {
    this.#sizeMs = sizeMs
    this.#everyMs = everyMs
    this.#offsetMs = offsetMs
    this.stepMs = sizeMs > everyMs ? everyMs : Number.POSITIVE_INFINITY
  }

  newest(time: number): number {
    const rest = (time - this.#offsetMs) % this.#everyMs
    return time - (rest < 0 ? rest + this.#everyMs : rest)
  }

  oldest(time: number): number {
    const newest = this.newest(time)
    return newest - (Math.ceil((this.#sizeMs - (time - newest)) / this.#everyMs) - 1) * this.#everyMs
  }

  start(start: number): number {
    return start
  }

  end(start: number): number {
    return start + this.#sizeMs
  }
}
