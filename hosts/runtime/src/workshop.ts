/**
 * The node's workers and the seats they hold. Starts workers on demand, gives each its seats, hands them input while they
 * have room, and replaces a worker that hung or died: its seats resume from their last commit, the others do not notice.
 */
import type { Append, Store } from "@millrace/engine"
import { type ErrorData, type Plan, errorData, limits } from "@millrace/model"
import type { Origin } from "./commits.ts"
import { Feed } from "./feed.ts"
import type { Log } from "./log.ts"
import { type FromWorker, type Seat, type ServiceFile, type ToWorker, type TransactionData, seatName } from "./messages.ts"
import { type WorkerEnd, WorkerHandle } from "./worker-handle.ts"

export interface WorkshopOptions {
  readonly store: Store
  readonly files: readonly ServiceFile[]
  readonly dataDir: string
  readonly workers: number
  readonly clock: () => number
  readonly log: Log
  readonly events: WorkshopEvents
}

export interface WorkshopEvents {
  /** Commits what seats have done; throws when the store refuses. */
  onTransactions(transactions: readonly TransactionData[], parcel: Uint8Array): void
  onIngested(message: Extract<FromWorker, { kind: "ingested" }>): void
  onNotIngested(message: Extract<FromWorker, { kind: "not-ingested" }>): void
  /** A worker is gone; a new one is about to start. */
  onWorkerEnd(worker: number, end: WorkerEnd): void
  /** A worker cannot be started. */
  onBroken(error: ErrorData): void
}

interface Bench {
  readonly place: number
  handle: WorkerHandle | undefined
  /** Messages that wait for the worker to start. */
  outbox: ToWorker[]
  starting: boolean
  /** Workers that ended here. */
  replaced: number
}

export class Workshop {
  readonly #options: WorkshopOptions
  readonly #benches: Bench[]
  readonly #feeds: Map<string, Feed> = new Map()
  readonly #byInput: Map<string, Feed[]> = new Map()
  #byNumber: Feed[] = []
  #stopped = false

