/** GetShardIterator and GetRecords. */
import { partitionKeyOf, secondOf, type SequenceNumbers, type Shard, shardId } from "@millrace/model"
import { Blob64, Instant } from "../answer-values.ts"
import { type Api, type StreamNaming, nameOf } from "../api.ts"
import type { KinesisStream } from "../catalog.ts"
import { KinesisFailure } from "../failure.ts"
import type { StoredRecord } from "../node.ts"
import { iteratorOf, placeOf } from "../shard-iterator.ts"
import { type Start, endOf, offsetOf, shardOf, trimmedTo } from "../shard-of.ts"

interface GetShardIteratorInput extends StreamNaming {
  readonly ShardId: string
  readonly ShardIteratorType: Start["Type"]
  readonly StartingSequenceNumber?: string
  readonly Timestamp?: number
}

interface GetRecordsInput extends StreamNaming {
  readonly ShardIterator: string
  readonly Limit?: number
}

/** Most bytes and records of one answer. */
const answerBytesMost = 10_485_760
const answerRecordsMost = 10_000

export async function getShardIterator(input: GetShardIteratorInput, api: Api): Promise<object> {
  const stream = await api.catalog.get(nameOf(input))
  const now = api.clock.now()
  const shard = shardOf(stream, input.ShardId, now)
  const { ShardIteratorType: type, StartingSequenceNumber: number, Timestamp: time } = input
  const start: Start = {
    Type: type,
    ...(number === undefined ? {} : { SequenceNumber: number }),
    ...(time === undefined ? {} : { Timestamp: time }),
  }
  const offset = await offsetOf(api.node, stream, shard, start, now)
  return {
    ShardIterator: iteratorOf(
      { stream: stream.name, second: secondOf(shard.openedAt), partition: shard.partition, offset },
      now,
    ),
  }
}

export async function getRecords(input: GetRecordsInput, api: Api): Promise<object> {
  const now = api.clock.now()
  const place = placeOf(input.ShardIterator, now)
  if (input.StreamARN !== undefined && nameOf(input) !== place.stream) {
    throw new KinesisFailure(
      "InvalidArgumentException",
      `The ShardIterator is not of the stream that ${input.StreamARN} names.`,
    )
  }
  const stream = await api.catalog.get(place.stream)
  const shard = stream.shards.find(({ partition }) => partition === place.partition)
  if (shard === undefined || secondOf(shard.openedAt) !== place.second) {
    throw new KinesisFailure(
      "ResourceNotFoundException",
      `Shard ${shardId(place.partition)} in stream ${place.stream} does not exist any more.`,
    )
  }
  const page = await readShard(api, stream, shard, place.offset, input.Limit ?? answerRecordsMost)
  const { records, next, behindMs, isOver } = page
  return {
    Records: records.map((record) => shown(record, stream.numbers[shard.partition] as SequenceNumbers, stream)),
    ...(isOver
      ? { ChildShards: childrenOf(stream, shard) }
      : { NextShardIterator: iteratorOf({ ...place, offset: next }, now) }),
    MillisBehindLatest: behindMs,
  }
}

/** What lies in a shard from an offset on. */
interface ShardPage {
  readonly records: readonly StoredRecord[]
  readonly next: number
  /** How much older the last record is than now when there are more behind it. */
  readonly behindMs: number
  /** Whether the shard is closed and read to its end. */
  readonly isOver: boolean
}

export async function readShard(
  { node, clock }: Api,
  stream: KinesisStream,
  shard: Shard,
  from: number,
  most: number,
): Promise<ShardPage> {
  const begin = Math.max(from, trimmedTo(node, stream, shard))
  const end = endOf(node, stream, shard)
  const { records, next } = await node.records.read(
    stream.name,
    shard.partition,
    begin,
    end,
    Math.min(most, answerRecordsMost),
    answerBytesMost,
  )
  const last = records.at(-1)
  const behindMs = next < end && last !== undefined ? Math.max(0, Math.round(clock.now() - last.time)) : 0
  return { records, next, behindMs, isOver: shard.end !== undefined && next >= shard.end }
}

/** A record as the API shows it. */
export function shown(
  { offset, key, time, headers, data }: StoredRecord,
  numbers: SequenceNumbers,
  { facts }: KinesisStream,
): object {
  return {
    SequenceNumber: numbers.of(offset),
    ApproximateArrivalTimestamp: new Instant(time),
    Data: new Blob64(data),
    PartitionKey: partitionKeyOf(key, headers),
    ...(facts.encryptionKey === undefined ? {} : { EncryptionType: "KMS" }),
  }
}

/** The shards that go on where a closed one ends. */
export function childrenOf({ shards }: KinesisStream, { partition }: Shard): object[] {
  return shards
    .filter(({ parent, adjacent }) => parent === partition || adjacent === partition)
    .map((child) => ({
      ShardId: shardId(child.partition),
      ParentShards: [child.parent, child.adjacent].flatMap((each) => (each === undefined ? [] : [shardId(each)])),
      HashKeyRange: { StartingHashKey: child.from.toString(), EndingHashKey: child.to.toString() },
    }))
}
