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
 * States, and what leads from one to the other: run.ts. What it is made of: how a run comes to be (arrivals.ts), when it is its turn (turns.ts),
 * how long it may take (lifetimes.ts), what is under way (calls.ts), the runs and their values (runs.ts, kept-values.ts), what is due by the
 * clock (timers.ts, crons.ts).
 */
import { type ErrorData, type TaskPlan, limits } from "@millrace/model"
import type { StageContext } from "../context.ts"
import { Arrivals } from "./arrivals.ts"
import { retryMs } from "./backoff.ts"
import { endedStep, openStep } from "./bulk.ts"
import { Calls } from "./calls.ts"
import { type CronStand, cronStands, cronsDue, tickCrons } from "./crons.ts"
import { type AbortCall, type CallTask, type Outcome, endOf } from "./effects.ts"
import { KeptValues } from "./kept-values.ts"
import { KnownKeys } from "./known-keys.ts"
import { Lifetimes } from "./lifetimes.ts"
import type { QueueParts } from "./parts.ts"
import { blamed, noteAttempt, quoted } from "./past-attempts.ts"
import { type Run, type RunStatus, isTerminal } from "./run.ts"
import type { EndedRunFilter, OpenRunFilter } from "./run-filter.ts"
import { Runs } from "./runs.ts"
import { Standing } from "./standing.ts"
import type { Tally, TaskCommand } from "./task-command.ts"
import { Timers, kindOf, subjectOf, timer } from "./timers.ts"
import { Turns } from "./turns.ts"

/** What a queue writes besides its state. */
export interface TaskOutputs {
  /** Publishes the output of a run. */
  publish(number: number, run: Run): void
  /** Tells itself something, to be heard as a command later. */
  command(command: TaskCommand): void
}

export class TaskQueue {
  readonly #plan: TaskPlan
  readonly #context: StageContext
  readonly #outputs: TaskOutputs
  /** What may be asked about runs. */
  readonly runs: Runs
  readonly #standing: Standing
  readonly #calls: Calls
  readonly #timers: Timers
  readonly #known: KnownKeys
  readonly #values: KeptValues
  readonly #lifetimes: Lifetimes
  readonly #turns: Turns
  readonly #arrivals: Arrivals

