/**
 * Splits and merges of partitions, seat by seat: a closed shard's seat is read to its end and sealed, what it keeps goes to the
 * seats of its children, and they begin.
 *
 * ```
 *  open ──(all of it read)──> sealed ──(state moved)──> moved
 *                                          │
 *                             waiting ─────┴─> closed ──> seating ──> open     (each child)
 * ```
 *
 * Which of these a seat is in is read from the store when it is taken: a parent whose state has moved says so in its progress, and
 * a child has progress from then on. So a crash anywhere goes on where the last commit was.
 *
 * A50  Order and state go with the keys: a child begins once all of its parents' records are in the state that it takes over.
 */
import { type Commit, type Handover, type Progress, type Store, handedOver, leftOver, movedState, stageScope, storedProgress } from "@millrace/engine"
import { type Plan, type Shard, type StagePlan, childrenOf, hashOf } from "@millrace/model"
import type { Feed } from "../feed.ts"
import type { Log } from "../log.ts"
import { faultFacts } from "../logged-error.ts"
import type { ShardsByStream } from "./shards.ts"

export interface HandoverHost {
  readonly store: Store
  readonly log: Log
  clock(): number
  shards(): ShardsByStream
  feed(service: string, stage: string, partition: number): Feed | undefined
  plan(service: string): Plan
  /** Whether seats are held at all. */
  isOpen(): boolean
  /** Whether all of a seat's input is consumed and nothing is in hand. */
  isDone(feed: Feed): boolean
  /** Resolves once the store's state is that of all commits. */
  settled(): Promise<void>
  /** @throws MR1303, MR1304 */
  commit(commit: Commit): Promise<void>
  /** Takes the seat of a parent that is asleep. */
  wake(feed: Feed): void
  seal(feed: Feed, watermark: number): void
  /** Seats that may be taken now. */
  release(feeds: readonly Feed[]): void
}

export class Handovers {
  readonly #host: HandoverHost
  /** Under way, by the parents' seats. */
  readonly #moving: Set<Feed> = new Set()

  constructor(host: HandoverHost) {
    this.#host = host
  }

  /** Where a seat stands that no worker has, by the store's state: `closed` when it can be taken. */
  stateOf(feed: Feed): "closed" | "waiting" | "moved" {
    const shard = this.#shardOf(feed)
    if (shard === undefined) return "closed"
    const progress = this.#progressOf(feed)
    if (progress?.moved === true) return "moved"
    return shard.parent !== undefined && progress === undefined ? "waiting" : "closed"
  }

  /** Whether a seat's shard is closed and what it keeps has still to go on. */
  isDue(feed: Feed): boolean {
    return feed.state !== "moved" && this.#shardOf(feed)?.end !== undefined
  }

  /** Looks whether a seat can be sealed, or what was sealed can move. */
  look(feed: Feed): void {
    const shards = this.#host.shards().get(feed.input.name)
    if (shards === undefined || shards[feed.seat.partition]?.end === undefined || feed.state === "moved") return
    if (feed.state === "asleep") return this.#host.wake(feed)
    const parents = this.#family(feed, shards).parents
    if (!parents.every((each) => each.state === "sealed" || this.#isReady(each, shards))) return
    const open = parents.filter(({ state }) => state !== "sealed")
    if (open.length === 0) return this.#move(feed)
    const watermark = Math.max(...parents.map((each) => each.watermark))
    for (const each of open) {
      if (each.sealing) continue
      each.sealing = true
      this.#host.seal(each, watermark)
    }
  }

  /** What a crash has left behind in a seat whose keys go on elsewhere. */
  clear(feed: Feed): void {
    const { seat } = feed
    const plan = this.#host.plan(seat.service)
    const stage = plan.stages.find(({ id }) => id === seat.stage) as StagePlan
    this.#clearAll(leftOver(this.#host.store.state, { plan, stage, parents: [seat.partition] })).catch((error: unknown) => {
      // Nobody looks at it: the next start tries again.
      if (this.#host.isOpen()) this.#host.log.error({ seat, ...faultFacts(error) }, "what a closed shard has left could not be removed")
    })
  }

  async #clearAll(pieces: Iterable<Uint8Array>): Promise<void> {
    for (const piece of pieces) {
      if (!this.#host.isOpen()) return
      await this.#host.commit({ appends: [], state: [piece] })
    }
  }

  #isReady(feed: Feed, shards: readonly Shard[]): boolean {
    const end = shards[feed.seat.partition]?.end
    return end !== undefined && feed.state === "open" && feed.consumed >= end && (feed.sealing || this.#host.isDone(feed))
  }

  #shardOf({ input, seat }: Feed): Shard | undefined {
    return this.#host.shards().get(input.name)?.[seat.partition]
  }