  constructor(options: WorkshopOptions) {
    this.#options = options
    this.#benches = Array.from({ length: options.workers }, (_, place) => ({
      place,
      handle: undefined,
      outbox: [],
      starting: false,
      replaced: 0,
    }))
  }

  get count(): number {
    return this.#benches.length
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
    const { files } = this.#options
    const [handle, plans] = await WorkerHandle.start(this.#data(), this.#options.clock, this.#eventsOf(bench))
    bench.handle = handle
    for (const plan of plans) {
      for (const stage of plan.stages) {
        for (let partition = 0; partition < stage.partitions; partition++) this.#addFeed(plan, stage.id, stage.input, partition)
      }
    }
    this.#options.log.info({ files: files.map(({ file }) => file), services: plans.map(({ service }) => service) }, "services loaded")
    return plans
  }

  /** Seats every stage and partition. The store's state must be folded up to the last commit. */
  seatAll(): void {
    for (const feed of this.#byNumber) this.#seat(feed)
  }

  post(place: number, message: ToWorker, transfer: ArrayBuffer[] = []): void {
    const bench = this.#benches[place]
    if (bench === undefined || this.#stopped) return
    if (bench.handle !== undefined) bench.handle.post(message, transfer)
    else {
      bench.outbox.push(message)
      void this.#start(bench)
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
          this.#pump(feed)
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

  /** Gives every seat its due tick. */
  tick(now: number): void {
    for (const feed of this.#byNumber) {
      if (feed.state !== "open" || feed.ticking || feed.tickAt > now) continue
      feed.ticking = true
      this.post(feed.worker, { kind: "tick", seat: feed.seat, now })
    }
  }

  /** The most bytes by which a seat lags behind its input. */
  get lagBytes(): number {
    let most = 0
    for (const { lagBytes } of this.#byNumber) if (lagBytes > most) most = lagBytes
    return most
  }

  /** Whether no seat has input in hand or waiting. */
  get idle(): boolean {
    return this.#byNumber.every(
      (feed) => feed.state === "open" && feed.idle && !feed.reading && feed.next >= this.#options.store.extent(feed.input.name, feed.seat.partition).next,
    )
  }

  /** Ends all workers at once; seats close. `restart` brings them back. */
  async halt(): Promise<void> {
    for (const feed of this.#byNumber) feed.close()
    const handles = this.#benches.map((bench) => {
      const { handle } = bench
      bench.handle = undefined
      bench.outbox = []
      return handle
    })
    await Promise.all(handles.map((handle) => handle?.stop()))
  }

  async stop(): Promise<void> {
    this.#stopped = true
    await this.halt()
  }

  /** After `halt`: seats resume from what the store holds. */
  restart(consumedOf: (seat: Seat) => number): void {
    for (const feed of this.#byNumber) {
      feed.consumed = consumedOf(feed.seat)
      feed.next = feed.consumed
      this.#seat(feed)
    }
  }

  #addFeed(plan: Plan, stage: string, input: string, partition: number): void {
    const seat: Seat = { service: plan.service, stage, partition }
    const stream = plan.streams.find(({ name }) => name === input)
    if (stream === undefined) throw new Error(`workshop: stream ${input} is missing`)
    const feed = new Feed(seat, this.#byNumber.length, stream, partition % this.#benches.length)
    this.#byNumber.push(feed)
    this.#feeds.set(seatName(seat), feed)
    const name = inputName(input, partition)
    this.#byInput.set(name, [...(this.#byInput.get(name) ?? []), feed])
  }

  #seat(feed: Feed): void {
    if (feed.state !== "closed") return
    feed.state = "seating"
    const { seat, number, poison, worker } = feed
    this.post(worker, { kind: "sit", seat, number, poison: [...poison], now: this.#options.clock() })
  }

  #onMessage(message: FromWorker): void {
    switch (message.kind) {
      case "seated":
        return this.#onSeated(message)
      case "transactions":
        return this.#onTransactions(message.transactions, message.parcel)
      case "ticked": {
        const feed = this.#feeds.get(seatName(message.seat))
        if (feed !== undefined) {
          feed.ticking = false
          feed.tickAt = message.tickAt
        }
        return
      }
      case "ingested":
        return this.#options.events.onIngested(message)
      case "not-ingested":
        return this.#options.events.onNotIngested(message)
      case "loaded":
      case "refused":
        throw new Error(`workshop: ${message.kind} twice`)
    }
  }

  #onSeated({ seat, consumed, tickAt, watermark, ended, keys }: Extract<FromWorker, { kind: "seated" }>): void {
    const feed = this.#feeds.get(seatName(seat))
    if (feed === undefined || feed.state !== "seating") return
    feed.state = "open"
    feed.consumed = consumed
    feed.next = consumed
    feed.tickAt = tickAt
    feed.watermark = watermark
    feed.ended = ended
    feed.keys = keys
    this.#pump(feed)
  }

  #onTransactions(transactions: readonly TransactionData[], parcel: Uint8Array): void {
    this.#options.events.onTransactions(transactions, parcel)
    for (const transaction of transactions) {
      const feed = this.#feeds.get(seatName(transaction.seat))
      if (feed === undefined) continue
      feed.committed(transaction.consumed)
      feed.ticking = false
      feed.tickAt = transaction.tickAt
      feed.watermark = transaction.watermark
      feed.ended = transaction.ended
      feed.records += transaction.records
      feed.deadLetters += transaction.deadLetters
      feed.keys = transaction.keys
      for (const [operator, count] of transaction.late) feed.late.set(operator, (feed.late.get(operator) ?? 0) + count)
      for (const offset of feed.poison.keys()) if (offset < transaction.consumed) feed.poison.delete(offset)
      this.#pump(feed)
    }
  }

  /** Reads from the log what the seat has not been given, while it has room. */
  #pump(feed: Feed): void {
    if (feed.state !== "open" || feed.reading || !feed.hasRoom) return
    const { store, clock, log } = this.#options
    const { name } = feed.input
    const { partition } = feed.seat
    if (feed.next >= store.extent(name, partition).next) return
    feed.reading = true
    store
      .read(name, partition, feed.next, limits.stageInFlightBytesMax / 2)
      .then((slices) => {
        feed.reading = false
        if (feed.state !== "open") return
        for (const { base, count, block } of slices) {
          if (base + count <= feed.next) continue
          const skip = Math.max(0, feed.next - base)
          const copy = block.slice()
          feed.sent(base + count, block.length)
          this.post(feed.worker, { kind: "input", seat: feed.seat, base, skip, block: copy, now: clock() }, [copy.buffer])
        }
        this.#pump(feed)
      })
      .catch((error: unknown) => {
        feed.reading = false
        log.error({ seat: feed.seat, from: feed.next, ...errorData(error) }, "input could not be read; the partition stands still")
      })
  }

  async #start(bench: Bench): Promise<void> {
    if (bench.starting || bench.handle !== undefined) return
    bench.starting = true
    try {
      const [handle] = await WorkerHandle.start(this.#data(), this.#options.clock, this.#eventsOf(bench))
      bench.starting = false
      if (this.#stopped) return await handle.stop()
      bench.handle = handle
      const { outbox } = bench
      bench.outbox = []
      for (const message of outbox) handle.post(message)
    } catch (error) {
      bench.starting = false
      const data = errorData(error)
      this.#options.log.error({ worker: bench.place, ...data }, "a worker could not be started")
      this.#options.events.onBroken(data)
    }
  }

  #eventsOf(bench: Bench): { onMessage(message: FromWorker): void; onEnd(end: WorkerEnd): void } {
    return {
      onMessage: (message) => this.#onMessage(message),
      onEnd: (end) => {
        this.#onEnd(bench, end).catch((error: unknown) => this.#options.events.onBroken(errorData(error)))
      },
    }
  }

  /** A worker is gone. What it had not committed never happened; its seats are taken again once the store has all that it had. */
  async #onEnd(bench: Bench, end: WorkerEnd): Promise<void> {
    const { log, store, events } = this.#options
    bench.handle = undefined
    bench.outbox = []
    bench.replaced++
    log.error({ worker: bench.place, record: end.record, during: end.kind, code: end.error.code }, end.error.message)
    const feeds = this.#byNumber.filter(({ worker }) => worker === bench.place)
    for (const feed of feeds) feed.close()
    if (end.kind === "stage") {
      const culprit = this.#byNumber[end.job]
      if (culprit !== undefined && end.record >= 0) {
        const attempts = (culprit.poison.get(end.record)?.attempts ?? 0) + 1
        culprit.poison.set(end.record, { error: end.error, attempts })
      }
    }
    events.onWorkerEnd(bench.place, end)
    if (this.#stopped) return
    await store.fold()
    for (const feed of feeds) this.#seat(feed)
  }

  #data(): { files: readonly ServiceFile[]; dataDir: string } {
    const { files, dataDir } = this.#options
    return { files, dataDir }
  }
}

function inputName(stream: string, partition: number): string {
  return `${stream}\n${partition}`
}
