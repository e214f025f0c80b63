// Mappings on a store of their own, before functions that a test writes, on a clock that a test moves.
import path from "node:path"
import type { TestContext } from "node:test"
import { setImmediate as turn } from "node:timers/promises"
import { ManualClock } from "@millrace/conformance"
import type { ObjectPlace, Store } from "@millrace/engine"
import { BlockWriter, type MappingPlan, type Plan, type Shard, type StreamPlan, evenShards, factsText, newFacts } from "@millrace/model"
import { Commits } from "../src/commits.ts"
import { openDiskStore } from "../src/compose.ts"
import type { Invocation } from "../src/functions/invocation.ts"
import { Room } from "../src/mapping/room.ts"
import { Mappings } from "../src/mapping/mappings.ts"
import { Positions } from "../src/mapping/positions.ts"
import { scratch } from "./bench.ts"

interface EventRecord {
  readonly eventID: string
  readonly kinesis: { readonly partitionKey: string; readonly sequenceNumber: string; readonly data: string; readonly approximateArrivalTimestamp: number }
}

export interface Event {
  readonly Records: readonly EventRecord[]
  readonly [more: string]: unknown
}

/** What a function answers: JSON, an error, or nothing yet. */
export type Answering = (event: Event, name: string) => unknown

const plainStream: Omit<StreamPlan, "name" | "partitions"> = {
  role: "source",
  format: "bytes",
  outOfOrderMs: 0,
  aheadMs: 0,
  retentionMs: 86_400_000,
  idleMs: 60_000,
  keyed: true,
  upstreams: 0,
}

const plainMapping: MappingPlan = {
  stream: "orders",
  batchSize: 100,
  batchingWindowMs: 0,
  parallelizationFactor: 1,
  startingPosition: { kind: "TRIM_HORIZON" },
  maximumRetryAttempts: -1,
  maximumRecordAgeMs: -1,
  bisectBatchOnFunctionError: false,
  reportBatchItemFailures: false,
  tumblingWindowMs: 0,
  filters: [],
  onFailure: null,
  enabled: true,
}

export class MappingBench {
  readonly clock = new ManualClock(Date.UTC(2026, 0, 1))
  readonly events: Event[] = []
  readonly streams: Map<string, StreamPlan> = new Map()
  readonly facts: Map<string, string> = new Map()
  /** Objects that destinations outside hold, by name. */
  readonly objects: Map<string, string> = new Map()
  /** What queues and topics were told, and with what. */
  readonly messages: string[] = []
  readonly messageGroups: string[] = []
  readonly messageIds: string[] = []
  /** How often a destination outside refuses before it takes. */
  refusals = 0
  /** The function's own. */
  concurrency: number | null = null
  answering: Answering = () => null
  readonly room: Room = new Room(50_000_000)
  readonly #dir: string
  #reads = 0
  #appended = -1
  /** Of each object put: whether all that had been committed was durable. */
  readonly puts: boolean[] = []
  #store: Store | undefined
  #mappings: Mappings | undefined

  constructor(t: TestContext) {
    this.#dir = scratch(t)
    t.after(async () => {
      this.#mappings?.halt()
      await this.#store?.close()
    })
    this.stream("orders", 1)
  }

