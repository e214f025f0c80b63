/**
 * A service at work on the disk store, in one thread: what a node does with workers and messages is done here in turn,
 * so that what is measured is the engine and the journal on one core. Every transaction is committed to the journal,
 * which writes and fsyncs beside the work; the commits of a few rounds may wait for the disk, more may not.
 *
 * Events come in as a replayable source would give them, decoded and under the source's own offsets, or as NDJSON
 * through the intake, which logs them first.
 */
import { openDiskStore } from "@millrace/disk"
import type { Batch, SealFile, Store, Transaction } from "@millrace/engine"
import { decodeBlock, Intake, StageMachine, StateMemory } from "@millrace/engine/machine"
import { entryKind, limits, type Program, type StreamPlan } from "@millrace/model"
import { compile, type Service } from "@millrace/sdk"
import { SinkFiles } from "./sink-files.ts"

/** Bytes on their way to the disk at which the work waits for it. */
const queuedBytesMost = 33_554_432
/** Commits on their way to the disk at which the work waits for it. */
const queuedCommitsMost = 256

/** A stage and partition at work. */
interface Seat {
  readonly input: StreamPlan
  readonly partition: number
  readonly machine: StageMachine
  readonly waiting: Batch[]
  /** Sequences of its transactions that the store's state has not taken up yet. */
  readonly unfolded: number[]
  folded: number
}

export interface MillOptions {
  /** A directory for the journal and the state. */
  readonly dir: string
  /** The clock, in ms. */
  readonly now: number
  /** A directory for the files of sinks. */
  readonly out: string
  /** Told what is appended to streams that no stage reads and that are not a sink's. */
  readonly onOutput?: (block: Uint8Array) => void
}

export class Mill {
  readonly #program: Program
  readonly #store: Store
  readonly #seats: readonly Seat[]
  readonly #byStream: ReadonlyMap<string, readonly Seat[]>
  readonly #streams: ReadonlyMap<string, StreamPlan>
  readonly #onOutput: MillOptions["onOutput"]
  readonly #files: SinkFiles
  /** Files decided and not yet written. */
  readonly #decided: SealFile[] = []
  readonly #intakes: Map<string, Intake> = new Map()
  #folding = false
  #failure: Error | undefined
  #last = -1
  /** The clock, in ms. */
  now: number
  transactions = 0
  deadLetters = 0
  late = 0

  static async open(service: Service, options: MillOptions): Promise<Mill> {
    const { dir, now, out } = options
    const program = compile(service)
    const mill: { open?: Mill } = {}
    const onLost = (_: number, reason: Error): void => mill.open?.fail(reason)
    const store = await openDiskStore({ dir, now: () => Date.now(), onLost })
    mill.open = new Mill(program, store, await SinkFiles.open(program.plan, out), now, options.onOutput)
    return mill.open
  }

  private constructor(
    program: Program,
    store: Store,
    files: SinkFiles,
    now: number,
    onOutput: MillOptions["onOutput"],
  ) {
    this.#program = program
    this.#store = store
    this.#files = files
    this.#onOutput = onOutput
    this.now = now
    const { streams, stages } = program.plan
    this.#streams = new Map(streams.map((stream) => [stream.name, stream]))
    const bounds = { memory: new StateMemory(limits.stateMemoryBytesMax) }
    this.#seats = stages.flatMap(({ id, input, partitions }) =>
      Array.from({ length: partitions }, (_, partition): Seat => {
        const machine = new StageMachine(program, id, partition, store.state, now, undefined, bounds)
        return { input: this.#stream(input), partition, machine, waiting: [], unfolded: [], folded: 0 }
      }),
    )
    this.#byStream = Map.groupBy(this.#seats, ({ input }) => input.name)
  }

  /** Whether any stage reads a stream. */
  reads(stream: string): boolean {
    return this.#byStream.has(stream)
  }

