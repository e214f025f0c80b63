/**
 * What a process keeps by key besides its state: values, lists, maps, counters, reduced values. Each part is a row of its own, so a map
 * of many entries is not written anew when one changes. With a time to live, a part that is over is never seen again from the moment
 * on at which it is over, and removed soon after.
 */
import {
  type ByteReader,
  type ByteWriter,
  type KeepPlan,
  type KeptCounter,
  type KeptList,
  type KeptMap,
  type KeptReduced,
  type KeptValue,
  valueBytes,
  valueFrom,
} from "@millrace/model"
import { BucketSchedule } from "../bucket-schedule.ts"
import type { StageContext } from "../context.ts"
import { type Scope, type StateCodec, rowKey, rowNumber, rowOf } from "../state.ts"
import { flagCodec } from "./flag-codec.ts"
import { memberName } from "./member-name.ts"

interface Part {
  /** When it was last written, or looked at, in ms. */
  at: number
  bytes: Uint8Array
}

const partCodec: StateCodec<Part> = {
  write: (to: ByteWriter, { at, bytes }: Part) => {
    to.f64(at)
    to.u32(bytes.length)
    to.bytes(bytes)
  },
  read: (from: ByteReader): Part => {
    const at = from.f64()
    return { at, bytes: from.bytes(from.u32()).slice() }
  },
  copy: (part) => ({ ...part }),
}

/** Ends of life are looked after in steps of a part of it, at least this long, in ms. */
const stepMsMin = 1_000

/** The parts that are over by one kind of time. */
class Lives {
  readonly #ends: Scope<true>
  readonly schedule: BucketSchedule

  constructor(context: StageContext, name: string) {
    this.#ends = context.state.scope(name, flagCodec)
    this.schedule = new BucketSchedule(context.state, this.#ends, (time) => time)
  }

  note(end: number, cellKey: string): number {
    const due = this.schedule.note(end)
    this.#ends.change(this.#ends.bucket(end), cellKey, () => true)
    return due
  }

  /** The parts to look at, and none of them again. */
  take(): string[] {
    const bucket = this.#ends.bucket(this.schedule.first)
    const keys = this.#ends.keys(bucket)
    this.#ends.drop(bucket)
    return keys
  }
}

type Handle = KeptValue<unknown> | KeptList<unknown> | KeptMap<string | number, unknown> | KeptCounter | KeptReduced<unknown>

export class Keeps {
  readonly #plans: readonly KeepPlan[]
  readonly #context: StageContext
  readonly #parts: Scope<Part>
  readonly #byEvent: Lives
  readonly #byClock: Lives
  readonly handles: Readonly<Record<string, Handle>>
  #key = ""
  #time = 0
  /** Told when something is over earlier than was known. */
  onDue: () => void = () => undefined

