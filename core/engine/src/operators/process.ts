/**
 * A user's keyed process: typed state per key and event-time timers. State and timers of a key are one value; due
 * timers are found through an index, one bucket per time.
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
import type { Bucket, Scope, StateCodec } from "../state.ts"

type Plan = Extract<OperatorPlan, { kind: "process" }>
type Code = Extract<OperatorCode, { kind: "process" }>

/** What is kept for a key: `[state, timers]`, timers in ms, each once. */
type Kept = [state: unknown, timers: number[]]

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

export class ProcessOperator implements TimedOperator {
  readonly #name: string
  readonly #code: Code
  readonly #context: StageContext
  readonly #next: Push
  readonly #kept: Scope<Kept>
  readonly #timers: Scope<true>
  readonly #init: () => Kept
  readonly #hand: Hand
  due: number = Number.POSITIVE_INFINITY
  readonly dueByClock: number = Number.POSITIVE_INFINITY

  constructor(plan: Plan, code: Code, context: StageContext, next: Push) {
    this.#name = plan.name
    this.#code = code
    this.#context = context
    this.#next = next
    const scope = `${context.plan.service}/${plan.name}`
    this.#kept = context.state.scope(scope, keptCodec)
    this.#timers = context.state.scope(`${scope}@timers`, timerCodec)
    this.#init = () => [code.state(), []]
    this.#hand = new Hand(this)
    this.#settle()
  }

  push: Push = (value, key, time) => {
    this.#run(key, time, this.#code.onRecord as (value: unknown, ctx: unknown) => Iterable<unknown> | undefined, value)
  }

  advance(watermark: number): void {
    const { onTimer } = this.#code
    for (const at of [...this.#timers.ids()].filter((id) => id <= watermark).sort((a, b) => a - b)) {
      const bucket = this.#timers.bucket(at)
      for (const key of [...bucket.cells.keys()].sort()) {
        // Outside the guard: a timer whose code fails has become a dead letter and must not come due for ever.
        this.#forgetTimer(key, at)
        this.#context.guard(this.#name, { timer: new Date(at) }, key, at, () => {
          if (onTimer !== undefined) {
            const fire = (_: unknown, ctx: unknown): Iterable<unknown> | undefined => onTimer(ctx as never) ?? undefined
            this.#run(key, at, fire, undefined)
          }
        })
      }
      this.#timers.drop(this.#timers.bucket(at))
    }
    this.#settle()
  }

  tick(): void {}

  end(): void {}

  reload(): void {
    this.#settle()
  }

  setTimer(key: string, at: number): void {
    if (!Number.isFinite(at)) {
      throw new MillraceError("MR1201", `operator "${this.#name}": a timer was set for ${at}, which is no time in ms.`)
    }
    const [, timers] = this.#kept.change(this.#bucket, key, this.#init).value as Kept
    if (timers.includes(at)) return
    timers.push(at)
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
    for (const at of this.#bucket.cells.get(key)?.value?.[1].slice() ?? []) this.clearTimer(key, at)
    this.#kept.remove(this.#bucket, key)
  }

  get watermark(): number {
    return this.#context.watermark
  }

  #run(
    key: string,
    time: number,
    handler: (value: unknown, ctx: unknown) => Iterable<unknown> | undefined | void,
    value: unknown,
  ): void {
    const hand = this.#hand
    const kept = this.#kept.change(this.#bucket, key, this.#init).value as Kept
    hand.take(key, time, kept[0])
    const out = handler(value, hand)
    // A generator runs while it is read, so state is put back only after its last result.
    if (out !== undefined && out !== null) for (const item of out) this.#next(item, key, time)
    if (hand.cleared) {
      if (hand.state !== undefined) (this.#kept.change(this.#bucket, key, this.#init).value as Kept)[0] = hand.state
    } else (this.#kept.change(this.#bucket, key, this.#init).value as Kept)[0] = hand.state
  }

  #forgetTimer(key: string, at: number): void {
    if (!this.#bucket.cells.has(key)) return
    const kept = this.#kept.change(this.#bucket, key, this.#init).value as Kept
    const place = kept[1].indexOf(at)
    if (place >= 0) kept[1].splice(place, 1)
  }

  get #bucket(): Bucket<Kept> {
    return this.#kept.bucket(0)
  }

  #settle(): void {
    let due = Number.POSITIVE_INFINITY
    for (const at of this.#timers.ids()) if (at < due) due = at
    this.due = due
    if (due < this.#context.due) this.#context.due = due
  }
}

/** The context that user code sees, one object reused for every key. */
class Hand implements ProcessContext<unknown> {
  readonly #operator: ProcessOperator
  state: unknown
  key = ""
  time = 0
  cleared = false

  constructor(operator: ProcessOperator) {
    this.#operator = operator
  }

  take(key: string, time: number, state: unknown): void {
    this.key = key
    this.time = time
    this.state = state
    this.cleared = false
  }

  get watermark(): number {
    return this.#operator.watermark
  }

  setTimer(at: number): void {
    this.#operator.setTimer(this.key, at)
  }

  clearTimer(at: number): void {
    this.#operator.clearTimer(this.key, at)
  }

  clear(): void {
    this.#operator.clear(this.key)
    this.state = undefined
    this.cleared = true
  }
}
