/**
 * All matches of a pattern in a list of records, found by trying: no automaton, no partial matches, the whole history at hand. For
 * patterns without optional stages.
 */
import type { PatternStage } from "@millrace/model"

export interface ModelEvent {
  readonly t: number
  /** The letter that stages look for. */
  readonly v: string
}

export interface ModelMatch {
  /** Indexes of records, by stage. */
  readonly taken: readonly (readonly number[])[]
  /** Index of the record that completed it; Infinity: time did. */
  readonly done: number
}

/** A stage fits the records of its letters. */
export interface ModelStage extends PatternStage {
  readonly letters: string
  /** Letters that end it; none do where it is empty. */
  readonly until: string
}

export function matchesOf(stages: readonly ModelStage[], events: readonly ModelEvent[], within: number | null): ModelMatch[] {
  const found: ModelMatch[] = []
  const fits = (stage: ModelStage | undefined, i: number): boolean => stage?.letters.includes(events[i]?.v ?? "?") === true
  const inTime = (start: number, i: number): boolean =>
    i < events.length && (within === null || (events[i]?.t ?? 0) - (events[start]?.t ?? 0) < within)

  /** Places of the next record after `last`, as it must follow. */
  function* places(stage: ModelStage, follows: string, last: number, start: number): Iterable<number> {
    for (let i = last + 1; inTime(start, i); i++) {
      if (fits(stage, i)) {
        yield i
        if (follows !== "followedByAny") return
      }
      if (follows === "next") return
    }
  }

  /** The first record from `from` on that fits; Infinity: none does in time. */
  function firstOf(stage: ModelStage | undefined, from: number, start: number): number {
    for (let i = from; inTime(start, i); i++) if (fits(stage, i)) return i
    return Number.POSITIVE_INFINITY
  }

  /** All that may follow when the stages before `at` are done; a greedy stage takes the record `before` away from what follows. */
  function go(at: number, taken: readonly (readonly number[])[], last: number, start: number, before: number): void {
    const stage = stages[at]
    if (stage === undefined) {
      found.push({ taken, done: last })
      return
    }
    if (stage.follows === "notNext") {
      if (!inTime(start, last + 1) || fits(stage, last + 1) || last + 1 === before) return
      if (at + 1 === stages.length) found.push({ taken: [...taken, []], done: last + 1 })
      else go(at + 1, [...taken, []], last, start, before)
      return
    }
    if (stage.follows === "notFollowedBy") {
      const target = stages[at + 1]
      let end = last + 1
      while (inTime(start, end) && !fits(stage, end)) end++
      if (target === undefined) {
        // Only time proves it; the input ends after all time.
        if (!inTime(start, end) && before === Number.POSITIVE_INFINITY) found.push({ taken: [...taken, []], done: Number.POSITIVE_INFINITY })
        return
      }
      for (const i of places(target, target.follows, last, start)) if (i < end && i < before) loop(at + 1, [...taken, []], [i], start)
      return
    }
    for (const i of places(stage, stage.follows, last, start)) if (i < before) loop(at, taken, [i], start)
  }

  /** Whether a record between `last` and `next` settles what becomes of a greedy stage, so that it does not take `next`. */
  function isSettled(at: number, last: number, next: number, start: number): boolean {
    const stage = stages[at]
    if (stage === undefined || next === last + 1) return false
    if (stage.follows === "followedByAny") return false
    if (stage.follows === "next") return fits(stage, last + 1)
    if (stage.follows === "notNext") return fits(stage, last + 1) || at + 1 === stages.length || isSettled(at + 1, last, next, start)
    return firstOf(stage, last + 1, start) < next || (stage.follows === "notFollowedBy" && isSettled(at + 1, last, next, start))
  }

  /** A stage has taken these records: it may take more, and what follows may come. */
  function loop(at: number, taken: readonly (readonly number[])[], own: readonly number[], start: number): void {
    const stage = stages[at]
    if (stage === undefined) return
    const last = own.at(-1) as number
    const isFull = stage.most !== null && own.length >= stage.most
    let end = last + 1
    while (inTime(start, end) && !stage.until.includes(events[end]?.v ?? "?")) end++
    if (stage.greedy && own.length >= stage.least && !isFull) {
      const taking = stage.inner === "next" ? (fits(stage, last + 1) ? last + 1 : Number.POSITIVE_INFINITY) : firstOf(stage, last + 1, start)
      const more = taking < end ? taking : Number.POSITIVE_INFINITY
      go(at + 1, [...taken, own], last, start, more)
      if (more < end && !isSettled(at + 1, last, more, start)) loop(at, taken, [...own, more], start)
      return
    }
    if (own.length >= stage.least) go(at + 1, [...taken, own], last, start, Number.POSITIVE_INFINITY)
    if (isFull) return
    for (const i of places(stage, stage.inner, last, start)) if (i < end) loop(at, taken, [...own, i], start)
  }

  for (let i = 0; i < events.length; i++) if (fits(stages[0], i)) loop(0, [], [i], i)
  return found
}
