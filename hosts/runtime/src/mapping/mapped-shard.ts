/**
 * A mapping at one shard: does what the shard's machine says. Reads the log, builds events, invokes, tells destinations,
 * and commits the machine's checkpoint.
 *
 * Not for: deciding what makes a batch or what becomes of it (the engine's ShardMachine), or which shards are open.
 */
import { setImmediate as turn } from "node:timers/promises"
import { type DiscardEffect, type InvokeEffect, type ShardCheckpoint, ShardMachine, type MappingSettings, verdictOf } from "@millrace/engine"
import { type ErrorData, type FailureDestination, errorData, limits } from "@millrace/model"
import type { FunctionClock } from "../functions/clock.ts"
import type { FunctionInvoker, Invocation } from "../functions/invocation.ts"
import type { Log } from "../log.ts"
import { faultFacts } from "../logged-error.ts"
import { waited } from "../waited.ts"
import type { Room } from "./room.ts"
import { type FailedBatchFacts, failedBatches } from "./failed-batch.ts"
import type { EventRecord, KinesisEvents } from "./kinesis-event.ts"
import type { ShardLog } from "./shard-log.ts"

/** Where failed batches go, and how a checkpoint is kept: what a shard asks of its mapping. */
export interface ShardHost {
  readonly function: string
  readonly region: string
  readonly reportBatchItemFailures: boolean
  readonly destination: FailureDestination | null
  readonly invoker: FunctionInvoker
  readonly clock: FunctionClock
  readonly log: Log
  /** Bytes of events. */
  readonly room: Room
  /** Invocations that the function may have at once: its mapping's shards do not throttle each other. */
  readonly slots: Room
  /** Commits a checkpoint; gives the commit's number. `failed`: texts that go to the destination's stream with it. @throws MR1303, MR1304 */
  keep(checkpoint: ShardCheckpoint, failed?: readonly string[]): number
  durable(sequence: number): Promise<void>
  /** There is more on its way to the disk: `pump` is to be called once it is there. */
  onGrowing(): void
  /** Puts a failed batch where the destination is no stream. @throws MR1501 and what else keeps it from there */
  put(records: readonly EventRecord[], facts: FailedBatchFacts, events: KinesisEvents): Promise<void>
  /** The shard is closed and done: what comes after it may begin. */
  onOver(): void
}

export class MappedShard {
  readonly partition: number
  readonly machine: ShardMachine
  readonly #host: ShardHost
  readonly #log: ShardLog
  readonly #events: KinesisEvents
  readonly #hasWindow: boolean
  readonly #stop = new AbortController()
  /** One past the last record that may be read: of a shard that is closed. */
  #end = Number.POSITIVE_INFINITY
  #reading = false
  /** Why nothing is read now. */
  #error: ErrorData | undefined
  #cancelTimer: (() => void) | undefined
  #wakeAt = Number.POSITIVE_INFINITY
  /** When the checkpoint was kept last. */
  #keptAt: number
  #keptSequence = -1
  /** Nothing more is begun. */
  readonly #drain = new AbortController()
  #isOver = false
  /** The request of the last failure of the batch that ends at an offset. */
  readonly #requests: Map<number, string> = new Map()
  #underWay: Set<Promise<void>> = new Set()

  constructor(partition: number, host: ShardHost, settings: MappingSettings, checkpoint: ShardCheckpoint, log: ShardLog, events: KinesisEvents) {
    this.partition = partition
    this.#host = host
    this.#log = log
    this.#events = events
    this.#hasWindow = settings.tumblingWindowMs > 0
    this.machine = new ShardMachine(settings, checkpoint)
    this.#keptAt = host.clock.now()
  }

  get error(): ErrorData | undefined {
    return this.#error
  }

