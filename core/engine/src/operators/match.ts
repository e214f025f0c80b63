/**
 * Finds patterns in the records of each key, in the order of their event times; of one time, as they came. Records wait until the
 * watermark has reached their time, so the order of arrival does not show.
 *
 * A match that runs out of time goes to `timedOut` with what it had, unless it waited for nothing but that time (a pattern that ends
 * in `notFollowedBy`): then it is complete. A record behind the watermark is late.
 */
import { MillraceError, type OperatorCode, type OperatorPlan, type PatternStage, limits } from "@millrace/model"
import { BucketSchedule } from "../bucket-schedule.ts"
import type { Push, StageContext, TimedOperator } from "../context.ts"
import type { Scope } from "../state.ts"
import { type Begun, TakeRows, begunCodec, firstBegun, nothing, takeRowCodec } from "./begun.ts"
import { CompleteRows, completeRowCodec, noneComplete, release, wait } from "./complete-matches.ts"
import { flagCodec } from "./flag-codec.ts"
import { HeldRecords } from "./held-records.ts"
import { MatchView } from "./match-view.ts"
import { Automaton, type Conditions } from "./pattern.ts"
import { type PagedRecord, RecordPages, valueOf } from "./record-page.ts"
import { HeldRecord, type Partial, type Take, encodedOf } from "./take.ts"
import { WaitingRecords } from "./waiting-records.ts"

type Plan = Extract<OperatorPlan, { kind: "match" }>
type Code = Extract<OperatorCode, { kind: "match" }>
type Condition = (value: unknown, match: object, taken: readonly unknown[]) => boolean

interface StageCode {
  readonly fits: Condition
  readonly until: Condition | undefined
}

const noRecord = new HeldRecord(-1, undefined)

export class MatchOperator implements TimedOperator {
  readonly #plan: Plan
  readonly #conditions: readonly StageCode[]
  readonly #automaton: Automaton
  readonly #context: StageContext
  readonly #next: Push
  /** Undefined: nobody listens. */
  readonly #timedOut: Push | undefined
  readonly #late: Push
  /** Records that the watermark has not reached. */
  readonly #waiting: WaitingRecords
  /** Of records that did not wait. */
  readonly #pages = new RecordPages()
  readonly #begun: Scope<Begun>
  readonly #rows: TakeRows
  readonly #held = new HeldRecords()
  readonly #view: MatchView
  /** Keys by the time at which the first of their matches in the making is out of time, or was. */
  readonly #ends: Scope<true>
  readonly #timeouts: BucketSchedule
  due: number = Number.POSITIVE_INFINITY
  readonly dueByClock: number = Number.POSITIVE_INFINITY
  /** The record in hand, and as it was encoded if it has waited, so that nobody else has its value. */
  #value: unknown
  #encoded: PagedRecord | undefined
  #record: HeldRecord = noRecord
  /** Values that this record's matches have been given, by number of their record: those of one record share them. */
  #given: Map<number, unknown> | undefined

  constructor(plan: Plan, code: Code, context: StageContext, out: { next: Push; timedOut: Push | undefined; late: Push }) {
    const { state } = context
    const scope = `${context.plan.service}/${plan.name}`
    this.#plan = plan
    this.#conditions = code.conditions as readonly StageCode[]
    this.#automaton = new Automaton(plan.stages)
    this.#context = context
    this.#next = out.next
    this.#timedOut = out.timedOut
    this.#late = out.late
    this.#waiting = new WaitingRecords(context, `${scope}@waiting`, (time) => time)
    this.#begun = state.scope(scope, begunCodec)
    this.#rows = new TakeRows(state.rows(`${scope}@records`, takeRowCodec), new CompleteRows(state.rows(`${scope}@complete`, completeRowCodec)))
    this.#view = new MatchView(plan.stages, this.#held)
    this.#ends = state.scope(`${scope}@ends`, flagCodec)
    this.#timeouts = new BucketSchedule(state, this.#ends, (time) => time)
    this.#settle()
  }

