/**
 * Finds patterns in the records of each key, in the order of their event times; of one time, as they came. Records wait until the
 * watermark has reached their time, so the order of arrival does not show.
 *
 * A match that runs out of time goes to `timedOut` with what it had, unless it waited for nothing but that time (a pattern that ends
 * in `notFollowedBy`): then it is complete. A record behind the watermark is late.
 */
import {
  type ByteReader,
  type ByteWriter,
  MillraceError,
  type OperatorCode,
  type OperatorPlan,
  type PatternStage,
  limits,
  readValue,
  valueBytes,
  valueFrom,
  writeValue,
} from "@millrace/model"
import { BucketSchedule } from "../bucket-schedule.ts"
import type { Push, StageContext, TimedOperator } from "../context.ts"
import { type Scope, type StateCodec, rowKey, rowNumber, rowOf } from "../state.ts"
import { keyOfRow } from "../state/row.ts"
import { flagCodec } from "./flag-codec.ts"
import { type KeptBytes, keptBytesCodec, keptValue } from "./kept-bytes.ts"
import { HeldRecords } from "./held-records.ts"
import { Automaton, type Conditions, firstOf, lastOf, type Partial } from "./pattern.ts"

type Plan = Extract<OperatorPlan, { kind: "match" }>
type Code = Extract<OperatorCode, { kind: "match" }>
type Condition = (value: unknown, match: unknown, taken: unknown) => boolean

interface StageCode {
  readonly fits: Condition
  readonly until: Condition | undefined
}

/** What has begun for a key; the records lie in rows of their own. */
interface Begun {
  /** Number of the next record. */
  next: number
  partials: readonly Partial[]
  /** Complete matches that wait for those that began before them: one of these may yet skip them. */
  complete: readonly Partial[]
}

type Packed = readonly [stage: number, waits: Partial["waits"], taken: readonly (readonly number[])[], since: number]

const packed = ({ stage, waits, taken, since }: Partial): Packed => [stage, waits, taken, since]
const unpacked = ([stage, waits, taken, since]: Packed): Partial => ({ stage, waits, taken, since })

const begunCodec: StateCodec<Begun> = {
  write: (to: ByteWriter, { next, partials, complete }: Begun) => writeValue(to, [next, partials.map(packed), complete.map(packed)]),
  read: (from: ByteReader): Begun => {
    const [next, partials, complete] = readValue(from) as [number, Packed[], Packed[]]
    return { next, partials: partials.map(unpacked), complete: complete.map(unpacked) }
  },
  // Partials are never changed in place.
  copy: (begun) => ({ ...begun }),
}

export class MatchOperator implements TimedOperator {
  readonly #plan: Plan
  readonly #conditions: readonly StageCode[]
  readonly #automaton: Automaton
  readonly #context: StageContext
  readonly #next: Push
  readonly #timedOut: Push
  readonly #late: Push
  /** Records that the watermark has not reached, by event time. */
  readonly #waiting: Scope<KeptBytes>
  readonly #arrivals: BucketSchedule
  readonly #begun: Scope<Begun>
  /** Records that matches in the making hold, by number. */
  readonly #records: Scope<KeptBytes>
  /** The same, decoded for conditions to look at. */
  readonly #held: HeldRecords
  /** Keys of matches in the making, by the time at which they are out of time. */
  readonly #ends: Scope<true>
  readonly #timeouts: BucketSchedule
  due: number = Number.POSITIVE_INFINITY
  readonly dueByClock: number = Number.POSITIVE_INFINITY

  constructor(plan: Plan, code: Code, context: StageContext, out: { next: Push; timedOut: Push; late: Push }) {
    const { state } = context
    const scope = `${context.plan.service}/${plan.name}`
    this.#plan = plan
    this.#conditions = code.conditions as readonly StageCode[]
    this.#automaton = new Automaton(plan.stages)
    this.#context = context
    this.#next = out.next
    this.#timedOut = out.timedOut
    this.#late = out.late
    this.#waiting = state.rows(`${scope}@waiting`, keptBytesCodec)
    this.#arrivals = new BucketSchedule(state, this.#waiting, (time) => time)
    this.#begun = state.scope(scope, begunCodec)
    this.#records = state.rows(`${scope}@records`, keptBytesCodec)
    this.#held = new HeldRecords((key, number) => this.#bytesOf(key, number))
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
    if (time === context.watermark) return this.#take(value, key, time)
    this.#dueAt(this.#arrivals.note(time))
    const bucket = this.#waiting.bucket(time)
    const newest = this.#waiting.group(bucket, key).at(-1)
    const number = newest === undefined ? 0 : Number.parseInt(rowOf(newest.key), 36) + 1
    this.#waiting.change(bucket, rowKey(key, rowNumber(number)), () => ({ bytes: valueBytes(value) }))
  }

