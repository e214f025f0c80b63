/**
 * What feeds functions in a service under test: the mappings and the queue of a node, on the test's store and clock.
 *
 * D15  Mappings, events and HTTP are those of a node; nothing here decides what makes a batch or what becomes of it.
 */
import { setImmediate as turn } from "node:timers/promises"
import type { Append, Commit, Committed, Store } from "@millrace/engine"
import { createHttpFunctions, type MountedResponse } from "@millrace/gateway/http-functions"
import { BlockCursor, type FunctionPlan, type Program, type StreamPlan, type TraceFields, limits } from "@millrace/model"
import { Commits, EventQueue, Mappings, Positions, type Redriven, Room, uuidOf } from "@millrace/runtime/feeding"
import { Patience } from "../stillness.ts"
import { Alarms } from "./alarms.ts"
import { FunctionCalls, type FunctionSources } from "./calls.ts"
import { Shelves } from "./shelves.ts"

/** How a mapping stands. */
export interface TestMapping {
  readonly state: "Enabled" | "Disabled" | "Waiting" | "Resting"
  /** Shards that are being read. */
  readonly shards: number
  /** Counts of records. */
  readonly figures: {
    readonly polled: number
    readonly filteredOut: number
    readonly invoked: number
    readonly failedInvoke: number
    readonly dropped: number
    readonly delivered: number
    readonly throttles: number
  }
}

export interface FeedsParts {
  readonly programs: readonly Program[]
  readonly sources: FunctionSources
  readonly store: Store
  readonly now: () => number
  readonly stream: (name: string) => StreamPlan | undefined
  /** Commits what a feed has decided, and tells who looks at the log. */
  readonly append: (commit: Commit) => Committed
  /** Others are waited for: it is their turn. */
  readonly isWanted: () => boolean
  readonly within: <T>(trace: TraceFields, act: () => T) => T
  readonly patienceMs: number
}

const region = "us-east-1"
/** Turns of the event loop without anything happening after which nothing will. */
const quietTurns = 3

export class Feeds {
  readonly calls: FunctionCalls
  readonly shelves: Shelves = new Shelves()
  readonly #parts: FeedsParts
  readonly #alarms: Alarms
  readonly #http: ReturnType<typeof createHttpFunctions>
  readonly #facts: Map<string, string> = new Map()
  readonly #mappings: Mappings
  readonly #events: EventQueue
  /** Invocations that were waited for in vain: the clock may end them. */
  readonly #patient: Set<Promise<unknown>> = new Set()
  #commits = 0
  #requests = 0
  #poked: (() => void) | undefined