  constructor(plan: TaskPlan, scope: string, context: StageContext, outputs: TaskOutputs) {
    const { state } = context
    this.#plan = plan
    this.#context = context
    this.#outputs = outputs
    this.runs = new Runs(state, scope)
    this.#standing = new Standing(state, `${scope}@meta`)
    this.#calls = new Calls(state, `${scope}@running`, plan.timeoutMs)
    this.#timers = new Timers(state, `${scope}@timers`)
    const parts: QueueParts = { plan, context, runs: this.runs, standing: this.#standing, calls: this.#calls, timers: this.#timers }
    this.#known = new KnownKeys(state, `${scope}@known`, this.#timers)
    this.#values = new KeptValues(plan.name, context, `${scope}@values`)
    this.#lifetimes = new Lifetimes(parts)
    this.#turns = new Turns(parts, scope, (numbers, alone) => this.#start(numbers, alone, false))
    this.#arrivals = new Arrivals(parts, this.#known, this.#values, this.#lifetimes, this.#turns)
    this.#calls.load(this.runs)
  }

  /** After a rollback: learns anew from the state what is under way. */
  reload(): void {
    this.#turns.reload()
    this.#timers.reload()
    this.#calls.load(this.runs)
  }

  /** Clock time at which `tick` has something to do. */
  get due(): number {
    const due = Math.min(this.#turns.due, this.#timers.due, this.#calls.due, cronsDue(this.#plan, this.#standing))
    return this.#calls.orphans.some((number) => this.#mayStartAgain(number)) ? 0 : due
  }

  /** @param number - the offset of the command's record */
  take(command: TaskCommand, number: number, at: number): void {
    switch (command[0]) {
      case "enqueue":
        return this.#arrivals.enqueue(number, command[1], command[2] ?? {}, at)
      case "cancel":
        return this.#cancel(command[1], command[2], command[3])
      case "retry":
        return this.#retry(command[1])
      case "retry-all":
        return this.#retryAll(command[1], command[2], command[3])
      case "cancel-all":
        return this.#cancelAll(command[1], command[2] ?? number, command[3])
      case "pause":
      case "resume":
        this.#standing.change.paused = command[0] === "pause"
        if (command[0] === "resume") this.#turns.pump()
    }
  }

  /** Attempts have ended. */
  complete(outcomes: readonly Outcome[]): void {
    for (const outcome of outcomes) {
      const { number, lease } = outcome
      const run = this.runs.get(number)
      if (outcome.kind === "begun") {
        this.#calls.restart(lease, this.#context.now)
        continue
      }
      if (outcome.kind === "blocked") {
        this.#blame(number, lease, outcome.error)
        continue
      }
      if (outcome.kind === "said") {
        this.#quote(number, outcome.logs)
        continue
      }
      // Q2
      if (run === undefined || run.status !== "running" || run.lease !== lease) {
        if (outcome.kind === "succeeded") this.#values.forget([outcome.output])
        continue
      }
      this.#settle(number, outcome)
    }
    this.#startOrphans()
    this.#turns.pump()
  }

  tick(now: number): void {
    this.#startOrphans()
    tickCrons(this.#plan, this.#standing, this.#context.cron, now, (input, facts) => this.#outputs.command(["enqueue", input, { trigger: "cron", ...facts }]))
    for (let lease = this.#calls.late(now); lease !== undefined; lease = this.#calls.late(now)) this.#timeOut(lease)
    for (let row = this.#timers.take(now); row !== undefined; row = this.#timers.take(now)) {
      this.#fire(row, now)
      // The rest is due at once.
      if (this.#context.full()) return
    }
    this.#turns.pump()
  }

  /** Whether a run has the large value of this name. */
  has(name: string): boolean {
    return this.#values.has(name)
  }

  get crons(): readonly CronStand[] {
    return cronStands(this.#plan, this.#standing)
  }

  get paused(): boolean {
    return this.#standing.read.paused
  }

  /** Runs by status; the ended ones since ever. */
  get counts(): Readonly<Record<RunStatus, number>> {
    return this.#standing.counts
  }

  /** When the oldest run that may start was enqueued, in ms. */
  get oldestReadyAt(): number | undefined {
    const { first } = this.#turns
    return first === undefined ? undefined : this.runs.get(first)?.enqueuedAt
  }

  /** @param again - the attempt was begun before and lost */
  #start(numbers: readonly number[], alone: boolean, again: boolean): void {
    const { now, effects } = this.#context
    const lease = ++this.#standing.change.lease
    const runs: CallTask["runs"][number][] = []
    for (const number of numbers) {
      const run = this.runs.change(number)
      this.#standing.become(run, "running")
      run.lease = lease
      run.startedAt = now
      if (!again) run.attempt++
      if (run.attempt === 1) this.#lifetimes.start(number, run)
      this.#calls.begin(lease, number, alone, now)
      const { attempt, key, enqueuedAt, traceparent, tracestate, depth, scheduledAt } = run
      const called = { number, attempt, input: this.runs.inputOf(number, run), key, enqueuedAt }
      const parented = traceparent === undefined ? called : { ...called, traceparent }
      const traced = tracestate === undefined ? parented : { ...parented, tracestate }
      const timed = scheduledAt === undefined ? traced : { ...traced, scheduledAt }
      runs.push(depth === 0 ? timed : { ...timed, depth })
    }
    effects.push({ kind: "call", task: this.#plan.name, lease, runs, alone })
  }

  #startOrphans(): void {
    for (const number of this.#calls.orphans.splice(0)) {
      const run = this.runs.get(number)
      if (run?.status !== "running") continue
      if (this.#mayStartAgain(number)) this.#start([number], run.lost > 0, true)
      else this.#calls.orphans.push(number)
    }
  }

  /** So many at a time have a worker to themselves. */
  #mayStartAgain(number: number): boolean {
    return this.#calls.alone < limits.callsAloneMax || this.runs.get(number)?.lost === 0
  }

  /** An attempt that took too long has, as is known now, held its worker. */
  #blame(number: number, lease: number, error: ErrorData): void {
    const before = this.runs.get(number)
    const attempts = before?.lease === lease ? blamed(before.attempts, error) : undefined
    if (attempts === undefined) return
    const run = this.runs.change(number)
    run.attempts = attempts
    if (run.error?.code === error.code) run.error = error
  }

  /** What an attempt had told that was aborted. */
  #quote(number: number, logs: readonly string[]): void {
    const attempts = quoted(this.runs.get(number)?.attempts ?? [], logs)
    if (attempts !== undefined) this.runs.change(number).attempts = attempts
  }

  #settle(number: number, outcome: Exclude<Outcome, { readonly kind: "begun" | "blocked" | "said" }>): void {
    const { lease, logs } = outcome
    const alone = this.#calls.get(lease)?.alone === true
    this.#calls.leave(number, lease)
    const run = this.runs.change(number)
    switch (outcome.kind) {
      case "succeeded":
        noteAttempt(run, this.#context.now, "succeeded", undefined, logs)
        run.output = outcome.output
        this.#values.keep(outcome.output)
        run.lost = 0
        // Q4
        this.#outputs.publish(number, run)
        return this.#end(number, run, "succeeded", undefined)
      case "lost":
        noteAttempt(run, this.#context.now, "lost", outcome.error, logs)
        if (outcome.innocent !== true) run.lost++
        // Nobody else was there to blame.
        if (alone) return this.#fail(number, run, outcome.error, false, undefined)
        // Q2: nothing that comes under the old lease counts.
        run.lease = ++this.#standing.change.lease
        return this.#calls.orphan(number)
      case "failed":
        noteAttempt(run, this.#context.now, "failed", outcome.error, logs)
        run.lost = 0
        return this.#fail(number, run, outcome.error, outcome.final === true, outcome.afterMs)
    }
  }

  /** An attempt has failed: the run waits for the next one, or ends. */
  #fail(number: number, run: Run, error: ErrorData, final: boolean, afterMs: number | undefined): void {
    const { retry } = this.#plan
    if (final || run.attempt >= retry.attempts) return this.#end(number, run, "failed", error)
    run.error = error
    run.dueAt = this.#context.now + retryMs(retry, run.attempt, number, afterMs)
    this.#turns.release(run.key)
    this.#turns.offer(number, run)
  }

  #end(number: number, run: Run, status: RunStatus, error: ErrorData | undefined): void {
    const admitted = run.status === "running" || this.#turns.withdraw(number, run)
    this.#standing.become(run, status)
    run.finishedAt = this.#context.now
    run.error = error
    this.#lifetimes.end(number, run)
    if (status !== "succeeded") this.runs.noteFailed(number)
    this.#context.effects.push(endOf(this.#plan.name, number, run))
    if (run.waited) run.waited = false
    if (admitted) this.#turns.release(run.key)
  }

  #cancel(number: number, reason?: string, freesKey?: true): void {
    const run = this.runs.get(number)
    if (run === undefined || isTerminal(run.status)) return
    if (freesKey === true && run.idempotencyKey !== undefined) this.#known.free(run.idempotencyKey, number)
    this.#endCancelled(number, run, reason)
    this.#turns.pump()
  }

  #endCancelled(number: number, run: Run, reason = "It was cancelled."): void {
    const error: ErrorData = { code: "MR1207", message: reason, details: {} }
    this.#abort(number, run, "cancelled")
    this.#end(number, this.runs.change(number), "cancelled", error)
  }

  #cancelAll(filter: OpenRunFilter, before: number, tally: Tally | undefined): void {
    let count = tally?.count ?? 0
    const next = openStep(this.runs, filter, before, () => this.#context.full(), (number) => {
      this.#endCancelled(number, this.runs.get(number) as Run)
      count++
    })
    const told = this.#tally(tally, count, next === undefined)
    if (next !== undefined) this.#outputs.command(["cancel-all", filter, next, told])
    this.#turns.pump()
  }

