/**
 * Services at work on the memory store, in one thread: what a host does with workers and a journal is done here one
 * transaction at a time. Reads the log, applies, commits; starts again from what was committed.
 *
 * Not for: what users see of it (test-service.ts), which seat works next (order.ts).
 *
 * D1  Every stage and partition is a machine of the production engine; nothing here looks at a record.
 * D2  A crash may fall between any two transactions. It loses what is in memory and nothing that was committed.
 * D3  Nothing waits for time: the clock is a number that the test moves.
 *
 * With the tests that hold them in docs/specs/testing.md.
 */
import { crc32 } from "node:zlib"
import {
  type Append,
  assertCancellable,
  assertDepth,
  assertRetriable,
  CalledRuns,
  type Committed,
  type CutRun,
  type EnqueueFacts,
  inputsRefused,
  isTerminal,
  otherInput,
  type Rejected,
  type RunPage,
  type RunPlaced,
  type RunView,
  type SealFile,
  type StageBounds,
  type Store,
  type TaskCommand,
  type TaskQuestion,
  type Transaction,
  type WaitingRun,
  Waits,
} from "@millrace/engine"
import { Intake, StateMemory, TaskIntake } from "@millrace/engine/machine"
import { nextCron } from "@millrace/cron"
import { openMemoryStore } from "@millrace/memory"
import { BlockWriter, type EnqueueOptions, MillraceError, type StreamPlan, type TraceFields, delayMs, durationMs, limits, traceOf, writeValue } from "@millrace/model"
import type { RunFacts, RunResult, TaskCaller } from "@millrace/sdk"
import type { Feeds, FeedsParts } from "./functions/feeds.ts"
import type { FunctionSources } from "./functions/calls.ts"
import { AsyncCalls } from "./async-calls.ts"
import type { Catalogue, Tasked } from "./catalogue.ts"
import { LargeValues } from "./large-values.ts"
import { LogBook } from "./log-book.ts"
import type { Order } from "./order.ts"
import { Seat } from "./seat.ts"
import { watchThreads } from "./stillness.ts"
import { type CallingRun, TaskCalls } from "./task-calls.ts"

/** Rounds in which the clock stands still and something is due all the same: more are no progress but a fault. */
const roundsMax = 100_000
/** Times at which something was due, and how far they may lie ahead, in ms, while a run that is waited for stays as it is and nothing is due of it or of a run whose end code awaits: then it waits for something else. */
const waitsMax = 10_000
const waitMsMax = 86_400_000

/** What a transaction of a service decided. */
export interface Decided {
  readonly service: string
  readonly effect: SealFile
}

export class Works {
  readonly catalogue: Catalogue
  readonly log: LogBook
  readonly seats: readonly Seat[]
  readonly #store: Store
  readonly #order: Order
  readonly #intakes: Map<string, Intake> = new Map()
  /** Streams that have ended. */
  readonly #ended: Set<string> = new Set()
  /** Numbers of the transactions after which it crashes. */
  readonly #crashes: Set<number> = new Set()
  /** What feeds functions has come to such a transaction. */
  #dying = false
  /** What the transactions decided, in order. */
  readonly decided: Decided[] = []
  /** Late records by operator. */
  readonly late: Map<string, number> = new Map()
  /** Transactions so far. */
  transactions = 0
  /** The clock, in ms. */
  now: number
  readonly calls: TaskCalls
  readonly #asyncCalls: AsyncCalls
  /** What feeds functions; undefined: there are none. */
  feeds: Feeds | undefined
  /** Who waits for a run, by its id. */
  readonly #waiting: Map<string, (() => void)[]> = new Map()
  /** What the code of tasks wants, to be done between two transactions. */
  readonly #requests: (() => Promise<void>)[] = []
  /** What inputs have become, by the ticket of their enqueue. */
  readonly #placed: Map<string, RunPlaced> = new Map()
  readonly #values = new LargeValues()
  #waits: Waits
  #called = new CalledRuns()
  #tickets = 0

