/**
 * A node: one data directory, its journal, its workers and the services that they run. A front door calls `ingest`,
 * `read`, `follow`; everything that changes anything becomes a commit (commits.ts).
 *
 * N12  Nothing is acknowledged before it is durable.
 * N20  When the disk refuses, the node stops processing, answers why, and resumes by itself once it can write.
 * N7  A worker that hangs or dies takes no acknowledged record and no other partition with it.
 */
import { mkdir } from "node:fs/promises"
import { type Append, assertMovable, type Store, storedConsumed } from "@millrace/engine"
import {
  type ErrorData,
  MillraceError,
  type StreamPlan,
  errorData,
  errorFrom,
  limits,
} from "@millrace/model"
import type { Bounds } from "./bounds.ts"
import { Commits, type Origin } from "./commits.ts"
import { Care } from "./care.ts"
import { ByteStreams } from "./byte-streams.ts"
import { Decisions } from "./decisions.ts"
import { Deliveries } from "./deliveries.ts"
import { openPlace } from "./delivery-compose.ts"
import { DeliveryThread } from "./delivery-handle.ts"
import { Ends } from "./ends.ts"
import { functionClock } from "./functions/clock.ts"
import { regionOf } from "./functions/environment.ts"
import { EventQueue } from "./functions/event-queue.ts"
import { Functions, type FunctionsOptions } from "./functions/functions.ts"
import { faultFacts } from "./logged-error.ts"
import { openMessages } from "./message-compose.ts"
import { IdempotencyKeys } from "./idempotency.ts"
import type { Answer } from "./answer.ts"
import { type DeskWorkers, IntakeDesk, type Request } from "./intake-desk.ts"
import { Room } from "./mapping/room.ts"
import { Mappings } from "./mapping/mappings.ts"
import { Positions } from "./mapping/positions.ts"
import type { NodeParts } from "./node-parts.ts"
import { type NodeStatus, stageStatus } from "./node-status.ts"
import { type From, type LiveBatch, type Page, Readers } from "./readers.ts"
import { type Sample, samplesOf } from "./samples.ts"
import { RecordAccess } from "./record-access.ts"
import { Running } from "./running.ts"
import { Shards } from "./reshard/shards.ts"
import type { Tables } from "./tables/tables.ts"
import { TaskDesk } from "./tasks/task-desk.ts"
import { Values } from "./tasks/values.ts"

export class Node {
  readonly #parts: NodeParts
  readonly #store: Store
  readonly #commits: Commits
  /** What its services are now; others after a deployment. */
  readonly #running: Running
  readonly #desk: IntakeDesk
  readonly #readers: Readers
  readonly #delivery: DeliveryThread
  readonly #deliveries: Deliveries
  /** Tasks: their inputs, their runs, who waits for them. */
  readonly tasks: TaskDesk
  /** Functions, called by name: by mappings, over HTTP. */
  readonly functions: Functions
  /** What feeds functions from streams. */
  readonly mappings: Mappings
  /** Invocations that nobody waits for. */
  readonly events: EventQueue
  /** What transactions have decided. */
  readonly #decisions: Decisions
  /** Why the node is not ready; the first of them is told. */
  #stopping: ErrorData | undefined
  #refused: ErrorData | undefined
  #broken: ErrorData | undefined
  #starting: ErrorData | undefined = { code: "MR1401", message: "The node is starting.", details: {} }
  /** Deployments and the stop, one after the other. */
  #change: Promise<void> = Promise.resolve()
  #closing: Promise<void> | undefined
  readonly #ends: Ends
  readonly #bytes: ByteStreams
  /** Of services' streams that were split or merged. */
  readonly #shards: Shards
  /** Records as bytes with their sender's key: what front doors of other protocols work with. */
  readonly records: RecordAccess
  readonly #care: Care

