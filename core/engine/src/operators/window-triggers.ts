/**
 * Triggers of windows with bounds: results ahead of a window's end, after so many records or as a user's code decides, and windows
 * that begin anew. The end of a window, and what comes after it, is the operator's.
 *
 * Invariants W51 to W53 of docs/specs/windows.md.
 */
import type { TriggerCode, TriggerPlan, WindowTriggerContext } from "@millrace/model"
import { BucketSchedule } from "../bucket-schedule.ts"
import type { Push, StageContext } from "../context.ts"
import { rowKey, rowTime, type Scope } from "../state.ts"
import { keyOfRow } from "../state/row.ts"
import type { TimerView } from "../view.ts"
import type { Accumulator } from "./accumulation.ts"
import { timeCodec } from "./time-codec.ts"
import { checkedDecision, checkTimer, type Handler, keptCodec, type TriggerKept } from "./trigger-decision.ts"

/** A window's own numbers: its records, and those since its last result. */
const records = 0
const fresh = 1

/** What an accumulator holds in front. */
export const triggerNumbers: readonly number[] = [0, 0]

/** The windows, as their operator has them. */
export interface TriggeredWindows {
  get(start: number, key: string): Accumulator | undefined
  /** To be changed. */
  change(start: number, key: string): Accumulator
  remove(start: number, key: string): void
  give(start: number, key: string, acc: Accumulator): void
  end(start: number): number
  /** A timer has been set. */
  settle(): void
}

export class WindowTriggers {
  readonly #operator: string
  readonly #plan: TriggerPlan
  readonly #code: TriggerCode | undefined
  readonly #context: StageContext
  readonly #windows: TriggeredWindows
  /** By window. */
  readonly #kept: Scope<TriggerKept>
  /** Starts of windows by the time of their timers. */
  readonly #timers: Scope<number>
  readonly #schedule: BucketSchedule
  readonly #hand: Hand
  readonly #init: () => TriggerKept
  /** The time whose timers are firing. */
  #firing = Number.NEGATIVE_INFINITY
  #start = 0

  /** @param scope - name of what is kept */
  constructor(operator: string, plan: TriggerPlan, code: TriggerCode | undefined, context: StageContext, scope: string, windows: TriggeredWindows) {
    this.#operator = operator
    this.#plan = plan
    this.#code = code
    this.#context = context
    this.#windows = windows
    this.#kept = context.state.scope(`${scope}@trigger`, keptCodec)
    this.#timers = context.state.scope(`${scope}@timers`, timeCodec)
    this.#schedule = new BucketSchedule(context.state, this.#timers, (time) => time)
    this.#hand = new Hand(this)
    this.#init = () => [code?.state?.(), []]
  }

  get due(): number {
    return this.#schedule.due
  }

  get watermark(): number {
    return this.#context.watermark
  }

  /** A record has been counted in an open window. */
  onRecord(start: number, key: string, acc: Accumulator, value: unknown, time: number): void {
    acc[records] = (acc[records] as number) + 1
    acc[fresh] = (acc[fresh] as number) + 1
    const plan = this.#plan
    if (plan.kind === "custom") return this.#ask(start, key, time, this.#code?.onRecord as Handler, value)
    if ((acc[fresh] as number) >= plan.every) this.#decide(plan.keep ? "fire" : "fire-and-purge", start, key)
  }

