/**
 * The node's workers and the seats they hold: which seat is taken when, what becomes of what its worker says, and of the seats of a worker
 * that hung or died: they resume from their last commit, the others do not notice. A worker that has had nothing to do for a while is
 * ended; its seats fall asleep and wake with the next record or tick.
 *
 * Threads are started and replaced by benches (bench.ts), seats found by their book (feeds.ts) and given their input by the supply
 * (supply.ts); what brought workers down is in culprits.ts.
 *
 * ```
 *           seat                seated
 *  closed ────────> seating ────────────> open
 *    ^  ^              │ worker gone       │ worker gone      seat (a record, a tick)
 *    │  └──────────────┴───────────────────┤               ┌──────────> seating
 *    │                                     │ nothing to do │
 *    └─ (start)                            └──────────> asleep
 * ```
 *
 * Before a seat is taken, the store's state must be that of all its commits: a fold that missed one would have the seat
 * do the same work twice (`events.settled`).
 */
import type { Outcome } from "@millrace/engine"
import { type ErrorData, MillraceError, type Plan, errorFrom } from "@millrace/model"
import type { Bench } from "./bench.ts"
import { Benches } from "./benches.ts"
import type { Feed } from "./feed.ts"
import { Feeds } from "./feeds.ts"
import { faultFacts } from "./logged-error.ts"
import type { FromWorker, Seat, ToWorker } from "./messages.ts"
import { Harvest } from "./harvest.ts"
import { placed } from "./placed-end.ts"
import { Questions } from "./questions.ts"
import { Handovers } from "./reshard/handovers.ts"
import type { ShardsByStream } from "./reshard/shards.ts"
import type { ServiceCode } from "./service-code.ts"
import { assertSamePlans } from "./same-plans.ts"
import type { Flat } from "./tasks/flat-list.ts"
import { Supply } from "./supply.ts"
import { type Loaded, type WorkerEnd, type WorkerEvents, WorkerHandle } from "./worker-handle.ts"
import type { WorkshopOptions } from "./workshop-options.ts"

/** `loading`: services are loaded, no seat is taken; `halted`: the disk refuses. */
type Phase = "loading" | "open" | "halted" | "stopped"

export class Workshop {
  readonly #options: WorkshopOptions
  /** Its workers' places. */
  readonly benches: Benches
  /** All seats. */
  readonly feeds: Feeds
  /** What gives them their input. */
  readonly supply: Supply
  #phase: Phase = "loading"
  /** Clock time since which seats take input, in ms. */
  #openSince: number = Number.NEGATIVE_INFINITY
  /** Up to which commit the workers know the state to be in the store. */
  #folded = 0
  #code: ServiceCode
  #plans: readonly Plan[] = []
  #shards: ShardsByStream = new Map()
  readonly #handovers: Handovers
  readonly #questions: Questions
  readonly #harvest: Harvest

