/** Patterns of records in the plan: what a match consists of, stage by stage. */

export interface PatternStage {
  readonly name: string
  /**
   * How a record of the stage follows the one taken before: `next`, at once; `followedBy`, the first that fits; `followedByAny`, any that
   * fits. `notNext` and `notFollowedBy` say what must not come there.
   */
  readonly follows: "next" | "followedBy" | "followedByAny" | "notNext" | "notFollowedBy"
  /** How many records it takes. */
  readonly least: number
  /** null: any number. */
  readonly most: number | null
  readonly optional: boolean
  /** Takes what it can before the next stage is looked at. */
  readonly greedy: boolean
  /** How its records follow each other. */
  readonly inner: "next" | "followedBy" | "followedByAny"
}

/** Which matches that have begun are given up when one is complete. */
export type PatternSkip =
  | { readonly kind: "none" | "to-next" | "past-last" }
  | { readonly kind: "to-first" | "to-last"; readonly stage: string }

export interface MatchShape {
  readonly kind: "match"
  readonly stages: readonly PatternStage[]
  /** The last record of a match comes less than this after the first; null: whenever. */
  readonly withinMs: number | null
  readonly skip: PatternSkip
}

/** Whether a record fits a stage, given the match so far and what the stage has taken of it. */
export type PatternCondition = (value: never, match: never, taken: never) => boolean

export interface MatchCode {
  readonly kind: "match"
  /** By stage. */
  readonly conditions: ReadonlyArray<{ readonly fits: PatternCondition; readonly until: PatternCondition | undefined }>
}
