/**
 * Services at work on the memory store, in one thread: what a host does with workers and a journal is done here one
 * transaction at a time. Reads the log, applies, commits; starts again from what was committed.
 *
 * Not for: what users see of it (test-service.ts), which seat works next (order.ts).
 *
 * D1  Every stage and partition is a machine of the production engine; nothing here looks at a record.
 * D2  A crash may fall between any two transactions. It loses what is in memory and nothing that was committed.
 * D3  Nothing waits for time: the clock is a number that the test moves.
 *
 * With the tests that hold them in docs/specs/testing.md.
 */
import { type Append, type Effect, Intake, type Rejected, type StageBounds, StateMemory, type Store, type Transaction } from "@millrace/engine"
import { openMemoryStore } from "@millrace/memory"
import { BlockWriter, type StreamPlan, limits } from "@millrace/model"
import type { Catalogue } from "./catalogue.ts"
import { LogBook } from "./log-book.ts"
import type { Order } from "./order.ts"
import { Seat } from "./seat.ts"

/** Rounds in which the clock stands still and something is due all the same: more are no progress but a fault. */
const roundsMax = 100_000

/** What a transaction of a service decided. */
export interface Decided {
  readonly service: string
  readonly effect: Effect
}

export class Works {
  readonly catalogue: Catalogue
  readonly log: LogBook
  readonly seats: readonly Seat[]
  readonly #store: Store
  readonly #order: Order
  readonly #intakes: Map<string, Intake> = new Map()
  /** Streams that have ended. */
  readonly #ended: Set<string> = new Set()
  /** Numbers of the transactions after which it crashes. */
  readonly #crashes: Set<number> = new Set()
  /** What the transactions decided, in order. */
  readonly decided: Decided[] = []
  /** Late records by operator. */
  readonly late: Map<string, number> = new Map()
  /** Transactions so far. */
  transactions = 0
  /** The clock, in ms. */
  now: number

  static async open(catalogue: Catalogue, now: number, order: Order): Promise<Works> {
    const works: { open?: Works } = {}
    const store = await openMemoryStore({ now: () => works.open?.now ?? now, onLost: () => undefined })
    works.open = new Works(catalogue, store, now, order)
    return works.open
  }

  private constructor(catalogue: Catalogue, store: Store, now: number, order: Order) {
    this.catalogue = catalogue
    this.log = new LogBook(catalogue)
    this.now = now
    this.#store = store
    this.#order = order
    // One for all, as in a worker.
    const { stateBytesMost, transactionBytes } = order
    const bounds: StageBounds = { memory: new StateMemory(stateBytesMost, stateBytesMost), transactionBytes }
    this.seats = catalogue.stages.flatMap(({ program, stage }) => {
      // As the service itself knows it: another one may be who writes it.
      const input = program.plan.streams.find(({ name }) => name === stage.input)
      if (input === undefined) throw new Error(`plan of ${program.plan.service}: stream ${stage.input} is missing`)
      return Array.from({ length: stage.partitions }, (_, partition) => new Seat({ program, store, stage, input, partition }, bounds, now))
    })
  }

  /** Sends records as requests to a front door; returns those that were refused, with their index. */
  async send(stream: StreamPlan, lines: readonly string[], mayWork: boolean): Promise<readonly Rejected[]> {
    const intake = this.#intakes.get(stream.name) ?? new Intake(stream, this.catalogue.code(stream.name), new Float64Array(1))
    this.#intakes.set(stream.name, intake)
    const refused: Rejected[] = []
    for (let from = 0; from < lines.length; ) {
      // Few enough that each refusal is listed.
      const count = Math.min(this.#order.request(lines.length - from), limits.rejectionsListedMax)
      const body = new TextEncoder().encode(lines.slice(from, from + count).join("\n"))
      const { appends, rejected } = intake.take(body, "ndjson", this.now)
      this.#append(appends, [])
      for (const { index, problem } of rejected) refused.push({ index: from + index, problem })
      from += count
      if (mayWork && from < lines.length) for (let left = this.#order.between(); left > 0; left--) await this.step()
    }
    return refused
  }

  /** Says that no record of a source is older than a time; at Infinity, that the source has ended. */
  mark(stream: StreamPlan, watermark: number): void {
    if (this.#ended.has(stream.name)) return
    if (watermark === Number.POSITIVE_INFINITY) this.#ended.add(stream.name)
    const appends = Array.from({ length: stream.partitions }, (_, partition): Append => {
      const block = new BlockWriter(64)
      block.mark(0, watermark)
      return { stream: stream.name, partition, count: 1, block: block.take() }
    })
    this.#append(appends, [])
  }

  /** One transaction of a seat that has input; false when none has. */
  async step(): Promise<boolean> {
    const behind = this.seats.filter((seat) => seat.isBehind)
    const seat = behind[this.#order.next(behind.length)]
    if (seat === undefined) return false
    await this.#commit(seat, await seat.take(this.#order.cut(), this.now))
    return true
  }

  /** Works until nothing has input. */
  async settle(): Promise<void> {
    while (await this.step());
  }

  /** Moves the clock, from one time at which something is due to the next. */
  async advance(to: number, settles: boolean): Promise<void> {
    let rounds = 0
    for (;;) {
      const due = Math.min(...this.seats.map(({ machine }) => machine.tickAt))
      if (due > to) break
      rounds = due > this.now ? 0 : rounds + 1
      if (rounds > roundsMax) throw new Error(`the clock stands at ${this.now} and something is due for ever`)
      this.now = Math.max(this.now, due)
      for (const seat of this.seats) {
        const transaction = seat.tick(this.now)
        if (transaction !== undefined) await this.#commit(seat, transaction)
      }
      if (settles) await this.settle()
    }
    this.now = to
  }

  /** D2. The process dies and another one takes up what was committed. */
  async crash(): Promise<void> {
    await this.#fold()
    for (const seat of this.seats) seat.restart(this.now)
  }

  /** Crashes once there have been so many transactions. */
  crashAfter(transactions: number): void {
    this.#crashes.add(this.transactions + transactions)
  }

  async #commit({ service }: Seat, transaction: Transaction): Promise<void> {
    this.#append(transaction.appends, [transaction.state])
    for (const effect of transaction.effects) this.decided.push({ service, effect })
    for (const [operator, count] of transaction.late) this.late.set(operator, (this.late.get(operator) ?? 0) + count)
    this.transactions++
    if (this.#order.folds()) await this.#fold()
    if (this.#crashes.delete(this.transactions)) await this.crash()
  }

  /** Brings the store's state up to the last commit. */
  async #fold(): Promise<void> {
    await this.#store.fold()
    for (const seat of this.seats) seat.onFolded()
  }

  #append(appends: readonly Append[], state: readonly Uint8Array[]): void {
    const { bases } = this.#store.append({ appends, state })
    for (const [i, append] of appends.entries()) this.log.note(append, bases[i] as number)
  }
}
