/**
 * What the code of runs asks of other tasks: to enqueue runs, to call one and wait for its end, to wait for one that there is.
 *
 * Q38 A call that would wait for a place that its own callers hold is refused, and what it called is cancelled.
 * Q60 What a run's code has called and waits for is cancelled with it, when it is cut off.
 */
import { type AbortCall, CalledRuns, type CutRun, type Outcome, type RunCall, type RunEnded, type RunPlaced, type WaitingRun, Waits } from "@millrace/engine"
import { MillraceError, errorData, isMillraceError, traceOf } from "@millrace/model"
import type { RunFacts, RunResult } from "@millrace/sdk"
import type { FromAttempts, ToAttempts } from "./attempt-messages.ts"
import type { AttemptThread } from "./attempt-thread.ts"
import { type EnqueueRequest, bodyOf } from "./enqueues.ts"
import { type KnownTasks, idOf } from "./known-tasks.ts"
import type { Ending } from "./run-watches.ts"

/** The run that a call has begun, or joined. */
export interface BegunRun {
  readonly id: string
  /** Of one that it has begun. */
  readonly ending: Ending | undefined
}

export interface RunCallsParts {
  readonly known: KnownTasks
  /** Makes a run of one input. @param onNew - hears in the moment in which it is told to be there that it is a new one */
  readonly begin: (request: EnqueueRequest, onNew: (id: string) => void) => Promise<BegunRun>
  readonly enqueue: (request: EnqueueRequest) => Promise<readonly string[]>
  readonly run: (id: string) => Promise<RunFacts>
  readonly result: (id: string, ending?: Ending) => Promise<RunResult>
  readonly cancel: (id: string, reason?: string) => Promise<void>
  readonly retry: (id: string) => Promise<void>
  /** Cancels a run with who had called it. */
  readonly cancelCut: (cut: CutRun) => Promise<void>
  /** Whether no call is made any more, as the node stops. */
  readonly isDraining: () => boolean
}

type Send = Extract<FromAttempts, { kind: "send" }>

export class RunCalls {
  readonly #parts: RunCallsParts
  readonly #waits: Waits
  readonly #called = new CalledRuns()

  constructor(parts: RunCallsParts) {
    this.#parts = parts
    this.#waits = new Waits((task) => parts.known.get(task)?.plan)
  }

  /** A run's code calls another task. */
  onSend(message: Send, thread: AttemptThread): void {
    const { id } = message
    this.#answer(message, thread).then(
      (answer) => thread.post({ kind: "sent", id, ...answer }),
      (error: unknown) => {
        // Not its code's fault: it waits until it is interrupted, and its attempt is made again.
        if (this.#parts.isDraining() && isMillraceError(error) && error.code === "MR1401") return
        thread.post({ kind: "sent", id, error: errorData(error) })
      },
    )
  }

  async #answer(message: Send, thread: AttemptThread): Promise<Omit<Extract<ToAttempts, { kind: "sent" }>, "kind" | "id">> {
    const { task, inputs, options, mode, traceparent, tracestate, depth, from } = message
    const [named = ""] = inputs
    if (mode === "result") return { ids: inputs, result: await this.#awaiting(from, named, false, () => this.#parts.result(named)) }
    if (mode === "run") return { run: await this.#parts.run(named) }
    if (mode === "cancel" || mode === "retry") {
      await this.#parts[mode](named)
      return {}
    }
    const request: EnqueueRequest = { task, ...bodyOf(inputs), options, trigger: "task", depth, ...traceOf(traceparent, tracestate) }
    if (mode === "send") return { ids: await this.#parts.enqueue(request) }
    this.#assertGoesOn(message, thread)
    // What code calls that knows that it was aborted, it has reason to.
    const call = from === undefined || message.isLate === true ? undefined : this.#called.begin(from, options.idempotencyKey !== undefined)
    try {
      const { id, ending } = await this.#parts.begin(request, (begun) => this.#become(call, begun))
      if (from !== undefined && ending === undefined) this.#called.joinedBy(from, id)
      return { ids: [id], result: await this.#awaiting(from, id, ending !== undefined, () => this.#parts.result(id, ending)) }
    } finally {
      if (call !== undefined) this.#called.end(call)
    }
  }

  /** Q60. @throws MR1207 where the code's attempt was aborted, and it does not know that yet */
  #assertGoesOn({ from, isLate }: Send, thread: AttemptThread): void {
    if (from === undefined || isLate === true || this.#parts.isDraining()) return
    const service = this.#parts.known.get(from.task)?.seat.service
    if (service === undefined || !thread.isAborted({ service, task: from.task, lease: from.lease })) return
    throw new MillraceError("MR1207", `Run ${from.id} was aborted as it called another; nothing was enqueued.`, { run: from.id })
  }

  #become(call: RunCall | undefined, id: string): void {
    if (call === undefined) return
    const cut = this.#called.become(call, id)
    if (cut !== undefined) this.#cancel([cut])
  }

  #cancel(all: readonly CutRun[]): void {
    // One that does not succeed goes on: the node stops, or its disk refuses.
    for (const cut of all) this.#parts.cancelCut(cut).catch(() => undefined)
  }

  /** While a run's code waits for another run. @throws MR1211 when that would be for ever; what it has called alone is cancelled then */
  async #awaiting<R>(from: WaitingRun | undefined, id: string, isOwn: boolean, wait: () => Promise<R>): Promise<R> {
    if (from === undefined) return wait()
    const { plan } = this.#parts.known.run(id).known
    // First, so that no end is missed.
    const ended = wait()
    try {
      const key = plan.concurrencyPerKey === null ? undefined : (await this.#parts.run(id)).key
      this.#waits.begin(from, { id, task: plan.name, key })
      return await ended
    } catch (error) {
      // Nobody hears of its end any more.
      ended.catch(() => undefined)
      if (isOwn && isMillraceError(error) && error.code === "MR1211") {
        await this.#parts.cancel(id, "It would never have started: see the error of the run that called it.").catch(() => undefined)
      }
      throw error
    } finally {
      this.#waits.end(from, id)
    }
  }

  onPlaced({ task, number, joined, otherBody }: RunPlaced): void {
    if (joined && otherBody !== true) this.#called.joined(idOf(task, number))
  }

  onOutcomes(task: string, outcomes: readonly Outcome[]): void {
    if (this.#waits.isEmpty && this.#called.isEmpty) return
    for (const { kind, number } of outcomes) {
      const id = idOf(task, number)
      if (kind === "succeeded" || kind === "failed" || kind === "lost") this.#waits.over(id)
      if (kind === "succeeded" || kind === "failed") this.#called.over(id)
      // Its end is told later, once it is durable; what then starts in its place may be called before.
      if (kind === "succeeded") this.#waits.ended(id)
    }
  }

  onAbort({ task, lease, reason }: AbortCall): void {
    this.#waits.aborted(task, lease)
    this.#cancel(this.#called.aborted(task, lease, reason))
  }

  onEnded({ task, number, status }: RunEnded): void {
    if (this.#waits.isEmpty && this.#called.isEmpty) return
    const id = idOf(task, number)
    this.#waits.ended(id)
    // Code that has many runs in hand goes on when one of them is cancelled.
    if (this.#parts.known.get(task)?.plan.batch === null) this.#cancel(this.#called.ended(id, status))
  }
}
