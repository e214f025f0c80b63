/**
 * Triggers of windows with bounds: results ahead of a window's end, after so many records or as a user's code decides, and windows
 * that begin anew. The end of a window, and what comes after it, is the operator's; so is which windows become one.
 *
 * A window is known by a number that never changes: its start, or of a session, which may grow to both sides, the time of the record
 * that began it.
 *
 * Invariants W51 to W53 and W57 to W59 of docs/specs/windows.md.
 */
import type { TriggerCode, TriggerPlan, WindowTriggerContext } from "@millrace/model"
import { BucketSchedule } from "../bucket-schedule.ts"
import type { Push, StageContext } from "../context.ts"
import { type Bucket, rowKey, rowTime, type Scope } from "../state.ts"
import { keyOfRow } from "../state/row.ts"
import type { TimerView } from "../view.ts"
import type { Accumulator } from "./accumulation.ts"
import { timeCodec } from "./time-codec.ts"
import { checkedDecision, checkTimer, type Handler, keptCodec, type TriggerKept } from "./trigger-decision.ts"

/** A window's own numbers for its trigger: its records, and those since its last result. */
export const triggerNumbers: readonly number[] = [0, 0]

/** The windows, as their operator has them. */
export interface TriggeredWindows {
  /** Where an accumulator holds {@link triggerNumbers}. */
  readonly numbersAt: number
  get(id: number, key: string): Accumulator | undefined
  /** To be changed. */
  change(id: number, key: string): Accumulator
  /** The window begins anew. */
  remove(id: number, key: string): void
  /** Gives a result ahead of the window's end. */
  give(id: number, key: string, acc: Accumulator): void
  start(id: number, acc: Accumulator): number
  end(id: number, acc: Accumulator): number
  /** Whether the window may still grow: then a timer beyond its end may be called yet. */
  readonly grow: boolean
  /** Where what the trigger keeps for a window lies. */
  bucket(id: number): number
  cell(id: number, key: string): string
  /** A timer has been set. */
  settle(): void
}

export class WindowTriggers {
  readonly #operator: string
  readonly #plan: TriggerPlan
  readonly #code: TriggerCode | undefined
  readonly #context: StageContext
  readonly #windows: TriggeredWindows
  readonly #records: number
  readonly #fresh: number
  /** By window. */
  readonly #kept: Scope<TriggerKept>
  /** Windows by the time of their timers. */
  readonly #timers: Scope<number>
  readonly #schedule: BucketSchedule
  readonly #hand: Hand
  readonly #init: () => TriggerKept
  /** The time whose timers are firing. */
  #firing = Number.NEGATIVE_INFINITY
  #id = 0

