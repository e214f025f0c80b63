/** SplitShard, MergeShards and UpdateShardCount. */
import { account, evenShards, limits, partitionOfShard, type Shard, shardId, streamArn } from "@millrace/model"
import { type Api, type StreamNaming, nameOf } from "../api.ts"
import type { KinesisStream } from "../catalog.ts"
import { KinesisFailure } from "../failure.ts"

interface SplitShardInput extends StreamNaming {
  readonly ShardToSplit: string
  readonly NewStartingHashKey: string
}

interface MergeShardsInput extends StreamNaming {
  readonly ShardToMerge: string
  readonly AdjacentShardToMerge: string
}

interface UpdateShardCountInput extends StreamNaming {
  readonly TargetShardCount: number
}

export async function splitShard(input: SplitShardInput, api: Api): Promise<undefined> {
  const name = nameOf(input)
  await api.catalog.get(name)
  await api.catalog.change(name, (stream) => {
    const shards = new Reshaping(stream, api)
    shards.split(partitionNamed(stream, input.ShardToSplit), BigInt(input.NewStartingHashKey))
    return { ...stream.facts, shards: shards.all }
  })
  return undefined
}

export async function mergeShards(input: MergeShardsInput, api: Api): Promise<undefined> {
  const name = nameOf(input)
  await api.catalog.get(name)
  await api.catalog.change(name, (stream) => {
    const shards = new Reshaping(stream, api)
    shards.merge(partitionNamed(stream, input.ShardToMerge), partitionNamed(stream, input.AdjacentShardToMerge))
    return { ...stream.facts, shards: shards.all }
  })
  return undefined
}

export async function updateShardCount(input: UpdateShardCountInput, api: Api): Promise<object> {
  const name = nameOf(input)
  const { TargetShardCount: target } = input
  await api.catalog.get(name)
  let current = 0
  await api.catalog.change(name, (stream) => {
    const { facts } = stream
    if (facts.mode === "ON_DEMAND") {
      throw new KinesisFailure(
        "ValidationException",
        `Request is invalid. Stream ${name} under account ${account} is in On-Demand mode.`,
      )
    }
    const shards = new Reshaping(stream, api)
    current = shards.open.length
    if (target > 2 * current || target < current / 2) {
      const what = target > current ? "up over double" : "down below half"
      throw new KinesisFailure(
        "LimitExceededException",
        `UpdateShardCount cannot scale ${what} your current open shard count. Current open shard count: ${current} Target shard count: ${target}`,
      )
    }
    if (target === current && isEven(shards.open)) return facts
    shards.even(target)
    return { ...facts, shards: shards.all }
  })
  return {
    StreamName: name,
    StreamARN: streamArn(api.region, name),
    CurrentShardCount: current,
    TargetShardCount: target,
  }
}

function partitionNamed({ name, shards }: KinesisStream, id: string): number {
  const partition = partitionOfShard(id)
  if (partition !== undefined && shards[partition] !== undefined) return partition
  throw new KinesisFailure("ResourceNotFoundException", `Could not find shard ${id} in stream ${name} under account ${account}.`)
}

function isEven(open: readonly Shard[]): boolean {
  const even = evenShards(open.length, 0, () => 0)
  return open.every(({ from }, i) => from === even[i]?.from)
}

/** The shards of a stream while they are split and merged. */
class Reshaping {
  readonly #stream: KinesisStream
  readonly #api: Api
  readonly #now: number
  #shards: readonly Shard[]

  constructor(stream: KinesisStream, api: Api) {
    this.#stream = stream
    this.#api = api
    this.#shards = stream.shards
    // A child's sequence numbers are greater than its parents': they begin with the second in which the shard was made.
    const newest = Math.max(...stream.shards.map(({ openedAt }) => openedAt))
    this.#now = Math.max(api.clock.now(), newest + 1_000)
  }

  get all(): readonly Shard[] {
    return this.#shards
  }

  /** The open ones, by the hash keys that they take. */
  get open(): readonly Shard[] {
    return this.#shards.filter(({ end }) => end === undefined).toSorted((a, b) => (a.from < b.from ? -1 : 1))
  }

  split(partition: number, at: bigint): void {
    const { from, to } = this.#eligible(partition)
    if (at <= from || at >= to) {
      throw new KinesisFailure(
        "InvalidArgumentException",
        `NewStartingHashKey ${at} used in SplitShard() on shard ${shardId(partition)} in stream ${this.#stream.name} under account ${account} ` +
          `is not both greater than one plus the shard's StartingHashKey ${from} and less than the shard's EndingHashKey ${to}.`,
      )
    }
    this.#cut(partition, at)
  }

  merge(partition: number, other: number): void {
    const shard = this.#eligible(partition)
    const adjacent = this.#eligible(other)
    const [low, high] = shard.from < adjacent.from ? [shard, adjacent] : [adjacent, shard]
    if (partition === other || low.to + 1n !== high.from) {
      throw new KinesisFailure(
        "InvalidArgumentException",
        `Shards ${shardId(partition)} and ${shardId(other)} in stream ${this.#stream.name} under account ${account} are not an adjacent pair of shards eligible for merging`,
      )
    }
    this.#close(shard)
    this.#close(adjacent)
    this.#add({ from: low.from, to: high.to, parent: partition, adjacent: other })
  }

  /** Splits and merges until so many share all hash keys evenly. */
  even(count: number): void {
    const wanted = evenShards(count, 0, () => 0)
    for (const { from } of wanted.slice(1)) {
      const shard = this.open.find((each) => each.from < from && from <= each.to)
      if (shard === undefined) continue
      this.#cut(shard.partition, from)
    }
    for (const { from, to } of wanted) {
      for (;;) {
        const [first, second] = this.open.filter((each) => each.from >= from && each.to <= to)
        if (first === undefined || second === undefined) break
        this.merge(first.partition, second.partition)
      }
    }
  }

  /** Unlike a client, it may leave a range of one hash key: what follows merges it. */
  #cut(partition: number, at: bigint): void {
    const shard = this.#eligible(partition)
    const { from, to } = shard
    this.#close(shard)
    this.#add({ from, to: at - 1n, parent: partition })
    this.#add({ from: at, to, parent: partition })
  }

  #eligible(partition: number): Shard {
    const shard = this.#shards[partition] as Shard
    if (shard.end === undefined) return shard
    throw new KinesisFailure(
      "InvalidArgumentException",
      `Shard ${shardId(partition)} in stream ${this.#stream.name} under account ${account} has already been merged or split, and thus is not eligible for merging or splitting.`,
    )
  }

  #close(shard: Shard): void {
    const end = Math.max(shard.begin, this.#api.node.records.next(this.#stream.name, shard.partition))
    this.#shards = this.#shards.map((each) => (each === shard ? { ...shard, end, closedAt: this.#now } : each))
  }

  #add(made: Pick<Shard, "from" | "to" | "parent" | "adjacent">): void {
    const partition = this.#shards.length
    if (partition >= limits.partitionsMax) {
      throw new KinesisFailure(
        "LimitExceededException",
        `A stream has at most ${limits.partitionsMax} shards here, closed ones included. Make a new stream.`,
      )
    }
    const begin = this.#api.node.records.next(this.#stream.name, partition)
    this.#shards = [...this.#shards, { ...made, partition, begin, openedAt: this.#now }]
  }
}
