/** Finding a shard of a stream, and places in it. */
import { account, partitionOfShard, positionOf, secondOf, type Shard } from "@millrace/model"
import type { KinesisStream } from "./catalog.ts"
import { KinesisFailure } from "./failure.ts"
import type { KinesisNode } from "./node.ts"

/** Where reading a shard begins. */
export interface Start {
  readonly Type: "TRIM_HORIZON" | "LATEST" | "AT_SEQUENCE_NUMBER" | "AFTER_SEQUENCE_NUMBER" | "AT_TIMESTAMP"
  readonly SequenceNumber?: string
  /** ms */
  readonly Timestamp?: number
}

/**
 * Whether there may be records of a shard: a closed one goes when the last of them has expired. One that is empty is kept as long:
 * consumers wait for each parent.
 */
export function isKept({ closedAt }: Shard, { facts }: KinesisStream, now: number): boolean {
  return closedAt === undefined || now - closedAt < facts.retentionHours * 3_600_000
}

/** @throws KinesisFailure ResourceNotFoundException */
export function shardOf(stream: KinesisStream, id: string, now: number): Shard {
  const { name, shards } = stream
  const partition = partitionOfShard(id)
  const shard = shards.find((each) => each.partition === partition)
  if (shard !== undefined && isKept(shard, stream, now)) return shard
  throw new KinesisFailure(
    "ResourceNotFoundException",
    `Shard ${id} in stream ${name} under account ${account} does not exist`,
  )
}

/** The oldest offset of a shard that is kept. */
export function trimmedTo(node: KinesisNode, stream: KinesisStream, { partition, begin, end }: Shard): number {
  return Math.min(Math.max(begin, node.records.extent(stream.name, partition).first), end ?? Number.POSITIVE_INFINITY)
}

/** One past the newest durable offset of a shard. */
export function endOf(node: KinesisNode, stream: KinesisStream, { partition, begin, end }: Shard): number {
  return Math.max(begin, Math.min(node.records.extent(stream.name, partition).end, end ?? Number.POSITIVE_INFINITY))
}

/**
 * The offset at which reading begins.
 *
 * @throws KinesisFailure InvalidArgumentException
 */
export async function offsetOf(
  node: KinesisNode,
  stream: KinesisStream,
  shard: Shard,
  start: Start,
  now: number,
): Promise<number> {
  switch (start.Type) {
    case "TRIM_HORIZON":
      return trimmedTo(node, stream, shard)
    case "LATEST":
      return endOf(node, stream, shard)
    case "AT_TIMESTAMP": {
      const { Timestamp: time } = start
      if (time === undefined)
        throw new KinesisFailure(
          "InvalidArgumentException",
          "Timestamp must be provided for ShardIteratorType AT_TIMESTAMP.",
        )
      if (time > now)
        throw new KinesisFailure(
          "InvalidArgumentException",
          `The timestampInMillis parameter cannot be greater than the currentTimestampInMillis. timestampInMillis: ${time}, currentTimestampInMillis: ${now}`,
        )
      const found = await node.records.seek(stream.name, shard.partition, time)
      return Math.min(Math.max(found, trimmedTo(node, stream, shard)), endOf(node, stream, shard))
    }
    case "AT_SEQUENCE_NUMBER":
    case "AFTER_SEQUENCE_NUMBER": {
      const offset = sequenced(stream, shard, start)
      const after = start.Type === "AFTER_SEQUENCE_NUMBER" ? offset + 1 : offset
      return Math.max(after, trimmedTo(node, stream, shard))
    }
  }
}

function sequenced(stream: KinesisStream, shard: Shard, { Type: type, SequenceNumber: number }: Start): number {
  if (number === undefined) {
    throw new KinesisFailure("InvalidArgumentException", `Must provide sequence number when using ${type}.`)
  }
  const position = positionOf(number)
  if (position?.partition === shard.partition && position.second === secondOf(shard.openedAt)) return position.offset
  throw new KinesisFailure(
    "InvalidArgumentException",
    `StartingSequenceNumber ${number} used in GetShardIterator on shard ${shard.partition} in stream ${stream.name} under account ` +
      `${account} is invalid because it did not come from this stream.`,
  )
}
