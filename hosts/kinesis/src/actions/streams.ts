/** CreateStream, DeleteStream, and the descriptions of streams. */
import { Instant } from "../answer-values.ts"
import { type Api, type StreamNaming, nameOf } from "../api.ts"
import type { KinesisStream } from "../catalog.ts"
import { KinesisFailure } from "../failure.ts"
import { pageOf, tokenOf } from "../page-token.ts"
import { tagsOf } from "../tags.ts"
import { isKept } from "../shard-of.ts"
import { shownShard } from "./shards.ts"
import { limits, newFacts, streamArn, type StreamFacts } from "@millrace/model"

interface CreateStreamInput {
  readonly StreamName: string
  readonly ShardCount?: number
  readonly StreamModeDetails?: { readonly StreamMode: StreamFacts["mode"] }
  readonly Tags?: ReadonlyMap<string, string>
  readonly WarmThroughputMiBps?: number
  readonly MaxRecordSizeInKiB?: number
}

interface DeleteStreamInput extends StreamNaming {
  readonly EnforceConsumerDeletion?: boolean
}

interface DescribeStreamInput extends StreamNaming {
  readonly Limit?: number
  readonly ExclusiveStartShardId?: string
}

interface ListStreamsInput {
  readonly Limit?: number
  readonly ExclusiveStartStreamName?: string
  readonly NextToken?: string
}

/** Shards that an on-demand stream begins with. */
const onDemandShards = 4
const shardsPageMost = 100
const streamsPageMost = 100

export async function createStream(input: CreateStreamInput, { catalog, clock }: Api): Promise<undefined> {
  const {
    StreamName: name,
    ShardCount: given,
    StreamModeDetails: mode,
    Tags: tags,
    MaxRecordSizeInKiB: recordKiB,
  } = input
  const isOnDemand = mode?.StreamMode === "ON_DEMAND"
  if (isOnDemand && given !== undefined) {
    throw new KinesisFailure(
      "ValidationException",
      "ShardCount must not be provided for a stream with StreamMode ON_DEMAND.",
    )
  }
  const count = given ?? (isOnDemand ? onDemandShards : undefined)
  if (count === undefined)
    throw new KinesisFailure("ValidationException", "ShardCount is required for StreamMode PROVISIONED.")
  if (count > limits.partitionsMax) {
    throw new KinesisFailure(
      "LimitExceededException",
      `This request would exceed the shard limit for the account: a stream has at most ${limits.partitionsMax} shards here.`,
    )
  }
  if (catalog.made >= limits.byteStreamsMax) {
    throw new KinesisFailure(
      "LimitExceededException",
      `There are ${limits.byteStreamsMax} streams already; delete some first.`,
    )
  }
  const facts = newFacts(clock.now(), {
    mode: isOnDemand ? "ON_DEMAND" : "PROVISIONED",
    ...(tags === undefined ? {} : { tags: tagsOf({}, tags) }),
    ...(recordKiB === undefined ? {} : { recordKiB }),
    ...(input.WarmThroughputMiBps === undefined ? {} : { warmMiBps: input.WarmThroughputMiBps }),
  })
  await catalog.make(name, facts, count)
  return undefined
}

export async function deleteStream(input: DeleteStreamInput, { catalog }: Api): Promise<undefined> {
  await catalog.remove(nameOf(input), input.EnforceConsumerDeletion === true)
  return undefined
}

export async function describeStream(input: DescribeStreamInput, api: Api): Promise<object> {
  const stream = await api.catalog.get(nameOf(input))
  const after = input.ExclusiveStartShardId ?? ""
  const kept = stream.shards.filter((shard) => isKept(shard, stream, api.clock.now()))
  const shards = kept.map((shard) => shownShard(stream, shard)).filter(({ ShardId: id }) => id > after)
  const most = Math.min(input.Limit ?? shardsPageMost, shardsPageMost)
  return {
    StreamDescription: {
      ...described(stream, api),
      Shards: shards.slice(0, most),
      HasMoreShards: shards.length > most,
    },
  }
}

export async function describeStreamSummary(input: StreamNaming, api: Api): Promise<object> {
  const stream = await api.catalog.get(nameOf(input))
  const { facts } = stream
  return {
    StreamDescriptionSummary: {
      ...described(stream, api),
      OpenShardCount: stream.shards.filter(({ end }) => end === undefined).length,
      ConsumerCount: facts.consumers.length,
      MaxRecordSizeInKiB: facts.recordKiB,
      ...(facts.warmMiBps === undefined
        ? {}
        : { WarmThroughput: { TargetMiBps: facts.warmMiBps, CurrentMiBps: facts.warmMiBps } }),
    },
  }
}

export async function listStreams(input: ListStreamsInput, api: Api): Promise<object> {
  const { catalog, clock, region } = api
  const { NextToken: token, ExclusiveStartStreamName: given } = input
  const after = token === undefined ? (given ?? "") : pageOf(token, clock.now()).after
  const names = catalog.names.filter((name) => name > after)
  const page = names.slice(0, Math.min(input.Limit ?? streamsPageMost, 10_000))
  const more = names.length > page.length
  const streams = await Promise.all(page.map((name) => catalog.get(name)))
  return {
    StreamNames: page,
    HasMoreStreams: more,
    ...(more ? { NextToken: tokenOf({ stream: "", after: page.at(-1) ?? "" }, clock.now()) } : {}),
    StreamSummaries: streams.map(({ name, facts }) => ({
      StreamName: name,
      StreamARN: streamArn(region, name),
      StreamStatus: "ACTIVE",
      StreamModeDetails: { StreamMode: facts.mode },
      StreamCreationTimestamp: new Instant(facts.created),
    })),
  }
}

export async function describeLimits(_: object, { catalog, node }: Api): Promise<object> {
  const open = node.streams
    .filter(({ format }) => format === "bytes")
    .reduce((sum, { partitions }) => sum + partitions, 0)
  const streams = await Promise.all(catalog.names.map((name) => catalog.get(name)))
  return {
    ShardLimit: limits.byteStreamsMax * limits.partitionsMax,
    OpenShardCount: open,
    OnDemandStreamCount: streams.filter(({ facts }) => facts.mode === "ON_DEMAND").length,
    OnDemandStreamCountLimit: limits.byteStreamsMax,
  }
}

function described({ name, facts }: KinesisStream, { region }: Api): object {
  return {
    StreamName: name,
    StreamARN: streamArn(region, name),
    StreamStatus: "ACTIVE",
    StreamModeDetails: { StreamMode: facts.mode },
    RetentionPeriodHours: facts.retentionHours,
    StreamCreationTimestamp: new Instant(facts.created),
    EnhancedMonitoring: [{ ShardLevelMetrics: facts.metrics }],
    EncryptionType: facts.encryptionKey === undefined ? "NONE" : "KMS",
    ...(facts.encryptionKey === undefined ? {} : { KeyId: facts.encryptionKey }),
  }
}
