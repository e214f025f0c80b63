/**
 * Where tasks meet the world: takes inputs, makes the calls that queues want made once they are durable, tells those who wait how
 * runs end, and answers what is asked about runs.
 *
 * N30 A run is acknowledged once it is durable, and called no earlier; that the call has begun need not be durable.
 * N31 Whoever waits for a run hears of its end once that is durable.
 */
import type { EndedRunFilter, EnqueueFacts, InputFormat, OpenRunFilter, Outcome, RunPage, RunSearch, RunStatus, RunView, TaskCommand, TaskEffect, TaskQuestion, TaskStand } from "@millrace/engine"
import { PlainIntake, assertDepth, isStored, isTerminal } from "@millrace/engine"
import { BlockWriter, type EnqueueOptions, MillraceError, type Plan, type TaskPlan, type TraceFields, durationMs, errorData, errorFrom, isMillraceError, limits, traceOf, writeValue } from "@millrace/model"
import type { RunResult } from "@millrace/sdk"
import type { Answer } from "../answer.ts"
import type { Commits } from "../commits.ts"
import { fingerprintOf } from "../idempotency.ts"
import type { Log } from "../log.ts"
import type { Request } from "../intake-desk.ts"
import type { Seat } from "../messages.ts"
import type { Sample } from "../samples.ts"
import type { FromAttempts } from "./attempt-messages.ts"
import type { AttemptThread } from "./attempt-thread.ts"
import type { Attempts } from "./attempts.ts"
import { largeOf } from "./large-inputs.ts"
import type { LeftTask } from "./left-tasks.ts"
import { nearNames } from "./near-names.ts"
import { TaskFigures } from "./task-figures.ts"
import { type RunTally, Tickets } from "./tickets.ts"
import { Told } from "./told.ts"
import { endSpan, enqueueSpan, traceAfter } from "./tracing.ts"
import type { TracedCaller } from "./traced-caller.ts"
import type { Values } from "./values.ts"

/** One input, or many, for a task. */
export interface EnqueueRequest {
  readonly task: string
  readonly format: InputFormat
  readonly body: Uint8Array<ArrayBuffer>
  readonly options?: EnqueueOptions
  readonly traceparent?: string
  /** Counts only beside a `traceparent`. */
  readonly tracestate?: string
  /** @default "call" */
  readonly trigger?: "call" | "task" | "event"
  /** Whoever enqueues it will wait for its end. */
  readonly waited?: boolean
  /** Its idempotency key is for this very body: a repeat with another one is refused. @default false */
  readonly keyNamesBody?: boolean
  /** How many calls of tasks by tasks led to it. @default 0 */
  readonly depth?: number
}

/** What a run has told while it runs, or how it has ended. */
export type RunEvent =
  | { readonly kind: "progress" | "chunk"; readonly json: string; readonly place: string }
  /** Without a place while the run has told nothing. */
  | { readonly kind: "attempt"; readonly attempt: number; readonly place?: string }
  /** So many events before those that follow are not kept any more. */
  | { readonly kind: "missed"; readonly count: number }
  | { readonly kind: "ended"; readonly result: RunResult }

export interface TaskDeskOptions {
  readonly commits: Commits
  readonly clock: () => number
  /** Where large values lie. */
  readonly values: Values
  readonly log: Log
  /** Hands a body to a worker; resolves once its commands are durable. */
  readonly take: (service: string, request: Request) => Promise<Answer>
  readonly ask: (seat: Seat, operator: string, question: TaskQuestion) => Promise<unknown>
  readonly complete: (seat: Seat, operator: string, outcomes: readonly Outcome[]) => void
  /** One past the newest command of a stream that is durable. */
  readonly durableOf: (commands: string) => number
  readonly assertReady: () => void
  readonly isReady: () => boolean
}

interface Known {
  readonly plan: TaskPlan
  readonly seat: Seat
  /** Undefined where the task's code looks at its inputs. */
  readonly plain: PlainIntake | undefined
}

type Watcher = (event: RunEvent) => void

interface Enqueued {
  readonly ids: readonly string[]
  /** Whether all of them are new, so that none has ended before it is watched: what is told of a run's end comes behind what is told of its enqueue. */
  readonly fresh: boolean
}