  constructor(parts: FeedsParts) {
    const { programs, sources, store, now, stream, within } = parts
    this.#parts = parts
    this.#alarms = new Alarms(now)
    this.calls = new FunctionCalls(programs, sources, this.#alarms, within)
    const log = { info: () => undefined, warn: () => undefined, error: () => undefined }
    this.#http = createHttpFunctions({ functions: this.calls, log, now })
    const counted: Store = Object.assign(Object.create(store) as Store, {
      append: (commit: Commit) => this.#append(commit),
      durable: (sequence: number) => store.durable(sequence),
      extent: (name: string, partition: number) => store.extent(name, partition),
      read: (...place: Parameters<Store["read"]>) => this.#moved(store.read(...place)),
    })
    const commits = new Commits(counted, { onAppended: () => undefined, onDurable: () => this.#mappings.onDurable(), onRefused: () => undefined })
    const common = { commits, clock: this.#alarms, log, region, openPlace: async (to: string) => this.shelves.open(to), openMessages: async (to: string) => this.shelves.openMessages(to), stream }
    this.#mappings = new Mappings({
      ...common,
      store: counted,
      positions: new Positions(store.state),
      invoker: this.calls,
      room: new Room(limits.mappingEventBytesMax),
      facts: this.#facts,
      keepFacts: async (name, facts) => void this.#facts.set(name, facts),
      seek: (name, partition, time) => seek(store, name, partition, time),
    })
    this.#events = new EventQueue({ ...common, store: counted, invoker: this.calls })
  }

  /** Begins to feed: to be called once the store is there. */
  async open(): Promise<void> {
    this.#mappings.open(this.#parts.programs.map(({ plan }) => plan))
    this.#events.open()
    await this.work()
  }

  /** When something is due; Infinity: nothing by itself. */
  get dueAt(): number {
    return this.#alarms.dueAt
  }

  /** Does what is due. */
  ring(): void {
    this.#patient.clear()
    this.#alarms.ring()
  }

  onAppended(appends: readonly Append[]): void {
    this.#mappings.onAppended(appends)
    this.#mappings.onDurable()
  }

  /** Something has come that a handler may have waited for, or wants. */
  poke(): void {
    this.#patient.clear()
    this.#poked?.()
  }

  /**
   * Lets it work until nothing happens by itself; true when others have something to do by it.
   *
   * @throws what keeps a handler from being found
   */
  async work(): Promise<boolean> {
    const commits = this.#commits
    for (let quiet = 0; quiet < quietTurns; ) {
      const { moves } = this.calls
      let poked = false
      this.#poked = () => {
        poked = true
      }
      await turn()
      if (poked || this.#parts.isWanted()) return true
      if (this.calls.fault !== undefined) throw this.calls.fault
      if (this.calls.moves !== moves) quiet = 0
      else if (await this.#waited()) return true
      else quiet++
    }
    this.#poked = undefined
    return this.#commits !== commits
  }

  /** Waits for code that may end by itself; true: look again at all else. */
  async #waited(): Promise<boolean> {
    const waiting = [...this.calls.underWay].filter((called) => !this.#patient.has(called))
    if (waiting.length === 0) return false
    const patience = new Patience(this.#parts.patienceMs)
    const late = patience.over.then(() => "late")
    const poke = new Promise<void>((resolve) => (this.#poked = resolve))
    const first = await Promise.race([late, poke, ...waiting])
    patience.end()
    if (first === "late") for (const called of waiting) this.#patient.add(called)
    return true
  }

  /** The process dies: what is committed is all that there is. The store is folded. */
  async crash(): Promise<void> {
    this.#mappings.halt()
    this.#events.halt()
    this.#alarms.crash()
    this.calls.crash()
    this.#patient.clear()
    this.#mappings.resume()
    this.#events.resume()
    await turn()
  }

  /** Takes an event that nobody waits for. @throws MR1031 */
  async event(name: string, payload: string): Promise<string> {
    const requestId = uuidOf(`${name} ${payload} ${++this.#requests}`)
    await this.#events.add(name, payload, { requestId })
    return requestId
  }

  request(url: string, method: string, headers: Readonly<Record<string, string>>, body: Uint8Array): Promise<MountedResponse> | undefined {
    const request = { method, url, headers }
    if (!this.#http.takes(request)) return undefined
    return this.#http.answer({ ...request, body: async () => body, signal: new AbortController().signal, remoteAddress: "127.0.0.1", protocol: "HTTP/1.1" })
  }

  /** @throws MR1009, MR1031 */
  redrive(name: string): Promise<Redriven> {
    return this.#mappings.redrive(name, new AbortController().signal)
  }

  mapping(name: string): TestMapping | undefined {
    const status = this.#mappings.status().find((each) => each.function === name)
    if (status === undefined) return undefined
    const { state, shards, figures } = status
    const { polled, filteredOut, invoked, failedInvoke, dropped, delivered, throttles } = figures
    return { state, shards, figures: { polled, filteredOut, invoked, failedInvoke, dropped, delivered, throttles } }
  }

  plan(name: string): FunctionPlan {
    return this.calls.known(name).plan
  }

  #append(commit: Commit): Committed {
    this.#commits++
    this.calls.moves++
    return this.#parts.append(commit)
  }

  async #moved<T>(work: Promise<T>): Promise<T> {
    this.calls.moves++
    try {
      return await work
    } finally {
      this.calls.moves++
    }
  }
}

/** The first offset whose record's time is at or after `time`. */
async function seek(store: Store, stream: string, partition: number, time: number): Promise<number> {
  const { first, next } = store.extent(stream, partition)
  for (let at = first; at < next; ) {
    for (const { base, count, block } of await store.read(stream, partition, at, 1_048_576)) {
      const cursor = new BlockCursor(block)
      for (let offset = base; cursor.next(); offset++) if (offset >= at && cursor.time >= time) return offset
      at = base + count
    }
  }
  return next
}
