/**
 * The queue of one task: which runs there are, which of them is started when, and what becomes of them. It runs no user code and
 * knows no time but the one it is told; what is to be done outside, it says as effects.
 *
 * Q1  A run that was enqueued is there until its retention is over, and ends in one terminal state.
 * Q2  An outcome counts only under the lease under which its attempt was started: nobody ends what another has taken over.
 * Q3  At most `concurrency` calls, and `concurrencyPerKey` runs of one key, are under way.
 * Q4  An output is published if and only if its run succeeded, in the same transaction.
 * Q5  Nothing that is due by the clock acts early, and nothing is forgotten, whatever crashes.
 * Q6  A repeat with the idempotency key of another run joins that run, within the window.
 * Q7  Of runs that may start, the one of highest priority starts first; among equals, the one enqueued first.
 *
 * States, and what leads from one to the other: run.ts.
 */
import { type ByteReader, type ByteWriter, type ErrorData, type TaskPlan, limits, priorityMost, readValue, writeValue } from "@millrace/model"
import type { StageContext } from "../context.ts"
import { flagCodec } from "../operators/flag-codec.ts"
import { Schedule } from "../schedule.ts"
import { type Scope, type StateCodec, rowKey, rowNumber, rowOf } from "../state.ts"
import { backoffMs } from "./backoff.ts"
import type { AbortCall, CallTask, Outcome } from "./effects.ts"
import { Gates } from "./gates.ts"
import { OrderedRows } from "./ordered-rows.ts"
import { isStored } from "./stored-value.ts"
import { type AttemptFacts, type Run, type RunStatus, isTerminal, runCodec, runStatuses } from "./run.ts"
import type { EnqueueFacts, RunFilter, TaskCommand } from "./task-command.ts"

/** Runs lie in blocks of so many numbers, which go as a whole when the retention of all of them is over. */
export const runsPerBlock = 1_000

/** What a queue writes besides its state. */
export interface TaskOutputs {
  /** Publishes the output of a run. */
  publish(number: number, run: Run): void
  /** Tells itself something, to be heard as a command later. */
  command(command: TaskCommand): void
}

interface Meta {
  lease: number
  paused: boolean
  /** Runs by status, in the order of `runStatuses`; the ended ones since ever. */
  counts: number[]
  /** When each cron is due next, by its expression and time zone. */
  crons: Record<string, number>
}

const metaCodec: StateCodec<Meta> = {
  write: (to: ByteWriter, { lease, paused, counts, crons }) => writeValue(to, [lease, paused, counts, crons]),
  read: (from: ByteReader) => {
    const [lease, paused, counts, crons] = readValue(from) as [number, boolean, number[], Record<string, number>]
    return { lease, paused, counts, crons }
  },
  copy: ({ lease, paused, counts, crons }) => ({ lease, paused, counts: [...counts], crons: { ...crons } }),
}

const numbersCodec: StateCodec<readonly number[]> = {
  write: (to, numbers) => writeValue(to, numbers),
  read: (from) => readValue(from) as number[],
  copy: (numbers) => numbers,
}

/** What timers are for: a letter after the time in their rows. */
const timer = { start: "s", expire: "x", giveUp: "u", key: "k", gate: "g", forget: "f", block: "b" } as const

interface Call {
  readonly numbers: number[]
  readonly alone: boolean
}

/** Rows of timers lie in buckets of this many ms. */
const timerSliceMs = 1_000

export class TaskQueue {
  readonly #plan: TaskPlan
  readonly #context: StageContext
  readonly #outputs: TaskOutputs
  readonly #runs: Scope<Run>
  readonly #meta: Scope<Meta>
  /** Of each block: runs that have not ended, when the newest ended, whether a timer is set for it. */
  readonly #blocks: Scope<readonly number[]>
  readonly #running: Scope<true>
  readonly #failed: Scope<true>
  /** Runs that wait for others of their key. */
  readonly #waiting: Scope<true>
  /** Runs by idempotency key, throttled key and debounced key: [number, until]. */
  readonly #known: Scope<readonly number[]>
  readonly #ready: OrderedRows
  readonly #timers: OrderedRows
  readonly #gates: Gates
  #calls: Map<number, Call> = new Map()
  readonly #deadlines = new Schedule()
  /** Runs that were under way when this machine took over: nobody has them in hand. */
  #orphans: number[] = []
  /** When a run that may start is to be looked at again: for a token, for a batch. */
  #wakeAt = Number.POSITIVE_INFINITY

