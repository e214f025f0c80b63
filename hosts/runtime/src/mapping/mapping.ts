/**
 * One mapping: which shards of its stream are open to it, from where, and what is common to them. A shard's parents are
 * done before it begins, so a partition key's records keep their order through splits and merges.
 *
 * M30  A mapping begins where it is told once; whatever shards come later it reads from their beginning.
 * M31  A shard begins once its parents are done.
 */
import { type MappingFigures, type ObjectPlace, type ShardCheckpoint, type Store, isPast, newCheckpoint } from "@millrace/engine"
import {
  BlockWriter,
  type ErrorData,
  type FunctionPlan,
  type MappingFilter,
  type MappingPlan,
  type Shard,
  type StreamPlan,
  SequenceNumbers,
  errorData,
  factsOf,
  factsText,
  limits,
  firstFacts,
  mappingFilter,
  partitionOf,
  secondOf,
  shardsOf,
} from "@millrace/model"
import type { Commits } from "../commits.ts"
import { Destination, type OutsidePlaces } from "../destination.ts"
import type { FunctionClock } from "../functions/clock.ts"
import type { FunctionInvoker } from "../functions/invocation.ts"
import type { Log } from "../log.ts"
import { faultFacts } from "../logged-error.ts"
import { uuidOf } from "../uuid-of.ts"
import { Room } from "./room.ts"
import { failedBatch, failedBatchFacts, failedBatchName } from "./failed-batch.ts"
import { KinesisEvents } from "./kinesis-event.ts"
import { MappedShard, type ShardHost } from "./mapped-shard.ts"
import type { Positions } from "./positions.ts"
import { ShardLog } from "./shard-log.ts"

/** What a mapping needs of its node. */
export interface MappingNode extends OutsidePlaces {
  readonly store: Store
  readonly commits: Commits
  readonly positions: Positions
  readonly invoker: FunctionInvoker
  readonly clock: FunctionClock
  readonly log: Log
  readonly room: Room
  /** A partition has records on their way to the disk. */
  readonly onGrowing: (stream: string, partition: number) => void
  readonly region: string
  /** Undefined: there is none of that name, or not yet. */
  readonly stream: (name: string) => StreamPlan | undefined
  /** What is kept beside the streams, by name. */
  readonly facts: ReadonlyMap<string, string>
  readonly keepFacts: (stream: string, facts: string) => Promise<void>
  /** The first offset whose record's time is at or after `time`. */
  readonly seek: (stream: string, partition: number, time: number) => Promise<number>
}

/** What `/v1/status` and `fn list` say of a mapping. */
export interface MappingStatus {
  readonly service: string
  readonly function: string
  readonly stream: string
  readonly uuid: string
  /** `Waiting`: its stream is not there yet. `Resting`: its function is not deployed. */
  readonly state: "Enabled" | "Disabled" | "Waiting" | "Resting"
  /** Shards that are being read. */
  readonly shards: number
  readonly figures: MappingFigures
  readonly plan: MappingPlan
  /** Whether a service defines it; else it was made over the API of Lambda. */
  readonly isDefined: boolean
  /** When it was made or changed last over the API, in ms. */
  readonly changedAt: number | undefined
  /** A batch has failed and is tried again. */
  readonly isFailing: boolean
  /** All that there is has been done. */
  readonly isIdle: boolean
  /** The ARN of the stream's consumer that it was made with over the API of Lambda. */
  readonly consumer?: string
  readonly error?: ErrorData
}

/** What the API of Lambda says of a mapping. */
export interface MappingOrigin {
  /** Of one that no service defines. */
  readonly uuid?: string
  readonly changedAt?: number
  readonly consumer?: string
}

export class Mapping {
  /** Under which its positions are kept. */
  readonly id: string
  readonly uuid: string
  readonly service: string
  readonly function: string
  readonly plan: MappingPlan
  readonly #origin: MappingOrigin
  readonly #node: MappingNode
  readonly #filter: MappingFilter | undefined
  readonly #shards: Map<number, MappedShard> = new Map()
  /** Figures of shards that are done. */
  readonly #past: MappingFigures = noFigures()
  /** The facts and the plan that the shards were made of. */
  #seen: { readonly facts: string; readonly stream: StreamPlan; readonly shards: readonly Shard[] } | undefined
  #opening: Promise<void> | undefined
  #again = false
  #error: ErrorData | undefined
  #stopped = false
  readonly #destination: Destination | undefined
  readonly #slots: Room

  constructor(node: MappingNode, service: string, { name, concurrency }: FunctionPlan, plan: MappingPlan, origin: MappingOrigin = {}) {
    this.#node = node
    this.service = service
    this.function = name
    this.plan = plan
    this.#origin = origin
    this.id = origin.uuid === undefined ? mappingId(service, name, plan) : madeId(origin.uuid)
    this.uuid = origin.uuid ?? uuidOf(this.id)
    this.#destination = plan.onFailure === null || plan.onFailure.kind === "stream" ? undefined : new Destination(plan.onFailure, node)
    this.#slots = new Room(concurrency ?? limits.functionInstancesMax)
    this.#filter = mappingFilter(plan.filters, `function "${name}", on, filters`)
  }

