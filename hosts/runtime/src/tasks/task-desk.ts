/**
 * Where tasks meet the world: takes inputs, makes the calls that queues want made once they are durable, tells those who wait how
 * runs end, and answers what is asked about runs. Each of these has a file of its own beside this one; here they meet.
 *
 * N30 A run is acknowledged once it is durable, and called no earlier; that the call has begun need not be durable.
 * N31 Whoever waits for a run hears of its end once that is durable.
 */
import type { CallTask, EndedRunFilter, OpenRunFilter, Outcome, RunPage, RunSearch, RunView, TaskEffect, TaskQuestion, TaskStand } from "@millrace/engine"
import { isStored } from "@millrace/engine"
import { type Plan, type TaskPlan, errorData } from "@millrace/model"
import type { RunFacts, RunResult } from "@millrace/sdk"
import type { Answer } from "../answer.ts"
import type { Commits } from "../commits.ts"
import type { Log } from "../log.ts"
import type { Request } from "../intake-desk.ts"
import type { Seat } from "../messages.ts"
import type { Sample } from "../samples.ts"
import type { FromAttempts } from "./attempt-messages.ts"
import type { AttemptThread } from "./attempt-thread.ts"
import type { Attempts } from "./attempts.ts"
import { type EnqueueRequest, Enqueues, bodyOf } from "./enqueues.ts"
import { flatOutcomes } from "./flat.ts"
import type { Flat } from "./flat-list.ts"
import { type KnownTask, KnownTasks, noRun } from "./known-tasks.ts"
import type { LeftTask } from "./left-tasks.ts"
import { type BegunRun, RunCalls } from "./run-calls.ts"
import { RunCommands } from "./run-commands.ts"
import { RunValues } from "./run-values.ts"
import { type Ending, RunWatches, type Watcher } from "./run-watches.ts"
import { TaskFigures } from "./task-figures.ts"
import { type RunTally, Tickets } from "./tickets.ts"
import type { TracedCaller } from "./traced-caller.ts"
import type { Values } from "./values.ts"

export interface TaskDeskOptions {
  readonly commits: Commits
  readonly clock: () => number
  /** Where large values lie. */
  readonly values: Values
  readonly log: Log
  /** Hands a body to a worker; resolves once its commands are durable. */
  readonly take: (service: string, request: Request) => Promise<Answer>
  readonly ask: (seat: Seat, operator: string, question: TaskQuestion) => Promise<unknown>
  readonly complete: (seat: Seat, operator: string, outcomes: Flat<Outcome>) => void
  /** One past the newest command of a stream that is durable. */
  readonly durableOf: (commands: string) => number
  readonly assertReady: () => void
  readonly isReady: () => boolean
}

export class TaskDesk {
  readonly #options: TaskDeskOptions
  readonly #figures: TaskFigures
  readonly #known = new KnownTasks()
  readonly #watches: RunWatches
  readonly #tickets: Tickets
  readonly #values: RunValues
  readonly #enqueues: Enqueues
  readonly #commands: RunCommands
  readonly #runCalls: RunCalls
  #attempts: Attempts | undefined
  /** Effects whose transaction is not durable yet. */
  #undone = 0
  /** Calls of runs that are not durable yet. */
  #early: { readonly service: string; readonly effect: CallTask }[] = []

