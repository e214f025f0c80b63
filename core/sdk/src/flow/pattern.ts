/**
 * Patterns: what to look for in the records of a key, stage by stage. A pattern is a plain value; the flow's `match` looks for it. The
 * types follow: a condition knows the stages before its own, and a match is an object with a field for each stage.
 */
import {
  type Duration,
  limits,
  type MatchCode,
  type MatchShape,
  MillraceError,
  type PatternCondition,
  type PatternSkip,
  type PatternStage,
} from "@millrace/model"
import type { Origin, StatefulDefinition } from "../definition.ts"
import { checkedMs, checkedName, checkedWhole, checkFunction } from "../setting.ts"

/** A match with one stage more. */
export type MatchWith<Done, Name extends string, Value> = { readonly [N in keyof Done | Name]: N extends keyof Done ? Done[N] : Value }

/**
 * Whether a record fits a stage: `match` has the stages before, `taken` what this stage has taken already. It must depend on nothing but
 * its arguments, and not keep `match` or `taken`: they are those of the next call, too. What it does not look at costs nothing.
 */
export type Fits<T, Match> = (value: T, match: Match, taken: readonly T[]) => boolean

/** What becomes of matches that have begun when one is complete. */
export type AfterMatch<Name extends string> =
  /** They go on: every match is found. */
  | "no-skip"
  /** Those that begin with the same record are given up. */
  | "to-next"
  /** Those that begin with any of its records are given up, so that matches do not overlap. */
  | "past-last"
  /** Those that begin before the first, or the last, record of a stage are given up. */
  | { readonly toFirst: Name }
  | { readonly toLast: Name }

/** One part of a pattern, as it is being written. */
interface Part {
  readonly stage: PatternStage
  readonly fits: PatternCondition
  readonly until: PatternCondition | undefined
}

/** Where a pattern begins: given to the function that `match` takes. */
export class PatternStart<T> {
  readonly #of: string

  /** @param of - the operator, for errors */
  constructor(of: string) {
    this.#of = of
  }

  /** The first stage: each record that fits begins a match of its own. */
  begin<Name extends string>(name: Name, fits: Fits<T, object> = () => true): Pattern<T, object, Name, T> {
    return new Pattern(this.#of, [partOf(this.#of, name, "followedBy", fits)], null, { kind: "none" })
  }
}

/** A pattern so far; quantifiers are about its last stage. */
export class Pattern<T, Done, Name extends string, Value> {
  readonly #of: string
  readonly #parts: readonly Part[]
  readonly #withinMs: number | null
  readonly #skip: PatternSkip
  /** Never there: makes the compiler tell patterns apart. */
  declare readonly "~match": MatchWith<Done, Name, Value>
  declare readonly "~value": T

  constructor(of: string, parts: readonly Part[], withinMs: number | null, skip: PatternSkip) {
    this.#of = of
    this.#parts = parts
    this.#withinMs = withinMs
    this.#skip = skip
  }

  /** The record that comes next must fit, or there is no match. */
  next<N extends string>(name: N, fits: Fits<T, MatchWith<Done, Name, Value>>): Pattern<T, MatchWith<Done, Name, Value>, N, T> {
    return this.#with(partOf(this.#of, name, "next", fits))
  }

  /** The first record that fits; what comes between is passed over. */
  followedBy<N extends string>(name: N, fits: Fits<T, MatchWith<Done, Name, Value>>): Pattern<T, MatchWith<Done, Name, Value>, N, T> {
    return this.#with(partOf(this.#of, name, "followedBy", fits))
  }

  /** Any record that fits: a match for each of them. */
  followedByAny<N extends string>(name: N, fits: Fits<T, MatchWith<Done, Name, Value>>): Pattern<T, MatchWith<Done, Name, Value>, N, T> {
    return this.#with(partOf(this.#of, name, "followedByAny", fits))
  }

  /** The record that comes next must not fit. */
  notNext(name: string, fits: Fits<T, MatchWith<Done, Name, Value>>): Pattern<T, MatchWith<Done, Name, Value>, never, never> {
    return this.#with(partOf(this.#of, name, "notNext", fits))
  }

