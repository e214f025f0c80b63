/** Inputs on their way to become runs: what is said of them besides, their trace, and why they are refused. */
import { type EnqueueFacts, type InputFormat, assertDepth, inputsRefused, otherInput } from "@millrace/engine"
import { type EnqueueOptions, type TraceFields, checkIdempotencyKey, delayMs, durationMs, errorData, isMillraceError, traceOf } from "@millrace/model"
import type { Answer } from "../answer.ts"
import { fingerprintOf } from "../idempotency.ts"
import type { Request } from "../intake-desk.ts"
import { type KnownTasks, idOf } from "./known-tasks.ts"
import { largeOf } from "./large-inputs.ts"
import type { RunValues } from "./run-values.ts"
import type { Tickets } from "./tickets.ts"
import { endSpan, enqueueSpan, traceAfter } from "./tracing.ts"

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
  /**
   * Whoever enqueues it waits for its end, and hears of a new run in the moment in which it is told that it is there: its end may be told in the
   * same.
   */
  readonly onNew?: (id: string) => void
  /** How many calls of tasks by tasks led to it. @default 0 */
  readonly depth?: number
}

export interface Enqueued {
  readonly ids: readonly string[]
  /** Whether all of them are new. */
  readonly fresh: boolean
}

export interface EnqueuesParts {
  readonly known: KnownTasks
  readonly tickets: Tickets
  readonly values: RunValues
  /** Takes a body; resolves once its commands are durable. */
  readonly take: (service: string, request: Request) => Promise<Answer>
  readonly assertReady: () => void
}

export class Enqueues {
  readonly #parts: EnqueuesParts

  constructor(parts: EnqueuesParts) {
    this.#parts = parts
  }

  /**
   * Makes a run of each input, all or none; resolves once that is durable.
   *
   * @throws MR1022, MR1023 with the faults of each input, MR1001, MR1007, MR1010, MR1013, MR1209, MR1303, MR1401
   */
  async take(request: EnqueueRequest): Promise<Enqueued> {
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
    const { known, tickets, values, take, assertReady } = this.#parts
    const { plan, seat, plain } = known.find(request.task)
    assertReady()
    const { options = {}, trigger, onNew, depth = 0 } = request
    assertDepth(plan.name, depth)
    const { delay, priority, idempotencyKey, idempotency } = options
    checkIdempotencyKey(idempotencyKey)
    const joins = idempotencyKey !== undefined || plan.throttleMs !== null || plan.debounce !== null
    const ticket = joins ? tickets.open((number) => onNew?.(idOf(plan.name, number))) : undefined
    const facts: EnqueueFacts = {
      ...(delay === undefined ? {} : { delayMs: delayMs(delay, `task "${plan.name}", delay`) }),
      ...(priority === undefined ? {} : { priority }),
      ...(idempotencyKey === undefined ? {} : { idempotencyKey }),
      ...(idempotencyKey === undefined || idempotency === undefined ? {} : { keyMs: durationMs(idempotency, `task "${plan.name}", idempotency`) }),
      ...(idempotencyKey === undefined ? {} : { fingerprint: fingerprintOf(request.body) }),
      ...trace,
      ...(trigger === undefined || trigger === "call" ? {} : { trigger }),
      ...(onNew === undefined ? {} : { waited: true }),
      ...(depth === 0 ? {} : { depth }),
      ...(ticket === undefined ? {} : { ticket: ticket.name }),
    }
    const { format, body } = request
    let kept = false
    let stored: ReadonlyMap<number, string> = new Map()
    try {
      stored = await largeOf(plan.name, body, format, values.store)
      const task = { name: plan.name, facts, ...(stored.size === 0 ? {} : { stored }) }
      const answer = await take(seat.service, { stream: plan.commands, format, body, task, ...(plain === undefined ? {} : { plain }) })
      const [position] = answer.positions
      if (position === undefined) throw inputsRefused(plan.name, answer.rejected, answer.rejectedUnlisted, format === "json")
      kept = true
      const numbers = Array.from({ length: answer.accepted }, (_, i) => position.first + i)
      if (ticket === undefined) for (const number of numbers) onNew?.(idOf(plan.name, number))
      const final = ticket === undefined ? { numbers, fresh: true, isOther: false } : await ticket.placed(numbers.length)
      if (final.isOther) throw otherInput(plan.name, idempotencyKey ?? "")
      return { ids: final.numbers.map((number) => idOf(plan.name, number)), fresh: final.fresh }
    } catch (error) {
      // Refused, so that no run has them. While the node stops or its disk refuses, that is not known.
      if (!kept && isMillraceError(error) && error.code !== "MR1401" && error.code !== "MR1303") values.forget([...stored.values()])
      throw error
    } finally {
      ticket?.close()
    }
  }
}

const encoder = new TextEncoder()

/** The body of inputs that are JSON texts: as a client sends them, so that a key names the same whoever uses it. */
export function bodyOf(inputs: readonly string[]): { readonly body: Uint8Array<ArrayBuffer>; readonly format: InputFormat } {
  // JSON.stringify leaves no line ends in a text.
  return { body: encoder.encode(inputs.join("\n")), format: inputs.length === 1 ? "json" : "ndjson" }
}