  constructor(
    plans: readonly KeepPlan[],
    reducers: Readonly<Record<string, (before: never, value: never) => unknown>>,
    context: StageContext,
    scope: string,
  ) {
    this.#plans = plans
    this.#context = context
    this.#parts = context.state.rows(`${scope}@keeps`, partCodec)
    this.#byEvent = new Lives(context, `${scope}@ends`)
    this.#byClock = new Lives(context, `${scope}@ends-by-clock`)
    this.handles = Object.fromEntries(plans.map((plan, i) => [plan.name, this.#handle(plan, i, reducers)]))
  }

  /** Whose things are meant from here on. */
  take(key: string, time: number): void {
    this.#key = key
    this.#time = time
  }

  get due(): number {
    return this.#byEvent.schedule.due
  }

  get dueByClock(): number {
    return this.#byClock.schedule.due
  }

  reload(): void {
    this.#byEvent.schedule.reload()
    this.#byClock.schedule.reload()
  }

  /** Removes what is over first. */
  expire(by: "event" | "processing"): void {
    const lives = by === "event" ? this.#byEvent : this.#byClock
    const now = lives.schedule.due
    const bucket = this.#parts.bucket(0)
    for (const cellKey of lives.take()) {
      const part = this.#parts.get(bucket, cellKey)?.value
      const plan = this.#plans[Number.parseInt(rowOf(cellKey), 36)]
      if (part === undefined || plan?.ttlMs === null || plan === undefined) continue
      if (part.at + plan.ttlMs <= now) this.#parts.remove(bucket, cellKey)
      else lives.note(endOf(part.at, plan.ttlMs), cellKey)
    }
  }

  /** Forgets all of the key in hand. */
  clear(): void {
    const bucket = this.#parts.bucket(0)
    for (const cell of this.#parts.group(bucket, this.#key).slice()) this.#parts.remove(bucket, cell.key)
  }

  #now(plan: KeepPlan): number {
    return plan.ttlBy === "processing" ? this.#context.now : Math.max(this.#time, this.#context.watermark)
  }

  #read(plan: KeepPlan, cellKey: string): unknown {
    const bucket = this.#parts.bucket(0)
    const part = this.#parts.get(bucket, cellKey)?.value
    if (part === undefined || this.#isOver(plan, part)) return undefined
    if (plan.refresh === "read" && plan.ttlMs !== null) {
      ;(this.#parts.change(bucket, cellKey, () => part).value as Part).at = this.#now(plan)
    }
    return valueFrom(part.bytes)
  }

  #isOver({ ttlMs, ...plan }: KeepPlan, part: Part): boolean {
    return ttlMs !== null && part.at + ttlMs <= this.#now({ ttlMs, ...plan })
  }

  #write(plan: KeepPlan, cellKey: string, value: unknown): void {
    const bytes = valueBytes(value)
    const at = this.#now(plan)
    const bucket = this.#parts.bucket(0)
    const known = this.#parts.get(bucket, cellKey) !== undefined
    const part = this.#parts.change(bucket, cellKey, () => ({ at, bytes })).value as Part
    part.at = at
    part.bytes = bytes
    if (plan.ttlMs === null || known) return
    const lives = plan.ttlBy === "event" ? this.#byEvent : this.#byClock
    lives.note(endOf(at, plan.ttlMs), cellKey)
    this.onDue()
  }

  #remove(cellKey: string): void {
    this.#parts.remove(this.#parts.bucket(0), cellKey)
  }

  /** The parts of one thing that are not over, in the order of their rows. */
  #all(plan: KeepPlan, prefix: string): { readonly cellKey: string; readonly part: Part }[] {
    return this.#parts
      .group(this.#parts.bucket(0), this.#key)
      .filter(({ key, value }) => rowOf(key).startsWith(prefix) && value !== undefined && !this.#isOver(plan, value))
      .map(({ key, value }) => ({ cellKey: key, part: value as Part }))
  }

  #handle(plan: KeepPlan, i: number, reducers: Readonly<Record<string, (before: never, value: never) => unknown>>): Handle {
    const prefix = `${i.toString(36)}|`
    const row = (name: string): string => rowKey(this.#key, prefix + name)
    const clear = (): void => {
      for (const { cellKey } of this.#everything(prefix)) this.#remove(cellKey)
    }
    const list = (): unknown[] =>
      this.#all(plan, prefix).map(({ cellKey, part }) => {
        if (plan.refresh === "read") this.#read(plan, cellKey)
        return valueFrom(part.bytes)
      })
    const count = (): number => (this.#read(plan, row("")) as number | undefined) ?? 0
    switch (plan.kind) {
      case "value":
        return { get: () => this.#read(plan, row("")), set: (value: unknown) => this.#write(plan, row(""), value), clear }
      case "counter":
        return {
          add: (by = 1) => {
            const now = ((this.#read(plan, row("")) as number | undefined) ?? 0) + by
            this.#write(plan, row(""), now)
            return now
          },
          get value() {
            return count()
          },
          clear,
        }
      case "reducing": {
        const reduce = reducers[plan.name] as (before: unknown, value: unknown) => unknown
        return {
          add: (value: unknown) => {
            const before = this.#read(plan, row(""))
            const now = before === undefined ? value : reduce(before, value)
            this.#write(plan, row(""), now)
            return now
          },
          get: () => this.#read(plan, row("")),
          clear,
        }
      }
      case "list":
        return {
          push: (value: unknown) => {
            const newest = this.#everything(prefix).at(-1)
            const number = newest === undefined ? 0 : Number.parseInt(rowOf(newest.cellKey).slice(prefix.length), 36) + 1
            this.#write(plan, row(rowNumber(number)), value)
          },
          get length() {
            return list().length
          },
          [Symbol.iterator]: () => list()[Symbol.iterator](),
          clear,
        }
      case "map":
        return {
          get: (key) => (this.#read(plan, row(memberName(0, key))) as readonly [unknown, unknown] | undefined)?.[1],
          has: (key) => this.#read(plan, row(memberName(0, key))) !== undefined,
          set: (key, value) => this.#write(plan, row(memberName(0, key)), [key, value]),
          delete: (key) => this.#remove(row(memberName(0, key))),
          entries: () => list() as (readonly [string | number, unknown])[],
          clear,
        }
    }
  }

  #everything(prefix: string): { readonly cellKey: string }[] {
    return this.#parts
      .group(this.#parts.bucket(0), this.#key)
      .filter(({ key }) => rowOf(key).startsWith(prefix))
      .map(({ key }) => ({ cellKey: key }))
  }
}

/** When a part is looked after: at the end of its life, in steps. */
function endOf(at: number, ttlMs: number): number {
  const step = Math.max(stepMsMin, ttlMs / 8)
  return Math.ceil((at + ttlMs) / step) * step
}
