/** Windows that begin, or grow, at regular distances: what their plan says of sizes and distances. */
import type { AlignedPlan } from "@millrace/model"

export class EvenFrames {
  readonly sizeMs: number
  readonly everyMs: number
  readonly offsetMs: number
  /** See `Frames.stepMs`. */
  readonly stepMs: number

  constructor({ sizeMs, everyMs, offsetMs }: AlignedPlan) {
    this.sizeMs = sizeMs
    this.everyMs = everyMs
    this.offsetMs = offsetMs
    this.stepMs = sizeMs > everyMs ? everyMs : Number.POSITIVE_INFINITY
  }
}