  advance(watermark: number): void {
    for (this.#settle(); this.due <= watermark; this.#settle()) {
      const done = this.#timeouts.due <= this.#arrivals.due ? this.#endAll(this.#timeouts.first) : this.#takeAll(this.#arrivals.first)
      if (!done || this.#context.full()) return this.#settle()
    }
  }

  tick(): void {}

  /** What was waited for does not come any more. */
  end(): void {
    if (this.#plan.skip.kind === "none") return
    const bucket = this.#begun.bucket(0)
    for (const { key, value: before } of this.#begun.entries(bucket)) {
      if (before.complete.length === 0) continue
      const time = this.#context.watermark
      this.#context.guard(this.#plan.name, { ended: true }, key, Number.isFinite(time) ? time : this.#lastTime(before), this.#release)
    }
  }

  reload(): void {
    // The numbers of what was undone are given again.
    this.#held.forgetAll()
    this.#arrivals.reload()
    this.#timeouts.reload()
    this.#settle()
  }

  #takeAll(time: number): boolean {
    const bucket = this.#waiting.bucket(time)
    for (const { key: name, value } of this.#waiting.entries(bucket)) {
      // Outside the guard: one that fails is a dead letter and not due again.
      this.#waiting.remove(bucket, name)
      this.#context.guard(this.#plan.name, keptValue(value), keyOfRow(name), time, this.#take)
      if (this.#context.full()) return false
    }
    this.#waiting.drop(bucket)
    return true
  }

  readonly #take: Push = (value, key, time) => {
    const bucket = this.#begun.bucket(0)
    const before = this.#begun.get(bucket, key)?.value
    const record = before?.next ?? 0
    const within = this.#plan.withinMs
    const alive = (before?.partials ?? []).filter(({ since }) => within === null || time - since < within)
    const seen = new Map<number, unknown>([[record, value]])
    const { partials, complete } = this.#automaton.step(alive, record, time, this.#conditionsFor(key, value))
    const rest = this.#emit(key, partials, [...(before?.complete ?? []), ...complete.toSorted(inOrder)], seen, time, false)
    if (rest.partials.length + rest.complete.length > limits.partialMatchesMax) {
      throw new MillraceError(
        "MR1205",
        `match "${this.#plan.name}": more than ${limits.partialMatchesMax} matches of one key have begun and are not complete. Give the pattern a ` +
          "shorter within, stricter conditions, or a skip that gives up what has begun.",
        { most: limits.partialMatchesMax },
      )
    }
    if ([...rest.partials, ...rest.complete].some((partial) => lastOf(partial) === record)) {
      this.#records.change(this.#records.bucket(0), rowKey(key, rowNumber(record)), () => ({ bytes: valueBytes(value) }))
    }
    this.#keep(key, record + 1, rest, before)
    if (within !== null && rest.partials.some(({ since }) => since === time)) this.#endAt(time + within, key)
  }

  /**
   * Gives complete matches and applies what they skip; returns what goes on. Where matches skip others, one that is complete waits for
   * those that began before it, which come first (as in Flink), unless the input is at its `end`.
   */
  #emit(
    key: string,
    partials: readonly Partial[],
    complete: readonly Partial[],
    seen: Map<number, unknown>,
    time: number,
    end: boolean,
  ): Pick<Begun, "partials" | "complete"> {
    if (this.#plan.skip.kind === "none") {
      for (const match of complete) this.#next(this.#valueOf(key, match, seen), key, time)
      return { partials, complete: [] }
    }
    let rest = partials
    let due = complete
    while (due.length > 0) {
      const first = due.reduce((earliest, match) => (firstOf(match) < firstOf(earliest) ? match : earliest))
      if (!end && rest.some((partial) => firstOf(partial) < firstOf(first))) break
      this.#next(this.#valueOf(key, first, seen), key, time)
      const from = this.#resumesAt(first)
      due = due.filter((match) => match !== first && firstOf(match) >= from)
      rest = rest.filter((partial) => firstOf(partial) >= from)
    }
    return { partials: rest, complete: due }
  }

