/**
 * Invocations that nobody waits for (Lambda's `Event`): kept in the node's state from before they are confirmed until they are done or given up,
 * and tried again when they fail.
 *
 * ```
 * taken ──> durable ──> invoked ──> done ──> the destination is told ──> forgotten
 *              ↑           │ fails: a minute, then two; throttled: a second, up to five
 *              └───────────┤
 *                          └ no retries left, or too old ──> given up ──> the destination is told ──> forgotten
 * ```
 *
 * F21  A failure is kept before the next attempt waits; a throttle is none.
 * F24  Nothing is confirmed before it is durable; whatever is confirmed is done or given up, whatever crashes.
 * F25  That an event is done or given up is kept before a destination outside is told; a stream is told in the commit that forgets it.
 */
import type { Store } from "@millrace/engine"
import { type ErrorCode, type EventInvokePlan, type FailureDestination, type FunctionPlan, MillraceError, type StreamPlan, type SuccessDestination, errorData, limits } from "@millrace/model"
import type { Commits } from "../commits.ts"
import type { OutsidePlaces } from "../destination.ts"
import type { Log } from "../log.ts"
import { faultFacts } from "../logged-error.ts"
import { Room } from "../mapping/room.ts"
import type { Sample } from "../samples.ts"
import { waited } from "../waited.ts"
import type { FunctionClock } from "./clock.ts"
import { type EventFacts, EventShelf } from "./event-shelf.ts"
import { EventDestinations } from "./event-destinations.ts"
import { failedEvent } from "./failed-event.ts"
import type { FunctionError, FunctionInvoker } from "./invocation.ts"
import { keptError } from "./kept-error.ts"
import { type EventRedrive, redriveFromBucket, redriveFromStream } from "./redrive-events.ts"
import { succeededEvent } from "./succeeded-event.ts"

export interface EventQueueNode extends OutsidePlaces {
  readonly store: Store
  readonly commits: Commits
  readonly invoker: FunctionInvoker & { find(name: string): FunctionPlan | undefined }
  readonly clock: FunctionClock
  readonly log: Log
  readonly region: string
  /** Undefined: there is none of that name. */
  readonly stream: (name: string) => StreamPlan | undefined
}

/** An event to be invoked. */
export interface NewEvent {
  readonly requestId: string
  readonly clientContext?: string
}

interface Queued {
  facts: EventFacts
  readonly payload: string
}

const defaults: EventInvokePlan = { maximumRetryAttempts: limits.functionEventRetriesMax, maximumEventAgeMs: limits.functionEventAgeMsMax, onFailure: null }

export class EventQueue {
  readonly #node: EventQueueNode
  readonly #shelf: EventShelf
  readonly #events: Set<Queued> = new Set()
  /** Invocations at once of each function: what waits here is not throttled there. */
  readonly #slots: Map<string, Room> = new Map()
  readonly #destinations: EventDestinations
  readonly #underWay: Set<Promise<void>> = new Set()
  readonly #redriving: Set<string> = new Set()
  #bytes = 0
  #givenUp = 0
  #isOpen = false
  /** Nothing more is begun. */
  #drain = new AbortController()
  /** What is under way counts for nothing. */
  #stop = new AbortController()
  /** Other services run: who waits for a function looks again. */
  #changed = new AbortController()

  constructor(node: EventQueueNode) {
    this.#node = node
    this.#shelf = new EventShelf(node.store.state)
    this.#destinations = new EventDestinations(node, this.#shelf)
  }

  get size(): number {
    return this.#events.size
  }

  get isIdle(): boolean {
    return this.#events.size === 0
  }