  constructor(plan: TaskPlan, scope: string, context: StageContext, outputs: TaskOutputs) {
    const { state } = context
    this.#plan = plan
    this.#context = context
    this.#outputs = outputs
    this.#runs = state.scope(`${scope}@runs`, runCodec)
    this.#meta = state.scope(`${scope}@meta`, metaCodec)
    this.#blocks = state.scope(`${scope}@blocks`, numbersCodec)
    this.#running = state.scope(`${scope}@running`, flagCodec)
    this.#failed = state.scope(`${scope}@failed`, flagCodec)
    this.#waiting = state.rows(`${scope}@waiting`, flagCodec)
    this.#known = state.scope(`${scope}@known`, numbersCodec)
    this.#ready = new OrderedRows(state, `${scope}@ready`)
    this.#timers = new OrderedRows(state, `${scope}@timers`)
    this.#gates = new Gates(plan, state, `${scope}@gates`)
    this.#load()
  }

  /** After a rollback: learns anew from the state what is under way. */
  reload(): void {
    this.#ready.reload()
    this.#timers.reload()
    this.#load()
  }

  #load(): void {
    const before = this.#calls
    this.#calls = new Map()
    this.#orphans = []
    this.#deadlines.clear()
    for (const { key } of this.#running.entries(this.#running.bucket(0))) {
      const number = Number.parseInt(key, 36)
      const run = this.run(number) as Run
      const known = before.get(run.lease)
      if (known === undefined) this.#orphans.push(number)
      else this.#join(run.lease, number, known.alone, run.startedAt)
    }
    this.#wakeAt = 0
  }

  /** Clock time at which `tick` has something to do. */
  get due(): number {
    const { first } = this.#timers
    let due = Math.min(this.#wakeAt, first === undefined ? Number.POSITIVE_INFINITY : timeOf(first))
    for (let lease = this.#deadlines.first; lease !== undefined; lease = this.#deadlines.first) {
      if (this.#calls.has(lease)) break
      this.#deadlines.removeFirst()
    }
    due = Math.min(due, this.#deadlines.due)
    const { crons } = this.#read
    for (const { expression, timeZone } of this.#plan.crons) due = Math.min(due, crons[`${timeZone} ${expression}`] ?? 0)
    return this.#orphans.length > 0 ? 0 : due
  }

  /** @param number - the offset of the command's record */
  take(command: TaskCommand, number: number, at: number): void {
    switch (command[0]) {
      case "enqueue":
        return this.#enqueue(number, command[1], command[2] ?? {}, at)
      case "cancel":
        return this.#cancel(command[1], command[2])
      case "retry":
        return this.#retry(command[1])
      case "retry-all":
        return this.#retryAll(command[1], command[2])
      case "pause":
      case "resume":
        this.#change.paused = command[0] === "pause"
        if (command[0] === "resume") this.#pump()
    }
  }

  /** Attempts have ended. */
  complete(outcomes: readonly Outcome[]): void {
    for (const outcome of outcomes) {
      const { number, lease } = outcome
      const run = this.run(number)
      // Q2
      if (run === undefined || run.status !== "running" || run.lease !== lease) {
        if (outcome.kind === "succeeded") this.#forget([outcome.output])
        continue
      }
      this.#settle(number, outcome)
    }
    this.#pump()
  }

  tick(now: number): void {
    for (const number of this.#orphans.splice(0)) {
      const run = this.run(number)
      if (run?.status === "running") this.#start([number], run.lost > 0, true)
    }
    this.#tickCrons(now)
    while (this.#deadlines.due <= now) this.#timeOut(this.#deadlines.first as number)
    for (let { first } = this.#timers; first !== undefined && timeOf(first) <= now; { first } = this.#timers) {
      this.#timers.takeFirst()
      this.#fire(first, now)
      // The rest is due at once.
      if (this.#context.full()) return
    }
    this.#pump()
  }

  /** A run, to be read only. */
  run(number: number): Run | undefined {
    const block = Math.floor(number / runsPerBlock)
    return this.#runs.has(block) ? this.#runs.get(this.#runs.bucket(block), rowNumber(number))?.value : undefined
  }

  /** Blocks of runs, newest first. */
  blocks(): number[] {
    return [...this.#runs.ids()].toSorted((a, b) => b - a)
  }

  /** Runs of a block, oldest first; to be read only. */
  *runsOf(block: number): Iterable<readonly [number: number, run: Run]> {
    for (const { key, value } of this.#runs.entries(this.#runs.bucket(block))) yield [Number.parseInt(key, 36), value]
  }

  get paused(): boolean {
    return this.#read.paused
  }

  /** Runs by status; the ended ones since ever. */
  get counts(): Readonly<Record<RunStatus, number>> {
    const { counts } = this.#read
    return Object.fromEntries(runStatuses.map((status, i) => [status, counts[i] ?? 0])) as Record<RunStatus, number>
  }

  /** When the oldest run that may start was enqueued, in ms. */
  get oldestReadyAt(): number | undefined {
    const { first } = this.#ready
    return first === undefined ? undefined : this.run(Number.parseInt(first, 36))?.enqueuedAt
  }

  #enqueue(number: number, input: string, facts: EnqueueFacts, at: number): void {
    const { throttleMs, debounce, delayMs, ttlMs, runTimeoutMs, idempotencyMs } = this.#plan
    const { key = "", priority = 0, idempotencyKey, ticket, waited = false } = facts
    const { now } = this.#context
    const joined = this.#joined(input, facts, now)
    if (ticket !== undefined) {
      this.#context.effects.push({ kind: "placed", task: this.#plan.name, ticket, number: joined ?? number, joined: joined !== undefined })
    }
    if (joined !== undefined) {
      // What is not the input of the run that it joins.
      if (this.run(joined)?.input !== input) this.#forget([input])
      return this.#tellJoined(joined, waited)
    }
    const dueAt = debounce === null ? at + (facts.delayMs ?? delayMs) : Math.max(now, at) + debounce.waitMs
    const run: Run = {
      status: "waiting",
      input,
      key,
      priority,
      trigger: facts.trigger ?? "call",
      waited,
      enqueuedAt: at,
      dueAt,
      startedAt: 0,
      finishedAt: 0,
      lease: 0,
      attempt: 0,
      lost: 0,
      output: undefined,
      error: undefined,
      attempts: [],
      traceparent: facts.traceparent,
      idempotencyKey,
      depth: facts.depth ?? 0,
    }
    const block = Math.floor(number / runsPerBlock)
    this.#runs.change(this.#runs.bucket(block), rowNumber(number), () => run)
    this.#count("waiting", 1)
    this.#live(number, 1)
    if (idempotencyKey !== undefined) this.#know(`i:${idempotencyKey}`, number, now + idempotencyMs)
    if (throttleMs !== null) this.#know(`t:${key}`, number, now + throttleMs)
    if (debounce !== null) this.#know(`d:${key}`, number, at + debounce.mostMs)
    if (ttlMs !== null) this.#timer(at + ttlMs, timer.expire, rowNumber(number))
    if (runTimeoutMs !== null) this.#timer(at + runTimeoutMs, timer.giveUp, rowNumber(number))
    this.#offer(number, run)
  }

  /** Q6: the run that an enqueue joins. */
  #joined(input: string, { key = "", idempotencyKey }: EnqueueFacts, now: number): number | undefined {
    const { throttleMs, debounce } = this.#plan
    const same = idempotencyKey === undefined ? undefined : this.#whoIs(`i:${idempotencyKey}`, now)
    if (same !== undefined) return same
    const throttled = throttleMs === null ? undefined : this.#whoIs(`t:${key}`, now)
    if (throttled !== undefined || debounce === null) return throttled
    const name = `d:${key}`
    const pending = this.#known.get(this.#known.bucket(0), name)?.value
    const number = pending?.[0]
    if (number === undefined || this.run(number)?.status !== "delayed") return undefined
    const run = this.#changed(number)
    this.#forget([run.input])
    run.input = input
    run.dueAt = Math.min(now + debounce.waitMs, pending?.[1] as number)
    this.#timer(run.dueAt, timer.start, rowNumber(number))
    return number
  }

  /** Who joins a run that has ended hears of it at once. */
  #tellJoined(number: number, waited: boolean): void {
    const run = this.run(number)
    if (!waited || run === undefined) return
    if (isTerminal(run.status)) this.#tellEnded(number, { ...run, waited: true })
    else this.#changed(number).waited = true
  }

  #whoIs(name: string, now: number): number | undefined {
    const known = this.#known.get(this.#known.bucket(0), name)?.value
    return known === undefined || (known[1] as number) <= now ? undefined : known[0]
  }

  #know(name: string, number: number, until: number): void {
    const bucket = this.#known.bucket(0)
    this.#known.change(bucket, name, () => []).value = [number, until]
    this.#timer(until, timer.forget, name)
  }

  /** A run waits: for its time, for others of its key, or for its turn. */
  #offer(number: number, run: Run): void {
    const { now } = this.#context
    if (run.dueAt > now) {
      this.#become(run, "delayed")
      this.#timer(run.dueAt, timer.start, rowNumber(number))
    } else if (this.#gates.keyed && run.key !== "") {
      this.#become(run, "waiting")
      this.#waiting.change(this.#waiting.bucket(0), waitingRow(number, run), () => true)
      this.#pumpKey(run.key)
    } else this.#admit(number, run)
  }

  #admit(number: number, run: Run): void {
    this.#become(run, "waiting")
    // What can start at once leaves no row behind.
    if (this.#ready.first === undefined && this.#plan.batch === null && this.#mayStart()) this.#start([number], run.lost > 0, false)
    else {
      this.#ready.add(readyBucket(number, run), rowNumber(number))
      this.#pump()
    }
  }

  /** Admits runs of a key while its gate is open. */
  #pumpKey(key: string): void {
    const { now } = this.#context
    const bucket = this.#waiting.bucket(0)
    for (;;) {
      const [first] = this.#waiting.group(bucket, key)
      if (first === undefined) return
      const opensAt = this.#gates.opensAt(key, now)
      if (opensAt > now) {
        if (opensAt < Number.POSITIVE_INFINITY) this.#timer(opensAt, timer.key, key)
        return
      }
      const number = Number.parseInt(rowOf(first.key).slice(3), 36)
      this.#waiting.remove(bucket, first.key)
      this.#pass(key)
      this.#admit(number, this.#changed(number))
    }
  }

  #pass(key: string): void {
    const fullAt = this.#gates.admit(key, this.#context.now)
    if (fullAt !== undefined) this.#timer(fullAt, timer.gate, key)
  }

  /** Q3 */
  #mayStart(): boolean {
    const { now } = this.#context
    if (this.#read.paused || this.#calls.size + this.#orphans.length >= this.#plan.concurrency || this.#context.full()) return false
    const opensAt = this.#gates.opensAt("", now)
    if (opensAt <= now) return true
    this.#wakeAt = Math.min(this.#wakeAt, opensAt)
    return false
  }

  /** Q7: starts what may start. */
  #pump(): void {
    const { batch } = this.#plan
    const { now } = this.#context
    this.#wakeAt = Number.POSITIVE_INFINITY
    for (let { first } = this.#ready; first !== undefined && this.#mayStart(); { first } = this.#ready) {
      const number = Number.parseInt(first, 36)
      const run = this.run(number) as Run
      if (batch === null) {
        this.#ready.takeFirst()
        this.#start([number], run.lost > 0, false)
        continue
      }
      const wholeAt = Math.max(run.enqueuedAt, run.dueAt) + batch.waitMs
      if (wholeAt > now && !this.#ready.has(batch.size)) {
        this.#wakeAt = wholeAt
        return
      }
      const numbers: number[] = []
      for (let row = this.#ready.first; row !== undefined && numbers.length < batch.size; row = this.#ready.first) {
        this.#ready.takeFirst()
        numbers.push(Number.parseInt(row, 36))
      }
      this.#start(numbers, false, false)
    }
    // Full: the rest is due at once.
    if (this.#context.full() && this.#ready.first !== undefined) this.#wakeAt = Math.min(this.#wakeAt, now)
  }

  /** @param again - the attempt was begun before and lost */
  #start(numbers: readonly number[], alone: boolean, again: boolean): void {
    const { now, effects } = this.#context
    const lease = ++this.#change.lease
    if (!again) this.#pass("")
    const runs: CallTask["runs"][number][] = []
    for (const number of numbers) {
      const run = this.#changed(number)
      this.#become(run, "running")
      run.lease = lease
      run.startedAt = now
      if (!again) run.attempt++
      if (run.attempt === 1) this.#untimer(this.#plan.ttlMs, timer.expire, number, run)
      this.#running.change(this.#running.bucket(0), rowNumber(number), () => true)
      this.#join(lease, number, alone, now)
      const { attempt, input, key, enqueuedAt, traceparent, depth } = run
      const called = { number, attempt, input, key, enqueuedAt }
      const traced = traceparent === undefined ? called : { ...called, traceparent }
      runs.push(depth === 0 ? traced : { ...traced, depth })
    }
    effects.push({ kind: "call", task: this.#plan.name, lease, runs, alone })
  }

  #join(lease: number, number: number, alone: boolean, startedAt: number): void {
    const call = this.#calls.get(lease)
    if (call !== undefined) {
      call.numbers.push(number)
      return
    }
    this.#calls.set(lease, { numbers: [number], alone })
    if (this.#plan.timeoutMs !== null) this.#deadlines.add(startedAt + this.#plan.timeoutMs, lease)
  }

  /** A run is not in hand any more. */
  #leave(number: number, lease: number): void {
    this.#running.remove(this.#running.bucket(0), rowNumber(number))
    const call = this.#calls.get(lease)
    if (call === undefined) return
    const at = call.numbers.indexOf(number)
    if (at >= 0) call.numbers.splice(at, 1)
    if (call.numbers.length === 0) this.#calls.delete(lease)
  }

  #settle(number: number, outcome: Outcome): void {
    const { lease, logs } = outcome
    const alone = this.#calls.get(lease)?.alone === true
    this.#leave(number, lease)
    const run = this.#changed(number)
    switch (outcome.kind) {
      case "succeeded":
        this.#note(run, "succeeded", undefined, logs)
        run.output = outcome.output
        run.lost = 0
        // Q4
        this.#outputs.publish(number, run)
        return this.#end(number, run, "succeeded", undefined)
      case "lost":
        this.#note(run, "lost", outcome.error, logs)
        run.lost++
        // Nobody else was there to blame.
        if (alone) return this.#fail(number, run, outcome.error, false, undefined)
        return this.#start([number], true, true)
      case "failed":
        this.#note(run, "failed", outcome.error, logs)
        run.lost = 0
        return this.#fail(number, run, outcome.error, outcome.final === true, outcome.afterMs)
    }
  }

  /** An attempt has failed: the run waits for the next one, or ends. */
  #fail(number: number, run: Run, error: ErrorData, final: boolean, afterMs: number | undefined): void {
    const { retry } = this.#plan
    if (final || run.attempt >= retry.attempts) return this.#end(number, run, "failed", error)
    run.error = error
    run.dueAt = this.#context.now + (afterMs ?? backoffMs(retry, run.attempt, number))
    if (this.#gates.keyed && run.key !== "") this.#release(run.key)
    this.#offer(number, run)
  }

  #end(number: number, run: Run, status: RunStatus, error: ErrorData | undefined): void {
    const { now } = this.#context
    const admitted = run.status === "running" || this.#ready.remove(readyBucket(number, run), rowNumber(number))
    this.#become(run, status)
    run.finishedAt = now
    run.error = error
    this.#untimer(this.#plan.runTimeoutMs, timer.giveUp, number, run)
    this.#live(number, -1)
    if (status !== "succeeded") this.#failed.change(this.#failed.bucket(0), rowNumber(number), () => true)
    this.#tellEnded(number, run)
    if (run.waited) run.waited = false
    if (!this.#gates.keyed || run.key === "") return
    if (admitted) this.#release(run.key)
    else this.#waiting.remove(this.#waiting.bucket(0), waitingRow(number, run))
  }

  #release(key: string): void {
    this.#gates.release(key)
    this.#pumpKey(key)
  }

  /** Of these values, the large ones are nobody's any more. */
  #forget(texts: readonly string[]): void {
    const values = texts.filter(isStored)
    if (values.length > 0) this.#context.effects.push({ kind: "forget", task: this.#plan.name, values })
  }

  #tellEnded(number: number, { status, output, error, waited }: Run): void {
    const ended = { kind: "ended" as const, task: this.#plan.name, number, status }
    const told = waited && output !== undefined ? { ...ended, output } : ended
    this.#context.effects.push(error === undefined ? told : { ...told, error })
  }

  #cancel(number: number, reason = "It was cancelled."): void {
    const run = this.run(number)
    if (run === undefined || isTerminal(run.status)) return
    const error: ErrorData = { code: "MR1207", message: reason, details: {} }
    this.#abort(number, run, "cancelled")
    this.#end(number, this.#changed(number), "cancelled", error)
    this.#pump()
  }

  /** Takes a run out of its call; the call is aborted when no other is left in it. */
  #abort(number: number, { status, lease }: Run, reason: AbortCall["reason"]): void {
    if (status !== "running") return
    this.#leave(number, lease)
    if (!this.#calls.has(lease)) this.#context.effects.push({ kind: "abort", task: this.#plan.name, lease, reason })
    const orphan = this.#orphans.indexOf(number)
    if (orphan >= 0) this.#orphans.splice(orphan, 1)
    this.#note(this.#changed(number), reason === "cancelled" ? "cancelled" : "timed-out", undefined, undefined)
  }

  #retry(number: number): void {
    const before = this.run(number)
    if (before === undefined || !isTerminal(before.status) || before.status === "succeeded") return
    const run = this.#changed(number)
    run.attempt = 0
    run.lost = 0
    run.error = undefined
    run.finishedAt = 0
    run.dueAt = this.#context.now
    this.#failed.remove(this.#failed.bucket(0), rowNumber(number))
    this.#live(number, 1)
    const { runTimeoutMs } = this.#plan
    if (runTimeoutMs !== null) this.#timer(run.dueAt + runTimeoutMs, timer.giveUp, rowNumber(number))
    this.#offer(number, run)
  }

  /** In steps: what is left over is told to itself. */
  #retryAll(filter: RunFilter, from?: string): void {
    let seen = 0
    let after = from
    for (const { key } of this.#failed.entries(this.#failed.bucket(0), from)) {
      if (seen++ >= limits.runsPerStepMax || this.#context.full()) {
        this.#outputs.command(after === undefined ? ["retry-all", filter] : ["retry-all", filter, after])
        return
      }
      after = key
      const number = Number.parseInt(key, 36)
      const run = this.run(number)
      if (run !== undefined && matches(run, filter)) this.#retry(number)
    }
  }

  #timeOut(lease: number): void {
    this.#deadlines.removeFirst()
    const call = this.#calls.get(lease)
    if (call === undefined) return
    const { timeoutMs } = this.#plan
    const error: ErrorData = { code: "MR1202", message: `The attempt took longer than ${timeoutMs} ms.`, details: { timeoutMs } }
    for (const number of call.numbers.slice()) {
      this.#abort(number, this.run(number) as Run, "timed-out")
      this.#fail(number, this.#changed(number), error, false, undefined)
    }
  }

  #fire(row: string, now: number): void {
    const kind = row.charAt(timeDigits)
    const subject = row.slice(timeDigits + 1)
    switch (kind) {
      case timer.key:
        return this.#pumpKey(subject)
      case timer.gate: {
        const again = this.#gates.tidy(subject, now)
        if (again !== undefined) this.#timer(again, timer.gate, subject)
        return
      }
      case timer.forget: {
        const bucket = this.#known.bucket(0)
        const known = this.#known.get(bucket, subject)?.value
        if (known !== undefined && (known[1] as number) <= now) this.#known.remove(bucket, subject)
        return
      }
      case timer.block:
        return this.#tidyBlock(Number.parseInt(subject, 36), now)
    }
    const number = Number.parseInt(subject, 36)
    const run = this.run(number)
    if (run === undefined || isTerminal(run.status)) return
    if (kind === timer.start) {
      // Set anew since, or not delayed any more.
      if (run.status !== "delayed" || run.dueAt > now) return
      this.#offer(number, this.#changed(number))
    } else if (kind === timer.expire) {
      if (run.attempt > 0 || run.status === "running") return
      const { ttlMs } = this.#plan
      const error: ErrorData = { code: "MR1208", message: `The run had not started after ${ttlMs} ms.`, details: { ttlMs } }
      this.#end(number, this.#changed(number), "expired", error)
    } else {
      const { runTimeoutMs } = this.#plan
      const error: ErrorData = { code: "MR1202", message: `The run had not ended after ${runTimeoutMs} ms.`, details: { runTimeoutMs } }
      this.#abort(number, run, "timed-out")
      this.#end(number, this.#changed(number), "failed", error)
    }
  }

  #tickCrons(now: number): void {
    const { crons } = this.#read
    for (const { expression, timeZone, catchUp, input } of this.#plan.crons) {
      const name = `${timeZone} ${expression}`
      const due = crons[name]
      if (due !== undefined && due > now) continue
      const next = (after: number): number => this.#context.cron(expression, timeZone, after) ?? Number.POSITIVE_INFINITY
      const times: number[] = []
      for (let at = due ?? Number.POSITIVE_INFINITY; at <= now && times.length < limits.cronRunsMax; at = next(at)) times.push(at)
      const newest = times.at(-1)
      const missed = newest !== undefined && now - newest > limits.cronLateMsMax
      const wanted = catchUp === "all" ? times : newest === undefined || (catchUp === "none" && missed) ? [] : [newest]
      for (const _ of wanted) this.#outputs.command(["enqueue", input, { trigger: "cron" }])
      this.#change.crons[name] = next(now)
    }
  }

  /** Counts the runs of a block that have not ended, so that it goes when all have and their retention is over. */
  #live(number: number, by: 1 | -1): void {
    const block = Math.floor(number / runsPerBlock)
    const { now } = this.#context
    const cell = this.#blocks.change(this.#blocks.bucket(0), rowNumber(block), () => [0, 0, 0])
    const [live = 0, newest = 0, timed = 0] = cell.value as readonly number[]
    const left = live + by
    const ends = left === 0 && timed === 0
    cell.value = [left, by < 0 ? now : newest, ends ? 1 : timed]
    if (ends) this.#timer(now + this.#plan.retentionMs, timer.block, rowNumber(block))
  }

  #tidyBlock(block: number, now: number): void {
    const name = rowNumber(block)
    const blocks = this.#blocks.bucket(0)
    const [live = 0, newest = 0] = this.#blocks.get(blocks, name)?.value ?? []
    const overAt = newest + this.#plan.retentionMs
    if (live > 0) this.#blocks.change(blocks, name, () => []).value = [live, newest, 0]
    else if (overAt > now) this.#timer(overAt, timer.block, name)
    else {
      this.#blocks.remove(blocks, name)
      const failed = this.#failed.bucket(0)
      const values: string[] = []
      for (const [number, { status, input, output }] of this.runsOf(block)) {
        if (status !== "succeeded") this.#failed.remove(failed, rowNumber(number))
        values.push(input)
        if (output !== undefined) values.push(output)
      }
      this.#forget(values)
      this.#runs.drop(this.#runs.bucket(block))
    }
  }

  #note(run: Run, outcome: AttemptFacts["outcome"], error: ErrorData | undefined, logs: readonly string[] | undefined): void {
    const facts = { startedAt: run.startedAt, endedAt: this.#context.now, outcome }
    const withError = error === undefined ? facts : { ...facts, error }
    const attempt: AttemptFacts = logs === undefined || logs.length === 0 ? withError : { ...withError, logs }
    run.attempts = [...run.attempts.slice(1 - limits.attemptsKeptMax), attempt]
  }

  #become(run: Run, status: RunStatus): void {
    if (run.status === status) return
    this.#count(run.status, -1)
    this.#count(status, 1)
    run.status = status
  }

  /** Of the ended states, the count only grows: runs that are gone are in it. */
  #count(status: RunStatus, by: number): void {
    const at = runStatuses.indexOf(status)
    const { counts } = this.#change
    counts[at] = Math.max(0, (counts[at] ?? 0) + by)
  }

  #changed(number: number): Run {
    const bucket = this.#runs.bucket(Math.floor(number / runsPerBlock))
    return this.#runs.change(bucket, rowNumber(number), noRun).value as Run
  }

  get #read(): Meta {
    return this.#meta.get(this.#meta.bucket(0), "meta")?.value ?? noMeta()
  }

  get #change(): Meta {
    return this.#meta.change(this.#meta.bucket(0), "meta", noMeta).value as Meta
  }

  #timer(at: number, kind: string, subject: string): void {
    const whole = Math.max(0, Math.ceil(at))
    this.#timers.add(sliceOf(whole), rowNumber(whole) + kind + subject)
  }

  /** Takes back a timer that was set as the run was enqueued. */
  #untimer(afterMs: number | null, kind: string, number: number, { enqueuedAt }: Run): void {
    if (afterMs === null) return
    const whole = Math.max(0, Math.ceil(enqueuedAt + afterMs))
    this.#timers.remove(sliceOf(whole), rowNumber(whole) + kind + rowNumber(number))
  }
}

function matches(run: Run, { status, since, key, q }: RunFilter): boolean {
  if (status !== undefined && run.status !== status) return false
  if (since !== undefined && run.finishedAt < since) return false
  if (key !== undefined && run.key !== key) return false
  return q === undefined || (run.error?.message ?? "").includes(q)
}

function noMeta(): Meta {
  return { lease: 0, paused: false, counts: runStatuses.map(() => 0), crons: {} }
}

function noRun(): never {
  throw new Error("task queue: a run that was there is not")
}

function sliceOf(at: number): number {
  return Math.floor(at / timerSliceMs) * timerSliceMs
}

const timeDigits = rowNumber(0).length

function timeOf(row: string): number {
  return Number.parseInt(row.slice(0, timeDigits), 36)
}

/** Highest priority first, then by blocks of numbers, so that no bucket grows large. */
function readyBucket(number: number, { priority }: Run): number {
  return (priorityMost - priority) * 2 ** 40 + Math.floor(number / runsPerBlock)
}

function waitingRow(number: number, { key, priority }: Run): string {
  return rowKey(key, String(priorityMost - priority).padStart(3, "0") + rowNumber(number))
}
