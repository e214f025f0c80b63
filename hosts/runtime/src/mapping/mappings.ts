/** The mappings of a node: which there are, when they look at their shards, what the log must keep for them. */
import type { Append } from "@millrace/engine"
import { MillraceError, type Plan } from "@millrace/model"
import type { Sample } from "../samples.ts"
import { Mapping, type MappingNode, type MappingStatus } from "./mapping.ts"
import { mappingSamples } from "./mapping-samples.ts"
import { redrive } from "./redrive.ts"
import type { Redriven } from "./redriven.ts"

export class Mappings {
  readonly #node: MappingNode
  #mappings: readonly Mapping[] = []
  /** By the stream that they read. */
  #byStream: ReadonlyMap<string, readonly Mapping[]> = new Map()
  #plans: readonly Plan[] = []
  /** Partitions with records that may have become durable, by stream. */
  readonly #redriving: Set<string> = new Set()
  readonly #grown: Map<string, Set<number>> = new Map()

  constructor(node: Omit<MappingNode, "onGrowing">) {
    this.#node = { ...node, onGrowing: (stream, partition) => this.#onGrowing(stream, partition) }
  }

  /** Other services run now; mappings whose names stay go on where they were. `isHeld`: not before {@link resume}. */
  open(plans: readonly Plan[], isHeld = false): void {
    this.#plans = plans
    if (isHeld) return
    this.#mappings = plans.flatMap(({ service, functions }) =>
      functions.flatMap((plan) => (plan.mapping === undefined ? [] : [new Mapping(this.#node, service, plan, plan.mapping)])),
    )
    const byStream = new Map<string, Mapping[]>()
    for (const mapping of this.#mappings) {
      const those = byStream.get(mapping.plan.stream)
      if (those === undefined) byStream.set(mapping.plan.stream, [mapping])
      else those.push(mapping)
    }
    this.#byStream = byStream
    this.refresh()
  }

  /** Lets what is under way come to an end, and begins nothing more. */
  async stop(): Promise<void> {
    await Promise.all(this.#mappings.map((mapping) => mapping.stop()))
    this.#mappings = []
    this.#byStream = new Map()
  }

  /** The disk refuses: what was committed and is not durable never happened, so nothing goes on. */
  halt(): void {
    for (const mapping of this.#mappings) mapping.halt()
    this.#mappings = []
    this.#byStream = new Map()
    this.#node.positions.forget()
  }

  /** The disk takes writes again: from what is durable. */
  resume(): void {
    this.open(this.#plans)
  }

  /** Streams or their shards have changed. */
  refresh(): void {
    for (const mapping of this.#mappings) mapping.refresh()
  }

  onAppended(appends: readonly Append[]): void {
    if (this.#byStream.size === 0) return
    for (const { stream, partition } of appends) if (this.#byStream.has(stream)) this.#onGrowing(stream, partition)
  }

  #onGrowing(stream: string, partition: number): void {
    const partitions = this.#grown.get(stream)
    if (partitions === undefined) this.#grown.set(stream, new Set([partition]))
    else partitions.add(partition)
  }

  /** More is durable than before. */
  onDurable(): void {
    if (this.#grown.size === 0) return
    const grown = [...this.#grown]
    this.#grown.clear()
    for (const [stream, partitions] of grown) {
      for (const partition of partitions) {
        // A group of commits becomes durable bit by bit.
        const { durable, next } = this.#node.store.extent(stream, partition)
        if (durable < next) this.#onGrowing(stream, partition)
        for (const mapping of this.#byStream.get(stream) ?? []) mapping.shards.get(partition)?.pump()
      }
    }
  }

  /**
   * Invokes a function again with what its mapping has given up, in its order.
   *
   * @throws MR1031 when no mapping feeds such a function, MR1009 when what it gives up is kept nowhere, MR1010 when a redrive is under way
   */
  async redrive(name: string, signal: AbortSignal): Promise<Redriven> {
    const mapping = this.#mappings.find((each) => each.function === name)
    if (mapping === undefined) {
      throw new MillraceError("MR1031", `There is no function ${JSON.stringify(name.slice(0, 200))} that a stream feeds.`, { function: name.slice(0, 200) })
    }
    if (this.#redriving.has(name)) throw new MillraceError("MR1010", `Function "${name}" is being redriven; ask again once that is done.`, { function: name })
    this.#redriving.add(name)
    try {
      return await redrive(this.#node, mapping, signal)
    } finally {
      this.#redriving.delete(name)
    }
  }

  get isIdle(): boolean {
    return this.#mappings.every((mapping) => mapping.isIdle)
  }

  /** The oldest offset that mappings need after a restart; Infinity: none. One that is disabled needs nothing. */
  neededFrom(stream: string, partition: number): number {
    let least = Number.POSITIVE_INFINITY
    for (const { plan, id } of this.#byStream.get(stream) ?? []) {
      if (plan.enabled) least = Math.min(least, this.#node.positions.neededFrom(id, partition))
    }
    return least
  }

  status(): MappingStatus[] {
    return this.#mappings.map((mapping) => mapping.status())
  }

  samples(): Sample[] {
    return mappingSamples(this.status())
  }
}
