/**
 * What is kept of a stream beside its records, as AWS keeps it, in one text by the stream's name. Whoever shows a stream as
 * Kinesis does (the API, events of functions) takes its shards and their age from here, so all show the same.
 */
import type { StreamPlan } from "../plan.ts"
import { type Shard, evenShards } from "./shard.ts"

const hourMs = 3_600_000

export interface KinesisConsumer {
  readonly name: string
  /** ms */
  readonly created: number
  readonly tags: Readonly<Record<string, string>>
}

/** What is kept of a stream besides its records. */
export interface StreamFacts {
  /** ms */
  readonly created: number
  readonly mode: "PROVISIONED" | "ON_DEMAND"
  readonly retentionHours: number
  readonly recordKiB: number
  readonly tags: Readonly<Record<string, string>>
  readonly consumers: readonly KinesisConsumer[]
  readonly metrics: readonly string[]
  /** Of server-side encryption, which a client may turn on and read back; the data directory is the disk's to encrypt. */
  readonly encryptionKey?: string
  readonly warmMiBps?: number
  /** Resource policies by the consumer that they are of; the stream's own under an empty name. */
  readonly policies?: Readonly<Record<string, string>>
  /** Of a stream that was made by a request, or whose shards were split or merged. */
  readonly shards?: readonly Shard[]
  /** Records were put by an explicit hash key that is not that of their partition key: those of one key may lie in several shards. */
  readonly hashPlaced?: boolean
}

/** The facts of a stream that is new. */
export function newFacts(now: number, given: Partial<StreamFacts> = {}): StreamFacts {
  return {
    created: now,
    mode: "PROVISIONED",
    retentionHours: 24,
    recordKiB: 1024,
    tags: {},
    consumers: [],
    metrics: [],
    ...given,
  }
}

/** The facts of a stream that nobody has asked for yet: it keeps its age from then on. */
export function firstFacts(plan: StreamPlan, now: number): StreamFacts {
  return newFacts(now, { retentionHours: retentionHoursOf(plan) })
}

export function retentionHoursOf({ retentionMs }: StreamPlan): number {
  return Math.max(1, Math.round(retentionMs / hourMs))
}

/** The shards of a stream; the first ones of a service's stream begin where its log does. */
export function shardsOf({ partitions }: StreamPlan, { created, shards }: StreamFacts): readonly Shard[] {
  return shards ?? evenShards(partitions, created, () => 0)
}

/** The second that sequence numbers and ARNs carry. */
export function secondOf(ms: number): number {
  return Math.floor(ms / 1000)
}

/** Bigints as decimal texts: JSON knows no other. */
export function factsText(facts: StreamFacts): string {
  return JSON.stringify(facts, (_, value: unknown) => (typeof value === "bigint" ? value.toString() : value))
}

/** The facts of a text from {@link factsText}. */
export function factsOf(text: string): StreamFacts {
  const facts = JSON.parse(text) as StreamFacts
  if (facts.shards === undefined) return facts
  return {
    ...facts,
    shards: facts.shards.map((shard) => ({ ...shard, from: BigInt(shard.from), to: BigInt(shard.to) })),
  }
}
