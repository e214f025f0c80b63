/** Where windows begin and end whose bounds do not depend on the records. */
import type { AlignedPlan, WindowPlan } from "@millrace/model"
import { CalendarFrames } from "./calendar.ts"

export interface Frames {
  /** Start of the newest window that holds a time, in ms. */
  newest(time: number): number
  /** First instant after the window that starts at `start`. */
  end(start: number): number
  /** The starts of all windows that hold a time, the oldest first. */
  starts(time: number): Iterable<number>
  /** Whether windows overlap. */
  readonly overlap: boolean
}

export function framesOf(plan: WindowPlan): Frames {
  return plan.kind === "calendar" ? new CalendarFrames(plan) : new AlignedFrames(plan)
}

/** Windows of one length at regular distances. */
class AlignedFrames implements Frames {
  readonly #sizeMs: number
  readonly #everyMs: number
  readonly #offsetMs: number
  /** How far before the newest start the oldest lies that may hold a time. */
  readonly #spanMs: number
  readonly overlap: boolean

  constructor({ sizeMs, everyMs, offsetMs }: AlignedPlan) {
    this.#sizeMs = sizeMs
    this.#everyMs = everyMs
    this.#offsetMs = offsetMs
    this.#spanMs = (Math.ceil(sizeMs / everyMs) - 1) * everyMs
    this.overlap = sizeMs > everyMs
  }

  newest(time: number): number {
    const rest = (time - this.#offsetMs) % this.#everyMs
    return time - (rest < 0 ? rest + this.#everyMs : rest)
  }

  end(start: number): number {
    return start + this.#sizeMs
  }

  *starts(time: number): Iterable<number> {
    const newest = this.newest(time)
    for (let start = newest - this.#spanMs; start <= newest; start += this.#everyMs) {
      if (start + this.#sizeMs > time) yield start
    }
  }
}