export class TaskDesk {
  readonly #options: TaskDeskOptions
  readonly #figures: TaskFigures
  #known: ReadonlyMap<string, Known> = new Map()
  /** Tasks that no service has any more, by name. */
  #left: ReadonlyMap<string, LeftTask> = new Map()
  #attempts: Attempts | undefined
  /** Who watches a run, by its id. */
  readonly #watchers: Map<string, Set<Watcher>> = new Map()
  readonly #told: Told
  readonly #tickets: Tickets
  /** When large values that no run has were last looked for, or this node began. */
  #swept: number
  #sweeping: Promise<void> | undefined
  /** Effects whose transaction is not durable yet. */
  #undone = 0

  constructor(options: TaskDeskOptions) {
    this.#options = options
    this.#figures = new TaskFigures(options.clock)
    this.#swept = options.clock()
    this.#told = new Told(options.clock())
    this.#tickets = new Tickets(options.clock())
  }

  /** Other services run now. */
  open(plans: readonly Plan[], attempts: Attempts, left: readonly LeftTask[] = []): void {
    this.#attempts = attempts
    this.#left = new Map(left.map((each) => [each.task, each]))
    this.#known = new Map(
      plans.flatMap(({ service, tasks }) => tasks.map((plan) => [plan.name, { plan, seat: { service, stage: plan.commands, partition: 0 }, plain: plan.plainInputs ? new PlainIntake(plan) : undefined }] as const)),
    )
  }

  /** What was not durable never happened: no call goes on, as its lease may be given to another. */
  interrupt(): void {
    this.#attempts?.interrupt()
  }

  get plans(): readonly TaskPlan[] {
    return [...this.#known.values()].map(({ plan }) => plan)
  }

  /** Whether calls are under way or about to be made. */
  get busy(): boolean {
    return this.#undone > 0 || (this.#attempts?.size ?? 0) > 0
  }

  /** The effects of a transaction that will be durable with this commit. */
  onEffects(service: string, all: readonly TaskEffect[], sequence: number): void {
    const effects: TaskEffect[] = []
    for (const effect of all) if (!this.#startsNow(service, effect)) effects.push(effect)
    if (effects.length === 0) return
    this.#undone++
    this.#options.commits.durable(sequence).then(
      () => {
        this.#undone--
        // Who joins a run hears of it before the run's end is told.
        for (const effect of effects) if (effect.kind === "placed") this.#tickets.onPlaced(effect)
        for (const effect of effects) this.#carryOut(service, effect)
      },
      () => {
        this.#undone--
      },
    )
  }

  onOutcomes(service: string, task: string, outcomes: readonly Outcome[]): void {
    this.#figures.onOutcomes(task, outcomes)
    const known = this.#known.get(task)
    if (known?.seat.service === service) this.#options.complete(known.seat, task, outcomes)
  }

  onTold({ task, number, attempt, what, json }: Extract<FromAttempts, { kind: "told" }>): void {
    const id = idOf(task, number)
    const place = this.#told.tell(id, attempt, { kind: what, json })
    this.#tell(id, { kind: what, json, place })
  }

  /** A run's code calls another task. */
  onSend({ id, task, inputs, options, mode, traceparent, tracestate, depth }: Extract<FromAttempts, { kind: "send" }>, thread: AttemptThread): void {
    const trace = traceOf(traceparent, tracestate)
    const done = async (): Promise<{ readonly ids: readonly string[]; readonly result?: RunResult }> => {
      if (mode === "result") return { ids: inputs, result: await this.result(inputs[0] ?? "") }
      const request: EnqueueRequest = { task, ...bodyOf(inputs), options, trigger: "task", depth, ...trace }
      if (mode === "send") return { ids: await this.enqueue(request) }
      const { id: called, result } = await this.call(request)
      return { ids: [called], result: result as RunResult }
    }
    done().then(
      (answer) => thread.post({ kind: "sent", id, ...answer }),
      (error: unknown) => {
        // Not its code's fault: it waits until it is interrupted, and its attempt is made again.
        if (this.#attempts?.draining === true && isMillraceError(error) && error.code === "MR1401") return
        thread.post({ kind: "sent", id, error: errorData(error) })
      },
    )
  }

  /** How `task.call` reaches this node in this process. */
  get caller(): TracedCaller {
    return {
      send: (task, inputs, options, trace = {}) => this.enqueue({ task, ...bodyOf(inputs), options, ...trace }),
      call: async (task, input, options, trace = {}) => {
        const { id, result } = await this.call({ task, ...bodyOf([input]), options, ...trace })
        return { id, result: result as RunResult }
      },
      result: (id) => this.result(id),
    }
  }

  /**
   * Makes a run of each input, all or none; resolves to their ids once that is durable.
   *
   * @throws MR1022, MR1023 with the faults of each input, MR1001, MR1007, MR1010, MR1013, MR1209, MR1303, MR1401
   */
  async enqueue(request: EnqueueRequest): Promise<readonly string[]> {
    return (await this.#enqueueTraced(request)).ids
  }

  /**
   * Makes a run of one input and waits for its end; `result` is undefined once `signal` is aborted.
   *
   * @throws as `enqueue` does
   */
  async call(request: EnqueueRequest, signal?: AbortSignal): Promise<{ readonly id: string; readonly result: RunResult | undefined }> {
    const { ids, fresh } = await this.#enqueueTraced({ ...request, waited: true })
    const [id = ""] = ids
    return { id, result: await this.#result(id, signal, fresh) }
  }

  async #enqueueTraced(request: EnqueueRequest): Promise<Enqueued> {
    const from = traceOf(request.traceparent, request.tracestate)
    const span = enqueueSpan(request.task, from)
    try {
      const enqueued = await this.#enqueue(request, traceAfter(span, from))
      endSpan(span)
      return enqueued
    } catch (error) {
      endSpan(span, errorData(error))
      throw error
    }
  }

  async #enqueue(request: EnqueueRequest, trace: TraceFields): Promise<Enqueued> {
    const { plan, seat, plain } = this.#find(request.task)
    this.#options.assertReady()
    const { options = {}, trigger, waited, depth = 0, keyNamesBody = false } = request
    assertDepth(plan.name, depth)
    const { delay, priority, idempotencyKey, idempotency } = options
    if (idempotencyKey !== undefined && (idempotencyKey === "" || idempotencyKey.length > limits.idempotencyKeyLengthMax)) {
      throw new MillraceError("MR1009", `An idempotency key has 1 to ${limits.idempotencyKeyLengthMax} characters.`, { given: idempotencyKey.slice(0, 64) })
    }
    const joins = idempotencyKey !== undefined || plan.throttleMs !== null || plan.debounce !== null
    const ticket = joins ? this.#tickets.open() : undefined
    const facts: EnqueueFacts = {
      ...(delay === undefined ? {} : { delayMs: durationMs(delay, `task "${plan.name}", delay`) }),
      ...(priority === undefined ? {} : { priority }),
      ...(idempotencyKey === undefined ? {} : { idempotencyKey }),
      ...(idempotencyKey === undefined || idempotency === undefined ? {} : { keyMs: durationMs(idempotency, `task "${plan.name}", idempotency`) }),
      ...(idempotencyKey === undefined || !keyNamesBody ? {} : { fingerprint: fingerprintOf(request.body) }),
      ...trace,
      ...(trigger === undefined || trigger === "call" ? {} : { trigger }),
      ...(waited === true ? { waited } : {}),
      ...(depth === 0 ? {} : { depth }),
      ...(ticket === undefined ? {} : { ticket: ticket.name }),
    }
    const { format, body } = request
    const stored = await largeOf(plan.name, body, format, this.#options.values)
    let kept = false
    try {
      const task = { name: plan.name, facts, ...(stored.size === 0 ? {} : { stored }) }
      const answer = await this.#options.take(seat.service, { stream: plan.commands, format, body, task, ...(plain === undefined ? {} : { plain }) })
      const [position] = answer.positions
      if (position === undefined) throw refusal(plan.name, answer)
      kept = true
      const numbers = Array.from({ length: answer.accepted }, (_, i) => position.first + i)
      const final = ticket === undefined ? { numbers, fresh: true, isOther: false } : await ticket.placed(numbers.length)
      if (final.isOther) throw new MillraceError("MR1011", `task "${plan.name}": the Idempotency-Key was used before for another body; use a new key for a new run.`, { task: plan.name })
      return { ids: final.numbers.map((number) => idOf(plan.name, number)), fresh: final.fresh }
    } catch (error) {
      // Refused, so that no run has them. While the node stops or its disk refuses, that is not known.
      if (!kept && isMillraceError(error) && error.code !== "MR1401" && error.code !== "MR1303") this.#forget([...stored.values()])
      throw error
    } finally {
      ticket?.close()
    }
  }

  /** A run with all that is known of it; of one that is under way, what its attempt has told so far, too. @throws MR1024 */
  async run(id: string): Promise<RunView & { readonly logs?: readonly string[] }> {
    const { known, number } = this.#parse(id)
    const run = (await this.#ask(known, { kind: "run", number })) as RunView | undefined
    if (run === undefined) throw noRun(id)
    const whole = await this.#whole(run)
    const logs = run.status === "running" ? ((await this.#attempts?.lines(known.seat.service, run.task, number)) ?? []) : []
    return logs.length === 0 ? whole : { ...whole, logs }
  }

  /** With its large values. */
  async #whole<Shown extends { readonly input?: string; readonly output?: string }>(shown: Shown): Promise<Shown> {
    const { input = "", output = "" } = shown
    if (!isStored(input) && !isStored(output)) return shown
    const { values } = this.#options
    return {
      ...shown,
      ...(isStored(input) ? { input: await values.get(input) } : {}),
      ...(isStored(output) ? { output: await values.get(output) } : {}),
    }
  }

  /** Best effort: what cannot be removed stays, wanted by nobody. */
  #forget(values: readonly string[]): void {
    if (values.length === 0) return
    this.#options.values.remove(values).catch((error: unknown) => this.#options.log.error(errorData(error), "large values of runs could not be removed"))
  }

  /** Removes, now and then, large values that no run has: a crash may have left some. */
  sweepValues(now: number): void {
    if (this.#sweeping !== undefined || now - this.#swept < limits.valueSweepMs || !this.#options.isReady()) return
    this.#swept = now
    const { values, log } = this.#options
    this.#sweeping = (async () => {
      for (const known of this.#known.values()) {
        const removed = await values.sweep(known.plan.name, async (names) => (await this.#ask(known, { kind: "unnamed", names })) as readonly string[])
        if (removed > 0) log.info({ task: known.plan.name, removed }, "large values that no run has were removed")
      }
    })()
      .catch((error: unknown) => log.warn(errorData(error), "large values that no run has could not be looked for"))
      .finally(() => {
        this.#sweeping = undefined
      })
  }

  async stop(): Promise<void> {
    await this.#sweeping
    await this.#options.values.close()
  }

  /**
   * How a run has ended, or will have; undefined once `signal` is aborted.
   *
   * @throws MR1024
   */
  async result(id: string): Promise<RunResult>
  async result(id: string, signal: AbortSignal): Promise<RunResult | undefined>
  async result(id: string, signal?: AbortSignal): Promise<RunResult | undefined> {
    return this.#result(id, signal, false)
  }

  /** @param fresh - it has just been enqueued, so its end has not been told, and its output will be */
  async #result(id: string, signal: AbortSignal | undefined, fresh: boolean): Promise<RunResult | undefined> {
    const { known, number } = this.#parse(id)
    // Watched before it is asked, so that an end in between is heard.
    let settle: (result: RunResult | undefined) => void = () => undefined
    const ended = new Promise<RunResult | undefined>((resolve) => {
      settle = resolve
    })
    const stop = this.watch(id, (event) => {
      if (event.kind === "ended") settle(event.result)
    })
    const onAbort = (): void => settle(undefined)
    signal?.addEventListener("abort", onAbort)
    try {
      if (fresh) return await ended
      const run = (await this.#ask(known, { kind: "run", number })) as RunView | undefined
      if (run === undefined) throw noRun(id)
      const now = resultOf(run)
      if (now !== undefined) return await this.#whole(now)
      const result = await ended
      if (result?.status !== "succeeded" || result.output !== undefined) return result
      // Nobody waited as it ended.
      const after = resultOf((await this.#ask(known, { kind: "run", number })) as RunView)
      return after === undefined ? undefined : await this.#whole(after)
    } finally {
      stop()
      signal?.removeEventListener("abort", onAbort)
    }
  }

  /**
   * Tells what happens to a run from now on; returns how to stop that.
   *
   * @param since - first, at once, what it has told behind this place; "": all that it has told
   * @throws MR1024 for what is no id
   */
  watch(id: string, watcher: Watcher, since?: string): () => void {
    this.#parse(id)
    if (since !== undefined) {
      const { missed, pieces } = this.#told.since(id, since)
      if (missed > 0) watcher({ kind: "missed", count: missed })
      for (const { event, place } of pieces) watcher({ ...event, place })
    }
    const watchers = this.#watchers.get(id) ?? new Set()
    this.#watchers.set(id, watchers)
    watchers.add(watcher)
    return () => {
      watchers.delete(watcher)
      if (watchers.size === 0 && this.#watchers.get(id) === watchers) this.#watchers.delete(id)
    }
  }

  /** Runs of a task, newest first. @throws MR1022 */
  async runs(task: string, search: RunSearch): Promise<RunPage> {
    return (await this.#ask(this.#find(task), { kind: "runs", search })) as RunPage
  }

  /** How a task stands. @throws MR1022 */
  async stand(task: string): Promise<TaskStand> {
    return (await this.#ask(this.#find(task), { kind: "stand" })) as TaskStand
  }

  /** Figures of all tasks. */
  async samples(): Promise<readonly Sample[]> {
    return this.#figures.samples(await Promise.all(this.plans.map(({ name }) => this.stand(name))))
  }

  /** Doing so again changes nothing. @throws MR1024, MR1032 for a run that has ended otherwise */
  async cancel(id: string, reason?: string): Promise<void> {
    const { known, number } = this.#parse(id)
    const { status } = await this.run(id)
    if (isTerminal(status) && status !== "cancelled") throw past(id, status, "there is nothing left to cancel")
    await this.#command(known, reason === undefined ? ["cancel", number] : ["cancel", number, reason])
  }

  /** A run that failed, expired or was cancelled begins again. @throws MR1024, MR1032 for any other */
  async retry(id: string): Promise<void> {
    const { known, number } = this.#parse(id)
    const { status } = await this.run(id)
    if (!isTerminal(status) || status === "succeeded") throw past(id, status, "only one that failed, expired or was cancelled begins again")
    await this.#command(known, ["retry", number])
  }

  /**
   * All runs that have ended as a filter says begin again. Resolves once they do, or once `signal` is aborted; they go on then all the same.
   *
   * @throws MR1022
   */
  async retryAll(task: string, filter: EndedRunFilter, signal: AbortSignal): Promise<RunTally> {
    return this.#tickets.tallied(signal, (ticket) => this.#command(this.#find(task), ["retry-all", filter, undefined, { ticket, count: 0 }]))
  }

  /**
   * Cancels all runs that a filter finds, of those that were enqueued before. Resolves as `retryAll` does.
   *
   * @throws MR1022
   */
  async cancelAll(task: string, filter: OpenRunFilter, signal: AbortSignal): Promise<RunTally> {
    return this.#tickets.tallied(signal, (ticket) => this.#command(this.#find(task), ["cancel-all", filter, undefined, { ticket, count: 0 }]))
  }

  /** @throws MR1022 */
  async pause(task: string): Promise<void> {
    await this.#command(this.#find(task), ["pause"])
  }

  /** @throws MR1022 */
  async resume(task: string): Promise<void> {
    await this.#command(this.#find(task), ["resume"])
  }

  /**
   * Makes a call at once when all of its runs are durable. That this attempt has begun need not be: should it be forgotten by a
   * crash, the run is called again, as it is after any crash in its midst.
   */
  #startsNow(service: string, effect: TaskEffect): boolean {
    if (effect.kind !== "call") return false
    const known = this.#known.get(effect.task)
    if (known === undefined) return false
    const durable = this.#options.durableOf(known.plan.commands)
    if (!effect.runs.every(({ number }) => number < durable)) return false
    this.#carryOut(service, effect)
    return true
  }

  #carryOut(service: string, effect: TaskEffect): void {
    const known = this.#known.get(effect.task)
    if (known?.seat.service !== service) return
    switch (effect.kind) {
      case "call": {
        const { task, lease, runs, alone } = effect
        this.#figures.onCall(effect)
        this.#attempts?.start(known.plan, { service, task, lease, runs }, alone)
        for (const { number, attempt } of runs) {
          const id = idOf(task, number)
          const place = this.#told.begin(id, attempt)
          this.#tell(id, place === undefined ? { kind: "attempt", attempt } : { kind: "attempt", attempt, place })
        }
        return
      }
      case "abort":
        this.#figures.onAbort(effect.task, effect.lease)
        this.#attempts?.abort({ service, task: effect.task, lease: effect.lease }, effect.reason)
        return
      case "placed":
        return
      case "tallied":
        return this.#tickets.onTallied(effect)
      case "ended": {
        const { task, number, status, output, error } = effect
        if (status === "delayed" || status === "waiting" || status === "running") return
        const result = { status, ...(output === undefined ? {} : { output }), ...(error === undefined ? {} : { error }) }
        if (!isStored(output ?? "")) return this.#tell(idOf(task, number), { kind: "ended", result })
        this.#whole(result).then(
          (whole) => this.#tell(idOf(task, number), { kind: "ended", result: whole }),
          (fault: unknown) => this.#tell(idOf(task, number), { kind: "ended", result: { status: "failed", error: errorData(fault) } }),
        )
        return
      }
      case "forget":
        return this.#forget(effect.values)
    }
  }

  #tell(id: string, event: RunEvent): void {
    if (event.kind === "ended") this.#told.end(id)
    const watchers = this.#watchers.get(id)
    if (watchers !== undefined) for (const watcher of watchers) watcher(event)
  }

  async #ask({ seat, plan }: Known, question: TaskQuestion): Promise<unknown> {
    this.#options.assertReady()
    return this.#options.ask(seat, plan.name, question)
  }

  /** Resolves once the command is durable. */
  async #command({ plan }: Known, command: TaskCommand): Promise<void> {
    this.#options.assertReady()
    const block = new BlockWriter()
    const from = block.length
    writeValue(block.beginRecord("", this.#options.clock()), command)
    block.endRecord(from)
    const { commits } = this.#options
    const { sequence } = commits.append({ appends: [{ stream: plan.commands, partition: 0, count: 1, block: block.take() }], state: [] })
    await commits.durable(sequence)
  }

  #find(task: string): Known {
    const known = this.#known.get(task)
    if (known !== undefined) return known
    const names = nearNames(task.slice(0, limits.nameLengthMax), [...this.#known.keys()]).slice(0, 20)
    const listed = names.length === 0 ? "this node has none" : `there are, nearest first: ${names.join(", ")}`
    throw new MillraceError("MR1022", `There is no task "${task}"; ${listed}.`, { task, tasks: names })
  }

  #parse(id: string): { readonly known: Known; readonly number: number } {
    const at = id.lastIndexOf("-")
    const known = this.#known.get(id.slice(0, at))
    const digits = id.slice(at + 1)
    const left = this.#left.get(id.slice(0, at))
    if (known === undefined && left !== undefined) throw leftRun(id, left)
    if (known === undefined || !/^\d{1,15}$/.test(digits)) throw noRun(id)
    return { known, number: Number(digits) }
  }
}

function idOf(task: string, number: number): string {
  return `${task}-${number}`
}

function leftRun(id: string, { service, task }: LeftTask): MillraceError {
  const why = `No service on this node has task "${task}" any more, so run ${JSON.stringify(id)} cannot be looked at.`
  return new MillraceError("MR1024", `${why} The task's runs are kept as they are: deploy service "${service}" with it again.`, { run: id, task, service })
}

function noRun(id: string): MillraceError {
  return new MillraceError("MR1024", `There is no run ${JSON.stringify(id)}, or it is no longer kept.`, { run: id })
}

function resultOf({ status, output, error }: RunView): RunResult | undefined {
  if (status === "delayed" || status === "waiting" || status === "running") return undefined
  return { status, ...(output === undefined ? {} : { output }), ...(error === undefined ? {} : { error }) }
}

const encoder = new TextEncoder()

function bodyOf(inputs: readonly string[]): { readonly body: Uint8Array<ArrayBuffer>; readonly format: InputFormat } {
  // JSON.stringify leaves no line ends in a text.
  return { body: encoder.encode(inputs.join("\n")), format: "ndjson" }
}

/** Why nothing was enqueued: the one fault of one input, or all faults by their places. */
function refusal(task: string, { rejected, rejectedUnlisted }: Answer): MillraceError {
  const [first] = rejected
  if (first === undefined) return new MillraceError("MR1023", `task "${task}": the body holds no input.`)
  if (rejected.length === 1 && first.index === 0) return isMillraceError(first.problem) ? first.problem : errorFrom(first.problem)
  const all = rejected.length + rejectedUnlisted
  const message = `task "${task}": ${all} of the inputs do not fit, so none was enqueued; the first is input ${first.index}: ${first.problem.message}`
  return new MillraceError("MR1023", message, { rejected, rejectedUnlisted })
}

function past(id: string, status: RunStatus, why: string): MillraceError {
  const is = status === "succeeded" || status === "failed" || status === "expired" ? `has ${status}` : `is ${status}`
  return new MillraceError("MR1032", `Run ${id} ${is}; ${why}.`, { run: id, status })
}
