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
 * States, and what leads from one to the other: run.ts. What it is made of: the runs (runs.ts), what waits for its turn (ordered-rows.ts), what is
 * under way (calls.ts), what is due by the clock (timers.ts, crons.ts), how many and how often (gates.ts).
 */
import { type ErrorData, type TaskPlan, limits, priorityMost } from "@millrace/model"
import type { StageContext } from "../context.ts"
import { flagCodec } from "../operators/flag-codec.ts"
import { type Scope, rowKey, rowNumber, rowOf } from "../state.ts"
import { backoffMs } from "./backoff.ts"
import { endedStep, openStep } from "./bulk.ts"
import { Calls } from "./calls.ts"
import { cronsDue, tickCrons } from "./crons.ts"
import type { AbortCall, CallTask, Outcome } from "./effects.ts"
import { Gates } from "./gates.ts"
import { KnownKeys } from "./known-keys.ts"
import { OrderedRows } from "./ordered-rows.ts"
import { isStored, storedValue } from "./stored-value.ts"
import { type AttemptFacts, type Run, type RunStatus, isTerminal } from "./run.ts"
import { Runs, blockOf } from "./runs.ts"
import { Standing } from "./standing.ts"
import type { EndedRunFilter, EnqueueFacts, OpenRunFilter, Tally, TaskCommand } from "./task-command.ts"
import { Timers, kindOf, subjectOf, timer } from "./timers.ts"

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
  /** Runs that wait for others of their key. */
  readonly #waiting: Scope<true>
  readonly #known: KnownKeys
  readonly #ready: OrderedRows
  readonly #timers: Timers
  readonly #gates: Gates
  /** Large values that runs have, by the names of their objects. */
  readonly #values: Scope<true>
  /** When a run that may start is to be looked at again: for a token, for a batch. */
  #wakeAt = 0

  constructor(plan: TaskPlan, scope: string, context: StageContext, outputs: TaskOutputs) {
    const { state } = context
    this.#plan = plan
    this.#context = context
    this.#outputs = outputs
    this.runs = new Runs(state, scope)
    this.#standing = new Standing(state, `${scope}@meta`)
    this.#calls = new Calls(state, `${scope}@running`, plan.timeoutMs)
    this.#waiting = state.rows(`${scope}@waiting`, flagCodec)
    this.#timers = new Timers(state, `${scope}@timers`)
    this.#known = new KnownKeys(state, `${scope}@known`, this.#timers)
    this.#ready = new OrderedRows(state, `${scope}@ready`)
    this.#gates = new Gates(plan, state, `${scope}@gates`)
    this.#values = state.scope(`${scope}@values`, flagCodec)
    this.#calls.load(this.runs)
  }

  /** After a rollback: learns anew from the state what is under way. */
  reload(): void {
    this.#ready.reload()
    this.#timers.reload()
    this.#calls.load(this.runs)
    this.#wakeAt = 0
  }

  /** Clock time at which `tick` has something to do. */
  get due(): number {
    const due = Math.min(this.#wakeAt, this.#timers.due, this.#calls.due, cronsDue(this.#plan, this.#standing))
    return this.#calls.orphans.some((number) => this.#mayStartAgain(number)) ? 0 : due
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
        return this.#retryAll(command[1], command[2], command[3])
      case "cancel-all":
        return this.#cancelAll(command[1], command[2] ?? number, command[3])
      case "pause":
      case "resume":
        this.#standing.change.paused = command[0] === "pause"
        if (command[0] === "resume") this.#pump()
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
        if (outcome.kind === "succeeded") this.#forget([outcome.output])
        continue
      }
      this.#settle(number, outcome)
    }
    this.#startOrphans()
    this.#pump()
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
    this.#pump()
  }

  /** Whether a run has the large value of this name. */
  has(name: string): boolean {
    return this.#values.get(this.#values.bucket(0), name) !== undefined
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
    const { first } = this.#ready
    return first === undefined ? undefined : this.runs.get(Number.parseInt(first, 36))?.enqueuedAt
  }

  #enqueue(number: number, input: string, facts: EnqueueFacts, at: number): void {
    const { throttleMs, debounce, delayMs, ttlMs, runTimeoutMs, idempotencyMs } = this.#plan
    const { key = "", priority = 0, idempotencyKey, ticket, waited = false } = facts
    const { now } = this.#context
    const repeat = this.#known.repeatOf(facts, number, now)
    if (repeat?.isOther === true) {
      if (ticket !== undefined) this.#context.effects.push({ kind: "placed", task: this.#plan.name, ticket, number: repeat.number, joined: true, otherBody: true })
      this.#forget([input])
      return
    }
    const joined = repeat?.number ?? this.#joined(input, key, now)
    if (ticket !== undefined) {
      this.#context.effects.push({ kind: "placed", task: this.#plan.name, ticket, number: joined ?? number, joined: joined !== undefined })
    }
    if (joined !== undefined) {
      // Q6: what joins by its key (throttle, debounce) is known by its idempotency key too, so that its repeat joins as well.
      if (repeat === undefined) this.#known.knowRepeat(facts, joined, now + idempotencyMs, now)
      // What is not the input of the run that it joins.
      if (this.runs.get(joined)?.input !== input) this.#forget([input])
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
      mayStartAt: dueAt,
      startedAt: 0,
      finishedAt: 0,
      lease: 0,
      attempt: 0,
      lost: 0,
      output: undefined,
      error: undefined,
      attempts: [],
      traceparent: facts.traceparent,
      tracestate: facts.tracestate,
      idempotencyKey,
      depth: facts.depth ?? 0,
      scheduledAt: facts.scheduledAt,
    }
    this.runs.add(number, run)
    this.#keep(input)
    this.#standing.count("waiting", 1)
    this.#live(number, 1)
    this.#known.knowRepeat(facts, number, now + idempotencyMs, now)
    if (throttleMs !== null) this.#known.know(`t:${key}`, number, now + throttleMs)
    if (debounce !== null) this.#known.know(`d:${key}`, number, at + debounce.mostMs)
    if (ttlMs !== null) this.#timers.set(dueAt + ttlMs, timer.expire, rowNumber(number))
    if (runTimeoutMs !== null) this.#timers.set(dueAt + runTimeoutMs, timer.giveUp, rowNumber(number))
    this.#offer(number, run)
  }

  /** The run of its key that an enqueue joins. */
  #joined(input: string, key: string, now: number): number | undefined {
    const { throttleMs, debounce } = this.#plan
    const throttled = throttleMs === null ? undefined : this.#known.whoIs(`t:${key}`, now)
    if (throttled !== undefined || debounce === null) return throttled
    const name = `d:${key}`
    const pending = this.#known.get(name)
    const number = pending?.[0]
    if (number === undefined || this.runs.get(number)?.status !== "delayed") return undefined
    const run = this.runs.change(number)
    this.#forget([run.input])
    this.#keep(input)
    run.input = input
    run.dueAt = Math.min(now + debounce.waitMs, pending?.[1] as number)
    // Its other timers find out when they go off.
    run.mayStartAt = run.dueAt
    this.#timers.set(run.dueAt, timer.start, rowNumber(number))
    return number
  }

  /** Who joins a run that has ended hears of it at once. */
  #tellJoined(number: number, waited: boolean): void {
    const run = this.runs.get(number)
    if (!waited || run === undefined) return
    if (isTerminal(run.status)) this.#tellEnded(number, { ...run, waited: true })
    else this.runs.change(number).waited = true
  }

  /** A run waits: for its time, for others of its key, or for its turn. */
  #offer(number: number, run: Run): void {
    const { now } = this.#context
    if (run.dueAt > now) {
      this.#standing.become(run, "delayed")
      this.#timers.set(run.dueAt, timer.start, rowNumber(number))
    } else if (this.#gates.keyed && run.key !== "") {
      this.#standing.become(run, "waiting")
      this.#waiting.change(this.#waiting.bucket(0), waitingRow(number, run), () => true)
      this.#pumpKey(run.key)
    } else this.#admit(number, run)
  }

  #admit(number: number, run: Run): void {
    this.#standing.become(run, "waiting")
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
        if (opensAt < Number.POSITIVE_INFINITY) this.#timers.set(opensAt, timer.key, key)
        return
      }
      const number = Number.parseInt(rowOf(first.key).slice(3), 36)
      this.#waiting.remove(bucket, first.key)
      this.#pass(key)
      this.#admit(number, this.runs.change(number))
    }
  }

  #pass(key: string): void {
    const fullAt = this.#gates.admit(key, this.#context.now)
    if (fullAt !== undefined) this.#timers.set(fullAt, timer.gate, key)
  }

  /** Q3 */
  #mayStart(): boolean {
    const { now } = this.#context
    if (this.#standing.read.paused || this.#calls.size >= this.#plan.concurrency || this.#context.full()) return false
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
      const run = this.runs.get(number) as Run
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
    const lease = ++this.#standing.change.lease
    if (!again) this.#pass("")
    const runs: CallTask["runs"][number][] = []
    for (const number of numbers) {
      const run = this.runs.change(number)
      this.#standing.become(run, "running")
      run.lease = lease
      run.startedAt = now
      if (!again) run.attempt++
      if (run.attempt === 1) this.#untimer(this.#plan.ttlMs, timer.expire, number, run)
      this.#calls.begin(lease, number, alone, now)
      const { attempt, input, key, enqueuedAt, traceparent, tracestate, depth, scheduledAt } = run
      const called = { number, attempt, input, key, enqueuedAt }
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
    const attempt = before?.attempts.at(-1)
    if (before?.lease !== lease || attempt?.outcome !== "timed-out") return
    const run = this.runs.change(number)
    run.attempts = [...run.attempts.slice(0, -1), { ...attempt, error }]
    if (run.error?.code === error.code) run.error = error
  }

  /** What an attempt had told that was aborted: the newest of those of which nothing is known, as each is heard of before the next ends. */
  #quote(number: number, logs: readonly string[]): void {
    const { attempts = [] } = this.runs.get(number) ?? {}
    const at = attempts.findLastIndex(({ outcome, logs: known }) => (outcome === "timed-out" || outcome === "cancelled") && known === undefined)
    const attempt = attempts[at]
    if (attempt !== undefined) this.runs.change(number).attempts = attempts.with(at, { ...attempt, logs })
  }

  #settle(number: number, outcome: Exclude<Outcome, { readonly kind: "begun" | "blocked" | "said" }>): void {
    const { lease, logs } = outcome
    const alone = this.#calls.get(lease)?.alone === true
    this.#calls.leave(number, lease)
    const run = this.runs.change(number)
    switch (outcome.kind) {
      case "succeeded":
        this.#note(run, "succeeded", undefined, logs)
        run.output = outcome.output
        this.#keep(outcome.output)
        run.lost = 0
        // Q4
        this.#outputs.publish(number, run)
        return this.#end(number, run, "succeeded", undefined)
      case "lost":
        this.#note(run, "lost", outcome.error, logs)
        if (outcome.innocent !== true) run.lost++
        // Nobody else was there to blame.
        if (alone) return this.#fail(number, run, outcome.error, false, undefined)
        // Q2: nothing that comes under the old lease counts.
        run.lease = ++this.#standing.change.lease
        return this.#calls.orphan(number)
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
    this.#standing.become(run, status)
    run.finishedAt = now
    run.error = error
    this.#untimer(this.#plan.runTimeoutMs, timer.giveUp, number, run)
    this.#live(number, -1)
    if (status !== "succeeded") this.runs.noteFailed(number)
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

  #keep(text: string): void {
    const stored = storedValue(text)
    if (stored !== undefined) this.#values.change(this.#values.bucket(0), stored.name, () => true)
  }

  /** Of these values, the large ones are nobody's any more. */
  #forget(texts: readonly string[]): void {
    const values = texts.filter(isStored)
    for (const value of values) this.#values.remove(this.#values.bucket(0), storedValue(value)?.name ?? "")
    if (values.length > 0) this.#context.effects.push({ kind: "forget", task: this.#plan.name, values })
  }

  #tellEnded(number: number, { status, output, error, waited }: Run): void {
    const ended = { kind: "ended" as const, task: this.#plan.name, number, status }
    const told = waited && output !== undefined ? { ...ended, output } : ended
    this.#context.effects.push(error === undefined ? told : { ...told, error })
  }

  #cancel(number: number, reason?: string): void {
    const run = this.runs.get(number)
    if (run === undefined || isTerminal(run.status)) return
    this.#endCancelled(number, run, reason)
    this.#pump()
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
    this.#pump()
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
    this.#note(this.runs.change(number), reason === "cancelled" ? "cancelled" : "timed-out", undefined, undefined)
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
    this.#live(number, 1)
    const { ttlMs, runTimeoutMs } = this.#plan
    if (ttlMs !== null) this.#timers.set(run.mayStartAt + ttlMs, timer.expire, rowNumber(number))
    if (runTimeoutMs !== null) this.#timers.set(run.mayStartAt + runTimeoutMs, timer.giveUp, rowNumber(number))
    this.#offer(number, run)
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
        return this.#pumpKey(subject)
      case timer.gate: {
        const again = this.#gates.tidy(subject, now)
        if (again !== undefined) this.#timers.set(again, timer.gate, subject)
        return
      }
      case timer.forget:
        return this.#known.forget(subject, now)
      case timer.block:
        return this.#tidyBlock(Number.parseInt(subject, 36), now)
    }
    const number = Number.parseInt(subject, 36)
    const run = this.runs.get(number)
    if (run === undefined || isTerminal(run.status)) return
    if (kind === timer.start) {
      // Set anew since, or not delayed any more.
      if (run.status !== "delayed" || run.dueAt > now) return
      this.#offer(number, this.runs.change(number))
    } else if (kind === timer.expire) {
      if (run.attempt > 0 || run.status === "running") return
      const { ttlMs } = this.#plan
      if (this.#isEarly(ttlMs, kind, number, run)) return
      const error: ErrorData = { code: "MR1208", message: `The run had not started after ${ttlMs} ms.`, details: { ttlMs } }
      this.#end(number, this.runs.change(number), "expired", error)
    } else {
      const { runTimeoutMs } = this.#plan
      if (this.#isEarly(runTimeoutMs, kind, number, run)) return
      const error: ErrorData = { code: "MR1202", message: `The run had not ended after ${runTimeoutMs} ms.`, details: { runTimeoutMs } }
      this.#abort(number, run, "timed-out")
      this.#end(number, this.runs.change(number), "failed", error)
    }
  }

  /** Counts the runs of a block that have not ended, so that it goes when all have and their retention is over. */
  #live(number: number, by: 1 | -1): void {
    const { now } = this.#context
    if (this.runs.live(number, by, now)) this.#timers.set(now + this.#plan.retentionMs, timer.block, rowNumber(blockOf(number)))
  }

  #tidyBlock(block: number, now: number): void {
    const tidied = this.runs.tidy(block, now, this.#plan.retentionMs)
    if (tidied.kind === "later") this.#timers.set(tidied.at, timer.block, rowNumber(block))
    else if (tidied.kind === "gone") this.#forget(tidied.values)
  }

  #note(run: Run, outcome: AttemptFacts["outcome"], error: ErrorData | undefined, logs: readonly string[] | undefined): void {
    const facts = { startedAt: run.startedAt, endedAt: this.#context.now, outcome }
    const withError = error === undefined ? facts : { ...facts, error }
    const attempt: AttemptFacts = logs === undefined || logs.length === 0 ? withError : { ...withError, logs }
    run.attempts = [...run.attempts.slice(1 - limits.attemptsKeptMax), attempt]
  }

  /** Takes back a timer that was set for when the run might start. */
  #untimer(afterMs: number | null, kind: string, number: number, { mayStartAt }: Run): void {
    if (afterMs === null) return
    this.#timers.unset(mayStartAt + afterMs, kind, rowNumber(number))
  }

  /** Whether a timer was set before its run was put off, or began again: then it is set anew. */
  #isEarly(afterMs: number | null, kind: string, number: number, { mayStartAt }: Run): boolean {
    const at = mayStartAt + (afterMs ?? 0)
    if (at <= this.#context.now) return false
    this.#timers.set(at, kind, rowNumber(number))
    return true
  }
}

/** Highest priority first, then by blocks of numbers, so that no bucket grows large. */
function readyBucket(number: number, { priority }: Run): number {
  return (priorityMost - priority) * 2 ** 40 + blockOf(number)
}

function waitingRow(number: number, { key, priority }: Run): string {
  return rowKey(key, String(priorityMost - priority).padStart(3, "0") + rowNumber(number))
}
