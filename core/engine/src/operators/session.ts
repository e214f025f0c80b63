/**
 * Session windows: the records of a key belong together as long as less than the gap lies between one and the next. A session
 * [first, last + gap) closes once its end is at or before what its time has reached (the watermark, the clock); a record that lies
 * within the gap of two merges them.
 *
 * Kept: one row per session, named by the time of the record that began it, which never changes and always lies within the
 * session; and, by time, which sessions to look at then. A session whose end has moved since is looked at again at its end, so a
 * record that prolongs one costs no change there.
 *
 * A trigger that purges a session ends it: the key's next record begins another one.
 *
 * Invariants W21 to W26, W27 to W33 and W57 to W59 of docs/specs/windows.md.
 */
import type { OperatorCode, OperatorPlan, Pane } from "@millrace/model"
import type { Push, StageContext, TimedOperator } from "../context.ts"
import { type Bucket, type Scope, rowKey, rowTime } from "../state.ts"
import { keyOfRow, rowOf, timeOfRow } from "../state/row.ts"
import type { TimerView, View } from "../view.ts"
import { Accumulation, type Accumulator } from "./accumulation.ts"
import { DueNames } from "./due-names.ts"
import { Early } from "./early.ts"
import { flagCodec } from "./flag-codec.ts"
import { first, last, StandingResults } from "./standing-results.ts"
import { endOfInput, WindowClock } from "./window-clock.ts"
import { type TriggeredWindows, triggerNumbers, WindowTriggers } from "./window-triggers.ts"

type Plan = Extract<OperatorPlan, { kind: "session" }>
type Code = Extract<OperatorCode, { kind: "session" }>

/**
 * The session's own numbers: times of its earliest and latest record, whether its result has been given since it grew; then, with
 * early results, when it gives the next one or gave the last, or those of its trigger.
 */
const given = 2
const noted = 3

/** What an accumulator holds in front. */
function ownNumbers(plan: Plan): readonly number[] {
  if (plan.trigger !== undefined) return [0, 0, 0, ...triggerNumbers]
  return plan.earlyMs > 0 ? [0, 0, 0, Number.NEGATIVE_INFINITY] : [0, 0, 0]
}

export class SessionOperator implements TimedOperator, View {
  readonly #plan: Plan
  readonly #context: StageContext
  readonly #next: Push
  readonly #late: Push
  readonly #accumulation: Accumulation
  readonly #sessions: Scope<Accumulator>
  /** Sessions to look at, by time, under the names of their cells. */
  readonly #looks: DueNames<true>
  /** Undefined: no result is ever taken back. */
  readonly #standing: StandingResults | undefined
  /** Undefined: event time decides. */
  readonly #clock: WindowClock | undefined
  readonly #early: Early | undefined
  readonly #triggers: WindowTriggers | undefined
  /** Those of triggers. */
  readonly timers?: () => Iterable<TimerView>
  #emitting: Accumulator = []
  due: number = Number.POSITIVE_INFINITY
  dueByClock: number = Number.POSITIVE_INFINITY

