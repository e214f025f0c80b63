/** The mappings of a node: which there are, when they look at their shards, what the log must keep for them. */
import type { Append } from "@millrace/engine"
import { type ErrorData, type FunctionPlan, type MappingPlan, MillraceError, type Plan, errorData, factsOf, secondOf } from "@millrace/model"
import { fn, type MappingOptions } from "@millrace/sdk"
import type { Sample } from "../samples.ts"
import { unfedFrom, unfedFunction, unknownFunction } from "../functions/unknown-function.ts"
import { madeId, Mapping, mappingId, type MappingNode, type MappingStatus } from "./mapping.ts"
import { type MadeMapping, MappingBook } from "./mapping-book.ts"
import { mappingSamples } from "./mapping-samples.ts"
import { isKept, keptNowhere, redrive } from "./redrive.ts"
import type { Redriven } from "./redriven.ts"
import { feedsItself, restingStatus } from "./resting.ts"

/** What a mapping that is made over the API may be told: what one of a service may, with its stream by name and places outside as destinations. */
export type MadeOptions = MappingOptions & { readonly stream: string }

export class Mappings {
  readonly #node: MappingNode
  readonly #book: MappingBook
  #mappings: readonly Mapping[] = []
  /** By the stream that they read. */
  #byStream: ReadonlyMap<string, readonly Mapping[]> = new Map()
  #plans: readonly Plan[] = []
  /** Partitions with records that may have become durable, by stream. */
  readonly #redriving: Set<string> = new Set()
  readonly #grown: Map<string, Set<number>> = new Map()

  constructor(node: Omit<MappingNode, "onGrowing">) {
    this.#book = new MappingBook(node.store.state)
    this.#node = { ...node, onGrowing: (stream, partition) => this.#onGrowing(stream, partition) }
  }

  /** Other services run now; mappings whose names stay go on where they were. `isHeld`: not before {@link resume}. */
  open(plans: readonly Plan[], isHeld = false): void {
    this.#plans = plans
    if (isHeld) return
    this.#set([...this.#defined(), ...this.#made()])
    this.refresh()
  }

  #defined(): Mapping[] {
    return this.#plans.flatMap(({ service, functions }) =>
      functions.flatMap((plan) => {
        const { mapping } = plan
        if (mapping === undefined) return []
        const switched = this.#book.switchOf(mappingId(service, plan.name, mapping), mapping.enabled)
        if (switched === undefined) return [new Mapping(this.#node, service, plan, mapping)]
        return [new Mapping(this.#node, service, plan, { ...mapping, enabled: switched.enabled }, { changedAt: switched.at })]
      }),
    )
  }

  /** Those of the API that do not rest. */
  #made(): Mapping[] {
    return [...this.#book.made.values()].flatMap((made) => {
      const of = this.#functionOf(made)
      return "code" in of ? [] : [this.#mapping(made, of)]
    })
  }

  /** The function of a mapping of the API, or why it rests. */
  #functionOf(made: MadeMapping): FunctionPlan | ErrorData {
    for (const { service, functions } of this.#plans) {
      const plan = functions.find(({ name }) => name === made.function)
      if (plan !== undefined) return plan.mapping?.stream === made.plan.stream && made.consumer === undefined ? feedsItself(service, made) : plan
    }
    return errorData(unknownFunction(made.function, this.#functions()))
  }

  #mapping({ uuid, plan, at, consumer }: MadeMapping, of: FunctionPlan): Mapping {
    return new Mapping(this.#node, "", of, plan, { uuid, changedAt: at, ...(consumer === undefined ? {} : { consumer }) })
  }

  #function(name: string): FunctionPlan | undefined {
    return this.#plans.flatMap(({ functions }) => functions).find((plan) => plan.name === name)
  }

  #functions(): readonly string[] {
    return this.#plans.flatMap(({ functions }) => functions.map((plan) => plan.name))
  }

