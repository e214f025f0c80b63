/**
 * Has a user's asynchronous function called for each record, elsewhere, and sends on what comes of it. The record lies in the state
 * until then; how calls are offered and completed: ../calls/call.ts.
 *
 * Not here: making calls, or waiting for them (the host).
 *
 * AC1  Each record comes to one end: its result in the stream of results, or a dead letter, once, whatever crashes.
 * AC2  The watermark told behind is at most the event time of the earliest record that waits.
 * AC3  At most `concurrency` calls are under way, and about `capacity` records wait: then the stage takes no input.
 * AC4  Results leave in the order that was asked for.
 * AC5  An answer counts only for the attempt that was asked for it, and only once.
 *
 * ```
 *            offer                 succeeded                 its turn
 *   ready ──────────> called ─────────────────────> done ───────────────> (gone)
 *     ^                 │ failed, too slow
 *     └──── waits <─────┴──> dead letter, after the last attempt
 * ```
 */
import { type ErrorData, type OperatorPlan, errorData, valueBytes, valueFrom } from "@millrace/model"
import type { Call, CallOutcome, CancelledCall } from "../calls/call.ts"
import { type PendingRecord, pendingCodec } from "../calls/pending.ts"
import type { Push, StageContext, TimedOperator } from "../context.ts"
import { Schedule } from "../schedule.ts"
import { type Scope, rowNumber } from "../state.ts"
import { retryMs } from "../tasks/backoff.ts"
import { timeCodec } from "./time-codec.ts"
import { type Target, checkSize } from "./to-stream.ts"

/** Entries of a schedule that are passed over when their turn comes, besides as many as there are records. */
const staleMost = 1_000

type Plan = Extract<OperatorPlan, { kind: "async" }>

/** A record that waits, in memory. */
interface Place {
  readonly lane: string | number
  state: "ready" | "called" | "waits" | "done"
  attempt: number
  /** Clock time at which a call is too slow, or is due again, in ms. */
  wakeAt: number
}

/** What a machine sees of it. */
export interface Calling {
  /** Records that wait for their results. */
  readonly pending: number
  /** Takes the calls to be made from now on. */
  offer(calls: Call[], cancelled: CancelledCall[]): void
}

export class AsyncOperator implements TimedOperator, Calling {
  readonly ticksWhileHeld = true
  readonly due: number = Number.POSITIVE_INFINITY
  readonly #plan: Plan
  readonly #context: StageContext
  readonly #target: Target
  /** Whether what it is given are the records of the stage's input. */
  readonly #takesRecords: boolean
  readonly #records: Scope<PendingRecord>
  readonly #meta: Scope<number>
  readonly #places: Map<number, Place> = new Map()
  /** Numbers of the records of a lane, in order: of those that leave in order. */
  readonly #lanes: Map<string | number, number[]> = new Map()
  /** Lanes whose first result may leave. */
  #open: Set<string | number> = new Set()
  #ready: number[] = []
  /** Records by event time; those that are gone are passed over. */
  readonly #times = new Schedule()
  /** Records by `wakeAt`; one with another time is passed over. */
  readonly #wakes = new Schedule()
  #called = 0
  #cancelled: CancelledCall[] = []
  /** Outcomes for which the transaction had no room. They are not in the state: after a crash their calls are made again. */
  #left: CallOutcome[] = []
  /** Outcomes of those left that this transaction takes: a rollback leaves them again. */
  #taken: CallOutcome[] = []
  /** Calls that the host has in hand, as of the last commit: what a rollback goes back to. */
  readonly #underway: Map<number, { readonly attempt: number; readonly wakeAt: number }> = new Map()
  /** Numbers of calls whose end this transaction brings. */
  #over: number[] = []

  constructor(plan: Plan, context: StageContext, target: Target) {
    this.#plan = plan
    this.#context = context
    this.#target = target
    this.#takesRecords = takesRecords(plan, context.stage.operators)
    const scope = `${context.plan.service}/${plan.name}`
    this.#records = context.state.scope(scope, pendingCodec)
    this.#meta = context.state.scope(`${scope}@meta`, timeCodec)
    // AC2
    target.floor = () => this.#floor
    this.#load()
  }