  /** No record that fits may come before the next stage; at the end of a pattern, before its time is over. */
  notFollowedBy(name: string, fits: Fits<T, MatchWith<Done, Name, Value>>): Pattern<T, MatchWith<Done, Name, Value>, never, never> {
    return this.#with(partOf(this.#of, name, "notFollowedBy", fits))
  }

  /** The last stage takes one or more records: a list. Unless greedy, a match for each number of them. */
  oneOrMore(): Pattern<T, Done, Name, readonly T[]> {
    return this.#change("oneOrMore", { least: 1, most: null })
  }

  /** The last stage takes so many records, or from `n` to `most`: a list. */
  times(n: number, most: number = n): Pattern<T, Done, Name, readonly T[]> {
    const what = this.#what("times")
    checkedWhole(n, 1, limits.partialMatchesMax, what)
    checkedWhole(most, Math.max(2, n), limits.partialMatchesMax, `${what}, most`)
    return this.#change("times", { least: n, most })
  }

  /** The last stage takes `n` records or more: a list. */
  timesOrMore(n: number): Pattern<T, Done, Name, readonly T[]> {
    checkedWhole(n, 1, limits.partialMatchesMax, this.#what("timesOrMore"))
    return this.#change("timesOrMore", { least: n, most: null })
  }

  /** The last stage need not take anything. */
  optional(): Pattern<T, Done, Name, Value extends readonly unknown[] ? Value : Value | undefined> {
    return this.#change("optional", { optional: true })
  }

  /** The last stage takes all that it can before the next one is looked at: one match instead of one for each number. */
  greedy(): Pattern<T, Done, Name, Value> {
    return this.#loop("greedy", { greedy: true })
  }

  /** The records of the last stage follow each other at once. */
  consecutive(): Pattern<T, Done, Name, Value> {
    return this.#loop("consecutive", { inner: "next" })
  }

  /** The records of the last stage are any that fit: a match for each choice of them. */
  allowCombinations(): Pattern<T, Done, Name, Value> {
    return this.#loop("allowCombinations", { inner: "followedByAny" })
  }

  /** A record for which it answers true ends the last stage, which takes any number; it is not taken by it. */
  until(fits: Fits<T, MatchWith<Done, Name, Value>>): Pattern<T, Done, Name, Value> {
    checkFunction(fits, this.#what("until"))
    if (this.#last.stage.most !== null) throw this.#fault("until", "the stage takes a fixed number of records; put .oneOrMore() or .timesOrMore(…) before.")
    return new Pattern(this.#of, [...this.#parts.slice(0, -1), { ...this.#last, until: fits }], this.#withinMs, this.#skip)
  }

  /** The last record of a match comes less than this after its first. What is not complete by then goes to `timedOut`. */
  within(time: Duration): Pattern<T, Done, Name, Value> {
    return new Pattern(this.#of, this.#parts, checkedMs(time, `${this.#of}, within`, 1), this.#skip)
  }

  /** What becomes of matches that have begun when one is complete. @default "no-skip" */
  skip(after: AfterMatch<(keyof Done & string) | Name>): Pattern<T, Done, Name, Value> {
    return new Pattern(this.#of, this.#parts, this.#withinMs, this.#skipOf(after))
  }

  /** @throws MR1101 for a pattern that can match nothing, or that nothing can complete */
  definition(name: string, from: Origin): StatefulDefinition {
    checkedName(name, "match")
    const stages = this.#parts.map(({ stage }) => stage)
    const fault = faultOf(stages, this.#withinMs)
    if (fault !== undefined) throw new MillraceError("MR1101", `match ${JSON.stringify(name)}: ${fault}`)
    const shape: MatchShape = { kind: "match", stages: Object.freeze(stages), withinMs: this.#withinMs, skip: this.#skip }
    const code: MatchCode = { kind: "match", conditions: this.#parts.map(({ fits, until }) => ({ fits, until })) }
    return {
      kind: "stateful",
      name,
      inputs: Object.freeze([Object.freeze({ from })] as const),
      shape: Object.freeze(shape),
      code: Object.freeze(code),
    }
  }

  get #last(): Part {
    return this.#parts.at(-1) as Part
  }

  #with<D, N extends string, V>(part: Part): Pattern<T, D, N, V> {
    if (this.#parts.some(({ stage }) => stage.name === part.stage.name)) {
      throw new MillraceError("MR1101", `${this.#of}: two stages are named ${JSON.stringify(part.stage.name)}; a match has one field for each.`)
    }
    return new Pattern(this.#of, [...this.#parts, part], this.#withinMs, this.#skip)
  }

  #change<V>(word: string, how: Partial<PatternStage>): Pattern<T, Done, Name, V> {
    const { stage } = this.#last
    if (isNot(stage)) throw this.#fault(word, "a stage that must not come takes nothing.")
    const changed = { ...this.#last, stage: Object.freeze({ ...stage, ...how }) }
    return new Pattern(this.#of, [...this.#parts.slice(0, -1), changed], this.#withinMs, this.#skip)
  }

  #loop(word: string, how: Partial<PatternStage>): Pattern<T, Done, Name, Value> {
    if (this.#last.stage.most === 1) throw this.#fault(word, "the stage takes one record; put .oneOrMore() or .times(…) before.")
    return this.#change(word, how)
  }

  #what(word: string): string {
    return `${this.#of}, stage ${JSON.stringify(this.#last.stage.name)}, ${word}`
  }

  #fault(word: string, why: string): MillraceError {
    return new MillraceError("MR1101", `${this.#what(word)}: ${why}`)
  }

  #skipOf(after: AfterMatch<string>): PatternSkip {
    if (after === "no-skip") return { kind: "none" }
    if (after === "to-next" || after === "past-last") return { kind: after }
    const given: unknown = after
    const [kind, stage] =
      typeof given === "object" && given !== null && "toFirst" in given
        ? (["to-first", given.toFirst] as const)
        : typeof given === "object" && given !== null && "toLast" in given
          ? (["to-last", given.toLast] as const)
          : [undefined, undefined]
    const found = this.#parts.find((part) => part.stage.name === stage)
    if (kind === undefined || found === undefined || isNot(found.stage)) {
      throw new MillraceError(
        "MR1101",
        `${this.#of}, skip: ${JSON.stringify(given)} is none of "no-skip", "to-next", "past-last", { toFirst: stage }, { toLast: stage }.`,
        { given },
      )
    }
    return Object.freeze({ kind, stage: found.stage.name })
  }
}

function partOf(of: string, name: string, follows: PatternStage["follows"], fits: unknown): Part {
  checkedName(name, `${of}, stage`)
  checkFunction(fits, `${of}, stage ${JSON.stringify(name)}, fits`)
  const stage: PatternStage = { name, follows, least: 1, most: 1, optional: false, greedy: false, inner: "followedBy" }
  return { stage: Object.freeze(stage), fits: fits as PatternCondition, until: undefined }
}

function isNot({ follows }: PatternStage): boolean {
  return follows === "notNext" || follows === "notFollowedBy"
}

function faultOf(stages: readonly PatternStage[], withinMs: number | null): string | undefined {
  if (stages.every((stage) => stage.optional || isNot(stage))) return "every stage is optional, so the pattern could match nothing. Make one required."
  const last = stages.at(-1)
  if (last?.greedy === true) return `the last stage, ${JSON.stringify(last.name)}, is greedy and would never be complete. Put a stage behind it, or drop greedy().`
  if (last?.follows === "notFollowedBy" && withinMs === null) {
    return `it ends in notFollowedBy (${JSON.stringify(last.name)}), which only time can prove. Give the pattern a .within(…).`
  }
  for (const [i, stage] of stages.entries()) {
    const after = stages[i + 1]
    if (!isNot(stage) || after === undefined) continue
    if (isNot(after)) return `${JSON.stringify(stage.name)} and ${JSON.stringify(after.name)}, which must not come, follow each other. Put what must come between them.`
    if (stage.follows === "notFollowedBy" && after.follows === "next") {
      return `nothing can come between ${JSON.stringify(stages[i - 1]?.name)} and ${JSON.stringify(after.name)}, which is the next record; use followedBy, or notNext.`
    }
    if (stages[i - 1]?.optional === true) return `what comes before ${JSON.stringify(stage.name)}, which must not come, is optional. Make it required.`
    if (after.optional) return `what comes after ${JSON.stringify(stage.name)}, which must not come, is optional. Make it required.`
  }
  return undefined
}
