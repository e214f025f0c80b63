/**
 * A node in memory for the gateway's own tests: it parses, keys, stores and follows for real, without a disk, workers
 * or windows. What a test wants of it (not ready, behind, slow) it sets.
 */
import type { GatewayTasks, NodeEnqueue } from "../src/tasks.ts"
import type { GatewayEvents, GatewayFunctions } from "../src/functions/functions.ts"
import type { GatewayMappings } from "../src/functions/mappings.ts"
import { MemoryTables } from "./memory-tables.ts"
import {
  type ErrorData,
  errorData,
  errorFrom,
  isMillraceError,
  limits,
  MillraceError,
  partitionOf,
  type StreamPlan,
} from "@millrace/model"
import type { RecordView } from "@millrace/protocol"
import type { From, GatewayNode, IngestAnswer, IngestRequest, LiveBatch, Page, Rejection } from "../src/node.ts"
import type { Sample } from "../src/sample.ts"

/** The plan of a stream as tests need it. */
export function streamPlan(name: string, more: Partial<StreamPlan> = {}): StreamPlan {
  return {
    name,
    role: "source",
    partitions: 4,
    format: "json",
    outOfOrderMs: 0,
    aheadMs: 60_000,
    retentionMs: 86_400_000,
    idleMs: 60_000,
    keyed: true,
    upstreams: 0,
    ...more,
  }
}

interface Log {
  /** By offset; undefined where a mark lies. */
  readonly entries: (RecordView | undefined)[]
  first: number
}

interface Held {
  readonly plan: StreamPlan
  readonly logs: readonly Log[]
  ended: boolean
}

interface Envelope {
  readonly value: unknown
  readonly text: string
  readonly headers: string
}

export class MemoryNode implements GatewayNode {
  unready: ErrorData | undefined
  readonly services: readonly string[] = ["test"]
  /** There are none here. */
  readonly mappings: GatewayMappings = {
    status: () => [],
    hasStream: () => false,
    hasConsumer: () => false,
    make: (name) => this.#noMapping(name),
    change: (uuid) => this.#noMapping(uuid),
    enable: (uuid) => this.#noMapping(uuid),
    remove: (uuid) => this.#noMapping(uuid),
    redrive: (name) => this.#noMapping(name),
  }
  readonly events: GatewayEvents = { add: (name) => this.#noMapping(name), redrive: (name) => this.#noMapping(name) }
  async #noMapping(name: string): Promise<never> {
    throw new MillraceError("MR1031", `There is no function ${name} that a stream feeds.`)
  }

  readonly functions: GatewayFunctions = {
    list: [],
    plans: [],
    find: () => undefined,
    invoke: async (name) => {
      throw new MillraceError("MR1031", `There is no function "${name}".`)
    },
  }
  /** What ingest answers instead of storing. */
  refusing: Error | undefined
  /** What ingest waits for before it answers: a disk that takes its time. */
  slow: Promise<void> | undefined
  /** Followers that have not been let go. */
  followers = 0
  /** Bodies as they came, newest last. */
  readonly requests: IngestRequest[] = []
  readonly #streams: Map<string, Held> = new Map()
  readonly #answers: Map<string, { readonly body: string; readonly answer: IngestAnswer }> = new Map()
  readonly #waiting: Set<() => void> = new Set()

  constructor(streams: readonly StreamPlan[]) {
    for (const plan of streams) {
      const logs = Array.from({ length: plan.partitions }, (): Log => ({ entries: [], first: 0 }))
      this.#streams.set(plan.name, { plan, logs, ended: false })
    }
  }