  push: Push = (value, key, time) => {
    const bytes = valueBytes(value)
    // What waits, and what comes of it, must fit the state together.
    checkSize(bytes.length, this.#target.stream)
    const next = this.#meta.change(this.#meta.bucket(0), "next", () => 0)
    const number = next.value as number
    next.value = number + 1
    const record: PendingRecord = { key, time, offset: this.#context.offset(), attempt: 1, retryAt: 0, value: bytes, result: undefined }
    this.#records.change(this.#records.bucket(0), rowNumber(number), () => record)
    this.#add(number, record)
    if (this.#places.size >= this.#plan.capacity) this.#context.holds.add(this.#plan.name)
  }

  get pending(): number {
    return this.#places.size
  }

  offer(calls: Call[], cancelled: CancelledCall[]): void {
    const { name: operator, concurrency, timeoutMs } = this.#plan
    cancelled.push(...this.#cancelled)
    this.#cancelled = []
    this.#taken = []
    for (const number of this.#over) this.#underway.delete(number)
    this.#over = []
    const room = Math.min(concurrency - this.#called, this.#ready.length)
    if (room <= 0) return
    for (const number of this.#ready.splice(0, room)) {
      const place = this.#places.get(number) as Place
      const { key, time, value } = this.#record(number)
      place.state = "called"
      this.#called++
      this.#wake(number, place, this.#context.now + timeoutMs)
      this.#underway.set(number, { attempt: place.attempt, wakeAt: place.wakeAt })
      calls.push({ operator, number, attempt: place.attempt, key, time, value: valueFrom(value) })
    }
  }

  /** Calls have ended. */
  complete = (outcomes: readonly CallOutcome[]): void => {
    for (const outcome of outcomes) {
      if (this.#context.spent()) this.#left.push(outcome)
      else this.#settle(outcome)
    }
  }

  get dueByClock(): number {
    if (this.#left.length > 0 || this.#open.size > 0) return 0
    if (this.#ready.length > 0 && this.#called < this.#plan.concurrency) return 0
    const wakes = this.#wakes
    for (let { first } = wakes; first !== undefined && this.#places.get(first)?.wakeAt !== wakes.due; { first } = wakes) wakes.removeFirst()
    return wakes.due
  }

  tick(now: number): void {
    const lanes = this.#open
    this.#open = new Set()
    for (const lane of lanes) this.#release(lane)
    this.#taken = this.#left
    this.#left = []
    this.complete(this.#taken)
    while (!this.#context.spent()) {
      const due = this.dueByClock
      if (due === 0 || due > now) return
      const number = this.#wakes.first as number
      const place = this.#places.get(number) as Place
      this.#wakes.removeFirst()
      if (place.state === "called") this.#timeOut(number, place)
      else {
        place.state = "ready"
        place.wakeAt = Number.POSITIVE_INFINITY
        this.#ready.push(number)
      }
    }
  }

  advance(): void {}

  end(): void {}

  /** After a rollback. Only what was committed has been offered, so every call that is under way is still there. */
  reload(): void {
    this.#cancelled = []
    this.#over = []
    if (this.#taken.length > 0) this.#left = this.#taken
    this.#taken = []
    this.#load()
  }

  #load(): void {
    this.#places.clear()
    this.#lanes.clear()
    this.#open.clear()
    this.#ready = []
    this.#times.clear()
    this.#wakes.clear()
    this.#called = 0
    for (const { key, value } of this.#records.entries(this.#records.bucket(0))) {
      const number = Number.parseInt(key, 36)
      this.#add(number, value)
    }
    for (const lane of this.#lanes.keys()) if (this.#first(lane)?.state === "done") this.#open.add(lane)
    if (this.#places.size >= this.#plan.capacity) this.#context.holds.add(this.#plan.name)
    else this.#context.holds.delete(this.#plan.name)
  }

  #add(number: number, { key, time, attempt, retryAt, result }: PendingRecord): void {
    const { order } = this.#plan
    const lane = order === "input" ? "" : order === "key" ? key : number
    const place: Place = { lane, state: "ready", attempt, wakeAt: Number.POSITIVE_INFINITY }
    this.#places.set(number, place)
    const others = this.#lanes.get(lane)
    if (others === undefined) this.#lanes.set(lane, [number])
    else others.push(number)
    this.#note(time, number)
    const underway = this.#underway.get(number)
    if (result !== undefined) place.state = "done"
    else if (underway?.attempt === attempt) {
      place.state = "called"
      this.#called++
      this.#wake(number, place, underway.wakeAt)
    } else if (retryAt > 0) {
      place.state = "waits"
      this.#wake(number, place, retryAt)
    } else this.#ready.push(number)
  }

  #wake(number: number, place: Place, at: number): void {
    place.wakeAt = at
    this.#wakes.add(at, number)
    // Those passed over must not pile up, however long the first one lies.
    if (this.#wakes.size <= 2 * this.#places.size + staleMost) return
    this.#wakes.clear()
    for (const [each, { wakeAt }] of this.#places) if (wakeAt < Number.POSITIVE_INFINITY) this.#wakes.add(wakeAt, each)
  }

  #note(time: number, number: number): void {
    this.#times.add(time, number)
    if (this.#times.size <= 2 * this.#places.size + staleMost) return
    this.#times.clear()
    for (const each of this.#places.keys()) this.#times.add(this.#record(each).time, each)
  }

  #settle(outcome: CallOutcome): void {
    const { number } = outcome
    const place = this.#places.get(number)
    // AC5
    if (place === undefined || place.state === "done") return
    if (outcome.kind === "lost") {
      if (place.state === "called") this.#ended(number)
      this.#ready = this.#ready.filter((each) => each !== number)
      return this.#bury(number, place, outcome.error, outcome.attempts)
    }
    if (place.state !== "called" || place.attempt !== outcome.attempt) return
    this.#ended(number)
    if (outcome.kind === "failed") return this.#fail(number, place, outcome.error, outcome.final === true, outcome.afterMs)
    let bytes: Uint8Array
    try {
      bytes = valueBytes(outcome.value)
      checkSize(bytes.length, this.#target.stream)
    } catch (thrown) {
      // The same answer would not fit again.
      return this.#fail(number, place, errorData(thrown), true)
    }
    if (this.#first(place.lane) === place) {
      this.#send(this.#record(number), bytes)
      this.#leave(number, place)
      return
    }
    place.state = "done"
    place.wakeAt = Number.POSITIVE_INFINITY
    this.#change(number).result = bytes
  }

  /** The call of a record is not under way any more. */
  #ended(number: number): void {
    this.#called--
    this.#over.push(number)
  }

  #timeOut(number: number, place: Place): void {
    const { name: operator, timeoutMs } = this.#plan
    this.#ended(number)
    this.#cancelled.push({ operator, number, attempt: place.attempt })
    const message = `operator "${operator}": a call took longer than ${timeoutMs} ms.`
    this.#fail(number, place, { code: "MR1202", message, details: { limitMs: timeoutMs } }, false)
  }

  #fail(number: number, place: Place, error: ErrorData, final: boolean, afterMs?: number): void {
    const { retry } = this.#plan
    const { now } = this.#context
    if (!final && place.attempt < retry.attempts) {
      const record = this.#change(number)
      // 0 says that there was no failure.
      record.retryAt = Math.max(1, now + retryMs(retry, place.attempt, number, afterMs))
      record.attempt = ++place.attempt
      place.state = "waits"
      this.#wake(number, place, record.retryAt)
      return
    }
    this.#bury(number, place, error, place.attempt)
  }

  #bury(number: number, place: Place, error: ErrorData, attempts: number): void {
    const { key, time, value, offset } = this.#record(number)
    this.#context.deadLetter({ value: valueFrom(value), key, time, operator: this.#plan.name, error, attempts, isRecord: this.#takesRecords }, offset)
    this.#leave(number, place)
  }

  /** Its record has come to its end. */
  #leave(number: number, { lane }: Place): void {
    this.#places.delete(number)
    this.#records.remove(this.#records.bucket(0), rowNumber(number))
    if (this.#places.size < this.#plan.capacity) this.#context.holds.delete(this.#plan.name)
    const others = this.#lanes.get(lane) as number[]
    const at = others.indexOf(number)
    others.splice(at, 1)
    if (others.length === 0) this.#lanes.delete(lane)
    else if (at === 0) this.#release(lane)
  }

  /** AC4: sends the results whose turn it is. */
  #release(lane: string | number): void {
    this.#open.delete(lane)
    const numbers = this.#lanes.get(lane)
    if (numbers === undefined) return
    let sent = 0
    for (const number of numbers) {
      if ((this.#places.get(number) as Place).state !== "done") break
      if (this.#context.spent()) {
        this.#open.add(lane)
        break
      }
      const record = this.#record(number)
      this.#send(record, record.result as Uint8Array)
      this.#places.delete(number)
      this.#records.remove(this.#records.bucket(0), rowNumber(number))
      sent++
    }
    numbers.splice(0, sent)
    if (numbers.length === 0) this.#lanes.delete(lane)
    if (this.#places.size < this.#plan.capacity) this.#context.holds.delete(this.#plan.name)
  }

  #send({ key, time }: PendingRecord, result: Uint8Array): void {
    const { context, target } = { context: this.#context, target: this.#target }
    // What has no key stays in its partition.
    const block = key === "" ? target.blockOf(context.partition) : target.blockFor(key)
    const from = block.length
    block.record(key, time, result)
    context.outputs.grew(block.length - from)
  }

  #first(lane: string | number): Place | undefined {
    const first = this.#lanes.get(lane)?.[0]
    return first === undefined ? undefined : this.#places.get(first)
  }

  /** To be read only. */
  #record(number: number): PendingRecord {
    const record = this.#records.get(this.#records.bucket(0), rowNumber(number))?.value
    if (record === undefined) throw new Error(`operator ${this.#plan.name}: record ${number} is gone`)
    return record
  }

  #change(number: number): PendingRecord {
    const cell = this.#records.change(this.#records.bucket(0), rowNumber(number), () => {
      throw new Error(`operator ${this.#plan.name}: record ${number} is gone`)
    })
    return cell.value as PendingRecord
  }

  get #floor(): number {
    const times = this.#times
    for (let { first } = times; first !== undefined && !this.#places.has(first); { first } = times) times.removeFirst()
    return times.due
  }
}

/** Whether only operators that pass values on as they are lie between the stage's input and an operator. */
function takesRecords(plan: OperatorPlan, operators: readonly OperatorPlan[]): boolean {
  const before = operators[plan.from]
  if (before === undefined) return true
  return ["filter", "peek", "split", "rekey"].includes(before.kind) && takesRecords(before, operators)
}
