/**
 * Shards: each is a partition of its stream with the range of hash keys that it takes, 0 to 2^128 - 1 over all open ones.
 *
 * A shard whose `end` is known is closed: it takes no more records and its children go on.
 */
import { md5 } from "../md5.ts"
import { partitionOf } from "../partition.ts"

export interface Shard {
  readonly partition: number
  /** First and last hash key that it takes. */
  readonly from: bigint
  readonly to: bigint
  /** Offset of its first record. */
  readonly begin: number
  /** One past the offset of its last record, once it is closed. */
  readonly end?: number
  /** When it was made, in ms. */
  readonly openedAt: number
  readonly closedAt?: number
  readonly parent?: number
  /** The other parent of a shard that two were merged to. */
  readonly adjacent?: number
}

export const hashKeyMax: bigint = (1n << 128n) - 1n

/** The id of a partition's shard. */
export function shardId(partition: number): string {
  return `shardId-${String(partition).padStart(12, "0")}`
}

/** The partition that a shard's id names; undefined for a text that is no such id. */
export function partitionOfShard(id: string): number | undefined {
  return /^shardId-\d{12}$/.test(id) ? Number(id.slice(8)) : undefined
}

/** So many shards that share all hash keys evenly; the last one takes the rest. `begin` is the offset at which each begins. */
export function evenShards(count: number, openedAt: number, begin: (partition: number) => number): Shard[] {
  const width = (1n << 128n) / BigInt(count)
  return Array.from({ length: count }, (_, partition) => {
    const from = width * BigInt(partition)
    const to = partition === count - 1 ? hashKeyMax : from + width - 1n
    return { partition, from, to, begin: begin(partition), openedAt }
  })
}

/** MD5 of the partition key, as the number that shards share among them. */
export function hashOf(key: string): bigint {
  let hash = 0n
  for (const word of md5(key)) hash = (hash << 32n) | BigInt(word)
  return hash
}

/** Finds the open shard that takes a record. */
export class Placing {
  readonly #shards: readonly Shard[]
  /** By the hash keys that they take. */
  readonly #open: readonly Shard[]
  /** The first 32 bits of where each open shard begins: they decide, but for keys beside a border. */
  readonly #begins: Float64Array
  /** Whether the shards are as they were made: then the model's own rule is the faster. */
  readonly #even: boolean

  constructor(shards: readonly Shard[]) {
    this.#shards = shards
    this.#open = shards.filter(({ end }) => end === undefined).toSorted((a, b) => (a.from < b.from ? -1 : 1))
    this.#begins = Float64Array.from(this.#open, ({ from }) => Number(from >> 96n))
    this.#even = this.#open.length === shards.length
  }

  /** Shards, closed ones included. */
  get count(): number {
    return this.#shards.length
  }

  /** Partitions of the open shards, by the hash keys that they take. */
  get open(): readonly number[] {
    return this.#open.map(({ partition }) => partition)
  }

  isOpen(partition: number): boolean {
    const shard = this.#shards[partition]
    return shard !== undefined && shard.end === undefined
  }

  ofKey(key: string): number {
    if (this.#even) return partitionOf(key, this.#open.length)
    const first = md5(key)[0] as number
    const begins = this.#begins
    let low = 0
    let high = begins.length - 1
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if ((begins[middle] as number) <= first) low = middle
      else high = middle - 1
    }
    return begins[low] === first ? this.ofHash(hashOf(key)) : (this.#open[low] as Shard).partition
  }

  ofHash(hash: bigint): number {
    const shard = this.#open.find(({ to }) => hash <= to)
    if (shard === undefined) throw new Error(`shard: no open shard takes ${hash}`)
    return shard.partition
  }

  /** The shards that a key's records have ever gone to, the newest first. */
  everOfKey(key: string): number[] {
    const hash = hashOf(key)
    return this.#shards.filter(({ from, to }) => from <= hash && hash <= to).map(({ partition }) => partition).toReversed()
  }
}

/** The shards that a closed one has become. */
export function childrenOf(shards: readonly Shard[], partition: number): readonly Shard[] {
  return shards.filter(({ parent, adjacent }) => parent === partition || adjacent === partition)
}

/** Whether a stream's shards are no more those that it was made with. */
export function isResharded(shards: readonly Shard[]): boolean {
  return shards.some(({ parent }) => parent !== undefined)
}