  get streams(): readonly StreamPlan[] {
    return [...this.#streams.values()].map(({ plan }) => plan)
  }

  async ingest(request: IngestRequest): Promise<IngestAnswer> {
    this.requests.push(request)
    if (this.unready !== undefined) throw errorFrom(this.unready)
    if (this.refusing !== undefined) throw this.refusing
    const held = this.#held(request.stream)
    if (held.plan.role !== "source") throw new MillraceError("MR1016", `The service writes ${held.plan.name} itself.`)
    const body = new TextDecoder().decode(request.body)
    const key = request.idempotencyKey === undefined ? undefined : `${request.stream} ${request.idempotencyKey}`
    const known = key === undefined ? undefined : this.#answers.get(key)
    if (known !== undefined) {
      if (known.body !== body)
        throw new MillraceError("MR1011", "The idempotency key was used for another body; use a new one.")
      return known.answer
    }
    if (held.ended) throw new MillraceError("MR1033", `Stream "${held.plan.name}" has ended.`)
    const answer = this.#store(held, request, body)
    if (this.slow !== undefined) await this.slow
    if (key !== undefined) this.#answers.set(key, { body, answer })
    this.#wake()
    return answer
  }

  async end(name: string): Promise<void> {
    const held = this.#held(name)
    if (held.plan.role !== "source") throw new MillraceError("MR1016", `The service writes ${name} itself.`)
    held.ended = true
    this.#wake()
  }

  async reopen(name: string): Promise<void> {
    this.#held(name).ended = false
  }

  async read(name: string, partition: number, from: From, limit: number): Promise<Page> {
    const log = this.#log(name, partition)
    const records: RecordView[] = []
    let next = beginning(log, partition, from)
    for (; next < log.entries.length && records.length < limit; next++) {
      const record = log.entries[next]
      if (record !== undefined) records.push(record)
    }
    return { records, next, first: log.first, end: log.entries.length }
  }

  async *follow(name: string, from: From, signal: AbortSignal): AsyncIterable<LiveBatch> {
    const held = this.#held(name)
    const next = held.logs.map((log, partition) => beginning(log, partition, from))
    this.followers++
    try {
      while (!signal.aborted) {
        let idle = true
        for (const [partition, log] of held.logs.entries()) {
          const at = next[partition] ?? 0
          if (at >= log.entries.length) continue
          idle = false
          const records = log.entries.slice(at, at + limits.pageRecordsMax)
          next[partition] = at + records.length
          yield { partition, records: records.filter((record) => record !== undefined), next: at + records.length }
          if (signal.aborted) return
        }
        if (!idle) continue
        if (held.ended) return
        await this.#more(signal)
      }
    } finally {
      this.followers--
    }
  }

  /** It has none: what a node with tasks answers is tested on a real one. */
  readonly tasks: GatewayTasks = new NoTasks()
  readonly tables: MemoryTables = new MemoryTables()

  samples(): readonly Sample[] {
    return [
      {
        name: "millrace_records_total",
        help: "Records stored.",
        kind: "counter",
        values: this.streams.map(({ name }) => ({
          labels: { stream: name },
          value: this.#held(name).logs.reduce((sum, { entries }) => sum + entries.length, 0),
        })),
      },
    ]
  }

  status(): unknown {
    return { lag: {} }
  }

  /** Appends a mark: it takes an offset and no reader sees it. */
  mark(name: string, partition: number): void {
    this.#log(name, partition).entries.push(undefined)
    this.#wake()
  }

  /** Drops the oldest entries of a partition, as retention does. */
  forget(name: string, partition: number, before: number): void {
    this.#log(name, partition).first = before
  }

  #store(held: Held, { format }: IngestRequest, body: string): IngestAnswer {
    const rejected: Rejection[] = []
    const positions = new Map<number, { first: number; last: number }>()
    let accepted = 0
    for (const [index, read] of envelopes(format, body).entries()) {
      try {
        const { value, text, headers } = read()
        if (typeof value !== "object" || value === null) throw new MillraceError("MR1002", "A record is a JSON object.")
        const key = (value as { key?: unknown }).key ?? ""
        if (typeof key !== "string") throw new MillraceError("MR1003", "key is not text; give every record one.")
        const partition = partitionOf(key, held.plan.partitions)
        const log = this.#log(held.plan.name, partition)
        const offset = log.entries.length
        log.entries.push({ partition, offset, key, time: Date.UTC(2026, 10, 21) + offset, headers, value: text })
        positions.set(partition, { first: positions.get(partition)?.first ?? offset, last: offset })
        accepted++
      } catch (error) {
        if (!isMillraceError(error)) throw error
        rejected.push({ index, problem: errorData(error) })
      }
    }
    return {
      accepted,
      rejected: rejected.slice(0, limits.rejectionsListedMax),
      rejectedUnlisted: Math.max(0, rejected.length - limits.rejectionsListedMax),
      positions: [...positions].toSorted(([a], [b]) => a - b).map(([partition, range]) => ({ partition, ...range })),
    }
  }