  /** Functions are there, or others are. The first time: what was kept goes on. */
  open(): void {
    const changed = this.#changed
    this.#changed = new AbortController()
    this.#slots.clear()
    changed.abort()
    if (this.#isOpen) return
    this.#isOpen = true
    for (const { facts, payload } of this.#shelf.all()) {
      const event = this.#hold(facts, payload)
      this.#begin(this.#work(event))
    }
  }

  /**
   * Takes an event; resolves once it is durable.
   *
   * @param payload - JSON text
   * @throws MR1010 when too many wait, MR1031 when there is no such function, MR1303, MR1304, MR1401
   */
  add(name: string, payload: string, event: NewEvent): Promise<void> {
    return this.#add(name, payload, event, [])
  }

  /**
   * Puts what was given up back into the queue; returns how many events those were.
   *
   * @throws MR1009 when that is kept nowhere from where it could be read, MR1010 when no more have room or a redrive is under way, MR1031, MR1501
   */
  async redrive(name: string, signal: AbortSignal): Promise<number> {
    const to = this.#node.invoker.find(name)?.eventInvoke?.onFailure
    if (to?.kind !== "stream" && to?.kind !== "s3") {
      throw new MillraceError("MR1009", `Function "${name}": events that it gives up are kept nowhere from where they could be read. Give it eventInvoke, onFailure: a stream, or { s3: "s3://bucket/prefix" }.`, { function: name })
    }
    if (this.#redriving.has(name)) throw new MillraceError("MR1010", `Function "${name}" is being redriven; ask again once that is done.`, { function: name })
    this.#redriving.add(name)
    const add = (payload: string, also?: Uint8Array): Promise<void> => this.#add(name, payload, { requestId: crypto.randomUUID() }, also === undefined ? [] : [also])
    const redrive: EventRedrive = { function: name, shelf: this.#shelf, signal, add }
    try {
      if (to.kind === "s3") return await redriveFromBucket(redrive, await this.#destinations.at(to).objects())
      const { store, stream } = this.#node
      return await redriveFromStream(redrive, store, to.stream, stream(to.stream)?.partitions ?? 1)
    } finally {
      this.#redriving.delete(name)
    }
  }

  async #add(name: string, payload: string, { requestId, clientContext }: NewEvent, also: readonly Uint8Array[]): Promise<void> {
    if (this.#drain.signal.aborted || !this.#isOpen) throw new MillraceError("MR1401", "The node is stopping.")
    if (this.#node.invoker.find(name) === undefined) throw new MillraceError("MR1031", `There is no function ${JSON.stringify(name.slice(0, 200))}.`)
    if (this.#events.size >= limits.functionEventsMax || this.#bytes + payload.length > limits.functionEventsBytesMax) {
      throw new MillraceError("MR1010", `${this.#events.size} events wait for their functions, and no more are taken; send again after a moment.`)
    }
    const { commits, clock } = this.#node
    const facts: EventFacts = { function: name, requestId, ...(clientContext === undefined ? {} : { clientContext }), at: clock.now(), attempts: 0 }
    const event = this.#hold(facts, payload)
    try {
      await commits.durable(commits.append({ appends: [], state: [this.#shelf.add(facts, payload), ...also] }).sequence)
    } catch (error) {
      this.#drop(event)
      throw error
    }
    this.#begin(this.#work(event))
  }

  /** Begins nothing more; resolves once what is under way has come to an end, or after a while without it. What is left goes on with the next start. */
  async stop(): Promise<void> {
    this.#drain.abort()
    if (this.#underWay.size > 0) {
      const late = new AbortController()
      await Promise.race([Promise.all(this.#underWay), waited(this.#node.clock, limits.mappingDrainMsMax, late.signal)])
      late.abort()
    }
    this.#stop.abort()
    await this.#destinations.close()
  }

  /** The disk refuses: what was committed and is not durable never happened. */
  halt(): void {
    this.#drain.abort()
    this.#stop.abort()
    this.#events.clear()
    this.#shelf.forget()
    this.#bytes = 0
    this.#isOpen = false
  }

  /** The disk takes writes again: from what is durable, which is folded. */
  resume(): void {
    this.#drain = new AbortController()
    this.#stop = new AbortController()
    this.open()
  }

  samples(): Sample[] {
    if (this.#events.size === 0 && this.#givenUp === 0) return []
    return [
      { name: "millrace_function_events", help: "Events that wait for their function.", kind: "gauge", values: [{ labels: {}, value: this.#events.size }] },
      { name: "millrace_function_events_given_up_total", help: "Events that were given up.", kind: "counter", values: [{ labels: {}, value: this.#givenUp }] },
    ]
  }

  #hold(facts: EventFacts, payload: string): Queued {
    const event: Queued = { facts, payload }
    this.#events.add(event)
    this.#bytes += payload.length
    return event
  }

  #drop(event: Queued): void {
    if (this.#events.delete(event)) this.#bytes -= event.payload.length
  }

  #begin(work: Promise<void>): void {
    const { signal } = this.#stop
    const ended = work.catch((error: unknown) => {
      // The disk refuses, or the node stops: what is kept goes on later.
      if (!signal.aborted) this.#node.log.error(faultFacts(error), "an event could not be brought further")
    })
    this.#underWay.add(ended)
    ended.finally(() => this.#underWay.delete(ended)).catch(() => undefined)
  }

  /** All the way of one event. */
  async #work(event: Queued): Promise<void> {
    const drain = this.#drain.signal
    const stop = this.#stop.signal
    for (let throttles = 0; !drain.aborted; ) {
      if (event.facts.givenUp !== undefined) return this.#tell(event, drain)
      if (event.facts.succeeded !== undefined) return this.#tellSuccess(event, this.#successDestinationOf(event), drain)
      const { function: name, at, attempts } = event.facts
      const plan = this.#node.invoker.find(name)
      const { maximumRetryAttempts, maximumEventAgeMs } = plan?.eventInvoke ?? defaults
      const left = at + maximumEventAgeMs - this.#node.clock.now()
      if (left <= 0) {
        await this.#giveUp(event, "EventAgeExceeded")
        continue
      }
      if (plan === undefined) {
        // The next deployment may have it again.
        await waited(this.#node.clock, left, AbortSignal.any([drain, this.#changed.signal]))
        continue
      }
      const outcome = await this.#turn(event, plan, drain, stop)
      if (stop.aborted || outcome === "done") return
      if (outcome === "throttled") {
        const wait = Math.min(limits.mappingThrottleMsMax, limits.mappingRetryMsMin * 2 ** Math.min(throttles++, 20))
        await waited(this.#node.clock, Math.min(wait, left), drain)
        continue
      }
      throttles = 0
      event.facts = { ...event.facts, attempts: attempts + 1, error: outcome }
      const wait = limits.functionEventRetryMs * (attempts + 1)
      if (attempts >= maximumRetryAttempts) await this.#giveUp(event, "RetriesExhausted")
      else if (wait >= at + maximumEventAgeMs - this.#node.clock.now()) await this.#giveUp(event, "EventAgeExceeded")
      else {
        // F21: the count outlives the process.
        this.#keep(event)
        await waited(this.#node.clock, wait, drain)
      }
    }
  }

  /** One invocation. What was done is told before the next one has its turn: so no more answers wait than invocations may be under way. */
  async #turn(event: Queued, plan: FunctionPlan, drain: AbortSignal, stop: AbortSignal): Promise<FunctionError | "done" | "throttled"> {
    const slots = this.#slotsOf(plan)
    await slots.take(1)
    try {
      if (drain.aborted) return "throttled"
      const outcome = await this.#invoked(event, stop)
      if (stop.aborted) return "throttled"
      if (typeof outcome === "string" || "errorType" in outcome) return outcome
      await this.#done(event, plan.eventInvoke?.onSuccess, outcome.answer, drain)
      return "done"
    } finally {
      slots.give(1)
    }
  }

  async #invoked({ facts, payload }: Queued, stop: AbortSignal): Promise<FunctionError | { readonly answer: string } | "throttled"> {
    try {
      const { function: name, requestId, clientContext } = facts
      const invocation = await this.#node.invoker.invoke(name, payload, { requestId, signal: stop, ...(clientContext === undefined ? {} : { clientContext }) })
      if (invocation.kind === "failed") return keptError(invocation.error)
      return invocation.kind === "throttled" ? "throttled" : { answer: invocation.payload }
    } catch (error) {
      const { code } = errorData(error)
      if (stop.aborted || notInvoked.includes(code)) return "throttled"
      throw error
    }
  }

  async #done(event: Queued, to: SuccessDestination | undefined, answer: string, drain: AbortSignal): Promise<void> {
    if (to === undefined) return this.#forget(event)
    event.facts = { ...event.facts, succeeded: { at: this.#node.clock.now(), answer } }
    const text = succeededEvent(event.facts, event.payload, this.#node.region)
    const fits = to.kind === "stream" ? Buffer.byteLength(text) <= limits.recordBytesMax : this.#destinations.at(to).fits(text)
    if (!fits) {
      this.#destinations.tooLarge(event.facts, text)
      return this.#forget(event)
    }
    // F25: a destination outside is told by the next start where this one does not come to it.
    if (to.kind !== "stream") await this.#node.commits.durable(this.#keep(event))
    await this.#tellSuccess(event, to, drain)
  }

  async #tellSuccess(event: Queued, to: SuccessDestination | undefined, drain: AbortSignal): Promise<void> {
    const { facts, payload } = event
    const text = (): string => succeededEvent(facts, payload, this.#node.region)
    if (to?.kind === "stream") {
      this.#destinations.append(facts, text(), to.stream)
      this.#drop(event)
    } else if (to === undefined || (await this.#destinations.put(facts, text(), to, drain))) this.#forget(event)
  }

  #successDestinationOf({ facts }: Queued): SuccessDestination | undefined {
    return this.#node.invoker.find(facts.function)?.eventInvoke?.onSuccess
  }

  #slotsOf({ name, concurrency }: FunctionPlan): Room {
    let slots = this.#slots.get(name)
    if (slots === undefined) {
      slots = new Room(concurrency ?? limits.functionInstancesMax)
      this.#slots.set(name, slots)
    }
    return slots
  }

  #keep({ facts }: Queued): number {
    return this.#node.commits.append({ appends: [], state: [this.#shelf.keep(facts)] }).sequence
  }

  #forget(event: Queued): void {
    this.#node.commits.append({ appends: [], state: [this.#shelf.remove(event.facts)] })
    this.#drop(event)
  }

  async #giveUp(event: Queued, condition: "RetriesExhausted" | "EventAgeExceeded"): Promise<void> {
    const { clock, log, commits } = this.#node
    event.facts = { ...event.facts, givenUp: { condition, at: clock.now() } }
    const { function: name, requestId, attempts, error } = event.facts
    const destination = this.#destinationOf(event)
    this.#givenUp++
    const facts = { function: name, requestId, condition, attempts, ...(error === undefined ? {} : { errorType: error.errorType }) }
    if (destination === null) log.error({ ...facts, payload: event.payload.slice(0, 1_000) }, "an event is given up, and no destination is told")
    else log.warn(facts, "an event is given up; its destination is told")
    // F25: a destination outside hears only of what is decided for good.
    if (destination !== null && destination.kind !== "stream") await commits.durable(this.#keep(event))
  }

  async #tell(event: Queued, drain: AbortSignal): Promise<void> {
    const destination = this.#destinationOf(event)
    const text = (): string => failedEvent(event.facts, event.payload, this.#node.region)
    if (destination?.kind === "stream") {
      this.#destinations.append(event.facts, text(), destination.stream)
      this.#drop(event)
    } else if (destination === null || (await this.#destinations.put(event.facts, text(), destination, drain))) this.#forget(event)
  }

  #destinationOf({ facts }: Queued): FailureDestination | null {
    return (this.#node.invoker.find(facts.function)?.eventInvoke ?? defaults).onFailure
  }
}

/** Nothing was called: the function has gone meanwhile, or the node stops. */
const notInvoked: readonly ErrorCode[] = ["MR1031", "MR1401"]