  /** All that there is has been done. */
  get isIdle(): boolean {
    return this.machine.busy === 0 && this.machine.position >= Math.min(this.#log.extent.durable, this.#end)
  }

  /** The shard is closed: it ends there. */
  close(end: number): void {
    if (this.#end === end) return
    this.#end = end
    this.machine.close(end, this.#host.clock.now())
    this.pump()
  }

  /** Does what there is to do. Call it when more is durable. */
  pump(): void {
    if (this.#stop.signal.aborted || this.#isOver) return
    try {
      this.#act()
    } catch (error) {
      // The disk refuses: the node stops its mappings, and starts them anew once it can write.
      this.#error = errorData(error)
    }
  }

  /** Begins nothing more; resolves once what is under way has come to an end, or after a while without it. */
  async stop(): Promise<void> {
    this.#drain.abort()
    this.#cancelTimer?.()
    if (this.#underWay.size > 0) {
      let cancel = (): void => undefined
      const late = new Promise<void>((resolve) => (cancel = this.#host.clock.after(limits.mappingDrainMsMax, resolve)))
      await Promise.race([Promise.all(this.#underWay), late])
      cancel()
    }
    this.halt()
  }

  /** Ends at once: what is under way counts for nothing. */
  halt(): void {
    this.#drain.abort()
    this.#stop.abort()
    this.#cancelTimer?.()
  }

  #act(): void {
    const { machine } = this
    const { clock } = this.#host
    if (!this.#drain.signal.aborted) {
      for (const effect of machine.effects()) {
        // M2: what is given up is on its way to the disk before anybody is told.
        if (machine.isChanged) this.#keep()
        this.#begin(effect.kind === "invoke" ? this.#invoke(effect) : this.#discard(effect, this.#keptSequence))
      }
    }
    const now = clock.now()
    // M52: that it is over is kept before anybody goes by it, or it would be opened again where it was kept last.
    if (machine.isOver || machine.isChanged || (machine.isMoved && now - this.#keptAt >= limits.mappingCheckpointMs)) this.#keep()
    if (machine.isOver) {
      this.#isOver = true
      this.#cancelTimer?.()
      this.#host.onOver()
      return
    }
    if (this.#drain.signal.aborted) return
    const from = machine.readFrom
    if (from !== undefined && !this.#reading && this.#error === undefined) {
      const { durable, next } = this.#log.extent
      if (from < Math.min(durable, this.#end)) {
        this.#reading = true
        this.#begin(this.#read(from))
        // What was appended before the mapping was there is nobody's news.
      } else if (durable < next) this.#host.onGrowing()
    }
    this.#wake(Math.min(machine.wakeAt(), machine.isMoved ? this.#keptAt + limits.mappingCheckpointMs : Number.POSITIVE_INFINITY))
  }

  #begin(work: Promise<void>): void {
    const ended = work.catch((error: unknown) => {
      if (this.#stop.signal.aborted) return
      this.#host.log.error({ function: this.#host.function, shard: this.#events.shardId, ...faultFacts(error) }, "a mapping has failed")
    })
    this.#underWay.add(ended)
    ended.finally(() => this.#underWay.delete(ended)).catch(() => undefined)
  }

  #wake(at: number): void {
    if (at === this.#wakeAt && this.#cancelTimer !== undefined) return
    this.#cancelTimer?.()
    this.#cancelTimer = undefined
    this.#wakeAt = at
    if (at === Number.POSITIVE_INFINITY) return
    const { clock } = this.#host
    // What is further off is looked at again: timers of the process end at 25 days.
    this.#cancelTimer = clock.after(Math.min(Math.max(0, Math.ceil(at - clock.now())), longestMs), () => {
      this.#cancelTimer = undefined
      if (this.#stop.signal.aborted) return
      this.machine.tick(clock.now())
      this.pump()
    })
  }

  #keep(failed?: readonly string[]): void {
    this.#keptSequence = this.#host.keep(this.machine.checkpoint(), failed)
    this.#keptAt = this.#host.clock.now()
  }

  async #read(from: number): Promise<void> {
    const { machine } = this
    const { clock } = this.#host
    try {
      // M53: a page may come without a turn of the event loop, and another one may follow at once.
      await turn()
      if (this.#stop.signal.aborted) return
      const end = Math.min(this.#log.extent.durable, this.#end)
      const { first } = this.#log.extent
      if (from < first) machine.trimmed(first, clock.now())
      else {
        const { records, next, filteredOut } = await this.#log.page(from, end, machine.readMost, clock.now())
        if (this.#stop.signal.aborted) return
        machine.received(records, from, next, filteredOut, Math.min(this.#log.extent.durable, this.#end), clock.now())
      }
    } catch (error) {
      this.#unreadable(error)
    } finally {
      this.#reading = false
    }
    this.pump()
  }

  /** The log cannot be read now, so it is tried again after a while. */
  #unreadable(error: unknown): void {
    if (this.#stop.signal.aborted) return
    this.#error = errorData(error)
    const { clock, log } = this.#host
    log.error({ function: this.#host.function, shard: this.#events.shardId, ...faultFacts(error) }, "a mapping cannot read its stream")
    clock.after(limits.mappingRetryMsMax, () => {
      this.#error = undefined
      this.pump()
    })
  }

  async #invoke({ id, records, bytes, window }: InvokeEffect): Promise<void> {
    const { clock, room, slots, invoker, function: name } = this.#host
    const { signal } = this.#stop
    await slots.take(1)
    await room.take(bytes)
    try {
      if (signal.aborted) return
      const offsets = records.map(({ offset }) => offset)
      const read = await this.#pick(offsets)
      if (signal.aborted) return
      if (read === undefined) {
        this.machine.lost(id, clock.now())
        this.pump()
        return
      }
      const answer = await this.#called(name, this.#events.event(read, window), invoker, signal)
      if (signal.aborted) return
      const last = offsets.at(-1) ?? -1
      if (answer.kind === "throttled") this.machine.outcome(id, { kind: "throttled" }, clock.now())
      else {
        const verdict = this.#verdict(answer, offsets)
        if (verdict.kind === "done") this.#requests.delete(last)
        else this.#requests.set(last, answer.requestId)
        this.machine.outcome(id, verdict, clock.now())
      }
    } finally {
      room.give(bytes)
      slots.give(1)
    }
    this.pump()
  }

  #verdict(answer: Exclude<Invocation, { kind: "throttled" }>, offsets: readonly number[]): ReturnType<typeof verdictOf> {
    if (answer.kind === "failed") return { kind: "failed", error: "Unhandled" }
    let indexes: Map<string, number> | undefined
    const rules = { reportBatchItemFailures: this.#host.reportBatchItemFailures, hasWindow: this.#hasWindow }
    return verdictOf(answer.payload, rules, (identifier) => {
      indexes ??= new Map(offsets.map((offset, i) => [this.#events.sequenceNumber(offset), i]))
      return indexes.get(identifier) ?? -1
    })
  }

  /** An invocation that could not even begin counts as throttled: the function has not failed. */
  async #called(name: string, event: string, invoker: FunctionInvoker, signal: AbortSignal): Promise<Invocation> {
    try {
      return await invoker.invoke(name, event, { signal })
    } catch (error) {
      if (!signal.aborted) this.#host.log.error({ function: name, shard: this.#events.shardId, ...faultFacts(error) }, "a function could not be invoked")
      return { kind: "throttled", reason: "node" }
    }
  }

  /** Records of the log; undefined when it no longer has them. */
  async #pick(offsets: readonly number[]): Promise<readonly EventRecord[] | undefined> {
    try {
      return await this.#log.pick(offsets)
    } catch (error) {
      if (errorData(error).code === "MR1014") return undefined
      throw error
    }
  }

  async #discard(effect: DiscardEffect, kept: number): Promise<void> {
    const { clock, log, destination, function: name, region } = this.#host
    const { id, records, condition, attempts, error, at } = effect
    const offsets = records.map(({ offset }) => offset)
    const first = offsets[0] as number
    const last = offsets.at(-1) as number
    const requestId = this.#requests.get(last) ?? crypto.randomUUID()
    this.#requests.delete(last)
    const facts = { function: name, shard: this.#events.shardId, condition, records: offsets.length, from: first, to: last + 1, attempts }
    log.warn(facts, destination === null ? "a batch is given up, and no destination is told" : "a batch is given up; its destination is told")
    const batch: FailedBatchFacts = { condition, attempts, error, at, requestId, function: name, region }
    const read = destination === null ? [] : await this.#pick(offsets)
    if (this.#stop.signal.aborted) return
    if (destination === null || read === undefined) this.machine.delivered(id, false, clock.now())
    else if (destination.kind === "stream") {
      // The failed batch and the checkpoint behind it are one commit: told once, whatever crashes.
      const texts = failedBatches(read, batch, this.#events)
      this.machine.delivered(id, true, clock.now())
      this.#keep(texts)
    } else {
      await this.#host.durable(kept)
      if (!(await this.#put(read, batch))) return
      this.machine.delivered(id, true, clock.now())
    }
    this.pump()
  }

  /** Tells a destination outside until it takes it; false: the mapping stops, and will tell it when it runs again. */
  async #put(records: readonly EventRecord[], facts: FailedBatchFacts): Promise<boolean> {
    const { clock, log } = this.#host
    const { signal } = this.#drain
    for (let attempt = 0; !signal.aborted; attempt++) {
      try {
        await this.#host.put(records, facts, this.#events)
        return !this.#stop.signal.aborted
      } catch (error) {
        const wait = Math.min(limits.mappingRetryMsMax, limits.mappingRetryMsMin * 2 ** Math.min(attempt, 20))
        log.error({ function: facts.function, shard: this.#events.shardId, retryInMs: wait, ...faultFacts(error) }, "a destination does not take a batch that was given up")
        await waited(clock, wait, signal)
      }
    }
    return false
  }
}

/** Longest time that one timer is set for, in ms. */
const longestMs = 3_600_000