  /** @param scope - name of what is kept */
  constructor(operator: string, plan: TriggerPlan, code: TriggerCode | undefined, context: StageContext, scope: string, windows: TriggeredWindows) {
    this.#operator = operator
    this.#plan = plan
    this.#code = code
    this.#context = context
    this.#windows = windows
    this.#records = windows.numbersAt
    this.#fresh = windows.numbersAt + 1
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
  onRecord(id: number, key: string, acc: Accumulator, value: unknown, time: number): void {
    acc[this.#records] = (acc[this.#records] as number) + 1
    acc[this.#fresh] = (acc[this.#fresh] as number) + 1
    const plan = this.#plan
    if (plan.kind === "custom") return this.#ask(id, key, time, this.#code?.onRecord as Handler, value)
    if ((acc[this.#fresh] as number) >= plan.every) this.#decide(plan.keep ? "fire" : "fire-and-purge", id, key)
  }

  /** A record has been counted in a window that has closed, and its refined result been given. */
  onLateRecord(acc: Accumulator): void {
    acc[this.#records] = (acc[this.#records] as number) + 1
    acc[this.#fresh] = 0
  }

  /** A window that may open again has given its result. */
  onEnd(acc: Accumulator): void {
    acc[this.#fresh] = 0
  }

  /** A window has taken in a later one of its key, `from`, which is no more: W57. */
  merge(into: number, from: number, key: string, acc: Accumulator, later: Accumulator): void {
    for (const at of [this.#records, this.#fresh]) acc[at] = (acc[at] as number) + (later[at] as number)
    const gone = this.#keptOf(from, key)
    if (gone === undefined) return
    const [state, timers] = [gone[0], gone[1].slice()]
    const known = this.#keptOf(into, key) !== undefined
    this.#forget(from, key)
    const kept = this.#change(into, key)
    const merge = this.#code?.merge
    kept[0] = known && merge !== undefined ? merge(kept[0] as never, state as never) : known ? kept[0] : state
    for (const time of timers) this.#set(into, key, time)
  }

  /** Fires the timers of the first time. False: the transaction is full before all have. */
  fireFirst(): boolean {
    const { due } = this
    const bucket = this.#timers.bucket(due)
    for (const { key: name, value: id } of this.#timers.entries(bucket)) {
      const key = keyOfRow(name)
      // Outside the guard: a timer whose code fails has become a dead letter and must not come due for ever.
      this.#clear(id, key, due)
      const acc = this.#windows.get(id, key)
      if (acc !== undefined && (acc[this.#fresh] as number) > 0 && this.#windows.end(id, acc) > due) {
        this.#firing = due
        this.#id = id
        this.#context.guard(this.#operator, { timer: new Date(due) }, key, due, this.#fire)
        this.#firing = Number.NEGATIVE_INFINITY
      }
      if (this.#context.full()) return false
    }
    this.#timers.drop(bucket)
    return true
  }

  /** Windows of one bucket are over, and with them what their triggers keep; their timers lie before their end. */
  drop(bucket: number): void {
    this.#kept.drop(this.#kept.bucket(bucket))
  }

  /** A window is over. */
  remove(id: number, key: string): void {
    this.#forget(id, key)
  }

  /** After a rollback. */
  reload(): void {
    this.#firing = Number.NEGATIVE_INFINITY
    this.#schedule.reload()
  }

  *timers(by: TimerView["by"]): Iterable<TimerView> {
    for (const time of this.#timers.ids()) for (const name of this.#timers.keys(this.#timers.bucket(time))) yield { key: keyOfRow(name), time, by }
  }

  setTimer(id: number, key: string, time: number, end: number): void {
    checkTimer(time, this.#firing, this.#code?.onTime, this.#operator)
    // The window has given its result by then.
    if (time >= end && !this.#windows.grow) return
    this.#set(id, key, time)
    this.#windows.settle()
  }

  clearTimer(id: number, key: string, time: number): void {
    this.#clear(id, key, time)
  }

  readonly #fire: Push = (_, key, time) => this.#ask(this.#id, key, time, this.#onTime, undefined)
  readonly #onTime: Handler = (_, ctx) => this.#code?.onTime?.(ctx)

  #ask(id: number, key: string, time: number, handler: Handler, value: unknown): void {
    const hand = this.#hand
    const windows = this.#windows
    const acc = windows.get(id, key) as Accumulator
    const kept = this.#change(id, key)
    hand.take(id, windows.start(id, acc), windows.end(id, acc), key, time, acc[this.#records] as number, kept[0])
    const said = handler(value as never, hand as never)
    kept[0] = hand.state
    this.#decide(said, id, key)
  }

  #decide(said: unknown, id: number, key: string): void {
    const decision = checkedDecision(said, this.#operator)
    if (decision === "continue") return
    const windows = this.#windows
    if (decision !== "purge") {
      const acc = windows.change(id, key)
      acc[this.#fresh] = 0
      windows.give(id, key, acc)
    }
    if (decision === "fire") return
    this.#forget(id, key)
    windows.remove(id, key)
  }

  #keptOf(id: number, key: string): TriggerKept | undefined {
    return this.#kept.get(this.#bucket(id), this.#windows.cell(id, key))?.value
  }

  #change(id: number, key: string): TriggerKept {
    return this.#kept.change(this.#bucket(id), this.#windows.cell(id, key), this.#init).value as TriggerKept
  }

  #bucket(id: number): Bucket<TriggerKept> {
    return this.#kept.bucket(this.#windows.bucket(id))
  }

  #forget(id: number, key: string): void {
    const kept = this.#keptOf(id, key)
    if (kept === undefined) return
    for (const time of kept[1].slice()) this.#clear(id, key, time)
    this.#kept.remove(this.#bucket(id), this.#windows.cell(id, key))
  }

  #set(id: number, key: string, time: number): void {
    const [, timers] = this.#change(id, key)
    if (timers.includes(time)) return
    timers.push(time)
    this.#schedule.note(time)
    this.#timers.change(this.#timers.bucket(time), rowKey(key, rowTime(id)), () => id)
  }

  #clear(id: number, key: string, time: number): void {
    if (this.#timers.has(time)) this.#timers.remove(this.#timers.bucket(time), rowKey(key, rowTime(id)))
    if (this.#keptOf(id, key)?.[1].includes(time) !== true) return
    const changed = this.#change(id, key)
    changed[1] = changed[1].filter((each) => each !== time)
  }
}

/** The context that a trigger sees, one object reused for every key and window. */
class Hand implements WindowTriggerContext<unknown> {
  readonly #triggers: WindowTriggers
  #id = 0
  start = 0
  end = 0
  key = ""
  time = 0
  count = 0
  state: unknown

  constructor(triggers: WindowTriggers) {
    this.#triggers = triggers
  }

  take(id: number, start: number, end: number, key: string, time: number, count: number, state: unknown): void {
    this.#id = id
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
    this.#triggers.setTimer(this.#id, this.key, time, this.end)
  }

  clearTimer(time: number): void {
    this.#triggers.clearTimer(this.#id, this.key, time)
  }
}
