/**
 * What becomes of an enqueue: a new run, or another's that it joins, by its idempotency key, or by its key where the task throttles or
 * debounces. Whoever asked hears which.
 *
 * Q6  A repeat with the idempotency key of another run joins that run, within the window.
 */
import { limits } from "@millrace/model"
import { rowNumber } from "../state.ts"
import { endOf } from "./effects.ts"
import type { KeptValues } from "./kept-values.ts"
import type { KnownKeys } from "./known-keys.ts"
import type { Lifetimes } from "./lifetimes.ts"
import type { QueueParts } from "./parts.ts"
import { type Run, isTerminal } from "./run.ts"
import type { EnqueueFacts } from "./task-command.ts"
import { timer } from "./timers.ts"
import type { Turns } from "./turns.ts"

export class Arrivals {
  readonly #parts: QueueParts
  readonly #known: KnownKeys
  readonly #values: KeptValues
  readonly #lifetimes: Lifetimes
  readonly #turns: Turns

  constructor(parts: QueueParts, known: KnownKeys, values: KeptValues, lifetimes: Lifetimes, turns: Turns) {
    this.#parts = parts
    this.#known = known
    this.#values = values
    this.#lifetimes = lifetimes
    this.#turns = turns
  }

  enqueue(number: number, input: string, facts: EnqueueFacts, at: number): void {
    const { plan, context: { now, effects } } = this.#parts
    const { throttleMs, debounce, delayMs, name: task } = plan
    const { key = "", ticket, waited = false, keyMs = plan.idempotencyMs } = facts
    const knownUntil = now + Math.min(keyMs, plan.idempotencyMs)
    const repeat = this.#known.repeatOf(facts, number, now)
    if (repeat?.isOther === true) {
      if (ticket !== undefined) effects.push({ kind: "placed", task, ticket, number: repeat.number, joined: true, otherBody: true })
      this.#values.forget([input])
      return
    }
    const joined = repeat?.number ?? this.#joined(input, key)
    if (ticket !== undefined) effects.push({ kind: "placed", task, ticket, number: joined ?? number, joined: joined !== undefined })
    if (joined !== undefined) {
      // Q6: what joins by its key (throttle, debounce) is known by its idempotency key too, so that its repeat joins as well.
      if (repeat === undefined) this.#known.knowRepeat(facts, joined, knownUntil, now)
      // What is not the input of the run that it joins.
      if (!this.#hasInput(joined, input)) this.#values.forget([input])
      return this.#tellJoined(joined, waited)
    }
    const dueAt = debounce === null ? at + Math.min(facts.delayMs ?? delayMs, limits.delayMsMax) : Math.max(now, at) + debounce.waitMs
    const run = newRun(facts, at, dueAt)
    this.#parts.runs.add(number, run, input)
    this.#values.keep(input)
    this.#parts.standing.count("waiting", 1)
    this.#known.knowRepeat(facts, number, knownUntil, now)
    if (throttleMs !== null) this.#known.know(`t:${key}`, number, now + throttleMs)
    if (debounce !== null) this.#known.know(`d:${key}`, number, at + debounce.mostMs)
    this.#lifetimes.begin(number, run)
    this.#turns.offer(number, run)
  }

  #hasInput(number: number, input: string): boolean {
    const { runs } = this.#parts
    const run = runs.get(number)
    return run !== undefined && runs.inputOf(number, run) === input
  }

  /** The run of its key that an enqueue joins. */
  #joined(input: string, key: string): number | undefined {
    const { plan: { throttleMs, debounce }, context: { now }, runs, timers } = this.#parts
    const throttled = throttleMs === null ? undefined : this.#known.whoIs(`t:${key}`, now)
    if (throttled !== undefined || debounce === null) return throttled
    const pending = this.#known.get(`d:${key}`)
    const number = pending?.[0]
    if (number === undefined || runs.get(number)?.status !== "delayed") return undefined
    const run = runs.change(number)
    this.#values.forget([run.input])
    this.#values.keep(input)
    runs.setInput(number, run, input)
    run.dueAt = Math.min(now + debounce.waitMs, pending?.[1] as number)
    // Its other timers find out when they go off.
    run.mayStartAt = run.dueAt
    timers.set(run.dueAt, timer.start, rowNumber(number))
    return number
  }

  /** Who joins a run that has ended hears of it at once. */
  #tellJoined(number: number, waited: boolean): void {
    const { plan, context, runs } = this.#parts
    const run = runs.get(number)
    if (!waited || run === undefined) return
    if (isTerminal(run.status)) context.effects.push(endOf(plan.name, number, { ...run, waited: true }))
    else runs.change(number).waited = true
  }
}

/** Without its input. */
function newRun(facts: EnqueueFacts, enqueuedAt: number, dueAt: number): Run {
  const { key = "", priority = 0, trigger = "call", waited = false, depth = 0, traceparent, tracestate, idempotencyKey, scheduledAt } = facts
  return {
    status: "waiting",
    input: "null",
    key,
    priority,
    trigger,
    waited,
    enqueuedAt,
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
    traceparent,
    tracestate,
    idempotencyKey,
    depth,
    scheduledAt,
  }
}
