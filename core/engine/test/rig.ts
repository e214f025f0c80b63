/**
 * A whole service on the memory store, in one thread and under the test's control: each stage and partition is a seat that takes
 * input when the test says so, in batches as the test cuts them, and can be crashed between any two transactions. It does
 * what a host does, with nothing of its own: read the log, apply, commit, start again from what was committed.
 */
import assert from "node:assert/strict"
import { openMemoryStore } from "@millrace/memory"
import {
  BlockCursor,
  BlockWriter,
  ByteReader,
  entryKind,
  type Program,
  readValue,
  type StreamPlan,
  utf8Text,
} from "@millrace/model"
import { compile, type Service } from "@millrace/sdk"
import type { Batch, DeadLetter, Ingested, Poison, SealFile, StateReader, Store, Transaction } from "../src/index.ts"
import { Again, decodeBlock, Intake, StageMachine, StateMemory } from "../src/machine.ts"

/** A record as it lies in the log. */
export interface Found {
  readonly partition: number
  readonly offset: number
  readonly key: string
  readonly time: number
  readonly value: unknown
}

/** How many entries the next batch takes, and how the transaction is cut: one number per batch. */
export type Cut = readonly number[]

export class Seat {
  readonly stage: string
  readonly partition: number
  readonly input: StreamPlan
  machine: StageMachine
  /** What its transactions said, in order. */
  readonly transactions: Transaction[] = []
  /** Transactions of this machine. */
  done = 0

  constructor(stage: string, partition: number, input: StreamPlan, machine: StageMachine) {
    this.stage = stage
    this.partition = partition
    this.input = input
    this.machine = machine
  }
}

export class Rig {
  readonly program: Program
  readonly store: Store
  readonly seats: readonly Seat[]
  /** The clock, in ms. */
  now: number
  readonly #intakes: Map<string, Intake> = new Map()
  /** No room at all: what the store can give back does not stay in memory. */
  readonly #bounds = { memory: new StateMemory(0, 0), transactionBytes: Number.POSITIVE_INFINITY, cron: everyMinutes }