  /** Fires the timers of the first time. False: the transaction is full before all have. */
  fireFirst(): boolean {
    const { due } = this
    const bucket = this.#timers.bucket(due)
    for (const { key: name, value: start } of this.#timers.entries(bucket)) {
      const key = keyOfRow(name)
      // Outside the guard: a timer whose code fails has become a dead letter and must not come due for ever.
      this.#clear(start, key, due)
      const acc = this.#windows.get(start, key)
      if (acc !== undefined && (acc[fresh] as number) > 0) {
        this.#firing = due
        this.#start = start
        this.#context.guard(this.#operator, { timer: new Date(due) }, key, due, this.#fire)
        this.#firing = Number.NEGATIVE_INFINITY
      }
      if (this.#context.full()) return false
    }
    this.#timers.drop(bucket)
    return true
  }

  /** A window is over, and with it what its triggers keep; their timers lie before its end. */
  drop(start: number): void {
    this.#kept.drop(this.#kept.bucket(start))
  }

  /** After a rollback. */
  reload(): void {
    this.#firing = Number.NEGATIVE_INFINITY
    this.#schedule.reload()
  }

  *timers(by: TimerView["by"]): Iterable<TimerView> {
    for (const time of this.#timers.ids()) for (const name of this.#timers.keys(this.#timers.bucket(time))) yield { key: keyOfRow(name), time, by }
  }

  setTimer(start: number, key: string, time: number): void {
    checkTimer(time, this.#firing, this.#code?.onTime, this.#operator)
    // The window has given its result by then.
    if (time >= this.#windows.end(start)) return
    const [, timers] = this.#kept.change(this.#kept.bucket(start), key, this.#init).value as TriggerKept
    if (timers.includes(time)) return
    timers.push(time)
    this.#schedule.note(time)
    this.#timers.change(this.#timers.bucket(time), rowKey(key, rowTime(start)), () => start)
    this.#windows.settle()
  }

  clearTimer(start: number, key: string, time: number): void {
    this.#clear(start, key, time)
  }

  readonly #fire: Push = (_, key, time) => this.#ask(this.#start, key, time, this.#onTime, undefined)
  readonly #onTime: Handler = (_, ctx) => this.#code?.onTime?.(ctx)

  #ask(start: number, key: string, time: number, handler: Handler, value: unknown): void {
    const hand = this.#hand
    const kept = this.#kept.change(this.#kept.bucket(start), key, this.#init).value as TriggerKept
    hand.take(start, this.#windows.end(start), key, time, this.#windows.get(start, key)?.[records] as number, kept[0])
    const said = handler(value as never, hand as never)
    kept[0] = hand.state
    this.#decide(said, start, key)
  }

  #decide(said: unknown, start: number, key: string): void {
    const decision = checkedDecision(said, this.#operator)
    if (decision === "continue") return
    const windows = this.#windows
    if (decision !== "purge") {
      const acc = windows.change(start, key)
      acc[fresh] = 0
      windows.give(start, key, acc)
    }
    if (decision === "fire") return
    const bucket = this.#kept.bucket(start)
    for (const time of this.#kept.get(bucket, key)?.value?.[1].slice() ?? []) this.#clear(start, key, time)
    this.#kept.remove(bucket, key)
    windows.remove(start, key)
  }

  #clear(start: number, key: string, time: number): void {
    if (this.#timers.has(time)) this.#timers.remove(this.#timers.bucket(time), rowKey(key, rowTime(start)))
    const bucket = this.#kept.bucket(start)
    if (this.#kept.get(bucket, key)?.value?.[1].includes(time) !== true) return
    const changed = this.#kept.change(bucket, key, this.#init).value as TriggerKept
    changed[1] = changed[1].filter((each) => each !== time)
  }
}

/** The context that a trigger sees, one object reused for every key and window. */
class Hand implements WindowTriggerContext<unknown> {
  readonly #triggers: WindowTriggers
  start = 0
  end = 0
  key = ""
  time = 0
  count = 0
  state: unknown

  constructor(triggers: WindowTriggers) {
    this.#triggers = triggers
  }

  take(start: number, end: number, key: string, time: number, count: number, state: unknown): void {
    this.start = start
    this.end = end
    this.key = key
    this.time = time
    this.count = count
    this.state = state
  }

  get watermark(): number {
    return this.#triggers.watermark
  }

  setTimer(time: number): void {
    this.#triggers.setTimer(this.start, this.key, time)
  }

  clearTimer(time: number): void {
    this.#triggers.clearTimer(this.start, this.key, time)
  }
}