  #set(mappings: readonly Mapping[]): void {
    this.#mappings = mappings
    const byStream = new Map<string, Mapping[]>()
    for (const mapping of mappings) {
      const those = byStream.get(mapping.plan.stream)
      if (those === undefined) byStream.set(mapping.plan.stream, [mapping])
      else those.push(mapping)
    }
    this.#byStream = byStream
  }

  hasStream(name: string): boolean {
    return this.#node.stream(name) !== undefined
  }

  /** Whether a stream has a consumer (enhanced fan-out) of that name, registered in that second. */
  hasConsumer(stream: string, name: string, second: number): boolean {
    const facts = this.#node.facts.get(stream)
    return this.hasStream(stream) && facts !== undefined && factsOf(facts).consumers.some((each) => each.name === name && secondOf(each.created) === second)
  }

  /**
   * Makes a mapping that no service defines; resolves once that is durable.
   *
   * @param consumer - the ARN of the stream's consumer that it is made with; it is kept as it came
   * @throws MR1031 when there is no such function, MR1101 for an option that is not valid, MR1303, MR1304
   */
  async make(name: string, options: MadeOptions, consumer?: string): Promise<MappingStatus> {
    const of = this.#function(name)
    if (of === undefined) throw unknownFunction(name, this.#functions())
    const made: MadeMapping = { uuid: crypto.randomUUID(), function: name, plan: planOf(options), at: this.#node.clock.now(), ...(consumer === undefined ? {} : { consumer }) }
    await this.#keep(this.#book.keep(made))
    return this.#replaced(undefined, this.#mapping(made, of))
  }

  /**
   * Changes a mapping that no service defines: what is not given stays. It goes on where it was.
   *
   * @throws MR1031, MR1101, MR1303, MR1304
   */
  async change(uuid: string, change: (options: MappingPlan) => MadeOptions): Promise<MappingStatus> {
    const made = this.#book.made.get(uuid)
    const old = this.#byUuid(uuid)
    if (made === undefined) throw unknown(uuid)
    const changed = { ...made, plan: planOf(change(made.plan)), at: this.#node.clock.now() }
    await old?.stop()
    await this.#keep(this.#book.keep(changed))
    return this.#kept(old, changed)
  }

  /** Pauses a mapping, or lets it go on where it was, also against what its service says. @throws MR1031, MR1303, MR1304 */
  async enable(uuid: string, enabled: boolean): Promise<MappingStatus> {
    const old = this.#byUuid(uuid)
    const at = this.#node.clock.now()
    const made = this.#book.made.get(uuid)
    if (made !== undefined) {
      const changed = { ...made, plan: { ...made.plan, enabled }, at }
      await this.#keep(this.#book.keep(changed))
      await old?.stop()
      return this.#kept(old, changed)
    }
    if (old === undefined) throw unknown(uuid)
    await this.#keep(this.#book.switch(old.id, { enabled, planned: this.#planned(old), at }))
    await old.stop()
    const of = this.#function(old.function)
    if (of === undefined) throw unknown(uuid)
    return this.#replaced(old, new Mapping(this.#node, old.service, of, { ...old.plan, enabled }, { changedAt: at }))
  }

  /** Removes a mapping that no service defines; what it has not done stays undone. @throws MR1031, MR1303, MR1304 */
  async remove(uuid: string): Promise<MappingStatus> {
    const old = this.#byUuid(uuid)
    const made = this.#book.made.get(uuid)
    if (made === undefined) throw unknown(uuid)
    const of = this.#functionOf(made)
    const status = old?.status() ?? ("code" in of ? restingStatus(made, of) : this.#mapping(made, of).status())
    await old?.stop()
    const partitions = this.#node.stream(made.plan.stream)?.partitions ?? 1
    await this.#keep(this.#book.remove(uuid), this.#node.positions.remove(madeId(uuid), partitions))
    this.#set(this.#mappings.filter((mapping) => mapping.uuid !== uuid))
    return status
  }

  /** What the service itself says. */
  #planned({ id }: Mapping): boolean {
    for (const { service, functions } of this.#plans) {
      for (const { name, mapping } of functions) if (mapping !== undefined && mappingId(service, name, mapping) === id) return mapping.enabled
    }
    throw new Error(`mappings: no service defines ${id}`)
  }

  #byUuid(uuid: string): Mapping | undefined {
    return this.#mappings.find((mapping) => mapping.uuid === uuid)
  }

  async #keep(...state: readonly Uint8Array[]): Promise<void> {
    const { commits } = this.#node
    await commits.durable(commits.append({ appends: [], state }).sequence)
  }

  /** One of the API is as the book has it now: it goes on so where its function is deployed. */
  #kept(old: Mapping | undefined, made: MadeMapping): MappingStatus {
    const of = this.#functionOf(made)
    return "code" in of ? restingStatus(made, of) : this.#replaced(old, this.#mapping(made, of))
  }

  #replaced(old: Mapping | undefined, next: Mapping): MappingStatus {
    // A deployment that came meanwhile has made it from the book.
    const same = this.#byUuid(next.uuid)
    if (same !== undefined && same !== old) return same.status()
    this.#set(old === undefined ? [...this.#mappings, next] : this.#mappings.map((mapping) => (mapping === old ? next : mapping)))
    next.refresh()
    return next.status()
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
    this.#book.forget()
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
   * Invokes a function again with what its mappings have given up: one mapping after the other, each in its order. What fails again in one does
   * not keep another waiting.
   *
   * @param stream - that of one mapping; else all
   * @throws MR1031 when no mapping feeds such a function, MR1009 when what they give up is kept nowhere, MR1010 when a redrive is under way
   */
  async redrive(name: string, signal: AbortSignal, stream?: string): Promise<Redriven> {
    const all = this.#mappings.filter((each) => each.function === name)
    const meant = all.filter(({ plan }) => stream === undefined || plan.stream === stream)
    const [first] = meant
    if (first === undefined) {
      if (this.#function(name) === undefined) throw unknownFunction(name, this.#functions())
      if (all.length === 0 || stream === undefined) throw unfedFunction(name, [...new Set(this.#mappings.map((each) => each.function))])
      throw unfedFrom(name, stream, all.map(({ plan }) => plan.stream))
    }
    const kept = meant.filter(({ plan }) => isKept(plan))
    if (kept.length === 0) throw keptNowhere(first)
    if (this.#redriving.has(name)) throw new MillraceError("MR1010", `Function "${name}" is being redriven; ask again once that is done.`, { function: name })
    this.#redriving.add(name)
    try {
      const sum = { batches: 0, records: 0, waiting: 0, failures: [] as Redriven["failures"][number][] }
      for (const mapping of kept) {
        const { batches, records, waiting, failures } = await redrive(this.#node, mapping, signal)
        sum.batches += batches
        sum.records += records
        sum.waiting += waiting
        sum.failures.push(...failures)
      }
      return sum
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
    const running = this.#mappings.map((mapping) => mapping.status())
    for (const made of this.#book.made.values()) {
      const of = this.#functionOf(made)
      if ("code" in of) running.push(restingStatus(made, of))
    }
    return running
  }

  samples(): Sample[] {
    return mappingSamples(this.status())
  }
}

/** @throws MR1101 */
function planOf(options: MadeOptions): MappingPlan {
  const plan = fn("of-the-api", "./of-the-api.mjs", { on: options })["~function"].on?.plan
  if (plan === undefined) throw new Error("mappings: options without a plan")
  return plan
}

function unknown(uuid: string): MillraceError {
  return new MillraceError("MR1031", `There is no mapping ${JSON.stringify(uuid.slice(0, 200))}.`, { mapping: uuid.slice(0, 200) })
}