  constructor(parts: NodeParts) {
    const { store, outDir, clock, log, bounds } = parts
    this.#parts = parts
    this.#store = store
    this.#readers = new Readers(store, ({ name, role }) => (role === "source" ? this.#ends.has(name) : this.#running.workshop.feeds.hasEnded(name, store.durableSequence)))
    this.#commits = new Commits(store, {
      onAppended: (appends, bases, origin) => this.#onAppended(appends, bases, origin),
      onDurable: () => {
        this.tasks.onDurable()
        this.#readers.wake()
        this.#running.tables.advance()
        this.mappings.onDurable()
      },
      onRefused: (reason) => this.onRefused(reason),
    })
    this.#ends = new Ends(
      store,
      this.#commits,
      () => this.#readers.wake(),
      (stream) => this.#desk.settled(stream),
    )
    const workers: DeskWorkers = {
      count: () => this.#running.workshop.benches.count,
      freest: (turn) => this.#running.workshop.benches.freest(turn),
      isAt: (worker, id) => this.#running.workshop.benches.isAt(worker, id),
      isFree: (worker) => this.#running.workshop.benches.isFree(worker),
      withdraw: (worker, id) => this.#running.workshop.benches.withdraw(worker, id),
      post: (worker, message) => this.#running.workshop.post(worker, message),
      isClosed: (stream, partition) => this.#shards.of(stream)?.[partition]?.end !== undefined,
    }
    const keys = new IdempotencyKeys(store.state, bounds.idempotencyKeysMax)
    this.#desk = new IntakeDesk(this.#commits, workers, keys, clock, bounds.ingestQueueBytesMax, (stream) => this.#ends.assertOpen(stream))
    this.#delivery = new DeliveryThread({ outDir })
    this.#deliveries = new Deliveries({
      store,
      commits: this.#commits,
      thread: this.#delivery,
      log,
      later: (ms, act) => this.#care.later(ms, act),
      retryMsMin: bounds.deliveryRetryMsMin,
      outDir,
    })
    this.#bytes = new ByteStreams(store, this.#commits, clock)
    this.#shards = new Shards(this.#bytes.facts)
    this.records = new RecordAccess({
      store,
      commits: this.#commits,
      readers: this.#readers,
      bytes: this.#bytes,
      streams: () => this.#running.streams,
      ingest: (request) => this.ingest(request),
      onStreams: () => this.mappings.refresh(),
      shards: this.#shards,
      assertReshardable: (stream) => this.#assertReshardable(stream),
      onReshard: () => this.#running.reshard(),
      assertReady: () => {
        this.#assertReady()
        this.#assertJournalKeepsUp()
      },
    })
    this.tasks = new TaskDesk({
      values: new Values(parts.valuesAt, clock),
      log,
      commits: this.#commits,
      clock,
      take: (service, request) => {
        this.#assertRoom(request.stream)
        return this.#desk.take(service, request)
      },
      ask: async (seat, operator, question) => {
        const answer = await this.#running.workshop.ask(seat, operator, question)
        // What is told to the outside must be durable.
        await this.#commits.allDurable()
        return answer
      },
      complete: (seat, operator, outcomes) => this.#running.workshop.complete(seat, operator, outcomes),
      durableOf: (commands) => store.extent(commands, 0).durable,
      assertReady: () => this.#assertReady(),
      isReady: () => this.unready === undefined,
    })
    this.#decisions = new Decisions(this.#commits, this.#deliveries, this.tasks)
    this.functions = new Functions({ clock: functionClock(clock), log, env: parts.env, tasks: this.tasks.caller, ...functionBounds(bounds) })
    this.mappings = new Mappings({
      store,
      commits: this.#commits,
      positions: new Positions(store.state),
      invoker: this.functions,
      clock: functionClock(clock),
      log,
      room: new Room(limits.mappingEventBytesMax),
      region: regionOf(parts.env),
      openPlace: (to) => openPlace(to, outDir),
      openMessages,
      stream: (name) => (this.#running.streams.has(name) ? this.#running.streams.get(name) : undefined),
      facts: this.#bytes.facts,
      keepFacts: async (stream, facts) => void (await this.#bytes.keep(stream, facts)),
      seek: (stream, partition, time) => this.records.seek(stream, partition, time),
    })
    this.events = new EventQueue({
      store,
      commits: this.#commits,
      invoker: this.functions,
      clock: functionClock(clock),
      log,
      region: regionOf(parts.env),
      openPlace: (to) => openPlace(to, outDir),
      openMessages,
      stream: (name) => (this.#running.streams.has(name) ? this.#running.streams.get(name) : undefined),
    })
    this.#running = new Running({
      node: parts,
      commits: this.#commits,
      readers: this.#readers,
      desk: this.#desk,
      decisions: this.#decisions,
      deliveries: this.#deliveries,
      tasks: this.tasks,
      functions: this.functions,
      mappings: this.mappings,
      events: this.events,
      bytes: this.#bytes,
      shards: this.#shards,
      isRefused: () => this.#refused !== undefined,
      onBroken: (error) => {
        this.#broken = error
      },
      onDue: (at) => this.#care.dueAt(at),
    })
    this.#care = new Care({
      store,
      clock,
      log,
      bounds,
      deliveries: this.#deliveries,
      mappings: this.mappings,
      tasks: this.tasks,
      desk: this.#desk,
      workshop: () => this.#running.workshop,
      streams: () => this.#running.streams,
      isReady: () => this.unready === undefined,
      isRefused: () => this.#refused !== undefined,
      probe: () => this.#probe(),
    })
  }

  async start(): Promise<void> {
    const { outDir, files } = this.#parts
    await mkdir(outDir, { recursive: true }).catch((cause: unknown) => {
      const why = cause instanceof Error ? cause.message : String(cause)
      const message = `The output directory ${outDir} cannot be made (${why}): make it, or choose another place.`
      throw new MillraceError("MR1304", message, { path: outDir }, cause)
    })
    await this.#running.deploy(files)
    this.#care.begin()
    this.#starting = undefined
  }

  /**
   * Runs other services, or new versions of those that run, in place of all that run now. State stays with the names of
   * services and operators. Requests under way wait; nothing is lost. When the new services are refused, the old ones go on.
   *
   * @throws MR1101 to MR1104 and MR1306 for the services, MR1401 while the node is not ready
   */
  deploy(files: readonly string[]): Promise<void> {
    const deployed = this.#change.then(async () => {
      this.#assertReady()
      await this.#running.deploy(files)
    })
    this.#change = deployed.catch(() => undefined)
    return deployed
  }

  #assertReshardable(name: string): void {
    const plan = this.#running.streams.get(name)
    const refuse = (why: string): never => {
      throw new MillraceError("MR1306", `Stream "${name}" cannot be resharded: ${why}`, { stream: name })
    }
    if (plan.role !== "source") refuse("a service writes it, and where its records lie is what the service's definition says. Change its partitions there.")
    if (this.#ends.has(name)) refuse("it has ended. Put what is new into another stream.")
    for (const each of this.#running.plans) assertMovable(each, name, this.#shards.isHashPlaced(name))
  }

  get unready(): ErrorData | undefined {
    return this.#stopping ?? this.#refused ?? this.#broken ?? this.#starting
  }

  get services(): readonly string[] {
    return this.#running.streams.services
  }

  get streams(): readonly StreamPlan[] {
    return this.#running.streams.all
  }

  /** What its services keep by key, to be read. */
  get tables(): Tables {
    return this.#running.tables
  }

  /** Where file sinks without a place of their own write. */
  get outDir(): string {
    return this.#parts.outDir
  }

  /** @throws MR1008, MR1010, MR1011, MR1016, MR1033, MR1303, MR1401, MR12xx, and MR1001 for a body that is no JSON at all */
  async ingest(request: Request): Promise<Answer> {
    const service = this.#running.streams.writer(request.stream)
    this.#assertReady()
    this.#assertRoom(request.stream)
    return this.#desk.take(service, request)
  }

  /** @throws MR1010 while the node is behind */
  #assertRoom(stream: string): void {
    this.#assertJournalKeepsUp()
    if (this.#running.workshop.feeds.lagBytesBehind(stream) > this.#parts.bounds.stageLagBytesMax) {
      throw new MillraceError("MR1010", "Processing is behind; send again after a moment.")
    }
  }

  /** Ends a bounded source stream: windows close, files are sealed. Repeating it changes nothing. @throws MR1008, MR1016 */
  async end(name: string): Promise<void> {
    this.#running.streams.writer(name)
    this.#assertReady()
    await this.#ends.end(this.#running.streams.get(name), this.#shards.of(name))
  }

  /**
   * A source stream that has ended takes records again: late ones, as its windows stay closed. Repeating it changes nothing.
   *
   * @throws MR1008, MR1016
   */
  async reopen(name: string): Promise<void> {
    this.#running.streams.writer(name)
    this.#assertReady()
    await this.#ends.reopen(name)
  }

  /** @throws MR1008, MR1009, MR1014 */
  async read(stream: string, partition: number, from: From, limit: number): Promise<Page> {
    return this.#readers.page(this.#running.streams.get(stream), partition, from, limit)
  }

  /** Returns once the stream has ended. @throws MR1008, MR1014, MR1401 when the node stops */
  follow(stream: string, from: From, signal: AbortSignal): AsyncIterable<LiveBatch> {
    this.#running.streams.get(stream)
    return this.#readers.follow(() => this.#running.streams.get(stream), from, signal)
  }

  samples(): readonly Sample[] {
    const figures = samplesOf({
      accepted: this.#desk.accepted,
      rejected: this.#desk.rejected,
      queuedRequestBytes: this.#desk.queuedBytes,
      journalQueuedBytes: this.#store.queuedBytes,
      unfoldedBytes: this.#store.unfoldedBytes,
      workers: this.#running.workshop.benches.running,
      workersReplaced: this.#running.workshop.benches.replaced,
      feeds: this.#running.workshop.feeds.all,
      sinks: this.#deliveries.status(),
    })
    return [...figures, ...this.functions.samples(), ...this.mappings.samples(), ...this.events.samples()]
  }

  /** Plain JSON: how far each stage is, what sinks have delivered, whether there is anything left to do. */
  status(): NodeStatus {
    return {
      ready: this.unready === undefined,
      ...(this.unready === undefined ? {} : { unready: this.unready }),
      services: this.services,
      idle: this.#idle,
      outDir: this.#parts.outDir,
      stages: this.#running.workshop.feeds.all.map((feed) => stageStatus(feed, this.#store)),
      sinks: this.#deliveries.status(),
      mappings: this.mappings.status(),
    }
  }

  /**
   * Makes all durable that was taken, folds the state, and lets go of the directory. What was not processed yet is when the
   * node starts again. Calling it again changes nothing.
   *
   * @throws MR1303 or MR1304 when the state could not be folded: nothing durable is lost by that
   */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    this.#stopping = { code: "MR1401", message: "The node is stopping.", details: {} }
    this.#care.stop()
    this.#desk.refuseAll(this.#stopping)
    // A deployment under way has workers of its own.
    await this.#change
    try {
      await this.#running.tables.stop()
      await this.#running.drain()
      await this.#running.attempts.stop()
      await Promise.all([this.mappings.stop(), this.events.stop()])
      await this.tasks.stop()
      await this.functions.stop()
      await this.#running.workshop.stop()
      this.#deliveries.stop()
      this.#care.forget()
      await this.#delivery.stop()
      await this.#care.settled()
    } finally {
      this.#readers.stop()
      await this.#store.close({ fold: true })
    }
  }

  /** N20. The store takes nothing more: what was not durable never happened, so nobody may build on it. */
  onRefused(reason: Error): void {
    if (this.#refused !== undefined || this.#stopping !== undefined) return
    this.#refused = errorData(reason)
    this.#parts.log.error(faultFacts(reason), "the disk refuses writes; processing stops until it takes them again")
    this.#desk.refuseAll(this.#refused)
    this.tasks.interrupt()
    this.mappings.halt()
    this.events.halt()
    this.#running.workshop.halt().catch((error: unknown) => this.#parts.log.error(faultFacts(error), "workers could not be stopped"))
  }

  #assertReady(): void {
    const { unready } = this
    if (unready !== undefined) throw errorFrom(unready)
  }

  #assertJournalKeepsUp(): void {
    if (this.#store.queuedBytes <= this.#parts.bounds.journalQueueBytesMax) return
    throw new MillraceError("MR1010", "The journal is behind; send again after a moment.")
  }

  get #idle(): boolean {
    const isDelivered = this.#decisions.pending === 0 && this.#deliveries.pending === 0
    return this.unready === undefined && this.#desk.pending === 0 && !this.tasks.busy && isDelivered && this.#running.workshop.idle && this.mappings.isIdle && this.events.isIdle && this.#store.queuedBytes === 0
  }

  #onAppended(appends: readonly Append[], bases: readonly number[], origin: Origin | undefined): void {
    this.#running.workshop.supply.onAppended(appends, bases, origin)
    this.mappings.onAppended(appends)
  }

  /** Whether the disk takes a commit again; then everything resumes from what is durable. */
  async #probe(): Promise<void> {
    try {
      this.#commits.append({ appends: [], state: [] })
      await this.#commits.settled()
    } catch (error) {
      this.#refused = errorData(error)
      return
    }
    this.#refused = undefined
    if (this.#stopping !== undefined) return
    const { state } = this.#store
    this.#running.workshop.restart(({ service, stage, partition }) => storedConsumed(state, service, stage, partition))
    this.mappings.resume()
    this.events.resume()
    this.#parts.log.info({}, "the disk takes writes again; processing goes on")
  }

}

function functionBounds({ functionInstancesMax, functionIdleMs, functionInitMsMax }: Bounds): Pick<FunctionsOptions, "instancesMax" | "idleMs" | "initMs"> {
  return { instancesMax: functionInstancesMax, idleMs: functionIdleMs, initMs: functionInitMsMax }
}

