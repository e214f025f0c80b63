/**
 * The node's workers and the seats they hold. Starts workers on demand, gives each its seats, hands them input while they
 * have room, and replaces a worker that hung or died: its seats resume from their last commit, the others do not notice.
 * A worker that has had nothing to do for a while is ended; its seats fall asleep and wake with the next record or tick.
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
import type { Append } from "@millrace/engine"
import { type ErrorData, MillraceError, type Plan, type StagePlan, errorData, errorFrom, isMillraceError, limits } from "@millrace/model"
import type { Origin } from "./commits.ts"
import { Feed } from "./feed.ts"
import { type FromWorker, type Seat, type ToWorker, type TransactionData, seatName } from "./messages.ts"
import { placed } from "./placed-end.ts"
import { Questions } from "./questions.ts"
import { Handovers } from "./reshard/handovers.ts"
import type { ShardsByStream } from "./reshard/shards.ts"
import type { ServiceCode } from "./service-code.ts"
import { type Loaded, type WorkerEnd, type WorkerEvents, WorkerHandle } from "./worker-handle.ts"
import type { WorkshopOptions } from "./workshop-options.ts"

interface Bench {
  readonly place: number
  handle: WorkerHandle | undefined
  /** Messages that wait for the worker to start. */
  outbox: ToWorker[]
  starting: Promise<void> | undefined
  /** Its seats are about to be taken. */
  recovering: boolean
  /** Workers that ended here. */
  replaced: number
  /** Deaths and failed starts since a worker here last brought something about. */
  failures: number
  /** No worker is started before this time on the steady clock, in ms. */
  restsUntil: number
  broken: ErrorData | undefined
  /** Messages that its worker had been given when it was last seen at work, and when that was on the steady clock, in ms. */
  posted: number
  busyAt: number
}

/** `loading`: services are loaded, no seat is taken; `halted`: the disk refuses. */
type Phase = "loading" | "open" | "halted" | "stopped"

const restMsMin = 100
export class Workshop {
  readonly #options: WorkshopOptions
  readonly #benches: Bench[]
  readonly #feeds: Map<string, Feed> = new Map()
  readonly #byInput: Map<string, Feed[]> = new Map()
  /** By the streams that they write. */
  readonly #writers: Map<string, Feed[]> = new Map()
  #byNumber: Feed[] = []
  #phase: Phase = "loading"
  /** Clock time since which seats take input, in ms. */
  #openSince: number = Number.NEGATIVE_INFINITY
  /** Up to which commit the workers know the state to be in the store. */
  #folded = 0
  /** The newest commit of its workers. */
  #newest = 0
  #code: ServiceCode
  #plans: readonly Plan[] = []
  #shards: ShardsByStream = new Map()
  readonly #handovers: Handovers
  readonly #questions: Questions

