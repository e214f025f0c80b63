/**
 * The streams as the API shows them: those of services and those that were made here, each with the facts that AWS keeps
 * of a stream. Facts are kept on the node's disk; changes of one stream happen one after the other.
 *
 * Not for: internal streams (those between stages, and rows on their way to a file), which the API does not show.
 */
import {
  account,
  evenShards,
  factsOf,
  factsText,
  firstFacts,
  Placing,
  retentionHoursOf,
  SequenceNumbers,
  type Shard,
  secondOf,
  shardsOf,
  type StreamFacts,
  type StreamPlan,
} from "@millrace/model"
import type { Clock } from "./clock.ts"
import { KinesisFailure } from "./failure.ts"
import type { KinesisNode, StreamSettings } from "./node.ts"

/** A stream with its facts. */
export interface KinesisStream {
  readonly name: string
  readonly plan: StreamPlan
  readonly facts: StreamFacts
  readonly shards: readonly Shard[]
  readonly placing: Placing
  /** By partition. */
  readonly numbers: readonly SequenceNumbers[]
}

const namePattern = /^[a-zA-Z0-9_.-]{1,128}$/

export class Catalog {
  readonly #node: KinesisNode
  readonly #clock: Clock
  /** What was made of the facts, as long as neither they nor the plan change. */
  readonly #known: Map<string, { readonly text: string; readonly stream: KinesisStream }> = new Map()
  /** The change under way of each stream. */
  readonly #changes: Map<string, Promise<unknown>> = new Map()

  constructor(node: KinesisNode, clock: Clock) {
    this.#node = node
    this.#clock = clock
  }

  /** Names of all streams, in order. */
  get names(): readonly string[] {
    const shown = this.#node.streams.filter(isShown).map(({ name }) => name)
    return shown.toSorted()
  }

  /** Streams that were made here. */
  get made(): number {
    return this.#node.streams.filter(({ format }) => format === "bytes").length
  }

  has(name: string): boolean {
    return this.#plan(name) !== undefined
  }

  /** @throws KinesisFailure ResourceNotFoundException */
  async get(name: string): Promise<KinesisStream> {
    const plan = this.#plan(name)
    if (plan === undefined) throw notFound(name)
    const text = this.#node.records.facts.get(name)
    // A stream keeps its age from the first time that it is asked for.
    if (text === undefined) {
      await this.#serially(name, async () => {
        if (!this.#node.records.facts.has(name))
          await this.#node.records.keepFacts(name, factsText(this.#firstFacts(plan)))
      })
      return this.get(name)
    }
    const known = this.#known.get(name)
    if (known !== undefined && known.text === text && known.stream.plan === plan) return known.stream
    const stream = this.#streamOf(plan, factsOf(text))
    this.#known.set(name, { text, stream })
    return stream
  }

  /** @throws KinesisFailure ResourceInUseException */
  make(name: string, facts: StreamFacts, count: number): Promise<void> {
    return this.#serially(name, async () => {
      if (this.#node.streams.some((each) => each.name === name)) {
        throw new KinesisFailure("ResourceInUseException", `Stream ${name} under account ${account} already exists.`)
      }
      const { records } = this.#node
      const shards = evenShards(count, facts.created, (partition) => records.next(name, partition))
      await records.keepStream(name, settingsOf(facts, shards), factsText({ ...facts, shards }))
    })
  }

  /** @throws KinesisFailure ResourceNotFoundException, ResourceInUseException for a service's stream or one with consumers */
  remove(name: string, withConsumers: boolean): Promise<void> {
    return this.#serially(name, async () => {
      const { plan, facts } = await this.#current(name)
      if (plan.format !== "bytes") throw ofService(name)
      if (facts.consumers.length > 0 && !withConsumers) {
        throw new KinesisFailure(
          "ResourceInUseException",
          `Stream ${name} under account ${account} has enhanced fan-out consumers. Deregister them, or set EnforceConsumerDeletion.`,
        )
      }
      await this.#node.records.dropStream(name)
      this.#known.delete(name)
    })
  }

  /**
   * Changes facts; resolves once that is durable. When the change returns the same facts, nothing is kept.
   *
   * @throws KinesisFailure ResourceNotFoundException and what the change throws
   */
  change(name: string, act: (stream: KinesisStream) => StreamFacts): Promise<void> {
    return this.#serially(name, async () => {
      const stream = await this.#current(name)
      const facts = act(stream)
      if (facts === stream.facts) return
      const { records } = this.#node
      const { shards } = facts
      if (shards !== undefined && stream.plan.format === "bytes") {
        await records.keepStream(name, settingsOf(facts, shards), factsText(facts))
      } else if (shards !== undefined && shards !== stream.facts.shards) {
        await records.reshard(name, factsText(facts), shards.length)
      } else await records.keepFacts(name, factsText(facts))
    })
  }

  /** Like get, from within a change. */
  async #current(name: string): Promise<KinesisStream> {
    const plan = this.#plan(name)
    if (plan === undefined) throw notFound(name)
    const text = this.#node.records.facts.get(name)
    return this.#streamOf(plan, text === undefined ? this.#firstFacts(plan) : factsOf(text))
  }

  #plan(name: string): StreamPlan | undefined {
    return this.#node.streams.find((each) => each.name === name && isShown(each))
  }

  #streamOf(plan: StreamPlan, kept: StreamFacts): KinesisStream {
    const { name } = plan
    const isBytes = plan.format === "bytes"
    const facts = isBytes ? kept : { ...kept, retentionHours: retentionHoursOf(plan) }
    const shards = shardsOf(plan, facts)
    const numbers = shards.map(({ openedAt, partition }) => new SequenceNumbers(secondOf(openedAt), partition))
    return { name, plan, facts, shards, placing: new Placing(shards), numbers }
  }

  #firstFacts(plan: StreamPlan): StreamFacts {
    return firstFacts(plan, this.#clock.now())
  }

  #serially<Result>(name: string, act: () => Promise<Result>): Promise<Result> {
    const before = this.#changes.get(name) ?? Promise.resolve()
    const change = before.then(act)
    const settled = change.then(
      () => undefined,
      () => undefined,
    )
    this.#changes.set(name, settled)
    settled
      .finally(() => {
        if (this.#changes.get(name) === settled) this.#changes.delete(name)
      })
      .catch(() => undefined)
    return change
  }
}

export function ofService(name: string): KinesisFailure {
  return new KinesisFailure(
    "ResourceInUseException",
    `Stream ${name} under account ${account} is defined by a service; change it there.`,
  )
}

function notFound(name: string): KinesisFailure {
  return new KinesisFailure("ResourceNotFoundException", `Stream ${name} under account ${account} not found.`)
}

function isShown({ role, name }: StreamPlan): boolean {
  return (role === "source" || role === "derived" || role === "dead-letter") && namePattern.test(name)
}

function settingsOf({ retentionHours }: StreamFacts, shards: readonly Shard[]): StreamSettings {
  return { partitions: shards.length, retentionMs: retentionHours * 3_600_000 }
}
