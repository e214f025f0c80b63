/**
 * The streams of a node: those of all its services by name, and what may be done with each. A stream that several services
 * read is one stream; its definitions must agree.
 */
import type { StateReader } from "@millrace/engine"
import { MillraceError, type Plan, StateChangesWriter, type StreamPlan, valueFrom } from "@millrace/model"
import { type Shards, partitionsBeyond } from "./reshard/shards.ts"

const scope = "@streams"

interface Known {
  readonly plan: StreamPlan
  /** The service whose code decodes what front doors bring; empty for a stream of bytes, which no service defines. */
  readonly service: string
}

export class Streams {
  readonly #known: Map<string, Known> = new Map()
  readonly #services: string[] = []
  readonly #stored: readonly string[]
  /** As services define them. */
  readonly #plans: readonly Plan[]

  /**
   * @param bytes - streams of bytes, of which services may define some
   * @param shards - of streams that were split or merged: a service defines as many partitions as there were at first
   * @throws MR1102 when services disagree about a stream, MR1306 when it does not fit what is stored
   */
  constructor(plans: readonly Plan[], reader: StateReader, bytes: readonly StreamPlan[] = [], shards?: Shards) {
    this.#plans = plans
    const stored = storedPartitions(reader)
    this.#stored = [...stored.keys()]
    for (const { name, partitions } of bytes) stored.set(name, shards?.of(name)?.filter(({ parent }) => parent === undefined).length ?? partitions)
    for (const { service, streams } of plans) {
      this.#services.push(service)
      for (const plan of streams) this.#add(plan, service, stored)
    }
    for (const plan of bytes) this.addBytes(plan)
    if (shards !== undefined) this.grow(shards)
  }

  /** Streams were split or merged: they have the more partitions, and so have those that have one to each of theirs. */
  grow(shards: Shards): void {
    for (const [name, partitions] of partitionsBeyond(this.#plans, shards.all(this.#plans))) {
      const known = this.#known.get(name)
      if (known === undefined || known.plan.partitions >= partitions) continue
      const { plan } = known
      this.#known.set(name, { ...known, plan: { ...plan, partitions, partitionsAtFirst: plan.partitionsAtFirst ?? plan.partitions } })
    }
  }

  /** A stream of bytes is there, or has more partitions now. A service's stream of this name stays the service's. */
  addBytes(plan: StreamPlan): void {
    if ((this.#known.get(plan.name)?.service ?? "") === "") this.#known.set(plan.name, { plan, service: "" })
  }

  removeBytes(name: string): void {
    if (this.#known.get(name)?.service === "") this.#known.delete(name)
  }

  get all(): readonly StreamPlan[] {
    return [...this.#known.values()].map(({ plan }) => plan)
  }

  get services(): readonly string[] {
    return this.#services
  }

  /** @throws MR1008 with near names */
  get(name: string): StreamPlan {
    return this.#find(name).plan
  }

  has(name: string): boolean {
    return this.#known.has(name)
  }

  /**
   * The service that decodes what front doors bring to a stream.
   *
   * @throws MR1008, and MR1016 when the stream is not theirs to write
   */
  writer(name: string): string {
    const { plan, service } = this.#find(name)
    if (service === "") {
      throw new MillraceError("MR1016", `Stream "${name}" is of bytes, and no service defines what they are; put its records with the Kinesis API.`, {
        stream: name,
        role: plan.role,
      })
    }
    if (plan.role === "source") return service
    throw new MillraceError("MR1016", `Stream "${name}" is written by service "${service}" itself (${plan.role}); it can be read only.`, {
      stream: name,
      role: plan.role,
    })
  }

  /** The names of all streams that this node has ever had, whether or not a service has them now. */
  get stored(): Iterable<string> {
    return this.#stored
  }

  /** State changes that remember the streams' partition counts. */
  changes(): Uint8Array {
    const changes = new StateChangesWriter()
    changes.beginBucket(scope, 0, 0, false)
    for (const { name, partitions } of new Map(this.#plans.flatMap(({ streams }) => streams.map((plan) => [plan.name, plan]))).values()) {
      changes.value(name, partitions)
    }
    changes.endBucket()
    return changes.take()
  }

  #find(name: string): Known {
    const known = this.#known.get(name)
    if (known !== undefined) return known
    const sources = this.all.filter(({ role }) => role === "source" || role === "derived").map((each) => each.name)
    const listed = sources.length === 0 ? "this node has none" : `there are ${sources.slice(0, 20).join(", ")}`
    throw new MillraceError("MR1008", `There is no stream "${name}"; ${listed}.`, { stream: name, streams: sources.slice(0, 20) })
  }

  #add(plan: StreamPlan, service: string, stored: ReadonlyMap<string, number>): void {
    const before = stored.get(plan.name)
    if (before !== undefined && before !== plan.partitions) {
      throw new MillraceError(
        "MR1306",
        `Stream "${plan.name}" has ${before} partitions on the disk and ${plan.partitions} in service "${service}"; keys would move away from their state. Set partitions: ${before}, or use another data directory.`,
        { stream: plan.name, stored: before, given: plan.partitions },
      )
    }
    const other = this.#known.get(plan.name)
    if (other === undefined) this.#known.set(plan.name, { plan, service })
    else if (other.plan.partitions !== plan.partitions || other.plan.format !== plan.format) {
      throw new MillraceError(
        "MR1102",
        `Services "${other.service}" and "${service}" define stream "${plan.name}" differently; share one definition.`,
        { stream: plan.name },
      )
    } else if (other.plan.role === "source" && plan.role === "derived") this.#known.set(plan.name, { plan, service })
  }
}

function storedPartitions(reader: StateReader): Map<string, number> {
  const stored = new Map<string, number>()
  for (const [name, bytes] of reader.entries(scope, 0, 0)) stored.set(name, valueFrom(bytes) as number)
  return stored
}