  static async open(catalogue: Catalogue, now: number, order: Order, patienceMs: number, sources: FunctionSources): Promise<Works> {
    const works: { open?: Works } = {}
    const store = await openMemoryStore({ now: () => works.open?.now ?? now, onLost: () => undefined })
    watchThreads()
    const opened = new Works(catalogue, store, now, order, patienceMs)
    works.open = opened
    if (catalogue.programs.some(({ plan }) => plan.functions.length > 0)) {
      // Tests of services without functions do without all that they need.
      const { Feeds: Feeding } = await import("./functions/feeds.ts")
      opened.feeds = new Feeding(opened.#feedsParts(store, sources, patienceMs))
      await opened.feeds.open()
    }
    return opened
  }

  private constructor(catalogue: Catalogue, store: Store, now: number, order: Order, patienceMs: number) {
    this.catalogue = catalogue
    this.log = new LogBook(catalogue)
    this.#waits = this.#newWaits()
    this.now = now
    this.#store = store
    this.#order = order
    // One for all, as in a worker.
    const { stateBytesMost, transactionBytes } = order
    const bounds: StageBounds = { memory: new StateMemory(stateBytesMost, stateBytesMost), transactionBytes, cron: nextCron }
    this.calls = new TaskCalls((depth, trace, from) => this.#caller(depth, trace, from), patienceMs, this.#values)
    this.#asyncCalls = new AsyncCalls(patienceMs, () => this.calls.poke())
    this.seats = catalogue.stages.flatMap(({ program, stage }) => {
      // As the service itself knows it: another one may be who writes it.
      const input = program.plan.streams.find(({ name }) => name === stage.input)
      if (input === undefined) throw new Error(`plan of ${program.plan.service}: stream ${stage.input} is missing`)
      return Array.from({ length: stage.partitions }, (_, partition) => new Seat({ program, store, stage, input, partition }, bounds, now))
    })
  }

  #newWaits(): Waits {
    return new Waits((task) => this.catalogue.task(task).plan)
  }

  #feedsParts(store: Store, sources: FunctionSources, patienceMs: number): FeedsParts {
    const { catalogue } = this
    return {
      programs: catalogue.programs,
      sources,
      store,
      now: () => this.now,
      stream: (name) => catalogue.streams.find((stream) => stream.name === name),
      append: ({ appends, state }) => {
        const committed = this.#append(appends, state)
        this.transactions++
        // D2: not in the midst of what it does at once; what it has not committed by then is lost all the same.
        if (this.#crashes.delete(this.transactions)) this.#dying = true
        return committed
      },
      isWanted: () => this.#dying || this.#requests.length > 0,
      within: (trace, act) => this.calls.within(1, trace, act),
      patienceMs,
    }
  }

  /** Sends records as requests to a front door; returns those that were refused, with their index. */
  async send(stream: StreamPlan, lines: readonly string[], mayWork: boolean, trace: TraceFields = {}): Promise<readonly Rejected[]> {
    if (this.#ended.has(stream.name)) throw new MillraceError("MR1033", `Stream "${stream.name}" has ended: send before it ends.`, { stream: stream.name })
    const intake = this.#intakes.get(stream.name) ?? new Intake(stream, this.catalogue.code(stream.name), new Float64Array(1))
    this.#intakes.set(stream.name, intake)
    const refused: Rejected[] = []
    for (let from = 0; from < lines.length; ) {
      // Few enough that each refusal is listed.
      const count = Math.min(this.#order.request(lines.length - from), limits.rejectionsListedMax)
      const body = new TextEncoder().encode(lines.slice(from, from + count).join("\n"))
      const { appends, rejected } = intake.take(body, "ndjson", this.now, undefined, trace)
      this.#append(appends, [])
      for (const { index, problem } of rejected) refused.push({ index: from + index, problem })
      from += count
      if (mayWork && from < lines.length) for (let left = this.#order.between(); left > 0; left--) await this.step()
    }
    return refused
  }

  /** Says that no record of a source is older than a time; at Infinity, that the source has ended. */
  mark(stream: StreamPlan, watermark: number): void {
    if (this.#ended.has(stream.name)) return
    if (watermark === Number.POSITIVE_INFINITY) this.#ended.add(stream.name)
    const appends = Array.from({ length: stream.partitions }, (_, partition): Append => {
      const block = new BlockWriter(64)
      block.mark(0, watermark)
      return { stream: stream.name, partition, count: 1, block: block.take() }
    })
    this.#append(appends, [])
  }

  /** One transaction of a seat that has input; false when none has. */
  async step(): Promise<boolean> {
    const behind = this.seats.filter((seat) => seat.isBehind)
    const seat = behind[this.#order.next(behind.length)]
    if (seat === undefined) return false
    await this.#commit(seat, await seat.take(this.#order.cut(), this.now))
    return true
  }

  /** D19. Works until nothing has input, nothing is due and no call is waited for. */
  async settle(): Promise<void> {
    let rounds = 0
    for (;;) {
      if (this.#dying) await this.crash()
      while (await this.step());
      if (await this.#doDue()) {
        if (++rounds > roundsMax) throw this.#isDueForEver()
        continue
      }
      const request = this.#requests.shift()
      if (request !== undefined) {
        await request()
        continue
      }
      const answered = await this.#asyncCalls.answered()
      if (answered !== undefined) {
        const { seat, operator, outcomes } = answered
        await this.#commit(seat, seat.complete(operator, outcomes, this.now))
        continue
      }
      const ended = await this.calls.next()
      if (ended === undefined) {
        if (await this.#asyncCalls.ends()) continue
        if ((await this.feeds?.work()) === true) continue
        return
      }
      if (ended === "poked") continue
      for (const { kind, number } of ended.outcomes) {
        if (kind === "said") continue
        this.#waits.over(`${ended.task.plan.name}-${number}`)
        this.#called.over(`${ended.task.plan.name}-${number}`)
      }
      const seat = this.#seatOf(ended.task)
      await this.#commit(seat, seat.complete(ended.task.plan.name, ended.outcomes, this.now))
    }
  }

  /** How the code of tasks calls other tasks: between two transactions. */
  #caller(depth: number, trace: TraceFields, from?: CallingRun): TaskCaller {
    const between = <T>(act: () => Promise<T>): Promise<T> =>
      new Promise((resolve, reject) => {
        this.#requests.push(() => act().then(resolve, reject))
        this.calls.poke()
        this.feeds?.poke()
      })
    const send: TaskCaller["send"] = (task, inputs, options) => between(() => this.enqueue(this.catalogue.task(task), inputs, options, trace, depth))
    const result: TaskCaller["result"] = (id) => between(async () => [this.#awaiting(id, from, false)] as const).then(([ended]) => ended)
    const told = (id: string, command: "cancel" | "retry", check: (id: string, status: RunView["status"]) => void): Promise<void> =>
      between(async () => {
        const { task, number, status } = this.run(id)
        check(id, status)
        this.tell(this.catalogue.task(task), [command, number])
      })
    return {
      send,
      result,
      run: (id) => between(async () => this.#facts(id)),
      cancel: (id) => told(id, "cancel", assertCancellable),
      retry: (id) => told(id, "retry", assertRetriable),
      call: async (task, input, options) => {
        // What code calls that knows that it was aborted, it has reason to.
        const caller = from?.signal.aborted === true ? undefined : from
        const [id, ended] = await between(() => this.#call(this.catalogue.task(task), input, options, trace, depth, from, caller))
        return { id, result: await ended }
      },
    }
  }

  #facts(id: string): RunFacts {
    const progress = this.calls.told.findLast(({ run, kind }) => run === id && kind === "progress")
    return { ...this.run(id), ...(progress === undefined ? {} : { progress: JSON.stringify(progress.value) }) }
  }

  /** @param caller - whose run it is; undefined: its own */
  async #call(task: Tasked, input: string, options: EnqueueOptions, trace: TraceFields, depth: number, from: CallingRun | undefined, caller: CallingRun | undefined): Promise<readonly [string, Promise<RunResult>]> {
    if (caller?.signal.aborted === true) throw new MillraceError("MR1207", `Run ${caller.id} was aborted as it called another; nothing was enqueued.`, { run: caller.id })
    const [placed] = await this.#place(task, [input], options, trace, depth)
    const id = `${task.plan.name}-${placed?.number}`
    const call = caller === undefined || placed?.joined === true ? undefined : this.#called.begin(caller, options.idempotencyKey !== undefined)
    if (call !== undefined) this.#called.become(call, id)
    else if (caller !== undefined) this.#called.joinedBy(caller, id)
    const ended = this.#awaiting(id, from, placed?.joined === false)
    return [id, call === undefined ? ended : ended.finally(() => this.#called.end(call))]
  }

  /** Makes a run of each input (JSON texts), or joins one that there is; returns their ids. @throws MR1023 when one does not fit */
  async enqueue(task: Tasked, inputs: readonly string[], options: EnqueueOptions, trace: TraceFields, depth = 0): Promise<readonly string[]> {
    const placed = await this.#place(task, inputs, options, trace, depth)
    return placed.map(({ number }) => `${task.plan.name}-${number}`)
  }

  async #place(task: Tasked, inputs: readonly string[], options: EnqueueOptions, trace: TraceFields, depth: number): Promise<readonly RunPlaced[]> {
    const { plan, code } = task
    const { delay, priority, idempotencyKey, idempotency } = options
    assertDepth(plan.name, depth)
    const ticket = String(++this.#tickets)
    const body = new TextEncoder().encode(inputs.join("\n"))
    const facts: EnqueueFacts = {
      ...(delay === undefined ? {} : { delayMs: delayMs(delay, `task "${plan.name}", delay`) }),
      ...(priority === undefined ? {} : { priority }),
      ...(idempotencyKey === undefined ? {} : { idempotencyKey }),
      ...(idempotencyKey === undefined || idempotency === undefined ? {} : { keyMs: durationMs(idempotency, `task "${plan.name}", idempotency`) }),
      ...(idempotencyKey === undefined ? {} : { fingerprint: crc32(body) }),
      ...traceOf(trace.traceparent, trace.tracestate),
      ...(depth === 0 ? {} : { trigger: "task", depth }),
      ticket,
    }
    const stored = new Map<number, string>()
    for (const [i, input] of inputs.entries()) {
      if (Buffer.byteLength(input) > limits.taskValueBytesMax) stored.set(i, this.#values.keep(plan.name, input))
    }
    const format = inputs.length === 1 ? "json" : "ndjson"
    const { appends, rejected, rejectedUnlisted } = new TaskIntake(plan, code, new Float64Array(1)).take(body, format, facts, this.now, undefined, stored)
    if (rejected.length > 0) {
      this.#values.remove([...stored.values()])
      throw inputsRefused(plan.name, rejected, rejectedUnlisted, format === "json")
    }
    this.#append(appends, [])
    const seat = this.#seatOf(task)
    while (seat.isBehind) await this.#commit(seat, await seat.take(this.#order.cut(), this.now))
    const placed = inputs.map((_, i) => {
      const each = this.#placed.get(`${ticket}.${i}`)
      if (each === undefined) throw new Error(`task ${plan.name}: what became of an input is not known`)
      this.#placed.delete(`${ticket}.${i}`)
      return each
    })
    if (placed.some(({ otherBody }) => otherBody === true)) throw otherInput(plan.name, idempotencyKey ?? "")
    return placed
  }

  tell({ plan }: Tasked, command: TaskCommand): void {
    const block = new BlockWriter(64)
    writeValue(block.beginRecord("", this.now), command)
    block.endRecord(0)
    this.#append([{ stream: plan.commands, partition: 0, count: 1, block: block.take() }], [])
  }

  /** Asks a task about its runs. */
  ask(task: Tasked, question: TaskQuestion): unknown {
    return this.#seatOf(task).machine.ask(task.plan.name, question)
  }

  /** The run that an id names; the one that it joined, if it did. @throws MR1024 */
  run(id: string): RunView {
    const at = id.lastIndexOf("-")
    const number = Number(id.slice(at + 1))
    const run = this.ask(this.catalogue.task(id.slice(0, at)), { kind: "run", number })
    if (run !== undefined) return this.#whole(run as RunView)
    throw new MillraceError("MR1024", `There is no run ${JSON.stringify(id)}.`, { run: id })
  }

  /** With its large values. */
  #whole(run: RunView): RunView {
    const { input, output } = run
    const whole = { ...run, input: this.#values.whole(input) }
    return output === undefined ? whole : { ...whole, output: this.#values.whole(output) }
  }

  /** Moves the clock until a run has ended, or nothing is due any more that it could wait for. */
  async pass(id: string): Promise<void> {
    let before = ""
    let until = 0
    for (let waits = 0; waits < waitsMax; waits++) {
      const { status, attempt, dueAt } = this.run(id)
      if (isTerminal(status)) return
      if (`${status} ${attempt}` !== before) {
        before = `${status} ${attempt}`
        until = this.now + waitMsMax
        waits = 0
      }
      const due = dueAt ?? Math.min(...this.seats.map(({ machine }) => machine.tickAt))
      if (dueAt === undefined && due > until && due > this.#awaitedAt(id)) return
      await this.advance(Math.max(due, this.now), true)
    }
  }

  /** When something is due at the latest of a run that is waited for, or of one whose end code awaits: its next attempt, or the end of its time. */
  #awaitedAt(id: string): number {
    let latest = 0
    for (const each of [id, ...this.#waiting.keys()]) {
      const { task, status, dueAt, startedAt, enqueuedAt } = this.run(each)
      if (isTerminal(status)) continue
      const { timeoutMs, runTimeoutMs } = this.catalogue.task(task).plan
      const attemptEndsAt = timeoutMs === null || startedAt === undefined ? 0 : startedAt + timeoutMs
      latest = Math.max(latest, dueAt ?? attemptEndsAt, runTimeoutMs === null ? 0 : enqueuedAt + runTimeoutMs)
    }
    return latest
  }

  /** A page of a task's runs, newest first. */
  runs(task: Tasked, before: number | undefined): RunPage {
    const search = { limit: limits.pageRunsMax, ...(before === undefined ? {} : { before }) }
    return this.ask(task, { kind: "runs", search }) as RunPage
  }

  #seatOf({ program, plan }: Tasked): Seat {
    const seat = this.seats.find((each) => each.service === program.plan.service && each.stage.id === plan.commands)
    if (seat === undefined) throw new Error(`task ${plan.name} has no seat`)
    return seat
  }

  /** As on a node, a wait that would be for ever is refused. */
  async #awaiting(id: string, from: WaitingRun | undefined, isOwn: boolean): Promise<RunResult> {
    const { task, status, key, number } = this.run(id)
    if (from === undefined || isTerminal(status)) return this.#endOf(id)
    try {
      this.#waits.begin(from, { id, task, key })
    } catch (error) {
      // One that was there before is somebody else's.
      if (isOwn) this.tell(this.catalogue.task(task), ["cancel", number, "It would never have started: see the error of the run that called it."])
      throw error
    }
    try {
      return await this.#endOf(id)
    } finally {
      this.#waits.end(from, id)
    }
  }

  async #endOf(id: string): Promise<RunResult> {
    for (;;) {
      const { status, output, error } = this.run(id)
      if (status === "succeeded" || status === "failed" || status === "cancelled" || status === "expired") {
        return { status, ...(output === undefined ? {} : { output }), ...(error === undefined ? {} : { error }) }
      }
      await new Promise<void>((resolve) => this.#waiting.set(id, [...(this.#waiting.get(id) ?? []), resolve]))
    }
  }

  /** Moves the clock, from one time at which something is due to the next. */
  async advance(to: number, settles: boolean): Promise<void> {
    let rounds = 0
    for (;;) {
      const due = Math.min(this.feeds?.dueAt ?? Number.POSITIVE_INFINITY, ...this.seats.map(({ machine }) => machine.tickAt))
      if (due > to) break
      rounds = due > this.now ? 0 : rounds + 1
      if (rounds > roundsMax) throw this.#isDueForEver()
      this.now = Math.max(this.now, due)
      await this.#doDue()
      this.feeds?.ring()
      if (settles) await this.settle()
    }
    this.now = to
  }

  /** What is due by now: timers, and what a transaction that ended early left to do. False: nothing was. */
  async #doDue(): Promise<boolean> {
    let any = false
    for (const seat of this.seats) {
      const transaction = seat.tick(this.now)
      if (transaction === undefined) continue
      any = true
      await this.#commit(seat, transaction)
    }
    return any
  }

  #isDueForEver(): Error {
    return new Error(`the clock stands at ${this.now} and something is due for ever`)
  }

  /** D2. The process dies and another one takes up what was committed. */
  async crash(): Promise<void> {
    this.#dying = false
    await this.#fold()
    this.calls.crash()
    this.#waits = this.#newWaits()
    this.#called = new CalledRuns()
    this.#asyncCalls.crash()
    for (const seat of this.seats) seat.restart(this.now)
    // What was under way begins again.
    for (const seat of this.seats) {
      const transaction = seat.stage.operators.some(({ kind }) => kind === "task" || kind === "async") ? seat.tick(this.now) : undefined
      if (transaction !== undefined) await this.#commit(seat, transaction)
    }
    await this.feeds?.crash()
  }

  /** Crashes once there have been so many transactions. */
  crashAfter(transactions: number): void {
    this.#crashes.add(this.transactions + transactions)
  }

  async #commit(seat: Seat, transaction: Transaction): Promise<void> {
    const { service } = seat
    this.#append(transaction.appends, [transaction.state])
    this.#asyncCalls.take(seat, transaction, this.now)
    for (const effect of transaction.effects) {
      if (effect.kind === "seal") this.decided.push({ service, effect })
      else if (effect.kind === "placed") this.#onPlaced(effect)
      else this.calls.take(this.catalogue.task(effect.task), effect)
      if (effect.kind === "abort") {
        this.#waits.aborted(effect.task, effect.lease)
        this.#cancel(this.#called.aborted(effect.task, effect.lease, effect.reason))
      }
      if (effect.kind !== "ended") continue
      const id = `${effect.task}-${effect.number}`
      this.#waits.ended(id)
      if (this.catalogue.task(effect.task).plan.batch === null) this.#cancel(this.#called.ended(id, effect.status))
      for (const resolve of this.#waiting.get(id) ?? []) resolve()
      if (this.#waiting.delete(id)) this.calls.poke()
    }
    for (const [operator, count] of transaction.late) this.late.set(operator, (this.late.get(operator) ?? 0) + count)
    this.transactions++
    if (this.#order.folds()) await this.#fold()
    if (this.#crashes.delete(this.transactions)) await this.crash()
  }

  #onPlaced(placed: RunPlaced): void {
    const { task, ticket, number, joined, otherBody } = placed
    this.#placed.set(ticket, placed)
    if (joined && otherBody !== true) this.#called.joined(`${task}-${number}`)
  }

  /** What goes with those that had called it. */
  #cancel(all: readonly CutRun[]): void {
    for (const { id, reason } of all) {
      const { task, number } = this.run(id)
      this.tell(this.catalogue.task(task), ["cancel", number, reason, true])
    }
  }

  /** Brings the store's state up to the last commit. */
  async #fold(): Promise<void> {
    await this.#store.fold()
    for (const seat of this.seats) seat.onFolded()
  }

  #append(appends: readonly Append[], state: readonly Uint8Array[]): Committed {
    const committed = this.#store.append({ appends, state })
    for (const [i, append] of appends.entries()) this.log.note(append, committed.bases[i] as number)
    this.feeds?.onAppended(appends)
    return committed
  }
}
