/**
 * The automaton of a pattern: what becomes of the matches that have begun when a record comes. Pure: it knows neither state nor time
 * beyond what it is given. After the NFA of Apache Flink's CEP (Agrawal et al., "Efficient Pattern Matching over Event Streams", SIGMOD
 * 2008); matches share what they have taken in common (take.ts).
 */
import type { PatternStage } from "@millrace/model"
import { type HeldRecord, type Partial, Take } from "./take.ts"

/** Whether a record fits a stage of what has been taken; `until` ends a stage that takes any number. */
export interface Conditions {
  fits(stage: number, last: Take | undefined): boolean
  until(stage: number, last: Take): boolean
}

export interface Step {
  readonly partials: readonly Partial[]
  /** Last takes of the matches that the record has completed. */
  readonly complete: readonly Take[]
}

export class Automaton {
  readonly #stages: readonly PatternStage[]
  /** By stage, from the one before the first: the stages that may take the next record. */
  readonly #targets: readonly (readonly number[])[]
  /** By stage: whether nothing need follow it. */
  readonly #mayEnd: readonly boolean[]
  /** By stage: whether one behind it may wait for its record. */
  readonly #mayWait: readonly boolean[]

  constructor(stages: readonly PatternStage[]) {
    this.#stages = stages
    this.#targets = Array.from({ length: stages.length + 1 }, (_, at) => [...targetsFrom(stages, at - 1)])
    this.#mayEnd = stages.map((_, stage) => stages.slice(stage + 1).every(({ optional }) => optional))
    this.#mayWait = stages.map((_, stage) =>
      this.#targetsOf(stage).some((target) => {
        const follows = stages[target]?.follows
        return follows === "followedBy" || follows === "followedByAny"
      }),
    )
  }

  /** All that may follow from a record: of the matches that have begun, in their order, and of one that begins with it. */
  step(partials: readonly Partial[], record: HeldRecord, time: number, conditions: Conditions): Step {
    const next: Partial[] = []
    const complete: Take[] = []
    for (const partial of partials) this.#follow(partial, record, conditions, next, complete)
    for (const stage of this.#targetsOf(-1)) {
      if (conditions.fits(stage, undefined)) this.#take(undefined, stage, record, time, next, complete)
    }
    return { partials: next, complete }
  }

  /** Whether a partial is a match as it stands, once nothing more can come of it: it ends in what must not follow. */
  endsWell({ take: { stage }, waits }: Partial): boolean {
    return waits !== "more" && this.#stages[stage + 1]?.follows === "notFollowedBy" && stage + 2 === this.#stages.length
  }

  #follow(partial: Partial, record: HeldRecord, conditions: Conditions, next: Partial[], complete: Take[]): void {
    const { take, waits } = partial
    const { stage } = take
    const atOnce = record.number === take.record.number + 1
    if (waits === "next") {
      this.#proceed(partial, record, atOnce, conditions, next, complete)
      return
    }
    const own = this.#stages[stage] as PatternStage
    const room = own.most === null || take.count < own.most
    const over = room && conditions.until(stage, take)
    const fits = room && !over && (own.inner !== "next" || atOnce) && conditions.fits(stage, take)
    if (fits) this.#take(take, stage, record, take.since, next, complete)
    const stays = room && !over && (own.inner === "followedByAny" || (own.inner === "followedBy" && !fits))
    if (waits === "more") {
      if (stays) next.push(partial)
      return
    }
    // Greedy: what the stage takes, no other looks at.
    if (fits) return
    if (over) {
      // From here on it takes nothing more, whatever comes.
      this.#proceed({ take, waits: "next" }, record, atOnce, conditions, next, complete)
      return
    }
    if (!this.#proceed(partial, record, atOnce, conditions, next, complete) && stays && this.#mayWait[stage] === false) next.push(partial)
  }

  /** Looks at the stages behind; keeps the partial where it may pass the record over. Whether it has been dealt with. */
  #proceed(partial: Partial, record: HeldRecord, atOnce: boolean, conditions: Conditions, next: Partial[], complete: Take[]): boolean {
    const { take } = partial
    let from = take.stage
    const barred = this.#stages[from + 1]
    if (barred?.follows === "notFollowedBy" || barred?.follows === "notNext") {
      const applies = barred.follows === "notFollowedBy" || atOnce
      if (applies && conditions.fits(from + 1, take)) return true
      from++
      if (from + 1 === this.#stages.length) {
        if (barred.follows === "notNext") complete.push(take)
        else next.push(partial)
        return true
      }
    }
    let taken = false
    let may = false
    let any = false
    for (const stage of this.#targetsOf(from)) {
      const { follows } = this.#stages[stage] as PatternStage
      if ((follows !== "next" || atOnce) && conditions.fits(stage, take)) {
        taken = true
        this.#take(take, stage, record, take.since, next, complete)
      }
      if (follows === "followedByAny") any = true
      if (follows === "followedBy") may = true
    }
    const stays = any || (may && !taken)
    if (stays) next.push(partial)
    return taken || stays
  }

  /** A stage takes a record: what waits then, and whether that is a match. */
  #take(before: Take | undefined, stage: number, record: HeldRecord, time: number, next: Partial[], complete: Take[]): void {
    const own = this.#stages[stage] as PatternStage
    const take = new Take(stage, record, before, time)
    const more = own.most === null || take.count < own.most
    const enough = take.count >= own.least
    if (own.greedy && more && enough) next.push({ take, waits: "either" })
    else {
      if (more) next.push({ take, waits: "more" })
      if (enough && stage + 1 < this.#stages.length) next.push({ take, waits: "next" })
    }
    if (enough && this.#mayEnd[stage] === true) complete.push(take)
  }

  #targetsOf(stage: number): readonly number[] {
    return this.#targets[stage + 1] as readonly number[]
  }
}

/** Those behind a stage that may be passed over, up to one that may not. */
function* targetsFrom(stages: readonly PatternStage[], stage: number): Iterable<number> {
  for (let i = stage + 1; i < stages.length; i++) {
    yield i
    if (stages[i]?.optional !== true) return
  }
}
