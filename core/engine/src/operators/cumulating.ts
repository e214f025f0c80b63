/**
 * Windows that begin together and end one after the other, each longer than the one before. One is known by the start of its last step,
 * so that numbers go up as ends do.
 */
import { EvenFrames } from "./even-frames.ts"
import type { Frames } from "./frames.ts"

export class CumulatingFrames extends EvenFrames implements Frames {
  newest(time: number): number {
    return this.start(time) + this.sizeMs - this.everyMs
  }

  oldest(time: number): number {
    const start = this.start(time)
    return time - ((time - start) % this.everyMs)
  }

  start(id: number): number {
    const rest = (id - this.offsetMs) % this.sizeMs
    return id - (rest < 0 ? rest + this.sizeMs : rest)
  }

  end(id: number): number {
    return id + this.everyMs
  }
}
