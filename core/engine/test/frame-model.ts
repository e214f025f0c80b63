/**
 * Windows that give early, final and refined results, in the plainest way: every window is kept with all of its events. The rule
 * of the specification, and nothing of the engine's code. Whose time it is, the watermark's or the clock's, decides who calls it.
 */
import type { Event } from "./window-model.ts"

/** A window. */
interface Frame {
  readonly start: number
  readonly end: number
}

export interface FrameRule {
  /** The windows that hold a time, the oldest first. */
  readonly frames: (time: number) => readonly Frame[]
  readonly lateness: number
  /** 0: no early results. */
  readonly early: number
}

export interface FrameResult extends Frame {
  readonly key: string
  readonly pane: "early" | "final" | "refined" | undefined
  readonly n: number
  readonly sum: number
}

interface Kept extends Frame {
  readonly key: string
  readonly events: Event[]
  given: boolean
  /** When it gives an early result, because it has changed. */
  early: number | undefined
}

export class FrameModel {
  readonly results: FrameResult[] = []
  readonly late: Event[] = []
  readonly #rule: FrameRule
  #windows: Kept[] = []
  /** How far time has come. */
  reached = Number.NEGATIVE_INFINITY

  constructor(rule: FrameRule) {
    this.#rule = rule
  }

  /** An event that counts at a time. */
  add(event: Event, time: number, now: number = this.reached): void {
    const { frames, lateness, early } = this.#rule
    const open = frames(time).filter(({ end }) => end + lateness > this.reached)
    if (open.length === 0) this.late.push(event)
    for (const { start, end } of open) {
      let window = this.#windows.find((each) => each.key === event.k && each.start === start)
      if (window === undefined) {
        window = { key: event.k, start, end, events: [], given: end <= this.reached, early: undefined }
        this.#windows.push(window)
      }
      window.events.push(event)
      if (window.given) this.#give(window, "refined")
      else if (early > 0) window.early ??= (Math.floor(now / early) + 1) * early
    }
  }

  /** Time moves on. */
  move(to: number): void {
    if (!(to > this.reached)) return
    this.#act(to)
    this.reached = to
  }

  /** The clock shows a time; it may have been set back. What counts is how far windows have acted. */
  tick(to: number): void {
    this.reached = Math.max(this.reached, this.#act(to))
  }

  /** Returns the last time at which there was something to do. */
  #act(to: number): number {
    const { lateness } = this.#rule
    const times = this.#windows.flatMap(({ end, given, early }) => [
      ...(given ? [] : [end]),
      ...(early !== undefined && early < end ? [early] : []),
    ])
    const due = [...new Set(times)].filter((time) => time <= to).toSorted((a, b) => a - b)
    const inOrder = this.#windows.toSorted((a, b) => (a.key === b.key ? a.start - b.start : a.key < b.key ? -1 : 1))
    for (const time of due) {
      for (const window of inOrder) {
        if (window.early !== time || window.end <= time) continue
        window.early = undefined
        this.#give(window, "early")
      }
      for (const window of inOrder) {
        if (window.end !== time || window.given) continue
        window.given = true
        this.#give(window, "final")
      }
    }
    this.#windows = this.#windows.filter(({ end, given }) => !given || end + lateness > to)
    return due.at(-1) ?? Number.NEGATIVE_INFINITY
  }

  #give({ key, start, end, events }: Kept, pane: "early" | "final" | "refined"): void {
    const { early, lateness } = this.#rule
    const n = events.length
    const sum = events.reduce((total, { v }) => total + v, 0)
    this.results.push({ key, start, end, pane: early > 0 || lateness > 0 ? pane : undefined, n, sum })
  }
}

/** Tumbling and hopping windows, found by trying all that could be. */
export function hoppingFrames(size: number, every: number, offset: number): FrameRule["frames"] {
  return (time) => {
    const found: Frame[] = []
    for (let i = Math.floor((time - size - offset) / every) - 1; i * every + offset <= time; i++) {
      const start = i * every + offset
      if (start + size > time) found.push({ start, end: start + size })
    }
    return found
  }
}