  constructor(plan: Plan, code: Code, context: StageContext, next: Push, late: Push) {
    const { state } = context
    const scope = `${context.plan.service}/${plan.name}`
    this.#plan = plan
    this.#context = context
    this.#next = next
    this.#late = late
    this.#accumulation = new Accumulation(plan.name, code.aggregates, ownNumbers(plan))
    this.#sessions = state.rows(scope, this.#accumulation.codec)
    this.#looks = new DueNames(context, `${scope}@looks`, flagCodec)
    if (plan.panes) this.#standing = new StandingResults(state, `${scope}@results`, this.#accumulation)
    if (plan.time === "processing") this.#clock = new WindowClock(context, `${scope}@clock`)
    if (plan.earlyMs > 0) this.#early = new Early(plan.earlyMs, context, `${scope}@early`)
    if (plan.trigger !== undefined) {
      const triggers = new WindowTriggers(plan.name, plan.trigger, code.trigger, context, scope, this.#triggered())
      this.#triggers = triggers
      this.timers = () => triggers.timers(plan.time)
    }
    this.#settle()
  }

  push: Push = (value, key, time) => {
    const { gapMs, allowedLatenessMs } = this.#plan
    const sessions = this.#sessions
    const bucket = this.#bucket
    const at = this.#clock === undefined ? time : this.#clock.now
    let earlier: string | undefined
    let later: string | undefined
    // At most two: sessions of a key are at least the gap apart. In the order of their times, as their names are.
    for (const cell of sessions.group(bucket, key)) {
      const session = cell.value as Accumulator
      if (!(at > (session[first] as number) - gapMs && at < (session[last] as number) + gapMs)) continue
      if (earlier === undefined) earlier = cell.key
      else later = cell.key
    }
    if (earlier === undefined) {
      if (at + gapMs + allowedLatenessMs <= this.#reached) return this.#tooLate(value, key, time)
      this.#begin(value, key, at)
    } else this.#prolong(earlier, later, value, key, at)
  }

  advance(watermark: number): void {
    // By the clock, only the end of the input comes here.
    this.#act(this.#clock === undefined ? watermark : Number.POSITIVE_INFINITY)
  }

  tick(now: number): void {
    if (this.#clock !== undefined) this.#act(now)
  }

  end(): void {}

  reload(): void {
    this.#clock?.reload()
    this.#early?.reload()
    this.#triggers?.reload()
    this.#looks.reload()
    this.#settle()
  }

  /** Does all that is due up to a time, in the order of times. */
  #act(reached: number): void {
    for (let due = this.#settle(); due <= reached && due < Number.POSITIVE_INFINITY; due = this.#settle()) {
      if (!this.#actFirst(due)) return void this.#settle()
    }
  }

  /** At one time what gives results ahead of an end comes before the ends. False: the transaction is full before all was done. */
  #actFirst(due: number): boolean {
    const early = this.#early
    if (early !== undefined && early.due === due) return early.takeAll(this.#giveEarly)
    const triggers = this.#triggers
    if (triggers === undefined || triggers.due > due) return this.#looks.takeAll(this.#look)
    this.#clock?.pass(due)
    return triggers.fireFirst()
  }

  /** How far the sessions' time has come. */
  get #reached(): number {
    return this.#clock === undefined ? this.#context.watermark : this.#clock.passed
  }

  /** The sessions of a key that are still kept, the oldest first, each as it would be given now. */
  stateOf(key: string): unknown {
    const results = this.#sessions.group(this.#bucket, key).map(({ value }) => {
      const session = this.#accumulation.copy(value as Accumulator)
      return this.#accumulation.complete(this.#bounds(key, session), session)
    })
    return results.length === 0 ? undefined : results
  }