  #progressOf({ seat: { service, stage, partition } }: Feed): Progress | undefined {
    return storedProgress(this.#host.store.state, stageScope(service, stage), partition)
  }

  /** All that take part in the split or merge of a closed shard. */
  #family({ seat: { service, stage, partition } }: Feed, shards: readonly Shard[]): { readonly parents: Feed[]; readonly children: Feed[]; readonly shards: readonly Shard[] } {
    const children = childrenOf(shards, partition)
    const places = new Set([partition, ...children.flatMap(({ parent, adjacent }) => [parent, adjacent])])
    const feedAt = (at: number | undefined): Feed[] => {
      const feed = at === undefined ? undefined : this.#host.feed(service, stage, at)
      return feed === undefined ? [] : [feed]
    }
    return {
      parents: [...places].toSorted((a = 0, b = 0) => a - b).flatMap(feedAt),
      children: children.flatMap((child) => feedAt(child.partition)),
      shards: children,
    }
  }

  #move(feed: Feed): void {
    const all = this.#host.shards().get(feed.input.name) ?? []
    const { parents, children, shards } = this.#family(feed, all)
    const [first] = parents
    if (first === undefined || this.#moving.has(first)) return
    this.#moving.add(first)
    this.#handOver(parents, children, shards)
      .catch((error: unknown) => {
        // The next tick tries again; while the disk refuses there is none.
        if (this.#host.isOpen()) this.#host.log.error({ seat: first.seat, ...faultFacts(error) }, "what a closed shard keeps could not go on")
      })
      .finally(() => this.#moving.delete(first))
  }

  async #handOver(parents: readonly Feed[], children: readonly Feed[], shards: readonly Shard[]): Promise<void> {
    const host = this.#host
    const { state } = host.store
    const [{ seat }] = parents as [Feed]
    const plan = host.plan(seat.service)
    const stage = plan.stages.find(({ id }) => id === seat.stage) as StagePlan
    const stands = (): boolean => host.isOpen() && parents.every((each) => each.state === "sealed")
    const handover: Handover = {
      plan,
      stage,
      parents: parents.map((each) => each.seat.partition),
      children: shards.map(({ partition, begin }) => ({ partition, begin })),
      childOf: (key) => childOf(shards, key),
    }
    await host.settled()
    for (const piece of movedState(state, handover)) {
      if (!stands()) return
      await host.commit({ appends: [], state: [piece] })
    }
    if (!stands()) return
    const deciding = host.commit(handedOver(state, handover, host.clock()))
    for (const each of parents) each.state = "moved"
    await deciding
    // What a child takes over is read from the store, and so is whether there is anything.
    await host.settled()
    for (const each of children) if (each.state === "waiting") each.state = "closed"
    host.log.info({ seat, shards: shards.map(({ partition }) => partition) }, "a resharded stream's keys go on in other shards")
    host.release(children)
    await this.#clearAll(leftOver(state, handover))
  }
}

/** Of one child all keys are its own. */
function childOf(shards: readonly Shard[], key: string): number | undefined {
  const [only, another] = shards
  if (another === undefined) return only?.partition
  const hash = hashOf(key)
  return shards.find(({ from, to }) => from <= hash && hash <= to)?.partition
}