  get store(): Store {
    if (this.#store === undefined) throw new Error("the bench is not open")
    return this.#store
  }

  get mappings(): Mappings {
    if (this.#mappings === undefined) throw new Error("the bench is not open")
    return this.#mappings
  }

  stream(name: string, partitions: number, more: Partial<StreamPlan> = {}): void {
    this.streams.set(name, { ...plainStream, name, partitions, ...more })
  }

  /** Opens the store, and one mapping of a function by these settings. */
  async open(mapping: Partial<MappingPlan> = {}): Promise<void> {
    const store = await openDiskStore({ dir: path.join(this.#dir, "data"), now: () => this.clock.now(), onLost: () => undefined, syncMs: Number.POSITIVE_INFINITY, segmentBytes: 1_000_000 })
    const append = store.append.bind(store)
    store.append = (commit) => {
      const committed = append(commit)
      this.#appended = committed.sequence
      return committed
    }
    // Reads under way are counted: only then it is known that nothing moves.
    const read = store.read.bind(store)
    store.read = async (...place) => {
      this.#reads++
      try {
        return await read(...place)
      } finally {
        this.#reads--
      }
    }
    this.#store = store
    const commits: Commits = new Commits(store, {
      onAppended: (appends) => mappings.onAppended(appends),
      onDurable: () => mappings.onDurable(),
      onRefused: () => undefined,
    })
    this.commits = commits
    const log = { info: () => undefined, warn: () => undefined, error: (facts: object) => void this.errors.push(facts) }
    const place: ObjectPlace = {
      put: async (name, bytes) => {
        if (this.refusals-- > 0) throw new Error("no room")
        this.puts.push(store.durableSequence > this.#appended)
        this.objects.set(name, Buffer.from(bytes).toString())
      },
      list: (prefix) => ReadableStream.from([...this.objects.keys()].filter((name) => name.startsWith(prefix)).toSorted()),
      get: async (name) => {
        const text = this.objects.get(name)
        return text === undefined ? undefined : Buffer.from(text)
      },
      remove: async (name) => void this.objects.delete(name),
      close: async () => undefined,
    }
    const mappings = new Mappings({
      store,
      commits,
      positions: new Positions(store.state),
      invoker: { invoke: (name, payload, options) => this.#invoke(name, payload, options?.signal) },
      clock: this.clock,
      log,
      room: this.room,
      region: "eu-west-1",
      openPlace: async () => place,
      openMessages: async () => ({
        send: async (text, { group, id }) => {
          this.messages.push(text)
          this.messageGroups.push(group)
          this.messageIds.push(id)
          if (this.refusals-- > 0) throw new Error("the answer was lost")
        },
        close: async () => undefined,
      }),
      stream: (name) => this.streams.get(name),
      facts: this.facts,
      keepFacts: async (name, facts) => void this.facts.set(name, facts),
      seek: async (stream, partition, time) => this.#seek(stream, partition, time),
    })
    this.#mappings = mappings
    mappings.open([planOf({ ...plainMapping, ...mapping }, this.concurrency)])
    await this.rest()
  }

  commits: Commits | undefined
  readonly errors: object[] = []

  /** Closes all and opens it again, as a node that stops does; `false`: without waiting for what is under way. */
  async restart(mapping: Partial<MappingPlan> = {}, cleanly = true): Promise<void> {
    if (cleanly) await this.mappings.stop()
    else this.mappings.halt()
    await this.store.close({ fold: cleanly })
    await this.open(mapping)
  }

  async put(keys: readonly string[], { stream = "orders", partition = 0, data = (key: string) => JSON.stringify({ key }), headers = "", time = this.clock.now() } = {}): Promise<void> {
    const writer = new BlockWriter()
    for (const key of keys) writer.record(key, time, Buffer.from(data(key)), headers)
    await this.commits?.durable(this.commits.append({ appends: [{ stream, partition, count: keys.length, block: writer.take() }], state: [] }).sequence)
    await this.rest()
  }

  /** Ends a stream, as a bounded source is ended. */
  async mark(stream: string): Promise<void> {
    const writer = new BlockWriter()
    writer.mark(0, Number.POSITIVE_INFINITY)
    await this.commits?.durable(this.commits.append({ appends: [{ stream, partition: 0, count: 1, block: writer.take() }], state: [] }).sequence)
    await this.rest()
  }

  /** Waits until nothing moves without the clock. */
  async rest(): Promise<void> {
    let quiet = 0
    for (let seen = ""; quiet < 12; ) {
      await turn()
      await this.commits?.allDurable()
      if (this.#reads > 0) {
        quiet = 0
        continue
      }
      const now = `${this.events.length} ${this.objects.size} ${JSON.stringify(this.mappings.status().map(({ figures }) => figures))}`
      quiet = now === seen ? quiet + 1 : 0
      seen = now
    }
  }

  async advance(ms: number): Promise<void> {
    for (let left = ms; left > 0; ) {
      left -= this.clock.step(left)
      await this.rest()
    }
  }

  /** Keys of the records of each invocation. */
  get keys(): string[][] {
    return this.events.map(({ Records }) => Records.map(({ kinesis }) => kinesis.partitionKey))
  }

  /** The shards of a stream change, as the Kinesis API would have them. */
  async reshard(stream: string, change: (shards: readonly Shard[]) => readonly Shard[]): Promise<void> {
    const facts = JSON.parse(this.facts.get(stream) ?? "{}") as { shards?: readonly Shard[] }
    const shards = change(facts.shards ?? evenShards(this.streams.get(stream)?.partitions ?? 1, this.clock.now(), () => 0))
    this.stream(stream, shards.length)
    this.facts.set(stream, factsText(newFacts(this.clock.now(), { shards })))
    this.mappings.refresh()
    await this.rest()
  }

  #seek(stream: string, partition: number, _time: number): number {
    return Math.min(2, this.store.extent(stream, partition).durable)
  }

  async #invoke(name: string, payload: string, signal: AbortSignal | undefined): Promise<Invocation> {
    const event = JSON.parse(payload) as Event
    this.events.push(event)
    const answer = await new Promise<unknown>((resolve, reject) => {
      signal?.addEventListener("abort", () => reject(signal.reason as Error))
      const given = this.answering(event, name)
      if (given !== undefined) resolve(given)
    })
    const requestId = `request ${this.events.length}`
    if (answer === "throttled") return { kind: "throttled", reason: "concurrency" }
    if (answer instanceof Error) {
      return { kind: "failed", requestId, error: { errorType: answer.name, errorMessage: answer.message }, functionError: "Unhandled", ms: 1 }
    }
    return { kind: "returned", requestId, payload: JSON.stringify(answer), ms: 1 }
  }
}

function planOf(mapping: MappingPlan, concurrency: number | null): Plan {
  const ship = { name: "ship", source: { kind: "module", file: "ship.ts", handler: "handler" } as const, timeoutMs: 3_000, memoryMegabytes: 128, env: {}, concurrency, mapping }
  return { service: "shop", streams: [], stages: [], sinks: [], tasks: [], functions: [ship] }
}
