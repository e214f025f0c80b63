/**
 * Global windows: all records of a key in one window, which gives results when its trigger says so: after so many records, or as a
 * user's code decides at a record or at a time that it has asked for. By event time, or by the clock.
 *
 * Records count in the order in which they come. A timer that comes when no record has come since the last result is passed over, so
 * a trigger that always asks for the next time comes to rest; and at the end of the input each key gives what it has not given yet.
 *
 * Invariants W41 to W46 of docs/specs/windows.md.
 */
import type { OperatorCode, OperatorPlan, TriggerContext } from "@millrace/model"
import { BucketSchedule } from "../bucket-schedule.ts"
import type { Push, StageContext, TimedOperator } from "../context.ts"
import type { Scope } from "../state.ts"
import type { TimerView, View } from "../view.ts"
import { Accumulation, type Accumulator } from "./accumulation.ts"
import { flagCodec } from "./flag-codec.ts"
import { type Handler, checkedDecision, checkTimer, keptCodec, type TriggerKept } from "./trigger-decision.ts"
import { endOfInput, WindowClock } from "./window-clock.ts"

type Plan = Extract<OperatorPlan, { kind: "global" }>
type Code = Extract<OperatorCode, { kind: "global" }>

/** The window's own numbers: its records, those since its last result, and the latest time of one. */
const records = 0
const fresh = 1
const latest = 2
const own = [0, 0, Number.NEGATIVE_INFINITY]

export class GlobalOperator implements TimedOperator, View {
  readonly #plan: Plan
  readonly #onRecord: Handler
  /** Undefined: the trigger sets no timers. */
  readonly #onTime: Handler | undefined
  /** The time whose timers are firing. */
  #firing = Number.NEGATIVE_INFINITY
  readonly #context: StageContext
  readonly #next: Push
  readonly #accumulation: Accumulation
  readonly #windows: Scope<Accumulator>
  readonly #kept: Scope<TriggerKept>
  /** Keys by the time of their timers. */
  readonly #timers: Scope<true>
  readonly #schedule: BucketSchedule
  /** Undefined: event time decides. */
  readonly #clock: WindowClock | undefined
  readonly #hand: Hand
  readonly #init: () => TriggerKept
  due: number = Number.POSITIVE_INFINITY
  dueByClock: number = Number.POSITIVE_INFINITY

  constructor(plan: Plan, code: Code, context: StageContext, next: Push) {
    const { state } = context
    const scope = `${context.plan.service}/${plan.name}`
    this.#plan = plan
    const { onRecord, onTime } = code.trigger ?? {}
    this.#onRecord = onRecord as Handler
    if (onTime !== undefined) this.#onTime = (_, ctx) => onTime(ctx)
    this.#context = context
    this.#next = next
    this.#accumulation = new Accumulation(plan.name, code.aggregates, own)
    this.#windows = state.scope(scope, this.#accumulation.codec)
    this.#kept = state.scope(`${scope}@trigger`, keptCodec)
    this.#timers = state.scope(`${scope}@timers`, flagCodec)
    this.#schedule = new BucketSchedule(state, this.#timers, (time) => time)
    if (plan.time === "processing") this.#clock = new WindowClock(context, `${scope}@clock`)
    this.#init = () => [code.trigger?.state?.(), []]
    this.#hand = new Hand(this)
    this.#settle()
  }

  push: Push = (value, key, time) => {
    const { trigger } = this.#plan
    const at = this.#clock === undefined ? time : this.#clock.now
    const bucket = this.#windows.bucket(0)
    const window = this.#windows.change(bucket, key, this.#accumulation.init).value as number[]
    if (this.due === Number.POSITIVE_INFINITY) this.#settle()
    this.#accumulation.add(window, value, at)
    window[records] = (window[records] as number) + 1
    window[fresh] = (window[fresh] as number) + 1
    if (at > (window[latest] as number)) window[latest] = at
    if (trigger.kind === "count") {
      if (window[fresh] >= trigger.every) this.#decide(trigger.keep ? "fire" : "fire-and-purge", key, at)
      return
    }
    this.#ask(this.#onRecord, value, key, at)
  }

  advance(watermark: number): void {
    for (this.#settle(); this.due <= watermark; this.#settle()) {
      const whole = this.#schedule.due < Number.POSITIVE_INFINITY ? this.#fireAll() : this.#finish()
      if (!whole) return this.#settle()
    }
  }

