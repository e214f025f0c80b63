/**
 * The automaton of a pattern: what becomes of the matches that have begun when a record comes. Pure: it knows neither state nor time
 * beyond what it is given. After the NFA of Apache Flink's CEP (Agrawal et al., "Efficient Pattern Matching over Event Streams", SIGMOD
 * 2008), without its shared buffer: records are named by numbers and lie elsewhere.
 */
import type { PatternStage } from "@millrace/model"

/** A match that has begun. */
export interface Partial {
  /** The stage that took the last record. */
  readonly stage: number
  /**
   * What it waits for: more records of its stage, the stages behind it, or whichever comes (greedy). Both kinds of waiting are separate
   * partials, so that a record that ends one does not end the other.
   */
  readonly waits: "more" | "next" | "either"
  /** Numbers of the records that each stage has taken. */
  readonly taken: ReadonlyArray<readonly number[]>
  /** Event time of the first record, in ms. */
  readonly since: number
}

/** Whether a record fits a stage of a partial; `until` ends a stage that takes any number. */
export interface Conditions {
  fits(stage: number, partial: Partial | undefined): boolean
  until(stage: number, partial: Partial): boolean
}

export interface Step {
  readonly partials: readonly Partial[]
  /** Matches that the record has completed. */
  readonly complete: readonly Partial[]
}

export function lastOf({ taken }: Partial): number {
  let last = -1
  for (const numbers of taken) last = Math.max(last, numbers.at(-1) ?? -1)
  return last
}

export function firstOf({ taken }: Partial): number {
  for (const numbers of taken) if (numbers[0] !== undefined) return numbers[0]
  return -1
}

export class Automaton {
  readonly #stages: readonly PatternStage[]

  constructor(stages: readonly PatternStage[]) {
    this.#stages = stages
  }

  /** All that may follow from a record: of the matches that have begun, and of one that begins with it. */
  step(partials: readonly Partial[], record: number, time: number, conditions: Conditions): Step {
    const next: Partial[] = []
    const complete: Partial[] = []
    for (const partial of partials) this.#follow(partial, record, conditions, next, complete)
    const none: readonly number[][] = this.#stages.map(() => [])
    for (const stage of this.#targets(-1)) {
      if (stage < this.#stages.length && conditions.fits(stage, undefined)) {
        this.#take({ stage, waits: "next", taken: none, since: time }, stage, record, next, complete)
      }
    }
    return { partials: next, complete }
  }

  /** Whether a partial is a match as it stands, once nothing more can come of it: it ends in what must not follow. */
  endsWell({ stage, waits }: Partial): boolean {
    return waits !== "more" && this.#stages[stage + 1]?.follows === "notFollowedBy" && stage + 2 === this.#stages.length
  }

  #follow(partial: Partial, record: number, conditions: Conditions, next: Partial[], complete: Partial[]): void {
    const { stage, waits } = partial
    const own = this.#stages[stage] as PatternStage
    const atOnce = record === lastOf(partial) + 1
    if (waits !== "next") {
      const count = (partial.taken[stage] as readonly number[]).length
      const room = own.most === null || count < own.most
      const over = room && conditions.until(stage, partial)
      const fits = room && !over && (own.inner !== "next" || atOnce) && conditions.fits(stage, partial)
      if (fits) this.#take(partial, stage, record, next, complete)
      const stays = room && !over && (own.inner === "followedByAny" || (own.inner === "followedBy" && !fits))
      if (waits === "more") {
        if (stays) next.push(partial)
        return
      }
      // Greedy: what the stage takes, no other looks at.
      if (fits) return
      if (!this.#proceed(partial, record, atOnce, conditions, next, complete) && stays && !this.#waitsForNext(stage)) next.push(partial)
      return
    }
    this.#proceed(partial, record, atOnce, conditions, next, complete)
  }

  /** Looks at the stages behind; keeps the partial where it may pass the record over. Whether it has been dealt with. */
  #proceed(partial: Partial, record: number, atOnce: boolean, conditions: Conditions, next: Partial[], complete: Partial[]): boolean {
    let from = partial.stage
    const barred = this.#stages[from + 1]
    if (barred?.follows === "notFollowedBy" || barred?.follows === "notNext") {
      const applies = barred.follows === "notFollowedBy" || atOnce
      if (applies && conditions.fits(from + 1, partial)) return true
      from++
      if (from + 1 === this.#stages.length) {
        if (barred.follows === "notNext") complete.push(partial)
        else next.push(partial)
        return true
      }
    }
    let taken = false
    let may = false
    let any = false
    for (const stage of this.#targets(from)) {
      const target = this.#stages[stage]
      if (target === undefined) continue
      const fits = (target.follows !== "next" || atOnce) && conditions.fits(stage, partial)
      if (fits) {
        taken = true
        this.#take(partial, stage, record, next, complete)
      }
      if (target.follows === "followedByAny") any = true
      if (target.follows === "followedBy") may = true
    }
    const stays = any || (may && !taken)
    if (stays) next.push(partial)
    return taken || stays
  }

  /** Whether a stage behind may wait for its record. */
  #waitsForNext(stage: number): boolean {
    return [...this.#targets(stage)].some((target) => {
      const follows = this.#stages[target]?.follows
      return follows === "followedBy" || follows === "followedByAny"
    })
  }

  /** A stage takes a record: what waits then, and whether that is a match. */
  #take(partial: Partial, stage: number, record: number, next: Partial[], complete: Partial[]): void {
    const own = this.#stages[stage] as PatternStage
    const taken = partial.taken.map((numbers, i) => (i === stage ? [...numbers, record] : numbers))
    const count = (taken[stage] as readonly number[]).length
    const grown = { stage, taken, since: partial.since }
    const more = own.most === null || count < own.most
    const enough = count >= own.least
    if (own.greedy && more && enough) next.push({ ...grown, waits: "either" })
    else {
      if (more) next.push({ ...grown, waits: "more" })
      if (enough && stage + 1 < this.#stages.length) next.push({ ...grown, waits: "next" })
    }
    if (enough && this.#mayEnd(stage)) complete.push({ ...grown, waits: "next" })
  }

  /** Whether nothing need follow a stage. */
  #mayEnd(stage: number): boolean {
    return this.#stages.slice(stage + 1).every(({ optional }) => optional)
  }

  /** The stages that may take the next record: those behind one that may be passed over, up to one that may not. */
  *#targets(stage: number): Iterable<number> {
    for (let i = stage + 1; i < this.#stages.length; i++) {
      yield i
      if (this.#stages[i]?.optional !== true) return
    }
  }
}