  /** The first record with which a match may begin after another is complete. */
  #resumesAt(match: Partial): number {
    const { skip, stages } = this.#plan
    if (!("stage" in skip)) return skip.kind === "to-next" ? firstOf(match) + 1 : skip.kind === "past-last" ? lastOf(match) + 1 : 0
    const taken = match.taken[stages.findIndex(({ name }) => name === skip.stage)] ?? []
    // Of a stage that took nothing there is nowhere to skip to.
    return (skip.kind === "to-first" ? taken[0] : taken.at(-1)) ?? firstOf(match) + 1
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
    const before = this.#begun.get(this.#begun.bucket(0), key)?.value
    if (before === undefined) return
    this.#keep(key, before.next, this.#emit(key, before.partials, before.complete, new Map(), time, true), before)
  }

  /** An event time for what only the end decides. */
  #lastTime({ partials, complete }: Begun): number {
    return Math.max(...[...partials, ...complete].map(({ since }) => since))
  }

  /** Matches in the making of a key that are out of time. */
  readonly #end: Push = (_, key, time) => {
    const before = this.#begun.get(this.#begun.bucket(0), key)?.value
    if (before === undefined) return
    const { withinMs } = this.#plan
    const over = before.partials.filter(({ since }) => since + (withinMs ?? Number.POSITIVE_INFINITY) <= time)
    const left = before.partials.filter((partial) => !over.includes(partial))
    const seen = new Map<number, unknown>()
    const well = over.filter((partial) => this.#automaton.endsWell(partial))
    const rest = this.#emit(key, left, [...before.complete, ...well.toSorted(inOrder)], seen, time, false)
    const told = new Set<string>()
    for (const partial of over) {
      // What waits for more and what waits for the next stage is one match to a user.
      const name = partial.taken.map((numbers) => numbers.join()).join(";")
      if (well.includes(partial) || told.has(name)) continue
      told.add(name)
      this.#timedOut(this.#valueOf(key, partial, seen), key, time)
    }
    this.#keep(key, before.next, rest, before)
  }

  /** Puts down what has begun, and lets go of the records that nothing holds any more. */
  #keep(key: string, next: number, { partials, complete }: Pick<Begun, "partials" | "complete">, before: Begun | undefined): void {
    const bucket = this.#begun.bucket(0)
    const isOver = partials.length + complete.length === 0
    if (isOver) {
      if (before === undefined) return
      this.#begun.remove(bucket, key)
      this.#held.forget(key)
    } else {
      const begun = this.#begun.change(bucket, key, () => ({ next, partials, complete })).value as Begun
      begun.next = next
      begun.partials = partials
      begun.complete = complete
    }
    const records = this.#records.bucket(0)
    const cells = this.#records.group(records, key)
    if (!isOver && !isCounted(cells.length)) return
    const held = new Set<number>()
    for (const { taken } of [...partials, ...complete]) for (const numbers of taken) for (const number of numbers) held.add(number)
    for (const cell of cells.slice()) {
      if (!held.has(Number.parseInt(rowOf(cell.key), 36))) this.#records.remove(records, cell.key)
    }
  }

  #conditionsFor(key: string, value: unknown): Conditions {
    const { stages } = this.#plan
    const ask = (condition: Condition | undefined, stage: number, partial: Partial | undefined): boolean => {
      if (condition === undefined) return false
      const match = partial === undefined ? {} : matchOf(stages, partial, (numbers) => this.#held.listOf(key, numbers))
      const taken = partial === undefined ? [] : this.#held.listOf(key, partial.taken[stage] ?? [])
      const said: unknown = condition(value, match, taken)
      if (said instanceof Promise) {
        throw new MillraceError("MR1201", `match "${this.#plan.name}": a condition returned a promise; conditions are synchronous.`)
      }
      return said === true
    }
    return {
      fits: (stage, partial) => ask(this.#conditions[stage]?.fits, stage, partial),
      until: (stage, partial) => ask(this.#conditions[stage]?.until, stage, partial),
    }
  }

  /** A match to hand on, of records of its own: whoever gets it may change them. */
  #valueOf(key: string, match: Partial, seen: Map<number, unknown>): Record<string, unknown> {
    return matchOf(this.#plan.stages, match, (numbers) => numbers.map((number) => this.#recordOf(key, number, seen)))
  }

  #recordOf(key: string, number: number, seen: Map<number, unknown>): unknown {
    if (!seen.has(number)) seen.set(number, valueFrom(this.#bytesOf(key, number)))
    return seen.get(number)
  }

  #bytesOf(key: string, number: number): Uint8Array {
    const bytes = this.#records.get(this.#records.bucket(0), rowKey(key, rowNumber(number)))?.value?.bytes
    if (bytes === undefined) throw new Error(`match ${this.#plan.name}: record ${number} is not there`)
    return bytes
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
    this.due = Math.min(this.#arrivals.due, this.#timeouts.due)
    if (this.due < this.#context.due) this.#context.due = this.due
  }
}

/** A match as its user sees it: by stage, a record, or a list where a stage may take several. */
function matchOf(stages: readonly PatternStage[], { taken }: Partial, recordsOf: (numbers: readonly number[]) => readonly unknown[]): Record<string, unknown> {
  const value: Record<string, unknown> = {}
  for (let i = 0; i < stages.length; i++) {
    const { name, most, follows } = stages[i] as PatternStage
    if (follows === "notNext" || follows === "notFollowedBy") continue
    const numbers = taken[i] as readonly number[]
    if (most !== 1) value[name] = recordsOf(numbers)
    else if (numbers.length > 0) [value[name]] = recordsOf(numbers)
  }
  return value
}

/** Whether a key with so many records is looked through for those that nothing holds: always while there are few, then now and then. */
function isCounted(records: number): boolean {
  return records < 16 || (records & (records - 1)) === 0
}

/** Those that began first come first; of one beginning the longer ones, and then those of which the earlier stages took more. */
function inOrder(a: Partial, b: Partial): number {
  const order = firstOf(a) - firstOf(b) || sizeOf(b) - sizeOf(a)
  if (order !== 0) return order
  for (const [i, { length }] of a.taken.entries()) {
    const other = b.taken[i]?.length ?? 0
    if (length !== other) return other - length
  }
  return 0
}

function sizeOf({ taken }: Partial): number {
  return taken.reduce((sum, { length }) => sum + length, 0)
}