  constructor(options: WorkshopOptions) {
    this.#options = options
    this.#code = { files: options.files }
    const { store, log, clock, events, workers } = options
    this.#handovers = new Handovers({
      store,
      log,
      clock,
      shards: () => this.#shards,
      feed: (service, stage, partition) => this.feeds.of({ service, stage, partition }),
      plan: (service) => this.#plans.find((plan) => plan.service === service) as Plan,
      isOpen: () => this.#phase === "open",
      isDone: (feed) => this.#isDone(feed),
      settled: () => events.settled(),
      commit: (commit) => events.commit(commit),
      wake: (feed) => this.#seat(feed),
      seal: ({ worker, seat }, watermark) => this.post(worker, { kind: "seal", seat, watermark, now: clock() }),
      release: (feeds) => {
        for (const { worker } of feeds) this.#recover(this.benches.at(worker))
      },
    })
    this.#questions = new Questions((worker, message) => this.post(worker, message))
    this.feeds = new Feeds(workers)
    this.supply = new Supply({
      store,
      log,
      feeds: this.feeds,
      clock,
      post: (worker, message, transfer) => this.post(worker, message, transfer),
      wake: (feed) => this.#seat(feed),
      onGiven: (feed) => this.#questions.give(feed),
      isStopped: () => this.#phase === "stopped",
    })
    this.#harvest = new Harvest(options, this.feeds, {
      plans: () => this.#plans,
      onTook: (feed) => {
        if (this.#isDone(feed)) feed.lagBytes = 0
        this.supply.pump(feed)
        this.#handovers.look(feed)
      },
    })
    this.benches = new Benches(workers, {
      begin: (workerEvents) => this.#begin(workerEvents),
      isOver: () => this.#isOver,
      assertSame: (plans) => assertSamePlans(this.#plans, plans, this.#code.files),
      onMessage: (bench, message) => this.#onMessage(bench, message),
      onStarted: () => {
        if (!this.benches.isBroken) events.onBroken(undefined)
      },
      onBroken: (bench, error) => this.#onBroken(bench, error),
      onEnd: (bench, end) => this.#onEnd(bench, end),
    })
  }

  /** What its workers run. */
  get code(): ServiceCode {
    return this.#code
  }

  get #isOver(): boolean {
    return this.#phase === "stopped" || this.#phase === "halted"
  }

  /** Starts the first worker, which tells the plans. @throws what loading the services throws */
  async load(): Promise<readonly Plan[]> {
    const { plans, modules } = await this.benches.at(0).load()
    this.#code = { files: this.#code.files, modules }
    this.#plans = plans
    this.#addFeeds()
    this.#options.log.info({ files: this.#code.files, services: plans.map(({ service }) => service) }, "services loaded")
    return plans
  }

  /** Streams have been split or merged: their new shards get seats once those that they came of are done. */
  reshard(): void {
    this.#addFeeds()
    for (const bench of this.benches.all) bench.tell({ kind: "shards", shards: this.#shards })
    if (this.#phase === "open") for (const feed of this.feeds.all) this.#handovers.look(feed)
  }

  /** Seats every stage and partition, as soon as the state allows. */
  seatAll(): void {
    this.#phase = "open"
    this.#openSince = this.#options.clock()
    for (const bench of this.benches.all) this.#recover(bench)
  }

  post(place: number, message: ToWorker, transfer: ArrayBuffer[] = []): void {
    if (!this.#isOver) this.benches.all[place]?.post(message, transfer)
  }

  /** Tells an operator what has come of what it had done elsewhere. A seat that is taken anew has it done anew. */
  complete(seat: Seat, operator: string, outcomes: Flat<Outcome>): void {
    const feed = this.feeds.of(seat)
    if (feed?.state !== "open") return
    feed.completing++
    this.post(feed.worker, { kind: "complete", seat, operator, outcomes, now: this.#options.clock() })
  }

  /**
   * Asks an operator about what it keeps; the answer may rest on what is not durable yet. A worker that is replaced meanwhile is
   * asked again.
   *
   * @throws MR1401 when the node stops, or is not ready; MR1302 when the state cannot be read
   */
  ask(seat: Seat, operator: string, question: unknown): Promise<unknown> {
    const feed = this.feeds.of(seat)
    if (feed === undefined || this.#phase !== "open") return Promise.reject(new MillraceError("MR1401", "The node is not ready to answer."))
    if (feed.state === "stuck" && feed.fault !== undefined) return Promise.reject(errorFrom(feed.fault))
    const { next } = this.#options.store.extent(feed.input.name, seat.partition)
    const answer = this.#questions.put(feed, operator, question, next)
    if (feed.state === "asleep") this.#seat(feed)
    return answer
  }

  /** Gives every seat its due tick, wakes those that need one, and sees to workers that are missing or not needed. */
  tick(now: number): void {
    if (this.#phase !== "open") return
    this.#tellFolded()
    for (const feed of this.feeds.all) {
      this.#handovers.look(feed)
      if (feed.isParted || feed.sealing) continue
      if (feed.state === "open") this.supply.pump(feed)
      else if (feed.state === "stuck" && performance.now() >= feed.triedAt) {
        feed.state = "closed"
        this.#recover(this.benches.at(feed.worker))
      }
      if (feed.ticking) continue
      if (feed.tickAt > now) {
        // When it was told, it may have been far away.
        this.#options.events.onDue(feed.tickAt)
        continue
      }
      if (feed.state === "asleep") this.#seat(feed)
      if (feed.state !== "open") continue
      feed.ticking = true
      const waits = this.#options.store.extent(feed.input.name, feed.seat.partition).next > feed.consumed
      this.post(feed.worker, { kind: "tick", seat: feed.seat, now, waits })
    }
    for (const bench of this.benches.all) {
      if (bench.handle !== undefined) this.#tire(bench, now)
      else if (this.feeds.atPlace(bench.place).some(({ state }) => state === "closed")) this.#recover(bench)
      else bench.look()
    }
  }

  /** Tells the workers what the store can give back, so that they may let go of it. */
  #tellFolded(): void {
    const { foldedSequence } = this.#options.store
    if (foldedSequence === this.#folded) return
    this.#folded = foldedSequence
    for (const bench of this.benches.all) {
      const seats = bench.handle === undefined ? [] : this.feeds.folded(bench.place, foldedSequence)
      if (seats.length > 0) bench.handle?.post({ kind: "folded", seats })
    }
  }

  /** Whether no seat has input in hand or waiting. */
  get idle(): boolean {
    return this.feeds.all.every((feed) => {
      return feed.state === "moved" || ((feed.state === "open" || feed.state === "asleep") && this.#isDone(feed) && !this.#handovers.isDue(feed))
    })
  }

  /** Ends all workers at once; seats close. `restart` brings them back. */
  async halt(): Promise<void> {
    if (this.#phase !== "stopped") this.#phase = "halted"
    for (const feed of this.feeds.all) feed.close()
    await Promise.all(this.benches.all.map((bench) => bench.stop()))
  }

  async stop(): Promise<void> {
    this.#phase = "stopped"
    this.#questions.stop()
    await this.halt()
  }

  /** After `halt`: seats resume from what the store holds, whose state is that of all commits. */
  restart(consumedOf: (seat: Seat) => number): void {
    if (this.#phase !== "halted") return
    this.#phase = "open"
    this.#openSince = this.#options.clock()
    for (const feed of this.feeds.all) {
      feed.rewind(consumedOf(feed.seat))
      this.#take(feed)
    }
  }

  /** Takes a seat, unless it waits for others or is left to others; the store's state is that of all commits. */
  #take(feed: Feed): void {
    feed.state = this.#handovers.stateOf(feed)
    if (feed.state === "closed") this.#seat(feed)
    if (feed.state === "moved") this.#handovers.clear(feed)
  }

  #addFeeds(): void {
    this.#shards = this.#options.events.shards(this.#plans)
    // Their parents are read first, whatever else there is.
    for (const feed of this.feeds.add(this.#plans, this.#shards)) if (this.#phase === "open") feed.state = this.#handovers.stateOf(feed)
  }

  /** Whether all of a seat's input is consumed and nothing of it is in hand. */
  #isDone(feed: Feed): boolean {
    const { input, seat, next } = feed
    return feed.idle && feed.pending === 0 && !feed.reading && !this.#options.events.waits(seat) && next >= this.#options.store.extent(input.name, seat.partition).next
  }

  #seat(feed: Feed): void {
    if (feed.state !== "closed" && feed.state !== "asleep") return
    feed.state = "seating"
    const { seat, number, culprits, worker } = feed
    this.post(worker, { kind: "sit", seat, number, culprits: culprits.told, now: this.#options.clock(), openSince: this.#openSince })
  }

  #onMessage(bench: Bench, message: FromWorker): void {
    switch (message.kind) {
      case "seated":
        return this.#onSeated(message)
      case "transactions":
        bench.onHeadway()
        this.#harvest.take(message.transactions, message.parcel)
        return this.#harvest.acknowledge(bench, message.parcel.length)
      case "ticked": {
        const feed = this.feeds.of(message.seat)
        if (feed !== undefined) {
          feed.ticking = false
          feed.tickAt = message.tickAt
          this.#options.events.onDue(message.tickAt)
        }
        return
      }
      case "answer":
        return this.#questions.answered(message.id, message.answer)
      case "ingested":
        bench.onHeadway()
        return this.#options.events.onIngested(message, bench.place)
      case "not-ingested":
        bench.onHeadway()
        return this.#options.events.onNotIngested(message)
      case "state-fault":
        return this.#onStateFault(message)
      case "loaded":
      case "collected":
      case "refused":
        throw new Error(`workshop: ${message.kind} twice`)
    }
  }

  #onSeated(message: Extract<FromWorker, { kind: "seated" }>): void {
    const feed = this.feeds.of(message.seat)
    if (feed === undefined || feed.state !== "seating") return
    feed.seated(message)
    this.#options.events.onDue(message.tickAt)
    this.#questions.give(feed)
    this.#options.events.onSeated()
    this.supply.pump(feed)
    this.#handovers.look(feed)
  }

  /** Damage stays until somebody mends it: the partition stands still meanwhile, and the others go on. */
  #onStateFault({ seat, error }: Extract<FromWorker, { kind: "state-fault" }>): void {
    const feed = this.feeds.of(seat)
    if (feed === undefined || feed.state === "closed" || feed.isParted) return
    feed.close()
    feed.state = "stuck"
    feed.triedAt = performance.now() + this.#options.bounds.stateRetryMs
    // Each try tells; once is enough to say so.
    if (feed.fault?.message !== error.message) this.#options.log.error({ seat, ...error }, "state could not be read; the partition stands still")
    feed.fault = error
    this.#questions.refuse(feed, errorFrom(error))
  }

  #begin(events: WorkerEvents): Promise<[WorkerHandle, Loaded]> {
    const { dataDir, bounds } = this.#options
    const { stateMemoryBytesMax: stateBytesMost, transactionBytes, handlerMsMax: handlerMs, loadMsMax: loadMs, workerHeapMegabytesMax: heapMegabytes } = bounds
    return WorkerHandle.start({ code: this.#code, dataDir, stateBytesMost, transactionBytes, shards: this.#shards }, { handlerMs, loadMs, heapMegabytes }, events)
  }

  #onBroken(bench: Bench, error: ErrorData): void {
    for (const feed of this.feeds.atPlace(bench.place)) if (!feed.isParted) feed.close()
    this.#options.log.error({ worker: bench.place, ...error }, "a worker could not be started; it is tried again")
    this.#options.events.onBroken(error)
  }

  /** A worker is gone. What it had not committed never happened; its seats are taken again once the store has all that it had. */
  #onEnd(bench: Bench, told: WorkerEnd): void {
    const { log, events } = this.#options
    const end = placed(told, told.kind === "stage" || told.kind === "call" ? this.feeds.at(told.job) : undefined, this.#plans)
    log.error({ worker: bench.place, during: end.kind, code: end.error.code, ...end.error.details }, end.error.message)
    for (const feed of this.feeds.atPlace(bench.place)) if (feed.state !== "asleep" && !feed.isParted) feed.close()
    if (end.kind === "stage" || end.kind === "call") this.feeds.at(end.job)?.culprits.blame(end)
    events.onWorkerEnd(bench.place, end)
    this.#recover(bench)
  }

  /** Takes the closed seats of a bench once the store's state has all that was committed. */
  #recover(bench: Bench): void {
    if (bench.recovering || this.#phase !== "open") return
    bench.recovering = true
    this.#options.events.settled().then(
      () => {
        bench.recovering = false
        if (this.#phase !== "open") return
        for (const feed of this.feeds.atPlace(bench.place)) if (feed.state === "closed") this.#take(feed)
      },
      (error: unknown) => {
        // The next tick tries again. While the disk refuses there is none.
        bench.recovering = false
        if (this.#phase === "open") this.#options.log.error({ worker: bench.place, ...faultFacts(error) }, "seats could not be taken")
      },
    )
  }

  /** Ends the worker of a bench that has had nothing to do for a while. */
  #tire(bench: Bench, now: number): void {
    const { handle } = bench
    if (handle === undefined || !bench.hasRested(this.#rests(bench, now), this.#options.bounds.workerIdleMs)) return
    const { posted } = handle
    this.#options.events.settled().then(
      async () => {
        // Whatever came meanwhile went through `post`.
        if (bench.handle !== handle || handle.posted !== posted || !this.#rests(bench, now)) return
        for (const feed of this.feeds.atPlace(bench.place)) if (!feed.isParted) feed.sleep()
        await bench.stop()
      },
      () => undefined,
    )
  }

  /** Whether a worker has nothing in hand, nothing waiting, and nothing due soon. */
  #rests(bench: Bench, now: number): boolean {
    if (!bench.isResting()) return false
    const soon = now + this.#options.bounds.workerIdleMs
    return this.feeds.atPlace(bench.place).every((feed) => {
      return feed.state === "asleep" || feed.isParted || (feed.state === "open" && this.#isDone(feed) && !feed.sealing && feed.tickAt > soon)
    })
  }
}
