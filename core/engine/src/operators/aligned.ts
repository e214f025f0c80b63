/** Windows of one length at regular distances: tumbling and hopping ones. */
import { EvenFrames } from "./even-frames.ts"
import type { Frames } from "./frames.ts"

export class AlignedFrames extends EvenFrames implements Frames {
  newest(time: number): number {
    const rest = (time - this.offsetMs) % this.everyMs
    return time - (rest < 0 ? rest + this.everyMs : rest)
  }

  oldest(time: number): number {
    const newest = this.newest(time)
    return newest - (Math.ceil((this.sizeMs - (time - newest)) / this.everyMs) - 1) * this.everyMs
  }

  start(start: number): number {
    return start
  }

  end(start: number): number {
    return start + this.sizeMs
  }
}
