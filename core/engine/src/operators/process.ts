/**
 * A user's keyed process: typed state per key and event-time timers. State and timers of a key are one value; due
 * timers are found through an index, one bucket per time.
 *
 * A timer is taken out before its code runs, so code that sets it anew for the same time is heard.
 */
import {
  type ByteReader,
  type ByteWriter,
  type OperatorCode,
  type OperatorPlan,
  MillraceError,
  type ProcessContext,
  readValue,
  valueBytes,
  valueFrom,
  writeValue,
} from "@millrace/model"
import type { Push, StageContext, TimedOperator } from "../context.ts"
import { BucketSchedule } from "../bucket-schedule.ts"
import { Schedule } from "../schedule.ts"
import type { Bucket, Scope, StateCodec } from "../state.ts"
import { asynchronous } from "./functions.ts"
import { Keeps } from "./keeps.ts"
import { textCodec } from "./text-codec.ts"
import type { TimerView, View } from "../view.ts"

type Plan = Extract<OperatorPlan, { kind: "process" }>
type Code = Extract<OperatorCode, { kind: "process" }>

/** What is kept for a key: its state, its timers and those by the clock, in ms, each once. */
type Kept = [state: unknown, timers: number[], clockTimers?: number[]]

const keptCodec: StateCodec<Kept> = {
  write: (to: ByteWriter, kept: Kept) => writeValue(to, kept),
  read: (from: ByteReader) => readValue(from) as Kept,
  copy: (kept) => valueFrom(valueBytes(kept)) as Kept,
}

const timerCodec: StateCodec<true> = {
  write: (to: ByteWriter) => to.u8(1),
  read: (from: ByteReader) => {
    from.u8()
    return true
  },
  copy: () => true,
}

export class ProcessOperator implements TimedOperator, View {
  readonly #name: string
  readonly #code: Code
  readonly #context: StageContext
  readonly #next: Push
  readonly #kept: Scope<Kept>
  readonly #timers: Scope<true>
  /** Of a time whose timers fire in several transactions: the last key that had its turn. */
  readonly #firing: Scope<string>
  readonly #init: () => Kept
  readonly #hand: Hand
  /** The times of timers; one without a bucket any more is passed over. */
  readonly #schedule = new Schedule()
  /** Times whose timers are gone since this transaction, and with them their place in the schedule: a rollback puts them back. */
  #taken: number[] = []
  #takenIn = 0
  due: number = Number.POSITIVE_INFINITY
  readonly #sides: ReadonlyMap<string, Push>
  readonly #keeps: Keeps | undefined
  /** Keys of timers by the clock, by their times. */
  readonly #clockTimers: Scope<true>
  readonly #clock: BucketSchedule