  push: Push = (value, key, time) => {
    const context = this.#context
    if (time < context.watermark) {
      context.late.set(this.#plan.name, (context.late.get(this.#plan.name) ?? 0) + 1)
      this.#late(value, key, time)
      return
    }
    // All before it have had their turn.
    if (time === context.watermark) {
      this.#encoded = undefined
      return this.#take(value, key, time)
    }
    this.#dueAt(this.#waiting.add(value, key, time))
  }

  advance(watermark: number): void {
    for (this.#settle(); this.due <= watermark; this.#settle()) {
      const done = this.#timeouts.due <= this.#waiting.due ? this.#endAll(this.#timeouts.first) : this.#waiting.takeAll(this.#takeKept)
      if (!done || this.#context.full()) return this.#settle()
    }
  }

  tick(): void {}

  /** What was waited for does not come any more. */
  end(): void {
    if (this.#plan.skip.kind === "none") return
    const bucket = this.#begun.bucket(0)
    for (const { key, value } of this.#begun.entries(bucket)) {
      if (value.complete === undefined) continue
      const time = this.#context.watermark
      this.#context.guard(this.#plan.name, { ended: true }, key, Number.isFinite(time) ? time : this.#lastTime(key), this.#release)
    }
  }

  reload(): void {
    this.#waiting.reload()
    this.#timeouts.reload()
    this.#settle()
  }

  readonly #takeKept = (kept: PagedRecord, key: string, time: number): void => {
    this.#encoded = kept
    this.#context.guard(this.#plan.name, valueOf(kept), key, time, this.#take)
  }

  readonly #take: Push = (value, key, time) => {
    const isNew = this.#begunOf(key) === undefined
    const begun = isNew ? nothing() : this.#changed(key)
    const record = new HeldRecord(begun.next++, this.#encoded)
    this.#value = value
    this.#record = record
    this.#given = undefined
    begun.partials = begun.partials.slice(this.#overOf(begun, time))
    const { partials, complete } = this.#automaton.step(begun.partials, record, time, this.#asked)
    begun.partials = partials
    this.#emit(key, begun, complete.length > 1 ? complete.toSorted(inOrder) : complete, time, false)
    if (begun.partials.length > limits.partialMatchesMax || (begun.complete?.matches.length ?? 0) > limits.completeMatchesMax) {
      const most = begun.partials.length > limits.partialMatchesMax ? limits.partialMatchesMax : limits.completeMatchesMax
      const what = most === limits.partialMatchesMax ? "have begun and are not complete" : "are complete and wait for one that began before them"
      throw new MillraceError(
        "MR1205",
        `match "${this.#plan.name}": more than ${most} matches of one key ${what}. Give the pattern a ` +
          "shorter within, stricter conditions, or a skip that gives up what has begun.",
        { most },
      )
    }
    this.#keep(key, begun, isNew)
  }

  /**
   * Gives complete matches and applies what they skip. Where matches skip others, one that is complete waits for those that began before
   * it, which come first (as in Flink), unless the input is at its `end`.
   */
  #emit(key: string, begun: Begun, found: readonly Take[], time: number, end: boolean): void {
    if (this.#plan.skip.kind === "none") {
      for (const match of found) this.#next(this.#valueOf(match), key, time)
      return
    }
    if (begun.complete === undefined) {
      if (found.length === 0) return
      begun.complete = noneComplete()
    }
    const { complete } = begun
    for (const match of found) wait(complete, match)
    const { matches } = complete
    const given: Take[] = []
    let { from } = complete
    let over = 0
    for (let match = matches[0]; match !== undefined && (end || firstBegun(begun) >= match.first); match = matches[over]) {
      this.#next(this.#valueOf(match), key, time)
      given.push(match)
      over++
      from = this.#resumesAt(match)
      while (over < matches.length && (matches[over] as Take).first < from) over++
      let skipped = 0
      while (skipped < begun.partials.length && (begun.partials[skipped] as Partial).take.first < from) skipped++
      if (skipped > 0) begun.partials = begun.partials.slice(skipped)
    }
    if (over > 0) release(complete, over, from, given)
  }

  /** The first record with which a match may begin after another is complete. */
  #resumesAt(match: Take): number {
    const { skip, stages } = this.#plan
    if (!("stage" in skip)) return skip.kind === "to-next" ? match.first + 1 : skip.kind === "past-last" ? match.record.number + 1 : 0
    let take = match.of(stages.findIndex(({ name }) => name === skip.stage))
    // Of a stage that took nothing there is nowhere to skip to.
    if (take === undefined) return match.first + 1
    if (skip.kind === "to-first") for (let { count } = take; count > 1 && take.before !== undefined; count--) take = take.before
    return take.record.number
  }

  #endAll(time: number): boolean {
    const bucket = this.#ends.bucket(time)
    for (const { key } of this.#ends.entries(bucket)) {
      this.#ends.remove(bucket, key)
      this.#context.guard(this.#plan.name, { timedOut: new Date(time) }, key, time, this.#end)
      if (this.#context.full()) return false
    }
    this.#ends.drop(bucket)
    return true
  }

  /** The input has ended: complete matches do not wait any more. */
  readonly #release: Push = (_, key, time) => {
    if (this.#begunOf(key) === undefined) return
    const begun = this.#changed(key)
    this.#putDown()
    this.#emit(key, begun, [], time, true)
    this.#keep(key, begun, false)
  }

  /** An event time for what only the end decides. */
  #lastTime(key: string): number {
    const { partials, complete } = this.#begunOf(key) ?? nothing()
    // Those that began last are the last ones.
    return Math.max(...[partials.at(-1)?.take, complete?.matches.at(-1)].map((take) => take?.since ?? Number.NEGATIVE_INFINITY))
  }