  /** Tells whoever asked how many runs a command for many has reached; what its next step says of that. */
  #tally(tally: Tally | undefined, count: number, done: boolean): Tally | undefined {
    if (tally === undefined) return undefined
    const { ticket } = tally
    this.#context.effects.push({ kind: "tallied", task: this.#plan.name, ticket, count, done })
    return { ticket, count }
  }

  /** Takes a run out of its call; the call is aborted when no other is left in it. */
  #abort(number: number, { status, lease }: Run, reason: AbortCall["reason"]): void {
    if (status !== "running") return
    this.#calls.leave(number, lease)
    if (this.#calls.get(lease) === undefined) this.#context.effects.push({ kind: "abort", task: this.#plan.name, lease, reason })
    const { orphans } = this.#calls
    const orphan = orphans.indexOf(number)
    if (orphan >= 0) orphans.splice(orphan, 1)
    noteAttempt(this.runs.change(number), this.#context.now, reason === "cancelled" ? "cancelled" : "timed-out", undefined, undefined)
  }

  #retry(number: number): void {
    const before = this.runs.get(number)
    if (before === undefined || !isTerminal(before.status) || before.status === "succeeded") return
    const run = this.runs.change(number)
    run.attempt = 0
    run.lost = 0
    run.error = undefined
    run.finishedAt = 0
    run.dueAt = this.#context.now
    run.mayStartAt = run.dueAt
    this.runs.forgetFailed(number)
    this.#lifetimes.begin(number, run)
    this.#turns.offer(number, run)
  }

  #retryAll(filter: EndedRunFilter, after: string | undefined, tally: Tally | undefined): void {
    let count = tally?.count ?? 0
    const next = endedStep(this.runs, filter, after, () => this.#context.full(), (number) => {
      this.#retry(number)
      count++
    })
    const told = this.#tally(tally, count, next === undefined)
    if (next !== undefined) this.#outputs.command(["retry-all", filter, next.after, told])
  }

  #timeOut(lease: number): void {
    const call = this.#calls.get(lease)
    if (call === undefined) return
    const { timeoutMs } = this.#plan
    const error: ErrorData = { code: "MR1202", message: `The attempt took longer than ${timeoutMs} ms.`, details: { timeoutMs } }
    for (const number of call.numbers.slice()) {
      this.#abort(number, this.runs.get(number) as Run, "timed-out")
      this.#fail(number, this.runs.change(number), error, false, undefined)
    }
  }

  #fire(row: string, now: number): void {
    const kind = kindOf(row)
    const subject = subjectOf(row)
    switch (kind) {
      case timer.key:
        return this.#turns.pumpKey(subject)
      case timer.gate:
        return this.#turns.tidyGate(subject)
      case timer.forget:
        return this.#known.forget(subject, now)
      case timer.block:
        return this.#values.forget(this.#lifetimes.tidy(Number.parseInt(subject, 36)))
    }
    const number = Number.parseInt(subject, 36)
    const run = this.runs.get(number)
    if (run === undefined || isTerminal(run.status)) return
    if (kind === timer.start) {
      // Set anew since, or not delayed any more.
      if (run.status !== "delayed" || run.dueAt > now) return
      this.#turns.offer(number, this.runs.change(number))
    } else if (kind === timer.expire) {
      if (!this.#lifetimes.hasExpired(number, run)) return
      const { ttlMs } = this.#plan
      const error: ErrorData = { code: "MR1208", message: `The run had not started after ${ttlMs} ms.`, details: { ttlMs } }
      this.#end(number, this.runs.change(number), "expired", error)
    } else {
      if (!this.#lifetimes.isOverdue(number, run)) return
      const { runTimeoutMs } = this.#plan
      const error: ErrorData = { code: "MR1202", message: `The run had not ended after ${runTimeoutMs} ms.`, details: { runTimeoutMs } }
      this.#abort(number, run, "timed-out")
      this.#end(number, this.runs.change(number), "failed", error)
    }
  }
}