  constructor(options: TaskDeskOptions) {
    this.#options = options
    const { clock, commits, take, assertReady, isReady, log, values: store } = options
    this.#figures = new TaskFigures(clock)
    this.#watches = new RunWatches(clock())
    this.#tickets = new Tickets(clock())
    const [known, tickets] = [this.#known, this.#tickets]
    this.#values = new RunValues({ store, log, clock, known, isReady, ask: (task, question) => this.#ask(task, question) })
    this.#enqueues = new Enqueues({ known, tickets, values: this.#values, take, assertReady })
    this.#commands = new RunCommands({ known, tickets, commits, clock, assertReady, run: (id) => this.run(id) })
    this.#runCalls = new RunCalls({
      known,
      begin: (request, onNew) => this.#begin(request, onNew),
      enqueue: (request) => this.enqueue(request),
      run: (id) => this.run(id),
      result: (id, ending) => this.#result(id, undefined, ending) as Promise<RunResult>,
      cancel: (id, reason) => this.cancel(id, reason),
      retry: (id) => this.retry(id),
      cancelCut: (cut) => this.#commands.cancelCut(cut),
      isDraining: () => this.#attempts?.draining === true,
    })
  }

  /** Other services run now. */
  open(plans: readonly Plan[], attempts: Attempts, left: readonly LeftTask[] = []): void {
    this.#attempts = attempts
    this.#early = []
    this.#known.open(plans, left)
  }

  /** What was not durable never happened: no call goes on, as its lease may be given to another. */
  interrupt(): void {
    this.#early = []
    this.#attempts?.interrupt()
  }

  get plans(): readonly TaskPlan[] {
    return this.#known.plans
  }

  /** Whether calls are under way or about to be made. */
  get busy(): boolean {
    return this.#undone > 0 || this.#early.length > 0 || (this.#attempts?.size ?? 0) > 0
  }

  /** The effects of a transaction that will be durable with this commit. */
  onEffects(service: string, all: readonly TaskEffect[], sequence: number): void {
    const effects: TaskEffect[] = []
    for (const effect of all) {
      if (effect.kind !== "call") effects.push(effect)
      else if (!this.#startsNow(service, effect)) this.#early.push({ service, effect })
    }
    if (effects.length === 0) return
    this.#undone++
    this.#options.commits.durable(sequence).then(
      () => {
        this.#undone--
        // Who joins a run hears of it before the run's end is told.
        for (const effect of effects) {
          if (effect.kind !== "placed") continue
          this.#runCalls.onPlaced(effect)
          this.#tickets.onPlaced(effect)
        }
        for (const effect of effects) this.#carryOut(service, effect)
      },
      () => {
        this.#undone--
      },
    )
  }

  /** More is durable than before: runs among it may be called, though the transactions that call them need not be. */
  onDurable(): void {
    if (this.#early.length === 0) return
    this.#early = this.#early.filter(({ service, effect }) => !this.#startsNow(service, effect))
    this.callNow()
  }

  /** Whether this is the seat of a task's queue. */
  hasQueueAt({ service, stage }: Seat): boolean {
    return this.#known.hasQueueAt(service, stage)
  }

  /** Makes the calls that may be made now: at the end of the turn they would wait for the journal to be written. */
  callNow(): void {
    this.#attempts?.flush()
  }

  /** @param flat - the same, for the thread of the queue */
  onOutcomes(service: string, task: string, outcomes: readonly Outcome[], flat: Flat<Outcome> = flatOutcomes(outcomes)): void {
    this.#runCalls.onOutcomes(task, outcomes)
    this.#figures.onOutcomes(task, outcomes)
    const known = this.#known.get(task)
    if (known?.seat.service === service) this.#options.complete(known.seat, task, flat)
  }

  onTold(message: Extract<FromAttempts, { kind: "told" }>): void {
    this.#watches.onTold(message)
  }

  /** A run's code calls another task. */
  onSend(message: Extract<FromAttempts, { kind: "send" }>, thread: AttemptThread): void {
    this.#runCalls.onSend(message, thread)
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
      run: (id) => this.run(id),
      cancel: (id, reason) => this.cancel(id, reason),
      retry: (id) => this.retry(id),
    }
  }

  /**
   * Makes a run of each input, all or none; resolves to their ids once that is durable.
   *
   * @throws MR1022, MR1023 with the faults of each input, MR1001, MR1007, MR1010, MR1013, MR1209, MR1303, MR1401
   */
  async enqueue(request: EnqueueRequest): Promise<readonly string[]> {
    return (await this.#enqueues.take(request)).ids
  }

  /**
   * Makes a run of one input and waits for its end; `result` is undefined once `signal` is aborted.
   *
   * @throws as `enqueue` does
   */
  async call(request: EnqueueRequest, signal?: AbortSignal): Promise<{ readonly id: string; readonly result: RunResult | undefined }> {
    const { id, ending } = await this.#begin(request)
    return { id, result: await this.#result(id, signal, ending) }
  }

  /** Makes a run of one input. The end of a new one is watched from the moment in which it is told to be there: N31. */
  async #begin(request: EnqueueRequest, isNew?: (id: string) => void): Promise<BegunRun> {
    let ending: Ending | undefined
    const onNew = (id: string): void => {
      ending ??= this.#watches.ending(id)
      isNew?.(id)
    }
    try {
      const { ids } = await this.#enqueues.take({ ...request, onNew })
      return { id: ids[0] ?? "", ending }
    } catch (error) {
      ending?.stop()
      throw error
    }
  }

  /** A run with all that is known of it; of one that is under way, what its attempt has told so far, too. @throws MR1024 */
  async run(id: string): Promise<RunView & Pick<RunFacts, "logs" | "progress">> {
    const { known, number } = this.#known.run(id)
    const run = (await this.#ask(known, { kind: "run", number })) as RunView | undefined
    if (run === undefined) throw noRun(id)
    const whole = await this.#values.whole(run)
    const logs = run.status === "running" ? ((await this.#attempts?.lines(known.seat.service, run.task, number)) ?? []) : []
    const progress = this.#watches.progress(id)
    return { ...whole, ...(logs.length === 0 ? {} : { logs }), ...(progress === undefined ? {} : { progress }) }
  }

  /** Removes, now and then, large values that no run has. */
  sweepValues(now: number): void {
    this.#values.sweep(now)
  }

  stop(): Promise<void> {
    return this.#values.stop()
  }

  /**
   * How a run has ended, or will have; undefined once `signal` is aborted.
   *
   * @throws MR1024
   */
  async result(id: string): Promise<RunResult>
  async result(id: string, signal: AbortSignal): Promise<RunResult | undefined>
  async result(id: string, signal?: AbortSignal): Promise<RunResult | undefined> {
    return this.#result(id, signal, undefined)
  }

  /** @param watched - of one that has just been enqueued: its end has not been told, and its output will be */
  async #result(id: string, signal: AbortSignal | undefined, watched: Ending | undefined): Promise<RunResult | undefined> {
    const { known, number } = this.#known.run(id)
    // Watched before it is asked, so that an end in between is heard.
    const ending = watched ?? this.#watches.ending(id)
    let giveUp = (): void => undefined
    const aborted = new Promise<undefined>((resolve) => {
      giveUp = () => resolve(undefined)
    })
    if (signal?.aborted === true) giveUp()
    signal?.addEventListener("abort", giveUp)
    const ended = signal === undefined ? ending.result : Promise.race([ending.result, aborted])
    try {
      if (watched !== undefined) return await ended
      const run = (await this.#ask(known, { kind: "run", number })) as RunView | undefined
      if (run === undefined) throw noRun(id)
      const now = resultOf(run)
      if (now !== undefined) return await this.#values.whole(now)
      const result = await ended
      if (result?.status !== "succeeded" || result.output !== undefined) return result
      // Nobody waited as it ended.
      const after = resultOf((await this.#ask(known, { kind: "run", number })) as RunView)
      return after === undefined ? undefined : await this.#values.whole(after)
    } finally {
      ending.stop()
      signal?.removeEventListener("abort", giveUp)
    }
  }

  /**
   * Tells what happens to a run from now on; returns how to stop that.
   *
   * @param since - first, at once, what it has told behind this place; "": all that it has told
   * @throws MR1024 for what is no id
   */
  watch(id: string, watcher: Watcher, since?: string): () => void {
    this.#known.run(id)
    return this.#watches.watch(id, watcher, since)
  }

  /** Runs of a task, newest first. @throws MR1022 */
  async runs(task: string, search: RunSearch): Promise<RunPage> {
    return (await this.#ask(this.#known.find(task), { kind: "runs", search })) as RunPage
  }

  /** How a task stands. @throws MR1022 */
  async stand(task: string): Promise<TaskStand> {
    return (await this.#ask(this.#known.find(task), { kind: "stand" })) as TaskStand
  }

  /** Figures of all tasks. */
  async samples(): Promise<readonly Sample[]> {
    return this.#figures.samples(await Promise.all(this.plans.map(({ name }) => this.stand(name))))
  }

  /** Doing so again changes nothing. @throws MR1024, MR1032 for a run that has ended otherwise */
  cancel(id: string, reason?: string): Promise<void> {
    return this.#commands.cancel(id, reason)
  }

  /** A run that failed, expired or was cancelled begins again. @throws MR1024, MR1032 for any other */
  retry(id: string): Promise<void> {
    return this.#commands.retry(id)
  }

  /** All runs that have ended as a filter says begin again: see run-commands.ts. @throws MR1022 */
  retryAll(task: string, filter: EndedRunFilter, signal: AbortSignal): Promise<RunTally> {
    return this.#commands.retryAll(task, filter, signal)
  }

  /** Cancels all runs that a filter finds. @throws MR1022 */
  cancelAll(task: string, filter: OpenRunFilter, signal: AbortSignal): Promise<RunTally> {
    return this.#commands.cancelAll(task, filter, signal)
  }

  /** @throws MR1022 */
  pause(task: string): Promise<void> {
    return this.#commands.pause(task)
  }

  /** @throws MR1022 */
  resume(task: string): Promise<void> {
    return this.#commands.resume(task)
  }

  /**
   * Makes a call at once when all of its runs are durable. That this attempt has begun need not be: should it be forgotten by a
   * crash, the run is called again, as it is after any crash in its midst.
   */
  #startsNow(service: string, effect: CallTask): boolean {
    const known = this.#known.get(effect.task)
    if (known?.seat.service !== service) return true
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
        for (const { number, attempt } of runs) this.#watches.onAttempt(task, number, attempt)
        return
      }
      case "abort":
        this.#figures.onAbort(effect.task, effect.lease)
        this.#runCalls.onAbort(effect)
        this.#attempts?.abort({ service, task: effect.task, lease: effect.lease }, effect.reason)
        return
      case "placed":
        return
      case "tallied":
        return this.#tickets.onTallied(effect)
      case "ended": {
        const { task, number, status, output, error } = effect
        this.#runCalls.onEnded(effect)
        if (status === "delayed" || status === "waiting" || status === "running") return
        const result = { status, ...(output === undefined ? {} : { output }), ...(error === undefined ? {} : { error }) }
        if (!isStored(output ?? "")) return this.#watches.onEnded(task, number, result)
        this.#values.whole(result).then(
          (whole) => this.#watches.onEnded(task, number, whole),
          (fault: unknown) => this.#watches.onEnded(task, number, { status: "failed", error: errorData(fault) }),
        )
        return
      }
      case "forget":
        return this.#values.forget(effect.values)
    }
  }

  async #ask({ seat, plan }: KnownTask, question: TaskQuestion): Promise<unknown> {
    this.#options.assertReady()
    return this.#options.ask(seat, plan.name, question)
  }
}

function resultOf({ status, output, error }: RunView): RunResult | undefined {
  if (status === "delayed" || status === "waiting" || status === "running") return undefined
  return { status, ...(output === undefined ? {} : { output }), ...(error === undefined ? {} : { error }) }
}
