/**
 * A node: one data directory, its journal, its workers and the services that they run. A front door calls `ingest`,
 * `read`, `follow`; everything that changes anything becomes a commit (commits.ts).
 *
 * N12  Nothing is acknowledged before it is durable.
 * N20  When the disk refuses, the node stops processing, answers why, and resumes by itself once it can write.
 * N7  A worker that hangs or dies takes no acknowledged record and no other partition with it.
 */
import { mkdir } from "node:fs/promises"
import { resolve } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { type Append, assertMovable, type Store, storedConsumed, storedOpenRuns } from "@millrace/engine"
import {
  type ErrorData,
  MillraceError,
  type Plan,
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
import { openMessages } from "./message-compose.ts"
import { IdempotencyKeys } from "./idempotency.ts"
import type { Answer } from "./answer.ts"
import { type DeskWorkers, IntakeDesk, type Request } from "./intake-desk.ts"
import type { Log } from "./log.ts"
import { Room } from "./mapping/room.ts"
import { Mappings } from "./mapping/mappings.ts"
import { Positions } from "./mapping/positions.ts"
import { type NodeStatus, stageStatus } from "./node-status.ts"
import { type From, type LiveBatch, type Page, Readers } from "./readers.ts"
import { type Sample, samplesOf } from "./samples.ts"
import { RecordAccess } from "./record-access.ts"
import { Shards, grown, partitionsBeyond } from "./reshard/shards.ts"
import type { ServiceCode } from "./service-code.ts"
import { shapeChanges } from "./state-shapes.ts"
import { Streams } from "./streams.ts"
import { Tables } from "./tables/tables.ts"
import { Attempts } from "./tasks/attempts.ts"
import { type LeftTask, leftTasks } from "./tasks/left-tasks.ts"
import { TaskDesk } from "./tasks/task-desk.ts"
import { Values } from "./tasks/values.ts"
import { Workshop } from "./workshop.ts"

export interface NodeParts {
  readonly store: Store
  readonly dataDir: string
  readonly outDir: string
  readonly valuesAt: string
  readonly clock: () => number
  readonly log: Log
  readonly files: readonly string[]
  readonly workers: number
  readonly env: Readonly<Record<string, string | undefined>>
  readonly bounds: Bounds
}

export class Node {
  readonly #parts: NodeParts
  readonly #store: Store
  readonly #commits: Commits
  /** The workers of the services that run now; another one after a deployment. */
  #workshop: Workshop
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
  /** The calls of tasks' code that are under way; others after a deployment. */
  #attempts: Attempts
  /** What reads tables; another one after a deployment. */
  #tables: Tables
  /** What transactions have decided. */
  readonly #decisions: Decisions
  #streams: Streams
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
  /** What runs, as its services define it. */
  #plans: readonly Plan[] = []
  /** Records as bytes with their sender's key: what front doors of other protocols work with. */
  readonly records: RecordAccess
  readonly #care: Care

  constructor(parts: NodeParts) {
    const { store, outDir, clock, log, bounds } = parts
    this.#parts = parts
    this.#store = store
    this.#readers = new Readers(store, ({ name, role }) => (role === "source" ? this.#ends.has(name) : this.#workshop.feeds.hasEnded(name, store.durableSequence)))
    this.#commits = new Commits(store, {
      onAppended: (appends, bases, origin) => this.#onAppended(appends, bases, origin),
      onDurable: () => {
        this.#readers.wake()
        this.#tables.advance()
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
    this.#workshop = this.#workshopFor([])
    const workers: DeskWorkers = {
      count: () => this.#workshop.benches.count,
      freest: (turn) => this.#workshop.benches.freest(turn),
      isAt: (worker, id) => this.#workshop.benches.isAt(worker, id),
      isFree: (worker) => this.#workshop.benches.isFree(worker),
      withdraw: (worker, id) => this.#workshop.benches.withdraw(worker, id),
      post: (worker, message) => this.#workshop.post(worker, message),
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
    this.#streams = new Streams([], store.state, this.#bytes.plans)
    this.records = new RecordAccess({
      store,
      commits: this.#commits,
      readers: this.#readers,
      bytes: this.#bytes,
      streams: () => this.#streams,
      ingest: (request) => this.ingest(request),
      onStreams: () => this.mappings.refresh(),
      shards: this.#shards,
      assertReshardable: (stream) => this.#assertReshardable(stream),
      onReshard: () => this.#onReshard(),
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
        const answer = await this.#workshop.ask(seat, operator, question)
        // What is told to the outside must be durable.
        await this.#commits.allDurable()
        return answer
      },
      complete: (seat, operator, outcomes) => this.#workshop.complete(seat, operator, outcomes),
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
      stream: (name) => (this.#streams.has(name) ? this.#streams.get(name) : undefined),
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
      stream: (name) => (this.#streams.has(name) ? this.#streams.get(name) : undefined),
    })
    this.#attempts = this.#attemptsFor({ files: [] })
    this.#tables = this.#tablesFor([], { files: [] })
    this.#care = new Care({
      store,
      clock,
      log,
      bounds,
      deliveries: this.#deliveries,
      mappings: this.mappings,
      tasks: this.tasks,
      desk: this.#desk,
      workshop: () => this.#workshop,
      streams: () => this.#streams,
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
    await this.#run(files)
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
      await this.#run(files)
    })
    this.#change = deployed.catch(() => undefined)
    return deployed
  }

  async #run(files: readonly string[]): Promise<void> {
    const old = this.#workshop
    const workshop = this.#workshopFor(files)
    try {
      const plans = files.length === 0 ? [] : await workshop.load()
      this.#shards.assertUnwritten(plans)
      const resharded = this.#shards.all(plans)
      for (const plan of plans) for (const stream of resharded.keys()) assertMovable(plan, stream, this.#shards.isHashPlaced(stream))
      const streams = new Streams(plans, this.#store.state, this.#bytes.plans, this.#shards)
      // Also the last thing that can fail: from here on the new services run.
      await this.#durably([], [streams.changes(), shapeChanges(plans, this.#store.state)])
      await this.#drain(old)
      await old.stop()
      await this.#attempts.stop()
      this.#workshop = workshop
      this.#attempts = this.#attemptsFor(workshop.code)
      await this.#tables.stop()
      this.#tables = this.#tablesFor(plans, workshop.code)
      this.tasks.open(plans, this.#attempts, await this.#leftTasks(plans, streams))
      await this.mappings.stop()
      this.functions.open(plans, workshop.code)
      this.#plans = plans
      // Streams may have been resharded while the new services were loaded.
      streams.grow(this.#shards)
      workshop.reshard()
      this.#streams = streams
      this.#broken = undefined
      const counts = partitionsBeyond(plans, this.#shards.all(plans))
      for (const plan of plans) this.#deliveries.open(grown(plan, counts), this.#store.state)
      // The disk may have begun to refuse meanwhile; then the seats are taken when it takes writes again.
      this.mappings.open(plans, this.#refused !== undefined)
      if (this.#refused === undefined) this.events.open()
      if (this.#refused === undefined) workshop.seatAll()
      else await workshop.halt()
      this.#desk.sendAgain()
    } catch (error) {
      if (this.#workshop !== workshop) await workshop.stop()
      throw error
    }
  }

  /** Tasks that no service has any more; those with runs that have not ended are told. */
  async #leftTasks(plans: readonly Plan[], { stored }: Streams): Promise<readonly LeftTask[]> {
    const left = leftTasks(plans, stored)
    // The state is read as of a fold. A disk that refuses keeps no one from deploying: then the figures are older.
    if (left.length > 0 && this.#refused === undefined) await this.#commits.settled().catch(() => undefined)
    for (const { service, task } of left) {
      const open = storedOpenRuns(this.#store.state, service, task)
      if (open > 0) this.#parts.log.warn({ service, task, open }, "a task that no service has any more has runs that have not ended; they go on once it is back")
    }
    return left
  }

  /** Lets running attempts of tasks end, and what came of them become durable. */
  async #drain(workshop: Workshop): Promise<void> {
    if (this.#refused !== undefined) return
    await this.#attempts.drain(this.#parts.bounds.drainMs)
    const until = performance.now() + limits.drainGraceMs
    while (workshop.feeds.completing && performance.now() < until) await sleep(1)
  }

  #workshopFor(files: readonly string[]): Workshop {
    const { dataDir, workers, clock, log, bounds } = this.#parts
    const workshop: Workshop = new Workshop({
      store: this.#store,
      dataDir,
      workers,
      clock,
      log,
      bounds,
      files: files.map((file) => resolve(file)),
      events: {
        onTransactions: (transactions, parcel) => this.#decisions.commit(transactions, parcel),
        onIngested: (message, worker) => this.#desk.onIngested(message, worker),
        onNotIngested: (message) => this.#desk.onNotIngested(message),
        onWorkerEnd: (worker, end) => {
          if (this.#workshop === workshop) this.#desk.onWorkerEnd(worker, end)
        },
        onBroken: (error) => {
          if (this.#workshop !== workshop) return
          this.#broken = error
          if (error !== undefined) this.#desk.refuseAll(error)
        },
        onSeated: () => this.#readers.wake(),
        onDue: (at) => this.#care.dueAt(at),
        waits: (seat) => this.tasks.busy && this.#streams.has(seat.stage) && this.#streams.get(seat.stage).role === "task",
        settled: () => this.#commits.settled(),
        shards: (plans) => this.#shards.all(plans),
        commit: async (commit) => this.#commits.durable(this.#commits.append(commit).sequence),
      },
    })
    return workshop
  }

  #assertReshardable(name: string): void {
    const plan = this.#streams.get(name)
    const refuse = (why: string): never => {
      throw new MillraceError("MR1306", `Stream "${name}" cannot be resharded: ${why}`, { stream: name })
    }
    if (plan.role !== "source") refuse("a service writes it, and where its records lie is what the service's definition says. Change its partitions there.")
    if (this.#ends.has(name)) refuse("it has ended. Put what is new into another stream.")
    for (const each of this.#plans) assertMovable(each, name, this.#shards.isHashPlaced(name))
  }

  /** In force before it is durable, as the records are that are appended behind it. */
  #onReshard(): void {
    this.#streams.grow(this.#shards)
    this.#workshop.reshard()
    const tables = this.#tables
    this.#tables = this.#tablesFor(this.#plans, this.#workshop.code)
    tables.stop().catch((error: unknown) => this.#parts.log.error(errorData(error), "the thread that reads tables did not stop"))
  }

  #tablesFor(plans: readonly Plan[], code: ServiceCode): Tables {
    const { dataDir, bounds } = this.#parts
    return new Tables(plans, {
      code,
      dataDir,
      durableSequence: () => this.#store.durableSequence,
      answerMs: bounds.handlerMsMax,
      loadMs: bounds.loadMsMax,
      heapMegabytes: bounds.workerHeapMegabytesMax,
      changesMost: bounds.tableChangesMax,
      shards: this.#shards.all(plans),
    })
  }

  #attemptsFor(code: ServiceCode): Attempts {
    const { workers, log, bounds, valuesAt } = this.#parts
    return new Attempts({
      code,
      valuesAt,
      threads: workers,
      blockedMs: bounds.taskBlockedMsMax,
      heapMegabytes: bounds.workerHeapMegabytesMax,
      idleMs: bounds.workerIdleMs,
      log,
      events: {
        onOutcomes: (service, task, outcomes) => this.tasks.onOutcomes(service, task, outcomes),
        onTold: (message) => this.tasks.onTold(message),
        onSend: (message, thread) => this.tasks.onSend(message, thread),
      },
    })
  }

  get unready(): ErrorData | undefined {
    return this.#stopping ?? this.#refused ?? this.#broken ?? this.#starting
  }

  get services(): readonly string[] {
    return this.#streams.services
  }

  get streams(): readonly StreamPlan[] {
    return this.#streams.all
  }

  /** What its services keep by key, to be read. */
  get tables(): Tables {
    return this.#tables
  }

  /** Where file sinks without a place of their own write. */
  get outDir(): string {
    return this.#parts.outDir
  }

  /** @throws MR1008, MR1010, MR1011, MR1016, MR1033, MR1303, MR1401, MR12xx, and MR1001 for a body that is no JSON at all */
  async ingest(request: Request): Promise<Answer> {
    const service = this.#streams.writer(request.stream)
    this.#assertReady()
    this.#assertRoom(request.stream)
    return this.#desk.take(service, request)
  }

  /** @throws MR1010 while the node is behind */
  #assertRoom(stream: string): void {
    this.#assertJournalKeepsUp()
    if (this.#workshop.feeds.lagBytesBehind(stream) > this.#parts.bounds.stageLagBytesMax) {
      throw new MillraceError("MR1010", "Processing is behind; send again after a moment.")
    }
  }

  /** Ends a bounded source stream: windows close, files are sealed. Repeating it changes nothing. @throws MR1008, MR1016 */
  async end(name: string): Promise<void> {
    this.#streams.writer(name)
    this.#assertReady()
    await this.#ends.end(this.#streams.get(name), this.#shards.of(name))
  }

  /**
   * A source stream that has ended takes records again: late ones, as its windows stay closed. Repeating it changes nothing.
   *
   * @throws MR1008, MR1016
   */
  async reopen(name: string): Promise<void> {
    this.#streams.writer(name)
    this.#assertReady()
    await this.#ends.reopen(name)
  }

  /** @throws MR1008, MR1009, MR1014 */
  async read(stream: string, partition: number, from: From, limit: number): Promise<Page> {
    return this.#readers.page(this.#streams.get(stream), partition, from, limit)
  }

  /** Returns once the stream has ended. @throws MR1008, MR1014, MR1401 when the node stops */
  follow(stream: string, from: From, signal: AbortSignal): AsyncIterable<LiveBatch> {
    this.#streams.get(stream)
    return this.#readers.follow(() => this.#streams.get(stream), from, signal)
  }

  samples(): readonly Sample[] {
    const figures = samplesOf({
      accepted: this.#desk.accepted,
      rejected: this.#desk.rejected,
      queuedRequestBytes: this.#desk.queuedBytes,
      journalQueuedBytes: this.#store.queuedBytes,
      unfoldedBytes: this.#store.unfoldedBytes,
      workers: this.#workshop.benches.running,
      workersReplaced: this.#workshop.benches.replaced,
      feeds: this.#workshop.feeds.all,
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
      stages: this.#workshop.feeds.all.map((feed) => stageStatus(feed, this.#store)),
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
      await this.#tables.stop()
      await this.#drain(this.#workshop)
      await this.#attempts.stop()
      await Promise.all([this.mappings.stop(), this.events.stop()])
      await this.tasks.stop()
      await this.functions.stop()
      await this.#workshop.stop()
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
    this.#parts.log.error(this.#refused, "the disk refuses writes; processing stops until it takes them again")
    this.#desk.refuseAll(this.#refused)
    this.tasks.interrupt()
    this.mappings.halt()
    this.events.halt()
    this.#workshop.halt().catch((error: unknown) => this.#parts.log.error(errorData(error), "workers could not be stopped"))
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
    return this.unready === undefined && this.#desk.pending === 0 && !this.tasks.busy && isDelivered && this.#workshop.idle && this.mappings.isIdle && this.events.isIdle && this.#store.queuedBytes === 0
  }

  async #durably(appends: readonly Append[], state: readonly Uint8Array[]): Promise<void> {
    await this.#commits.durable(this.#commits.append({ appends, state }).sequence)
  }

  #onAppended(appends: readonly Append[], bases: readonly number[], origin: Origin | undefined): void {
    this.#workshop.supply.onAppended(appends, bases, origin)
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
    this.#workshop.restart(({ service, stage, partition }) => storedConsumed(state, service, stage, partition))
    this.mappings.resume()
    this.events.resume()
    this.#parts.log.info({}, "the disk takes writes again; processing goes on")
  }

}

function functionBounds({ functionInstancesMax, functionIdleMs, functionInitMsMax }: Bounds): Pick<FunctionsOptions, "instancesMax" | "idleMs" | "initMs"> {
  return { instancesMax: functionInstancesMax, idleMs: functionIdleMs, initMs: functionInitMsMax }
}