  tick(now: number): void {
    for (this.#settle(); this.dueByClock <= now; this.#settle()) if (!this.#fireAll()) return this.#settle()
  }

  end(): void {}

  reload(): void {
    this.#firing = Number.NEGATIVE_INFINITY
    this.#clock?.reload()
    this.#schedule.reload()
    this.#settle()
  }

  /** The key's window as it would be given now. */
  stateOf(key: string): unknown {
    const window = this.#windows.get(this.#windows.bucket(0), key)?.value
    return window === undefined ? undefined : this.#accumulation.complete({ key }, this.#accumulation.copy(window))
  }

  *timers(): Iterable<TimerView> {
    const by = this.#clock === undefined ? "event" : "processing"
    for (const time of this.#timers.ids()) for (const key of this.#timers.keys(this.#timers.bucket(time))) yield { key, time, by }
  }

  /** False: the transaction is full before the timers of the first time have all fired. */
  #fireAll(): boolean {
    const due = this.#schedule.due
    const bucket = this.#timers.bucket(due)
    this.#clock?.pass(due)
    // In key order: memory and store would otherwise give different orders, and a restart would show.
    for (const { key } of this.#timers.entries(bucket)) {
      // Outside the guard: a timer whose code fails has become a dead letter and must not come due for ever.
      this.clearTimer(key, due)
      const window = this.#windows.get(this.#windows.bucket(0), key)?.value
      if (window !== undefined && (window[fresh] as number) > 0) {
        this.#firing = due
        this.#context.guard(this.#plan.name, { timer: new Date(due) }, key, due, this.#fire)
        this.#firing = Number.NEGATIVE_INFINITY
      }
      if (this.#context.full()) return false
    }
    this.#timers.drop(bucket)
    return true
  }

  readonly #fire: Push = (_, key, time) => this.#ask(this.#onTime as Handler, undefined, key, time)

  /** The input has ended. False: the transaction is full before each key has given what it had not yet. */
  #finish(): boolean {
    const windows = this.#windows
    const bucket = windows.bucket(0)
    for (const { key, value } of windows.entries(bucket)) {
      if ((value[fresh] as number) > 0) this.#context.guard(this.#plan.name, { key }, key, value[latest] as number, this.#last)
      this.#purge(key)
      if (this.#context.full()) return false
    }
    windows.drop(bucket)
    return true
  }

  readonly #last: Push = (_, key, time) => this.#give(key, time)

  /** Asks the trigger. */
  #ask(handler: Handler, value: unknown, key: string, time: number): void {
    const hand = this.#hand
    const window = this.#windows.get(this.#windows.bucket(0), key)?.value as Accumulator
    const kept = this.#kept.change(this.#kept.bucket(0), key, this.#init).value as TriggerKept
    hand.take(key, time, window[records] as number, kept[0])
    const decision = handler(value as never, hand as never)
    kept[0] = hand.state
    this.#decide(decision, key, time)
  }

  #decide(said: unknown, key: string, time: number): void {
    const decision = checkedDecision(said, this.#plan.name)
    if (decision === "continue") return
    if (decision !== "purge") this.#give(key, time)
    if (decision !== "fire") return this.#purge(key)
    ;(this.#windows.change(this.#windows.bucket(0), key, this.#accumulation.init).value as number[])[fresh] = 0
  }

  #give(key: string, time: number): void {
    const window = this.#windows.get(this.#windows.bucket(0), key)?.value as Accumulator
    this.#next(this.#accumulation.complete({ key }, window), key, this.#eventTime(time))
  }

  /** Never behind the watermark, so that it is late for nobody behind. */
  #eventTime(time: number): number {
    const { watermark } = this.#context
    return watermark > time && watermark < Number.POSITIVE_INFINITY ? watermark : time
  }

  #purge(key: string): void {
    const bucket = this.#kept.bucket(0)
    for (const time of this.#kept.get(bucket, key)?.value?.[1].slice() ?? []) this.clearTimer(key, time)
    this.#kept.remove(bucket, key)
    this.#windows.remove(this.#windows.bucket(0), key)
  }

  get watermark(): number {
    return this.#context.watermark
  }

  setTimer(key: string, time: number): void {
    checkTimer(time, this.#firing, this.#onTime, this.#plan.name)
    const [, timers] = this.#kept.change(this.#kept.bucket(0), key, this.#init).value as TriggerKept
    if (timers.includes(time)) return
    timers.push(time)
    this.#schedule.note(time)
    this.#timers.change(this.#timers.bucket(time), key, yes)
    this.#settle()
  }

  clearTimer(key: string, time: number): void {
    if (this.#timers.has(time)) this.#timers.remove(this.#timers.bucket(time), key)
    const kept = this.#kept.get(this.#kept.bucket(0), key)?.value
    if (kept?.[1].includes(time) !== true) return
    const changed = this.#kept.change(this.#kept.bucket(0), key, this.#init).value as TriggerKept
    changed[1] = changed[1].filter((each) => each !== time)
  }

  #settle(): void {
    const { due } = this.#schedule
    // While there are windows, the end of the input has something to do.
    const atEnd = this.#windows.has(0) ? endOfInput : Number.POSITIVE_INFINITY
    this.due = this.#clock === undefined ? Math.min(due, atEnd) : due < Number.POSITIVE_INFINITY ? endOfInput : atEnd
    if (this.#clock !== undefined) this.dueByClock = due
    if (this.due < this.#context.due) this.#context.due = this.due
  }
}

/** The context that a trigger sees, one object reused for every key. */
class Hand implements TriggerContext<unknown> {
  readonly #operator: GlobalOperator
  key = ""
  time = 0
  count = 0
  state: unknown

  constructor(operator: GlobalOperator) {
    this.#operator = operator
  }

  take(key: string, time: number, count: number, state: unknown): void {
    this.key = key
    this.time = time
    this.count = count
    this.state = state
  }

  get watermark(): number {
    return this.#operator.watermark
  }

  setTimer(time: number): void {
    this.#operator.setTimer(this.key, time)
  }

  clearTimer(time: number): void {
    this.#operator.clearTimer(this.key, time)
  }
}

const yes = (): true => true