  constructor(plan: Plan, code: Code, context: StageContext, next: Push, port: (name: string) => Push) {
    this.#name = plan.name
    this.#code = code
    this.#context = context
    this.#next = next
    const scope = `${context.plan.service}/${plan.name}`
    this.#kept = context.state.scope(scope, keptCodec)
    this.#timers = context.state.scope(`${scope}@timers`, timerCodec)
    this.#firing = context.state.scope(`${scope}@firing`, textCodec)
    this.#init = () => [code.state(), []]
    this.#sides = new Map((plan.sides ?? []).map((name) => [name, port(`side.${name}`)]))
    this.#clockTimers = context.state.scope(`${scope}@clock-timers`, timerCodec)
    this.#clock = new BucketSchedule(context.state, this.#clockTimers, (at) => at)
    this.#keeps = plan.keeps === undefined ? undefined : new Keeps(plan.keeps, code.reducers ?? {}, context, scope)
    if (this.#keeps !== undefined) this.#keeps.onDue = () => this.#settle()
    this.#hand = new Hand(this, this.#keeps?.handles ?? {})
    for (const at of this.#timers.ids()) this.#schedule.add(at, at)
    this.#settle()
  }

  push: Push = (value, key, time) => {
    const onRecord = this.#code.onRecord as (value: unknown, ctx: unknown) => Iterable<unknown> | undefined
    this.#run(key, time, this.#context.watermark, onRecord, value)
  }

  advance(watermark: number): void {
    for (this.#settle(); this.due <= watermark; this.#settle()) {
      // What is over at a time is over for the timers of that time.
      const keeps = this.#keeps
      if (keeps !== undefined && keeps.due <= this.due) keeps.expire("event")
      else if (!this.#fireAll(this.due) || this.#context.full()) return this.#settle()
    }
  }

  /**
   * Fires the timers of one time, each key once. One that is set anew for that time by its own code is for the next round.
   * False: the transaction is full before that.
   */
  #fireAll(at: number): boolean {
    const bucket = this.#timers.bucket(at)
    const firing = this.#firing
    const fired = firing.has(at) ? firing.get(firing.bucket(at), "fired")?.value : undefined
    for (const { key } of this.#timers.entries(bucket, fired)) {
      // Outside the guard: a timer whose code fails has become a dead letter and must not come due for ever.
      this.#timers.remove(bucket, key)
      this.#forgetTimer(key, at)
      this.#context.guard(this.#name, { timer: new Date(at) }, key, at, this.#fire)
      if (!this.#context.full()) continue
      firing.change(firing.bucket(at), "fired", () => key).value = key
      return false
    }
    if (fired !== undefined) firing.drop(firing.bucket(at))
    if (this.#timers.keys(bucket).length > 0) return true
    this.#take(at)
    this.#timers.drop(bucket)
    return true
  }

  readonly #fire: Push = (_, key, time) => {
    const { onTimer } = this.#code
    if (onTimer === undefined) return
    const { watermark, step } = this.#context
    this.#run(key, time, Math.max(watermark, step), (_value, ctx) => onTimer(ctx as never), undefined)
  }

  get dueByClock(): number {
    return Math.min(this.#clock.due, this.#keeps?.dueByClock ?? Number.POSITIVE_INFINITY)
  }

  tick(now: number): void {
    const keeps = this.#keeps
    while (keeps !== undefined && keeps.dueByClock <= now) keeps.expire("processing")
    while (this.#clock.due <= now) {
      const at = this.#clock.first
      const bucket = this.#clockTimers.bucket(at)
      for (const { key } of this.#clockTimers.entries(bucket)) {
        // Outside the guard: a timer whose code fails has become a dead letter and must not come due for ever.
        this.#clockTimers.remove(bucket, key)
        this.#forgetClockTimer(key, at)
        this.#context.guard(this.#name, { clockTimer: new Date(at) }, key, this.#eventTime, this.#fireByClock)
        // The rest is due at once.
        if (this.#context.full()) return
      }
      this.#clockTimers.drop(bucket)
    }
  }

  /** Event time of what the clock brings about: as far as it has come, or the clock's before there is any. */
  get #eventTime(): number {
    const { watermark, now } = this.#context
    return Number.isFinite(watermark) ? watermark : now
  }

  readonly #fireByClock: Push = (_, key, time) => {
    const { onClockTimer } = this.#code
    if (onClockTimer === undefined) return
    this.#run(key, time, this.#context.watermark, (_value, ctx) => onClockTimer(ctx as never), undefined)
  }

  end(): void {}

  setClockTimer(key: string, at: number): void {
    if (!Number.isFinite(at)) {
      throw new MillraceError("MR1201", `operator "${this.#name}": a timer was set for ${at}, which is no time in ms.`)
    }
    const kept = this.#kept.change(this.#bucket, key, this.#init).value as Kept
    const timers = (kept[2] ??= [])
    if (timers.includes(at)) return
    timers.push(at)
    this.#clock.note(at)
    this.#clockTimers.change(this.#clockTimers.bucket(at), key, () => true)
  }

  clearClockTimer(key: string, at: number): void {
    this.#forgetClockTimer(key, at)
    if (this.#clockTimers.has(at)) this.#clockTimers.remove(this.#clockTimers.bucket(at), key)
  }

  /** Gives a value to a side output. */
  side(name: string, value: unknown, key: string, time: number): void {
    const push = this.#sides.get(name)
    if (push === undefined) {
      throw new MillraceError("MR1201", `operator "${this.#name}": there is no side output ${JSON.stringify(name)}; name it in sides.`)
    }
    push(value, key, time)
  }

  get now(): number {
    return this.#context.now
  }

  reload(): void {
    this.#clock.reload()
    this.#keeps?.reload()
    if (this.#takenIn === this.#context.state.transaction) {
      for (const at of this.#taken) if (this.#timers.has(at)) this.#schedule.add(at, at)
    }
    this.#settle()
  }

  setTimer(key: string, at: number): void {
    if (!Number.isFinite(at)) {
      throw new MillraceError("MR1201", `operator "${this.#name}": a timer was set for ${at}, which is no time in ms.`)
    }
    const [, timers] = this.#kept.change(this.#bucket, key, this.#init).value as Kept
    if (timers.includes(at)) return
    timers.push(at)
    if (!this.#timers.has(at)) this.#schedule.add(at, at)
    this.#timers.change(this.#timers.bucket(at), key, () => true)
    if (at < this.due) {
      this.due = at
      if (at < this.#context.due) this.#context.due = at
    }
  }

  clearTimer(key: string, at: number): void {
    this.#forgetTimer(key, at)
    if (this.#timers.has(at)) this.#timers.remove(this.#timers.bucket(at), key)
  }

  clear(key: string): void {
    for (const at of this.#kept.get(this.#bucket, key)?.value?.[1].slice() ?? []) this.clearTimer(key, at)
    for (const at of this.#kept.get(this.#bucket, key)?.value?.[2]?.slice() ?? []) this.clearClockTimer(key, at)
    this.#kept.remove(this.#bucket, key)
    this.#keeps?.clear()
  }

  stateOf(key: string): unknown {
    const kept = this.#kept.get(this.#bucket, key)?.value
    return kept === undefined ? undefined : valueFrom(valueBytes(kept[0]))
  }

  *timers(): Iterable<TimerView> {
    for (const time of this.#timers.ids()) {
      for (const key of this.#timers.keys(this.#timers.bucket(time))) yield { key, time, by: "event" }
    }
    for (const time of this.#clockTimers.ids()) {
      for (const key of this.#clockTimers.keys(this.#clockTimers.bucket(time))) yield { key, time, by: "processing" }
    }
  }

  #run(
    key: string,
    time: number,
    watermark: number,
    handler: (value: unknown, ctx: unknown) => Iterable<unknown> | undefined | void,
    value: unknown,
  ): void {
    const hand = this.#hand
    this.#keeps?.take(key, time)
    const kept = this.#kept.change(this.#bucket, key, this.#init).value as Kept
    hand.take(key, time, watermark, kept[0])
    const out = handler(value, hand)
    // A generator runs while it is read, so state is put back only after its last result.
    if (out !== undefined && out !== null) {
      if (out instanceof Promise) throw asynchronous(`operator "${this.#name}"`)
      for (const item of out) this.#next(item, key, time)
    }
    if (hand.holds) (this.#kept.change(this.#bucket, key, this.#init).value as Kept)[0] = hand.state
  }

  /** The state of a key that has none. */
  fresh(): unknown {
    return this.#code.state()
  }

  #forgetTimer(key: string, at: number): void {
    if (this.#kept.get(this.#bucket, key) === undefined) return
    const kept = this.#kept.change(this.#bucket, key, this.#init).value as Kept
    const place = kept[1].indexOf(at)
    if (place >= 0) kept[1].splice(place, 1)
  }

  #forgetClockTimer(key: string, at: number): void {
    if (this.#kept.get(this.#bucket, key) === undefined) return
    const kept = this.#kept.change(this.#bucket, key, this.#init).value as Kept
    kept[2] = kept[2]?.filter((each) => each !== at) ?? []
  }

  get #bucket(): Bucket<Kept> {
    return this.#kept.bucket(0)
  }

  #take(at: number): void {
    const { transaction } = this.#context.state
    if (this.#takenIn !== transaction) {
      this.#takenIn = transaction
      this.#taken = []
    }
    this.#taken.push(at)
  }

  #settle(): void {
    const schedule = this.#schedule
    for (let { first } = schedule; first !== undefined && !this.#timers.has(first); { first } = schedule) schedule.removeFirst()
    // A round that was left is finished first, also when its timers have set earlier ones meanwhile.
    const [left] = this.#firing.ids()
    this.due = left ?? Math.min(schedule.due, this.#keeps?.due ?? Number.POSITIVE_INFINITY)
    if (this.due < this.#context.due) this.#context.due = this.due
  }
}

/** The context that user code sees, one object reused for every key. */
class Hand implements ProcessContext<unknown> {
  readonly #operator: ProcessOperator
  key = ""
  time = 0
  watermark: number = Number.NEGATIVE_INFINITY
  #state: unknown
  /** Whether there is a state: not after it was cleared, until it is looked at or assigned again. */
  holds = false

  readonly keeps: object

  constructor(operator: ProcessOperator, keeps: object) {
    this.#operator = operator
    this.keeps = keeps
  }

  get now(): number {
    return this.#operator.now
  }

  side(name: string, value: unknown): void {
    this.#operator.side(name, value, this.key, this.time)
  }

  setClockTimer(at: number): void {
    this.#operator.setClockTimer(this.key, at)
  }

  clearClockTimer(at: number): void {
    this.#operator.clearClockTimer(this.key, at)
  }

  take(key: string, time: number, watermark: number, state: unknown): void {
    this.key = key
    this.time = time
    this.watermark = watermark
    this.state = state
  }

  get state(): unknown {
    if (!this.holds) this.state = this.#operator.fresh()
    return this.#state
  }

  set state(value: unknown) {
    this.#state = value
    this.holds = true
  }

  setTimer(at: number): void {
    this.#operator.setTimer(this.key, at)
  }

  clearTimer(at: number): void {
    this.#operator.clearTimer(this.key, at)
  }

  clear(): void {
    this.#operator.clear(this.key)
    this.#state = undefined
    this.holds = false
  }
}