  private constructor(program: Program, store: Store, now: number) {
    this.program = program
    this.store = store
    this.now = now
    const { plan } = program
    this.seats = plan.stages.flatMap(({ id, input, partitions }) =>
      Array.from({ length: partitions }, (_, partition) => {
        const stream = plan.streams.find(({ name }) => name === input)
        assert.ok(stream)
        return new Seat(id, partition, stream, this.#machine(id, partition))
      }),
    )
  }

  static async open(service: Service, now = 0): Promise<Rig> {
    const store = await openMemoryStore({ now: () => 0, onLost: () => undefined })
    return new Rig(compile(service), store, now)
  }

  /** Bytes after which transactions end themselves from now on. */
  set room(bytes: number) {
    this.#bounds.transactionBytes = bytes
  }

  /** The seat of a stage, which is named like its input. */
  seat(stage: string, partition = 0): Seat {
    const found = this.seats.find((each) => each.stage === stage && each.partition === partition)
    assert.ok(found, `no seat ${stage}/${partition}; there are ${this.seats.map((each) => each.stage).join(", ")}`)
    return found
  }

  /** Sends records as a front door takes them. */
  send(stream: string, records: readonly unknown[]): Ingested {
    const plan = this.program.plan.streams.find(({ name }) => name === stream)
    assert.ok(plan)
    const intake = this.#intakes.get(stream) ?? new Intake(plan, this.program.streams.get(stream), new Float64Array(1))
    this.#intakes.set(stream, intake)
    const body = new TextEncoder().encode(records.map((record) => JSON.stringify(record)).join("\n"))
    const ingested = intake.take(body, "ndjson", this.now)
    this.store.append({ appends: ingested.appends, state: [] })
    return ingested
  }

  /** Sends records and expects that each is taken. */
  produce(stream: string, records: readonly unknown[]): void {
    const { rejected } = this.send(stream, records)
    assert.deepEqual(rejected, [])
  }

  /** Appends entries that no front door would write. */
  append(stream: string, partition: number, write: (block: BlockWriter) => void): void {
    const writer = new BlockWriter()
    write(writer)
    const { count } = writer
    this.store.append({ appends: [{ stream, partition, count, block: writer.take() }], state: [] })
  }

  /** Ends a source: its watermark goes to the end of time in each partition. */
  end(stream: string): void {
    const plan = this.program.plan.streams.find(({ name }) => name === stream)
    assert.ok(plan)
    for (let partition = 0; partition < plan.partitions; partition++) {
      this.append(stream, partition, (block) => block.mark(0, Number.POSITIVE_INFINITY))
    }
  }

  /** Whether a seat has input that it has not consumed. */
  behind(seat: Seat): boolean {
    return seat.machine.consumed < this.store.extent(seat.input.name, seat.partition).next
  }

  /** One transaction of a seat, of consecutive batches of the given sizes as far as there is input. */
  async take(seat: Seat, cut: Cut = [Number.POSITIVE_INFINITY], poison?: Poison): Promise<Transaction> {
    return this.apply(seat, await this.batches(seat, cut), poison)
  }

  async batches(seat: Seat, cut: Cut = [Number.POSITIVE_INFINITY]): Promise<readonly Batch[]> {
    const { input, partition } = seat
    const code = this.program.streams.get(input.name)
    const batches: Batch[] = []
    let from = seat.machine.consumed
    const slices = await this.store.read(input.name, partition, from, Number.POSITIVE_INFINITY)
    const sizes = [...cut]
    for (const { base, count, block } of slices) {
      while (from < base + count && sizes.length > 0) {
        const whole = decodeBlock(block, base, from - base, input, code)
        const size = Math.min(whole.count, sizes.shift() ?? 0)
        batches.push(part(whole, size, new Again(block, from - base, input, code)))
        from += size
      }
    }
    return batches
  }

  /** Applies batches and commits what the seat made of them. */
  apply(seat: Seat, batches: readonly Batch[], poison?: Poison): Transaction {
    return this.#commit(seat, seat.machine.apply(batches, this.now, poison))
  }

  tick(seat: Seat): Transaction | undefined {
    const transaction = seat.machine.tick(this.now)
    return transaction === undefined ? undefined : this.#commit(seat, transaction)
  }

  /** Tells an operator what has come of what it had done elsewhere. */
  complete(seat: Seat, operator: string, outcomes: readonly unknown[]): Transaction {
    return this.#commit(seat, seat.machine.complete(operator, outcomes, this.now))
  }

  /** Kills a seat and starts it again from what it had committed. */
  async restart(seat: Seat): Promise<void> {
    await this.store.fold()
    seat.machine.close()
    seat.machine = this.#machine(seat.stage, seat.partition)
    seat.done = 0
  }

  /** Lets all seats work, each in turn, until none is behind. */
  async settle(cut: Cut = [Number.POSITIVE_INFINITY]): Promise<void> {
    for (let worked = true; worked;) {
      worked = false
      for (const seat of this.seats) {
        if (!this.behind(seat)) continue
        worked = true
        await this.take(seat, cut)
      }
    }
  }

  /** The records of a stream, partition by partition; marks are passed over. */
  async records(stream: string): Promise<Found[]> {
    const plan = this.program.plan.streams.find(({ name }) => name === stream)
    assert.ok(plan, `no stream ${stream}`)
    const found: Found[] = []
    for (let partition = 0; partition < plan.partitions; partition++) {
      for (const { base, block } of await this.store.read(stream, partition, 0, Number.POSITIVE_INFINITY)) {
        const cursor = new BlockCursor(block)
        for (let offset = base; cursor.next(); offset++) {
          if (cursor.kind !== entryKind.record) continue
          const { key, time, valueStart, valueEnd } = cursor
          const value: unknown =
            plan.format === "json"
              ? JSON.parse(utf8Text(block, valueStart, valueEnd))
              : readValue(new ByteReader(block, valueStart, valueEnd))
          found.push({ partition, offset, key, time, value })
        }
      }
    }
    return found
  }

  async values(stream: string): Promise<unknown[]> {
    return (await this.records(stream)).map(({ value }) => value)
  }

  async deadLetters(stream: string): Promise<DeadLetter[]> {
    return (await this.values(`${stream}.dead-letter`)) as DeadLetter[]
  }

  /** The bytes of a stream's partition, as appended. */
  async bytes(stream: string, partition = 0): Promise<Uint8Array> {
    const slices = await this.store.read(stream, partition, 0, Number.POSITIVE_INFINITY)
    return Buffer.concat(slices.map(({ block }) => block))
  }

  /** What the store has of these scopes, in the first partition: scope, bucket and key of each value. */
  async kept(...scopes: readonly string[]): Promise<string[]> {
    await this.store.fold()
    const { state } = this.store
    return scopes.flatMap((scope) => [...state.buckets(scope, 0)].flatMap((id) => [...state.entries(scope, 0, id)].map(([key]) => `${scope} ${id} ${key}`)))
  }

  /** The files that were decided, in order. */
  files(sink: string): SealFile[] {
    return this.seats
      .flatMap(({ transactions }) => transactions.flatMap(({ effects }) => effects))
      .filter((effect) => effect.kind === "seal")
      .filter((effect) => effect.sink === sink)
  }

  /** Late records by operator, over all transactions. */
  late(): Record<string, number> {
    const late: Record<string, number> = {}
    for (const { transactions } of this.seats) {
      for (const transaction of transactions)
        for (const [name, count] of transaction.late) late[name] = (late[name] ?? 0) + count
    }
    return late
  }

  #machine(stage: string, partition: number): StageMachine {
    return new StageMachine(this.program, stage, partition, this.#reader, this.now, undefined, this.#bounds)
  }

  get #reader(): StateReader {
    return this.store.state
  }

  #commit(seat: Seat, transaction: Transaction): Transaction {
    this.store.append({ appends: transaction.appends, state: [transaction.state] })
    seat.transactions.push(transaction)
    seat.done++
    // Now and then, so that some of what changed is in the store and some is not.
    if (seat.done % 3 === 0) {
      void this.store.fold()
      for (const each of this.seats) each.machine.onFolded(each.done)
    }
    return transaction
  }
}

/** Knows expressions such as every three minutes: a star, a slash, 3, four stars. */
function everyMinutes(expression: string, _timeZone: string, afterMs: number): number {
  const step = Number(expression.split(" ")[0]?.slice(2)) * 60_000
  return (Math.floor(afterMs / step) + 1) * step
}

/** The first entries of a batch, as a batch. */
function part(batch: Batch, count: number, again: Again): Batch {
  const { base, kinds, values, keys, times, upstreams, bytes } = batch
  return {
    base,
    count,
    kinds: kinds?.slice(0, count),
    values: values.slice(0, count),
    keys: keys.slice(0, count),
    times: times.slice(0, count),
    upstreams: upstreams?.slice(0, count),
    bytes,
    again,
  }
}
