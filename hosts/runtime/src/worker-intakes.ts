/**
 * What a worker takes in: bodies become blocks that the node appends, and the decoded records are kept until it says at which offsets, so
 * that nothing is decoded twice. Neither the order of requests nor what becomes of their records is decided here.
 */
import type { Append, Batch } from "@millrace/engine"
import { Intake, TaskIntake } from "@millrace/engine/machine"
import { Placing, type Program, errorData } from "@millrace/model"
import type { FromWorker, ToWorker } from "./messages.ts"
import { free, type PackedAppend, Parcel } from "./parcel.ts"
import type { ShardsByStream } from "./reshard/shards.ts"

type Body = Extract<ToWorker, { kind: "ingest" }>
type Answer = Extract<FromWorker, { kind: "ingested" | "not-ingested" }>

/** Decoded records of one partition, whose first has this offset now. */
export interface Placed {
  readonly stream: string
  readonly partition: number
  readonly batch: Batch
}

export class WorkerIntakes {
  readonly #programOf: (service: string) => Program
  /** Gets the index of the record in hand. */
  readonly #cursor: Float64Array
  #shards: ShardsByStream
  readonly #streams: Map<string, Intake> = new Map()
  readonly #tasks: Map<string, TaskIntake> = new Map()
  /** Decoded records of ingests whose offsets are not known yet. */
  readonly #decoded: Map<number, { readonly stream: string; readonly partitions: readonly number[]; readonly batches: readonly Batch[] }> = new Map()

  constructor(programOf: (service: string) => Program, cursor: Float64Array, shards: ShardsByStream) {
    this.#programOf = programOf
    this.#cursor = cursor
    this.#shards = shards
  }

  /** Streams have been split or merged. */
  reshard(shards: ShardsByStream): void {
    this.#shards = shards
    this.#streams.clear()
  }

  /** Decodes a body, which is of no use after. */
  take({ id, stream, service, format, body, poison, now, trace, task }: Body): Answer {
    try {
      const { appends, batches, ...facts } =
        task === undefined
          ? this.#streamIntake(service, stream).take(body, format, now, poison, trace)
          : this.#taskIntake(service, task.name).take(body, format === "ndjson" ? "ndjson" : "json", task.facts, now, poison, task.stored)
      if (appends.length > 0) this.#decoded.set(id, { stream, partitions: appends.map(({ partition }) => partition), batches })
      const parcel = new Parcel()
      const packed = appends.map((append) => packedIn(parcel, append))
      return { kind: "ingested", id, ...facts, appends: packed, parcel: parcel.pack() }
    } catch (fault) {
      return { kind: "not-ingested", id, error: errorData(fault) }
    } finally {
      // The message's own copy.
      free(body)
    }
  }

  /** The records of an ingest have these offsets: those that are wanted here, decoded. */
  *placed(ingest: number, bases: readonly number[]): Iterable<Placed> {
    const kept = this.#decoded.get(ingest)
    if (kept === undefined) return
    this.#decoded.delete(ingest)
    for (const [i, base] of bases.entries()) {
      const batch = kept.batches[i]
      if (base >= 0 && batch !== undefined) yield { stream: kept.stream, partition: kept.partitions[i] ?? 0, batch: { ...batch, base } }
    }
  }

  #streamIntake(service: string, stream: string): Intake {
    const name = `${service}\n${stream}`
    let intake = this.#streams.get(name)
    if (intake === undefined) {
      const program = this.#programOf(service)
      const plan = program.plan.streams.find((each) => each.name === stream)
      if (plan === undefined) throw new Error(`worker: no stream ${stream}`)
      const resharded = this.#shards.get(stream)
      intake = new Intake(plan, program.streams.get(stream), this.#cursor, resharded === undefined ? undefined : new Placing(resharded))
      this.#streams.set(name, intake)
    }
    return intake
  }

  #taskIntake(service: string, task: string): TaskIntake {
    const name = `${service}\n${task}`
    let intake = this.#tasks.get(name)
    if (intake === undefined) {
      const { plan, tasks } = this.#programOf(service)
      const taskPlan = plan.tasks.find((each) => each.name === task)
      const code = tasks.get(task)
      if (taskPlan === undefined || code === undefined) throw new Error(`worker: no task ${task}`)
      intake = new TaskIntake(taskPlan, code, this.#cursor)
      this.#tasks.set(name, intake)
    }
    return intake
  }
}

export function packedIn(parcel: Parcel, { stream, partition, count, block }: Append): PackedAppend {
  return { stream, partition, count, at: parcel.add(block), length: block.length }
}