  #begin(value: unknown, key: string, time: number): void {
    const name = rowKey(key, rowTime(time))
    const session = this.#sessions.change(this.#bucket, name, this.#accumulation.init).value as Accumulator
    session[first] = time
    session[last] = time
    this.#accumulation.add(session, value, time)
    this.#grown(name, key, session, false)
    this.#noteEarly(name, session, time)
    this.#ask(name, key, session, value, time)
  }

  /** A record of one session, or of two that it makes one. */
  #prolong(name: string, other: string | undefined, value: unknown, key: string, time: number): void {
    const sessions = this.#sessions
    const bucket = this.#bucket
    const session = sessions.change(bucket, name, this.#accumulation.init).value as Accumulator
    if (other !== undefined) {
      const later = sessions.get(bucket, other)?.value as Accumulator
      this.#accumulation.merge(session, later)
      session[last] = later[last]
      this.#triggers?.merge(idOf(name), idOf(other), key, session, later)
      sessions.remove(bucket, other)
    }
    this.#accumulation.add(session, value, time)
    if (time < (session[first] as number)) session[first] = time
    if (time > (session[last] as number)) session[last] = time
    // Its look lies at or before its end, unless that look was for letting it go.
    if (this.#plan.allowedLatenessMs > 0) this.#grown(name, key, session, true)
    this.#noteEarly(name, session, time)
    this.#ask(name, key, session, value, time)
  }

  #ask(name: string, key: string, session: Accumulator, value: unknown, time: number): void {
    if (session[given] === 0) this.#triggers?.onRecord(idOf(name), key, session, value, time)
    else this.#triggers?.onLateRecord(session)
  }

  /** What follows from a session's new bounds: a result at once if it is closed, else a look at its end. */
  #grown(name: string, key: string, session: Accumulator, known: boolean): void {
    const end = this.#end(session)
    const wasGiven = session[given] === 1
    if (end > this.#reached) {
      session[given] = 0
      if (!known || wasGiven) this.#lookAt(end, name)
      return
    }
    session[given] = 1
    if (!wasGiven) this.#lookAt(end + this.#plan.allowedLatenessMs, name)
    this.#emit(key, session, "refined")
  }

  #noteEarly(name: string, session: Accumulator, time: number): void {
    const early = this.#early
    const reached = this.#reached
    if (early === undefined || session[given] === 1 || (session[noted] as number) > reached) return
    const due = early.after(this.#clock?.now ?? reached, time)
    session[noted] = due
    early.note(due, name, 0)
    this.#settle()
  }

  /** A session that has closed meanwhile has said all; one that has merged says it under its new name. */
  readonly #giveEarly = (name: string, _: number, due: number): void => {
    const session = this.#sessions.get(this.#bucket, name)?.value
    if (session !== undefined && session[given] === 0 && this.#end(session) > due) {
      this.#clock?.pass(due)
      this.#emit(keyOfRow(name), session, "early")
    }
  }

  /** A session's look has come: it gives its result, goes, or is looked at again later. */
  readonly #look = (name: string, _: true, time: number): void => {
    const session = this.#sessions.get(this.#bucket, name)?.value
    // Merged into another.
    if (session === undefined) return
    const { allowedLatenessMs } = this.#plan
    const end = this.#end(session)
    const next = session[given] === 1 ? end + allowedLatenessMs : end
    if (next > time) return this.#lookAt(next, name)
    const key = keyOfRow(name)
    this.#clock?.pass(end)
    if (session[given] === 1) return this.#letGo(name, key, session)
    if (allowedLatenessMs === 0) {
      this.#emit(key, session, "final")
      return this.#letGo(name, key, session)
    }
    const changed = this.#sessions.change(this.#bucket, name, this.#accumulation.init).value as Accumulator
    changed[given] = 1
    this.#triggers?.onEnd(changed)
    this.#lookAt(end + allowedLatenessMs, name)
    this.#emit(key, changed, "final")
  }

  #letGo(name: string, key: string, session: Accumulator): void {
    this.#sessions.remove(this.#bucket, name)
    this.#triggers?.remove(idOf(name), key)
    this.#standing?.drop(key, session)
  }

  #emit(key: string, session: Accumulator, pane: Pane): void {
    for (const before of this.#standing?.replace(key, session) ?? nothing) this.#give(key, before, "retracted")
    this.#give(key, session, pane)
  }

  #triggered(): TriggeredWindows {
    const nameOf = (id: number, key: string): string => rowKey(key, rowTime(id))
    return {
      numbersAt: noted,
      grow: true,
      get: (id, key) => this.#sessions.get(this.#bucket, nameOf(id, key))?.value,
      change: (id, key) => this.#sessions.change(this.#bucket, nameOf(id, key), this.#accumulation.init).value as Accumulator,
      // What was given of it stands.
      remove: (id, key) => {
        this.#standing?.drop(key, this.#sessions.get(this.#bucket, nameOf(id, key))?.value as Accumulator)
        this.#sessions.remove(this.#bucket, nameOf(id, key))
      },
      give: (_, key, session) => this.#emit(key, session, "early"),
      start: (_, session) => session[first] as number,
      end: (_, session) => this.#end(session),
      bucket: () => 0,
      cell: (id, key) => nameOf(id, key),
      settle: () => this.#settle(),
    }
  }

  #give(key: string, session: Accumulator, pane: Pane): void {
    this.#emitting = session
    const bounds = this.#bounds(key, session)
    const result = this.#plan.panes ? { ...bounds, pane } : bounds
    const time = this.#end(session) - 1
    this.#context.guard(this.#plan.name, result, key, this.#clock?.eventTime(time) ?? time, this.#complete)
  }

  /** Under the guard, because an aggregate's `result` may be a user's. */
  readonly #complete: Push = (bounds, key, time) => {
    this.#next(this.#accumulation.complete(bounds as Record<string, unknown>, this.#emitting), key, time)
  }

  #bounds(key: string, session: Accumulator): { key: string; start: Date; end: Date } {
    return { key, start: new Date(session[first] as number), end: new Date(this.#end(session)) }
  }

  #end(session: Accumulator): number {
    return (session[last] as number) + this.#plan.gapMs
  }

  #lookAt(time: number, name: string): void {
    if (this.#looks.has(time, name)) return
    this.#looks.note(time, name, true)
    this.#settle()
  }

  #tooLate(value: unknown, key: string, time: number): void {
    const { late } = this.#context
    late.set(this.#plan.name, (late.get(this.#plan.name) ?? 0) + 1)
    this.#late(value, key, time)
  }

  get #bucket(): Bucket<Accumulator> {
    return this.#sessions.bucket(0)
  }

  /** Returns when something is due next, in the sessions' own time. */
  #settle(): number {
    let { due } = this.#looks
    if (this.#early !== undefined) due = Math.min(due, this.#early.due)
    if (this.#triggers !== undefined) due = Math.min(due, this.#triggers.due)
    if (this.#clock === undefined) this.due = due
    else {
      this.dueByClock = due
      this.due = due < Number.POSITIVE_INFINITY ? endOfInput : due
    }
    if (this.due < this.#context.due) this.#context.due = this.due
    return due
  }
}

/** A session as its trigger knows it: by the time of the record that began it. */
const idOf = (name: string): number => timeOfRow(rowOf(name))

const nothing: readonly Accumulator[] = []