  #held(name: string): Held {
    const held = this.#streams.get(name)
    if (held === undefined) throw new MillraceError("MR1008", `There is no stream ${JSON.stringify(name)}.`)
    return held
  }

  #log(name: string, partition: number): Log {
    const log = this.#held(name).logs[partition]
    if (log === undefined) throw new MillraceError("MR1009", `There is no partition ${partition}.`)
    return log
  }

  #more(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const go = (): void => {
        this.#waiting.delete(go)
        signal.removeEventListener("abort", go)
        resolve()
      }
      this.#waiting.add(go)
      signal.addEventListener("abort", go)
    })
  }

  #wake(): void {
    for (const go of this.#waiting) go()
  }
}

/** The records of a body, each to be read by itself so that one that is broken hurts no other. */
function envelopes(format: IngestRequest["format"], body: string): (() => Envelope)[] {
  switch (format) {
    case "ndjson":
      return body
        .split("\n")
        .filter((line) => line.trim() !== "")
        .map((line) => () => ({ value: parse(line), text: line.trim(), headers: "" }))
    case "json": {
      const value = parse(body)
      const values: readonly unknown[] = Array.isArray(value) ? value : [value]
      // A single record keeps its text as it came, line breaks and all.
      if (!Array.isArray(value)) return [() => ({ value, text: body.trim(), headers: "" })]
      return values.map((each) => () => ({ value: each, text: JSON.stringify(each), headers: "" }))
    }
    case "cloudevent":
      return [() => event(parse(body))]
    case "cloudevents": {
      const events = parse(body)
      if (!Array.isArray(events)) throw new MillraceError("MR1015", "A batch of CloudEvents is a JSON array.")
      return events.map((each) => () => event(each))
    }
  }
}

function event(value: unknown): Envelope {
  const { specversion, data, ...attributes } = (value ?? {}) as { specversion?: unknown; data?: unknown }
  if (specversion !== "1.0") throw new MillraceError("MR1015", 'A CloudEvent has specversion "1.0".')
  return { value: data, text: JSON.stringify(data), headers: JSON.stringify(attributes) }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new MillraceError("MR1001", `This is no JSON: ${(error as Error).message}.`)
  }
}

function beginning(log: Log, partition: number, from: From): number {
  switch (from.kind) {
    case "earliest":
      return log.first
    case "latest":
      return log.entries.length
    case "time": {
      const found = log.entries.findIndex((record) => record !== undefined && record.time >= from.time)
      return found < 0 ? log.entries.length : found
    }
    case "offsets": {
      const offset = from.offsets.get(partition) ?? log.first
      if (offset < log.first)
        throw new MillraceError("MR1014", `Offset ${offset} is no longer kept; the oldest is ${log.first}.`)
      return Math.min(offset, log.entries.length)
    }
  }
}

class NoTasks implements GatewayTasks {
  readonly plans: readonly [] = []
  readonly samples = async (): Promise<readonly []> => []
  readonly enqueue = ({ task }: NodeEnqueue): Promise<never> => this.runs(task)
  readonly run = async (id: string): Promise<never> => Promise.reject(noRun(id))
  readonly call = (request: NodeEnqueue): Promise<never> => this.enqueue(request)
  readonly watch = (id: string): never => {
    throw noRun(id)
  }
  readonly runs = async (task: string): Promise<never> => Promise.reject(new MillraceError("MR1022", `There is no task ${task}.`))
  readonly stand = (task: string): Promise<never> => this.runs(task)
  readonly cancel = (id: string): Promise<never> => this.run(id)
  readonly retry = (id: string): Promise<never> => this.run(id)
  readonly retryAll = (task: string): Promise<never> => this.runs(task)
  readonly cancelAll = (task: string): Promise<never> => this.runs(task)
  readonly pause = (task: string): Promise<never> => this.runs(task)
  readonly resume = (task: string): Promise<never> => this.runs(task)
}

function noRun(id: string): MillraceError {
  return new MillraceError("MR1024", `There is no run ${id}.`)
}