  constructor(options: WorkshopOptions) {
    this.#options = options
    this.#code = { files: options.files }
    const { store, log, clock, events } = options
    this.#handovers = new Handovers({
      store,
      log,
      clock,
      shards: () => this.#shards,
      feed: (service, stage, partition) => this.#feeds.get(seatName({ service, stage, partition })),
      plan: (service) => this.#plans.find((plan) => plan.service === service) as Plan,
      isOpen: () => this.#phase === "open",
      isDone: (feed) => this.#isDone(feed),
      settled: () => events.settled(),
      commit: (commit) => events.commit(commit),
      wake: (feed) => this.#seat(feed),
      seal: ({ worker, seat }, watermark) => this.post(worker, { kind: "seal", seat, watermark, now: clock() }),
      release: (feeds) => {
        for (const { worker } of feeds) this.#recover(this.#benches[worker] as Bench)
      },
    })
    this.#questions = new Questions((worker, message) => this.post(worker, message))
    this.#benches = Array.from({ length: options.workers }, (_, place) => ({
      place,
      handle: undefined,
      outbox: [],
      starting: undefined,
      recovering: false,
      replaced: 0,
      failures: 0,
      restsUntil: 0,
      broken: undefined,
      posted: 0,
      busyAt: performance.now(),
    }))
  }

  /** What its workers run. */
  get code(): ServiceCode {
    return this.#code
  }

  get count(): number {
    return this.#benches.length
  }

  /** Workers that run now. */
  get running(): number {
    return this.#benches.filter(({ handle }) => handle !== undefined).length
  }

  get feeds(): readonly Feed[] {
    return this.#byNumber
  }

  get replaced(): number {
    return this.#benches.reduce((sum, { replaced }) => sum + replaced, 0)
  }

  /** Starts the first worker, which tells the plans. @throws what loading the services throws */
  async load(): Promise<readonly Plan[]> {
    const [bench] = this.#benches
    if (bench === undefined) throw new Error("workshop: no benches")
    const [handle, { plans, modules }] = await this.#startHandle(bench)
    this.#code = { files: this.#code.files, modules }
    bench.handle = handle
    this.#plans = plans
    this.#addFeeds()
    this.#options.log.info({ files: this.#code.files, services: plans.map(({ service }) => service) }, "services loaded")
    return plans
  }

  /** Streams have been split or merged: their new shards get seats once those that they came of are done. */
  reshard(): void {
    this.#addFeeds()
    for (const bench of this.#benches) {
      const message: ToWorker = { kind: "shards", shards: this.#shards }
      if (bench.handle !== undefined) bench.handle.post(message)
      else if (bench.starting !== undefined) bench.outbox.push(message)
    }
    if (this.#phase === "open") for (const feed of this.#byNumber) this.#handovers.look(feed)
  }

  /** Seats every stage and partition, as soon as the state allows. */
  seatAll(): void {
    this.#phase = "open"
    this.#openSince = this.#options.clock()
    for (const bench of this.#benches) this.#recover(bench)
  }

  /**
   * The place whose worker has the fewest messages before it: one that user code holds is passed by, and one that does not run is
   * started only when those that run are at work. Among equals, each in its turn.
   */
  freest(turn: number): number {
    let freest = turn % this.#benches.length
    for (let i = 1; i < this.#benches.length; i++) {
      const place = (turn + i) % this.#benches.length
      if (this.backlogOf(place) < this.backlogOf(freest)) freest = place
    }
    return freest
  }

  /** Messages before a place's worker, the one in hand among them; one that does not run counts as one. */
  backlogOf(place: number): number {
    const { handle, outbox } = this.#benches[place] as Bench
    return handle === undefined ? outbox.length + 1 : handle.backlog
  }

  /** Whether a place's worker has the body of an ingest in hand. */
  isAt(place: number, ingest: number): boolean {
    return this.#benches[place]?.handle?.isAt(ingest) === true
  }

  /** Takes the body of an ingest out of what waits for a worker to start. */
  withdraw(place: number, ingest: number): void {
    const bench = this.#benches[place] as Bench
    bench.outbox = bench.outbox.filter((message) => message.kind !== "ingest" || message.id !== ingest)
  }

  post(place: number, message: ToWorker, transfer: ArrayBuffer[] = []): void {
    const bench = this.#benches[place]
    if (bench === undefined || this.#phase === "stopped" || this.#phase === "halted") return
    if (bench.handle !== undefined) bench.handle.post(message, transfer)
    else {
      bench.outbox.push(message)
      this.#start(bench)
    }
  }

  /** Blocks were appended: hands them on to the seats that read them and are up to date, decoded ones by their offsets alone. */
  onAppended(appends: readonly Append[], bases: readonly number[], origin: Origin | undefined): void {
    const kept = origin === undefined ? [] : bases.map(() => -1)
    const now = this.#options.clock()
    for (const [i, { stream, partition, count, block }] of appends.entries()) {
      const base = bases[i] as number
      for (const feed of this.#byInput.get(inputName(stream, partition)) ?? []) {
        feed.lagBytes += block.length
        if (!feed.takes(base)) {
          if (feed.state === "asleep") this.#seat(feed)
          else this.#pump(feed)
          continue
        }
        feed.sent(base + count, block.length)
        if (origin !== undefined && origin.worker === feed.worker && origin.service === feed.seat.service) kept[i] = base
        else {
          const copy = block.slice()
          this.post(feed.worker, { kind: "input", seat: feed.seat, base, skip: 0, block: copy, now }, [copy.buffer])
        }
      }
    }
    if (origin !== undefined) {
      this.post(origin.worker, { kind: "appended", id: origin.ingest, service: origin.service, bases: kept, now })
    }
  }

  /** Tells an operator what has come of what it had done elsewhere. A seat that is taken anew has it done anew. */
  complete(seat: Seat, operator: string, outcomes: readonly unknown[]): void {
    const feed = this.#feeds.get(seatName(seat))
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
    const feed = this.#feeds.get(seatName(seat))
    if (feed === undefined || this.#phase !== "open") return Promise.reject(new MillraceError("MR1401", "The node is not ready to answer."))
    if (feed.state === "stuck" && feed.fault !== undefined) return Promise.reject(errorFrom(feed.fault))
    const { next } = this.#options.store.extent(feed.input.name, seat.partition)
    const answer = this.#questions.put(feed, operator, question, next)
    if (feed.state === "asleep") this.#seat(feed)
    return answer
  }

  /** Whether what was done elsewhere has not all become transactions yet. */
  get completing(): boolean {
    return this.#byNumber.some(({ state, completing }) => state === "open" && completing > 0)
  }

  /** Gives every seat its due tick, wakes those that need one, and sees to workers that are missing or not needed. */
  tick(now: number): void {
    if (this.#phase !== "open") return
    this.#tellFolded()
    for (const feed of this.#byNumber) {
      this.#handovers.look(feed)
      if (feed.isParted || feed.sealing) continue
      if (feed.state === "open") this.#pump(feed)
      else if (feed.state === "stuck" && performance.now() >= feed.triedAt) {
        feed.state = "closed"
        const bench = this.#benches[feed.worker]
        if (bench !== undefined) this.#recover(bench)
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
    for (const bench of this.#benches) {
      if (bench.handle !== undefined) this.#tire(bench, now)
      else if (this.#feedsOf(bench).some(({ state }) => state === "closed")) this.#recover(bench)
      else if (bench.outbox.length > 0) this.#start(bench)
    }
  }

  /** Tells the workers what the store can give back, so that they may let go of it. */
  #tellFolded(): void {
    const { foldedSequence } = this.#options.store
    if (foldedSequence === this.#folded) return
    this.#folded = foldedSequence
    for (const bench of this.#benches) {
      if (bench.handle === undefined) continue
      const seats = this.#feedsOf(bench).flatMap((feed) => {
        const transactions = feed.state === "open" ? feed.folded(foldedSequence) : undefined
        return transactions === undefined ? [] : [[feed.seat, transactions] as const]
      })
      if (seats.length > 0) bench.handle.post({ kind: "folded", seats })
    }
  }

  /** The most bytes by which a seat of the services that read a stream lags behind its input. */
  lagBytesBehind(stream: string): number {
    const services = new Set<string>()
    for (const { input, seat } of this.#byNumber) if (input.name === stream) services.add(seat.service)
    let most = 0
    for (const { lagBytes, seat } of this.#byNumber) if (lagBytes > most && services.has(seat.service)) most = lagBytes
    return most
  }

  /** Whether all that the stages will ever write to a stream is durable. */
  hasEnded(stream: string): boolean {
    const { durableSequence } = this.#options.store
    return this.#writers.get(stream)?.every((feed) => feed.hasEnded(durableSequence)) ?? false
  }

  /** Whether a worker holds more state than it may, as the store cannot give it back before it is folded. */
  get overMemory(): boolean {
    return this.#byNumber.some(({ overMemory }) => overMemory)
  }

  /** Whether no seat has input in hand or waiting. */
  get idle(): boolean {
    return this.#byNumber.every((feed) => {
      return feed.state === "moved" || ((feed.state === "open" || feed.state === "asleep") && this.#isDone(feed) && !this.#handovers.isDue(feed))
    })
  }

  /** Ends all workers at once; seats close. `restart` brings them back. */
  async halt(): Promise<void> {
    if (this.#phase !== "stopped") this.#phase = "halted"
    for (const feed of this.#byNumber) feed.close()
    const ends = this.#benches.map(async (bench) => {
      const { handle, starting } = bench
      bench.handle = undefined
      bench.outbox = []
      await handle?.stop()
      await starting
    })
    await Promise.all(ends)
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
    for (const feed of this.#byNumber) {
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

  /** Every stage has a seat for each of its partitions; where its stream was resharded, for each shard that there ever was. */
  #addFeeds(): void {
    this.#shards = this.#options.events.shards(this.#plans)
    for (const plan of this.#plans) {
      for (const stage of plan.stages) {
        const count = this.#shards.get(stage.input)?.length ?? stage.partitions
        for (let partition = 0; partition < count; partition++) {
          if (!this.#feeds.has(seatName({ service: plan.service, stage: stage.id, partition }))) this.#addFeed(plan, stage, partition)
        }
      }
    }
  }

  #addFeed(plan: Plan, { id, input, operators, deadLetters }: StagePlan, partition: number): void {
    const seat: Seat = { service: plan.service, stage: id, partition }
    const stream = plan.streams.find(({ name }) => name === input)
    if (stream === undefined) throw new Error(`workshop: stream ${input} is missing`)
    const feed = new Feed(seat, this.#byNumber.length, stream, partition % this.#benches.length)
    // Its parents are read first, whatever else there is.
    if (this.#phase === "open") feed.state = this.#handovers.stateOf(feed)
    this.#byNumber.push(feed)
    this.#feeds.set(seatName(seat), feed)
    const name = inputName(input, partition)
    this.#byInput.set(name, [...(this.#byInput.get(name) ?? []), feed])
    const written = operators.flatMap((operator) => ("stream" in operator ? [operator.stream] : []))
    for (const each of new Set([...written, deadLetters])) this.#writers.set(each, [...(this.#writers.get(each) ?? []), feed])
  }

  #feedsOf(bench: Bench): Feed[] {
    return this.#byNumber.filter(({ worker }) => worker === bench.place)
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
        bench.failures = 0
        this.#onTransactions(message.transactions, message.parcel)
        return this.#onTaken(bench, message.parcel.length)
      case "ticked": {
        const feed = this.#feeds.get(seatName(message.seat))
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
        bench.failures = 0
        return this.#options.events.onIngested(message, bench.place)
      case "not-ingested":
        bench.failures = 0
        return this.#options.events.onNotIngested(message)
      case "state-fault":
        return this.#onStateFault(message)
      case "loaded":
      case "collected":
      case "refused":
        throw new Error(`workshop: ${message.kind} twice`)
    }
  }

  #onSeated({ seat, consumed, tickAt, watermark, keys, pending }: Extract<FromWorker, { kind: "seated" }>): void {
    const feed = this.#feeds.get(seatName(seat))
    if (feed === undefined || feed.state !== "seating") return
    feed.state = "open"
    feed.consumed = consumed
    feed.next = consumed
    feed.tickAt = tickAt
    feed.watermark = watermark
    // Only the end of the input brings the watermark there.
    feed.ended = watermark === Number.POSITIVE_INFINITY
    feed.keys = keys
    feed.pending = pending
    this.#options.events.onDue(tickAt)
    this.#questions.give(feed)
    this.#options.events.onSeated()
    this.#pump(feed)
    this.#handovers.look(feed)
  }

  /** Damage stays until somebody mends it: the partition stands still meanwhile, and the others go on. */
  #onStateFault({ seat, error }: Extract<FromWorker, { kind: "state-fault" }>): void {
    const feed = this.#feeds.get(seatName(seat))
    if (feed === undefined || feed.state === "closed" || feed.isParted) return
    feed.close()
    feed.state = "stuck"
    feed.triedAt = performance.now() + this.#options.bounds.stateRetryMs
    // Each try tells; once is enough to say so.
    if (feed.fault?.message !== error.message) this.#options.log.error({ seat, ...error }, "state could not be read; the partition stands still")
    feed.fault = error
    this.#questions.refuse(feed, errorFrom(error))
  }

  /** Tells a worker that what it sent is on its way to the disk: at once while the disk keeps up, else when it has caught up. */
  #onTaken(bench: Bench, bytes: number): void {
    const { store, bounds } = this.#options
    const { handle } = bench
    if (handle === undefined) return
    if (store.queuedBytes <= bounds.journalQueueBytesMax) handle.taken(bytes)
    else {
      store.durable(this.#newest).then(
        () => handle.taken(bytes),
        () => undefined,
      )
    }
  }

  #onTransactions(transactions: readonly TransactionData[], parcel: Uint8Array): void {
    let sequence: number
    try {
      sequence = this.#options.events.onTransactions(transactions, parcel)
      this.#newest = sequence
    } catch (error) {
      // The disk refuses: whoever watches it has been told and halts the workshop.
      if (isMillraceError(error)) return
      throw error
    }
    for (const transaction of transactions) {
      const feed = this.#feeds.get(seatName(transaction.seat))
      if (feed === undefined) continue
      feed.committed(transaction.consumed, sequence)
      feed.ticking = false
      feed.completing -= transaction.completed
      feed.tickAt = transaction.tickAt
      this.#options.events.onDue(transaction.tickAt)
      feed.watermark = transaction.watermark
      feed.ended = transaction.ended
      feed.records += transaction.records
      feed.deadLetters += transaction.deadLetters
      if (transaction.deadLetters > 0) this.#tellDeadLetters(feed)
      feed.keys = transaction.keys
      feed.overMemory = transaction.overMemory
      feed.pending = transaction.pending
      feed.held = transaction.held
      for (const [operator, count] of transaction.late) feed.late.set(operator, (feed.late.get(operator) ?? 0) + count)
      feed.culprits.committed(transaction.consumed, transaction.deadLetters)
      if (this.#isDone(feed)) feed.lagBytes = 0
      if (transaction.sealed !== undefined) feed.sealing = false
      if (transaction.sealed === true) feed.state = "sealed"
      this.#pump(feed)
      this.#handovers.look(feed)
    }
  }

  /** Now and then: what fails once often fails a thousand times. */
  #tellDeadLetters(feed: Feed): void {
    const now = performance.now()
    if (now - feed.toldAt < limits.deadLettersToldMs) return
    feed.toldAt = now
    const letters = this.#plans.find(({ service }) => service === feed.seat.service)?.stages.find(({ id }) => id === feed.seat.stage)?.deadLetters
    const sentence = `a record could not be processed; see why: millrace tail ${letters} --from earliest`
    this.#options.log.warn({ seat: feed.seat, deadLetters: feed.deadLetters }, sentence)
  }

  /** Reads from the log what the seat has not been given, while it has room. */
  #pump(feed: Feed): void {
    if (feed.state !== "open" || feed.reading || !feed.hasRoom) return
    const { store, clock, log } = this.#options
    const { name } = feed.input
    const { partition } = feed.seat
    if (feed.next >= store.extent(name, partition).next) return
    feed.reading = true
    const { opening } = feed
    store
      .read(name, partition, feed.next, limits.stageInFlightBytesMax / 2)
      .then((slices) => {
        // The seat may have been closed and opened again meanwhile, from another offset on.
        if (feed.opening !== opening) return
        feed.reading = false
        feed.error = undefined
        if (feed.state !== "open") return
        for (const { base, count, block } of slices) {
          if (base + count <= feed.next) continue
          const skip = Math.max(0, feed.next - base)
          const copy = block.slice()
          feed.sent(base + count, block.length)
          this.post(feed.worker, { kind: "input", seat: feed.seat, base, skip, block: copy, now: clock() }, [copy.buffer])
        }
        this.#questions.give(feed)
        this.#pump(feed)
      })
      .catch((error: unknown) => {
        if (feed.opening !== opening || this.#phase === "stopped") return
        feed.reading = false
        const data = errorData(error)
        // Each tick tries again; once is enough to say so.
        if (feed.error?.message !== data.message) {
          log.error({ seat: feed.seat, from: feed.next, ...data }, "input could not be read; the partition stands still")
        }
        feed.error = data
      })
  }

  async #startHandle(bench: Bench): Promise<[WorkerHandle, Loaded]> {
    const { dataDir, bounds } = this.#options
    const { stateMemoryBytesMax: stateBytesMost, transactionBytes } = bounds
    const { handlerMsMax: handlerMs, loadMsMax: loadMs, workerHeapMegabytesMax: heapMegabytes } = bounds
    bench.busyAt = performance.now()
    bench.posted = 0
    const shards = this.#shards
    return WorkerHandle.start({ code: this.#code, dataDir, stateBytesMost, transactionBytes, shards }, { handlerMs, loadMs, heapMegabytes }, this.#eventsOf(bench))
  }

  #start(bench: Bench): void {
    if (bench.starting !== undefined || bench.handle !== undefined || performance.now() < bench.restsUntil) return
    bench.starting = this.#startHandle(bench)
      .then(async ([handle, { plans }]) => {
        bench.starting = undefined
        if (this.#phase === "stopped" || this.#phase === "halted") return await handle.stop()
        if (JSON.stringify(plans) !== JSON.stringify(this.#plans)) {
          await handle.stop()
          const message = "The services' modules gave another plan than when they were first loaded: what they define must not depend on time, chance or surroundings."
          throw new MillraceError("MR1103", message, { files: this.#code.files })
        }
        bench.handle = handle
        bench.broken = undefined
        const { outbox } = bench
        bench.outbox = []
        for (const message of outbox) handle.post(message)
        if (this.#benches.every(({ broken }) => broken === undefined)) this.#options.events.onBroken(undefined)
      })
      .catch((error: unknown) => {
        bench.starting = undefined
        if (this.#phase === "stopped" || this.#phase === "halted") return
        bench.outbox = []
        for (const feed of this.#feedsOf(bench)) if (!feed.isParted) feed.close()
        bench.broken = errorData(error)
        this.#rest(bench)
        this.#options.log.error({ worker: bench.place, ...bench.broken }, "a worker could not be started; it is tried again")
        this.#options.events.onBroken(bench.broken)
      })
  }

  /** Waits before the next start, the longer the more often nothing came of it. */
  #rest(bench: Bench): void {
    const wait = bench.failures === 0 ? 0 : Math.min(limits.workerRestMsMax, restMsMin * 2 ** Math.min(bench.failures - 1, 20))
    bench.failures++
    bench.restsUntil = performance.now() + wait
  }

  #eventsOf(bench: Bench): WorkerEvents {
    return {
      onMessage: (message) => this.#onMessage(bench, message),
      onEnd: (end) => this.#onEnd(bench, end),
    }
  }

  /** A worker is gone. What it had not committed never happened; its seats are taken again once the store has all that it had. */
  #onEnd(bench: Bench, told: WorkerEnd): void {
    const { log, events } = this.#options
    const end = placed(told, told.kind === "stage" || told.kind === "call" ? this.#byNumber[told.job] : undefined, this.#plans)
    bench.handle = undefined
    bench.outbox = []
    bench.replaced++
    this.#rest(bench)
    log.error({ worker: bench.place, during: end.kind, code: end.error.code, ...end.error.details }, end.error.message)
    for (const feed of this.#feedsOf(bench)) if (feed.state !== "asleep" && !feed.isParted) feed.close()
    if (end.kind === "stage" || end.kind === "call") this.#byNumber[end.job]?.culprits.blame(end)
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
        for (const feed of this.#feedsOf(bench)) if (feed.state === "closed") this.#take(feed)
      },
      (error: unknown) => {
        // The next tick tries again. While the disk refuses there is none.
        bench.recovering = false
        if (this.#phase === "open") this.#options.log.error({ worker: bench.place, ...errorData(error) }, "seats could not be taken")
      },
    )
  }

  /** Ends the worker of a bench that has had nothing to do for a while. */
  #tire(bench: Bench, now: number): void {
    const { handle } = bench
    const at = performance.now()
    const { workerIdleMs } = this.#options.bounds
    if (handle === undefined) return
    if (!this.#isResting(bench, handle, now)) bench.busyAt = at
    if (at - bench.busyAt < workerIdleMs) return
    bench.busyAt = at
    const { posted } = handle
    this.#options.events.settled().then(
      async () => {
        // Whatever came meanwhile went through `post`.
        if (bench.handle !== handle || handle.posted !== posted || !this.#isResting(bench, handle, now)) return
        for (const feed of this.#feedsOf(bench)) if (!feed.isParted) feed.sleep()
        bench.handle = undefined
        await handle.stop()
      },
      () => undefined,
    )
  }

  /** Whether a worker has nothing in hand, nothing waiting, and nothing due soon. */
  #isResting(bench: Bench, handle: WorkerHandle, now: number): boolean {
    if (handle.posted !== bench.posted) {
      bench.posted = handle.posted
      return false
    }
    if (!handle.idle) return false
    const soon = now + this.#options.bounds.workerIdleMs
    return this.#feedsOf(bench).every((feed) => {
      return feed.state === "asleep" || feed.isParted || (feed.state === "open" && this.#isDone(feed) && !feed.sealing && feed.tickAt > soon)
    })
  }
}

function inputName(stream: string, partition: number): string {
  return `${stream}\n${partition}`
}