  get shards(): ReadonlyMap<number, MappedShard> {
    return this.#shards
  }

  get isIdle(): boolean {
    if (!this.plan.enabled || this.#node.stream(this.plan.stream) === undefined) return true
    return this.#opening === undefined && this.#seen !== undefined && [...this.#shards.values()].every((shard) => shard.isIdle)
  }

  status(): MappingStatus {
    const figures = { ...this.#past }
    let error = this.#error
    let isFailing = false
    for (const shard of this.#shards.values()) {
      addFigures(figures, shard.machine.figures)
      error ??= shard.error
      isFailing ||= shard.machine.isFailing
    }
    const state = !this.plan.enabled ? "Disabled" : this.#seen === undefined ? "Waiting" : "Enabled"
    const { service, function: name, uuid, plan } = this
    const { uuid: made, changedAt, consumer } = this.#origin
    const about = { plan, isDefined: made === undefined, changedAt, isFailing, isIdle: this.isIdle, ...(consumer === undefined ? {} : { consumer }) }
    return { service, function: name, stream: plan.stream, uuid, state, shards: this.#shards.size, figures, ...about, ...(error === undefined ? {} : { error }) }
  }

  /** Looks at the stream's shards anew when they have changed: call it when streams have. */
  refresh(): void {
    if (!this.plan.enabled || this.#stopped) return
    const stream = this.#node.stream(this.plan.stream)
    if (stream === undefined) {
      this.#closeAll()
      return
    }
    const facts = this.#node.facts.get(stream.name)
    if (facts !== undefined && this.#seen?.facts === facts && this.#seen.stream === stream) return
    this.#open()
  }

  async stop(): Promise<void> {
    this.#stopped = true
    await Promise.all([...this.#shards.values()].map((shard) => shard.stop()))
    await this.#destination?.close()
  }

  /** Where what is given up lies as objects. @throws MR1101, MR1501 */
  objects(): Promise<ObjectPlace> {
    if (this.#destination === undefined) throw new Error("mapping: it has no destination outside")
    return this.#destination.objects()
  }

  halt(): void {
    this.#stopped = true
    for (const shard of this.#shards.values()) shard.halt()
  }

  /** The stream was deleted; one that is made again under its name begins anew. */
  #closeAll(): void {
    for (const shard of this.#shards.values()) {
      shard.halt()
      addFigures(this.#past, shard.machine.figures)
    }
    this.#shards.clear()
    this.#seen = undefined
  }

  #open(): void {
    this.#again = true
    this.#opening ??= this.#openAll().finally(() => {
      this.#opening = undefined
    })
  }

  async #openAll(): Promise<void> {
    while (this.#again && !this.#stopped) {
      this.#again = false
      try {
        await this.#openOnce()
        this.#error = undefined
      } catch (error) {
        this.#error = errorData(error)
        this.#node.log.error({ function: this.function, ...faultFacts(error) }, "a mapping cannot open its stream; it is tried again")
        this.#node.clock.after(limits.mappingRetryMsMax, () => this.refresh())
        return
      }
    }
  }

  async #openOnce(): Promise<void> {
    const { facts: kept, keepFacts, positions, clock } = this.#node
    const stream = this.#node.stream(this.plan.stream)
    if (stream === undefined) return
    // A stream keeps its age from the first time that somebody asks for it.
    if (!kept.has(stream.name)) await keepFacts(stream.name, factsText(firstFacts(stream, clock.now())))
    const facts = kept.get(stream.name)
    if (facts === undefined || this.#stopped) return
    const shards = shardsOf(stream, factsOf(facts))
    // M30: where it begins is decided and kept once.
    if (!positions.hasStarted(this.id)) await this.#start(stream, shards)
    if (this.#stopped) return
    this.#seen = { facts, stream, shards }
    this.#openShards(stream, shards)
  }

  async #start(stream: StreamPlan, shards: readonly Shard[]): Promise<void> {
    const { store, seek, positions, commits } = this.#node
    const { startingPosition: at } = this.plan
    const states: Uint8Array[] = []
    for (const shard of shards) {
      const { partition, begin, end = Number.POSITIVE_INFINITY } = shard
      const { first, durable } = store.extent(stream.name, partition)
      const from = at.kind === "AT_TIMESTAMP" ? await seek(stream.name, partition, at.at) : at.kind === "LATEST" ? durable : first
      states.push(positions.keep(this.#placeOf(shard), newCheckpoint(Math.min(Math.max(from, begin), end))))
    }
    states.push(positions.start(this.id))
    await commits.durable(commits.append({ appends: [], state: states }).sequence)
  }

  #openShards(stream: StreamPlan, shards: readonly Shard[]): void {
    for (const shard of shards) {
      const open = this.#shards.get(shard.partition)
      if (open !== undefined) {
        if (shard.end !== undefined) open.close(shard.end)
        continue
      }
      if (this.#isDone(shard) || !this.#parentsDone(shard, shards)) continue
      const mapped = this.#shard(stream, shard)
      this.#shards.set(shard.partition, mapped)
      if (shard.end === undefined) mapped.pump()
      else mapped.close(shard.end)
    }
  }

  #isDone(shard: Shard): boolean {
    return shard.end !== undefined && !this.#shards.has(shard.partition) && isPast(this.#checkpointOf(shard), shard.end)
  }

  /** M31: the order of a key's records goes through the shards that held it. */
  #parentsDone({ parent, adjacent }: Shard, shards: readonly Shard[]): boolean {
    return [parent, adjacent].every((each) => {
      const shard = each === undefined ? undefined : shards.find(({ partition }) => partition === each)
      return shard === undefined || this.#isDone(shard)
    })
  }

  #placeOf({ partition, openedAt }: Shard): { readonly id: string; readonly partition: number; readonly second: number } {
    return { id: this.id, partition, second: secondOf(openedAt) }
  }

  #checkpointOf(shard: Shard): ShardCheckpoint {
    return this.#node.positions.get(this.#placeOf(shard)) ?? newCheckpoint(shard.begin)
  }

  #shard(stream: StreamPlan, shard: Shard): MappedShard {
    const { store, region } = this.#node
    const { partition, openedAt } = shard
    const numbers = new SequenceNumbers(secondOf(openedAt), partition)
    const events = new KinesisEvents(stream.name, partition, numbers, region)
    const log = new ShardLog(store, stream.name, partition, events, this.#filter, this.plan.parallelizationFactor > 1)
    const settings = { ...this.plan, retentionMs: stream.retentionMs, envelopeBytes: events.envelopeBytes }
    const host: ShardHost = {
      ...this.#node,
      slots: this.#slots,
      function: this.function,
      reportBatchItemFailures: this.plan.reportBatchItemFailures,
      destination: this.plan.onFailure,
      keep: (checkpoint, failed) => this.#keep(shard, events, checkpoint, failed),
      onGrowing: () => this.#node.onGrowing(stream.name, partition),
      durable: (sequence) => this.#node.commits.durable(sequence),
      put: async (records, facts, of) => {
        const [first] = records
        if (first === undefined || this.#destination === undefined) throw new Error("mapping: a failed batch without a place")
        const name = failedBatchName(this.uuid, facts, of, first)
        await this.#destination.tell({ name, group: `${this.uuid}/${events.shardId}`, whole: () => failedBatch(records, facts, of), message: () => failedBatchFacts(records, facts, of) })
      },
      onOver: () => this.#onOver(partition),
    }
    return new MappedShard(partition, host, settings, this.#checkpointOf(shard), log, events)
  }

  #keep(shard: Shard, { shardId }: KinesisEvents, checkpoint: ShardCheckpoint, failed: readonly string[] = []): number {
    const { commits, positions, clock } = this.#node
    const state = [positions.keep(this.#placeOf(shard), checkpoint)]
    const { onFailure } = this.plan
    if (failed.length === 0 || onFailure?.kind !== "stream") return commits.append({ appends: [], state }).sequence
    const writer = new BlockWriter()
    const now = clock.now()
    for (const text of failed) writer.record(shardId, now, Buffer.from(text))
    const { stream } = onFailure
    // One shard's failures lie in one partition, in their order.
    const partition = partitionOf(shardId, this.#node.stream(stream)?.partitions ?? 1)
    return commits.append({ appends: [{ stream, partition, count: failed.length, block: writer.take() }], state }).sequence
  }

  #onOver(partition: number): void {
    const over = this.#shards.get(partition)
    if (over === undefined) return
    addFigures(this.#past, over.machine.figures)
    this.#past.iteratorAgeMs = 0
    this.#shards.delete(partition)
    over.halt()
    if (this.#seen !== undefined) this.#openShards(this.#seen.stream, this.#seen.shards)
  }
}

/** Under which the positions of a mapping that a service defines are kept. */
export function mappingId(service: string, name: string, { stream }: MappingPlan): string {
  return `${service}/${name}/${stream}`
}

/** Under which the positions of one that was made over the API are kept. */
export function madeId(uuid: string): string {
  return `@/${uuid}`
}

export function noFigures(): MappingFigures {
  return { polled: 0, filteredOut: 0, invoked: 0, failedInvoke: 0, dropped: 0, delivered: 0, throttles: 0, iteratorAgeMs: 0 }
}

function addFigures(to: MappingFigures, more: MappingFigures): void {
  for (const name of ["polled", "filteredOut", "invoked", "failedInvoke", "dropped", "delivered", "throttles"] as const) to[name] += more[name]
  to.iteratorAgeMs = Math.max(to.iteratorAgeMs, more.iteratorAgeMs)
}