  /** Takes decoded records of a source; offsets go on from those before. */
  feed(stream: string, partition: number, values: unknown[], times: number[], keys: string[]): void {
    const seat = this.#byStream.get(stream)?.[partition]
    if (seat === undefined) throw new Error(`no stage reads ${stream}/${partition}`)
    const base = seat.machine.consumed
    this.#apply(seat, [
      { base, count: values.length, kinds: undefined, values, keys, times, upstreams: undefined, bytes: 0 },
    ])
  }

  /** Takes a request's body as a front door does, and says how many records it has; throws when one is refused. */
  take(stream: string, body: Uint8Array): number {
    const intake = this.#intakes.get(stream) ?? this.#intake(stream)
    const { accepted, appends, batches, rejected } = intake.take(body, "ndjson", this.now)
    const [first] = rejected
    if (first !== undefined) throw new Error(`record ${first.index}: ${first.problem.message}`)
    const { bases, sequence } = this.#store.append({ appends, state: [] })
    this.#last = sequence
    for (const [i, { partition }] of appends.entries()) {
      this.#byStream.get(stream)?.[partition]?.waiting.push({ ...(batches[i] as Batch), base: bases[i] as number })
    }
    return accepted
  }

  /** Lets all stages work until none has input; waits when the disk is far behind. */
  async settle(): Promise<void> {
    for (let worked = true; worked;) {
      worked = false
      for (const seat of this.#seats) {
        if (seat.waiting.length === 0) continue
        worked = true
        this.#apply(seat, seat.waiting.splice(0))
      }
    }
    if (this.#failure !== undefined) throw this.#failure
    for (const file of this.#decided.splice(0)) await this.#files.deliver(file)
    const store = this.#store
    if (!this.#folding && store.unfoldedBytes > limits.checkpointBytes) this.#fold()
    if (store.queuedBytes > queuedBytesMost || this.#last - store.durableSequence > queuedCommitsMost) {
      await store.durable(this.#last)
    }
  }

  /** Does what the clock makes due. */
  async tick(now: number): Promise<void> {
    this.now = now
    for (const seat of this.#seats) {
      if (seat.machine.tickAt > now) continue
      const transaction = seat.machine.tick(now)
      if (transaction !== undefined) this.#commit(seat, transaction)
    }
    await this.settle()
  }

  /** The sources have ended: windows close, timers run, and all of it is on the disk. */
  async end(): Promise<void> {
    for (const seat of this.#seats) {
      if (seat.input.role !== "source") continue
      const base = seat.machine.consumed
      const mark = {
        kinds: [entryKind.mark],
        values: [undefined],
        keys: [""],
        times: [Number.POSITIVE_INFINITY],
        upstreams: [0],
      }
      this.#apply(seat, [{ base, count: 1, bytes: 0, ...mark }])
    }
    await this.settle()
    await this.#store.durable(this.#last)
  }

  async close(): Promise<void> {
    await this.#store.close()
  }

  /** What goes wrong beside the work ends the work. */
  fail(reason: Error): void {
    this.#failure ??= reason
  }

  #apply(seat: Seat, batches: readonly Batch[]): void {
    // A transaction that grows too large ends before its input; the next one goes on with the same.
    for (let left = batches; left.length > 0;) {
      this.#commit(seat, seat.machine.apply(left, this.now))
      left = left.filter(({ base, count }) => base + count > seat.machine.consumed)
    }
  }

  #commit(seat: Seat, { appends, state, deadLetters, late, effects }: Transaction): void {
    const { bases, sequence } = this.#store.append({ appends, state: [state] })
    this.#last = sequence
    seat.unfolded.push(sequence)
    this.transactions++
    this.deadLetters += deadLetters
    this.#decided.push(...effects.filter((effect) => effect.kind === "seal"))
    for (const count of late.values()) this.late += count
    for (const [i, { stream, partition, block }] of appends.entries()) {
      const reading = this.#byStream.get(stream)?.[partition]
      if (this.#stream(stream).role === "sink") this.#files.take(stream, partition, block)
      else if (reading === undefined) this.#onOutput?.(block)
      else {
        reading.waiting.push(
          decodeBlock(block, bases[i] as number, 0, reading.input, this.#program.streams.get(stream)),
        )
      }
    }
  }

  #fold(): void {
    this.#folding = true
    this.#store
      .fold()
      .then(() => this.#store.sweep(() => false))
      .catch((error: unknown) => this.fail(error as Error))
      .finally(() => {
        this.#folding = false
        this.#tellFolded()
      })
  }

  /** Machines may let go of what the store can give back. */
  #tellFolded(): void {
    const { foldedSequence } = this.#store
    for (const seat of this.#seats) {
      const { unfolded } = seat
      const at = unfolded.findIndex((sequence) => sequence >= foldedSequence)
      seat.folded += unfolded.splice(0, at < 0 ? unfolded.length : at).length
      seat.machine.onFolded(seat.folded)
    }
  }

  #intake(stream: string): Intake {
    const made = new Intake(this.#stream(stream), this.#program.streams.get(stream), new Float64Array(1))
    this.#intakes.set(stream, made)
    return made
  }

  #stream(name: string): StreamPlan {
    const found = this.#streams.get(name)
    if (found === undefined) throw new Error(`no stream ${name}`)
    return found
  }
}