  /** Matches in the making of a key that are out of time. */
  readonly #end: Push = (_, key, time) => {
    const before = this.#begunOf(key)
    // What it was about is over, and others have begun since.
    if (before === undefined || before.endsAt > time) return
    const begun = this.#changed(key)
    this.#putDown()
    const count = this.#overOf(begun, time)
    const over = begun.partials.slice(0, count)
    begun.partials = begun.partials.slice(count)
    begun.endsAt = Number.POSITIVE_INFINITY
    const well = over.filter((partial) => this.#automaton.endsWell(partial))
    const matches = well.map(({ take }) => take).toSorted(inOrder)
    this.#emit(key, begun, matches, time, false)
    const told = new Set<Take>()
    if (this.#timedOut !== undefined) {
      for (const partial of over) {
        // What waits for more and what waits for the next stage is one match to a user.
        if (told.has(partial.take) || well.includes(partial)) continue
        told.add(partial.take)
        this.#timedOut(this.#valueOf(partial.take), key, time)
      }
    }
    this.#keep(key, begun, false)
  }

  /** How many partials are out of time: the first ones (B1). */
  #overOf({ partials }: Begun, time: number): number {
    const within = this.#plan.withinMs
    if (within === null) return 0
    let over = 0
    while (over < partials.length && (partials[over] as Partial).take.since + within <= time) over++
    return over
  }

  #begunOf(key: string): Begun | undefined {
    const begun = this.#begun.get(this.#begun.bucket(0), key)?.value
    if (begun !== undefined) this.#rows.link(key, begun)
    return begun
  }

  /** What has begun for a key, to be changed. */
  #changed(key: string): Begun {
    return this.#begun.change(this.#begun.bucket(0), key, nothing).value as Begun
  }

  /** Puts down what has begun, and lets go of what nothing holds any more. */
  #keep(key: string, begun: Begun, isNew: boolean): void {
    const { partials } = begun
    if (partials.length + (begun.complete?.matches.length ?? 0) === 0) {
      if (isNew) return
      this.#rows.clear(key, begun)
      this.#begun.remove(this.#begun.bucket(0), key)
      return
    }
    const record = this.#record
    if (this.#rows.add(begun, record)) {
      if (record.encoded === undefined) {
        record.encoded = this.#pages.put(this.#value)
        begun.tailBytes += record.size
      } else if (this.#given?.has(record.number) !== true) this.#held.keep(record, this.#value)
    }
    this.#rows.settle(key, begun)
    const { withinMs } = this.#plan
    const [first] = partials
    if (withinMs !== null && first !== undefined && begun.endsAt === Number.POSITIVE_INFINITY) {
      begun.endsAt = first.take.since + withinMs
      this.#endAt(begun.endsAt, key)
    }
    if (isNew) this.#begun.change(this.#begun.bucket(0), key, () => begun)
  }

  /** No record is in hand. */
  #putDown(): void {
    this.#record = noRecord
    this.#value = undefined
    this.#given = undefined
  }

  readonly #asked: Conditions = {
    fits: (stage, last) => this.#ask(this.#conditions[stage]?.fits, stage, last),
    until: (stage, last) => this.#ask(this.#conditions[stage]?.until, stage, last),
  }

  #ask(condition: Condition | undefined, stage: number, last: Take | undefined): boolean {
    if (condition === undefined) return false
    const taken = last?.stage === stage ? this.#held.listOf(last) : []
    const said: unknown = condition(this.#value, this.#view.of(last), taken)
    if (said instanceof Promise) {
      throw new MillraceError("MR1201", `match "${this.#plan.name}": a condition returned a promise; conditions are synchronous.`)
    }
    return said === true
  }

  /** A match to hand on, of records of its own: whoever gets it may change them. */
  #valueOf(match: Take): Record<string, unknown> {
    const value: Record<string, unknown> = {}
    const { stages } = this.#plan
    for (let i = 0; i < stages.length; i++) {
      const { name, most, follows } = stages[i] as PatternStage
      if (follows === "notNext" || follows === "notFollowedBy") continue
      let take = match.of(i)
      if (most === 1) {
        if (take !== undefined) value[name] = this.#recordOf(take.record)
        continue
      }
      const count = take?.count ?? 0
      const list: unknown[] = Array.from({ length: count })
      for (let place = count - 1; place >= 0 && take !== undefined; place--, take = take.before) list[place] = this.#recordOf(take.record)
      value[name] = list
    }
    return value
  }

  #recordOf(record: HeldRecord): unknown {
    this.#given ??= new Map()
    const given = this.#given.get(record.number)
    if (given !== undefined) return given
    const value = record === this.#record ? this.#value : valueOf(encodedOf(record))
    this.#given.set(record.number, value)
    return value
  }

  #endAt(time: number, key: string): void {
    this.#dueAt(this.#timeouts.note(time))
    this.#ends.change(this.#ends.bucket(time), key, () => true)
  }

  #dueAt(due: number): void {
    if (due < this.due) this.due = due
    if (due < this.#context.due) this.#context.due = due
  }

  #settle(): void {
    this.due = Math.min(this.#waiting.due, this.#timeouts.due)
    if (this.due < this.#context.due) this.#context.due = this.due
  }
}

/** Those that began first come first; of one beginning the longer ones, and then those of which the earlier stages took more. */
function inOrder(a: Take, b: Take): number {
  const order = a.first - b.first || b.size - a.size
  if (order !== 0) return order
  const stages = Math.max(a.stage, b.stage)
  for (let stage = 0; stage <= stages; stage++) {
    const [count, other] = [a.of(stage)?.count ?? 0, b.of(stage)?.count ?? 0]
    if (count !== other) return other - count
  }
  return 0
}
