/** ListShards, and how a shard is shown. */
import { secondOf, SequenceNumbers, type Shard, shardId } from "@millrace/model"
import { type Api, type StreamNaming, nameOf } from "../api.ts"
import type { KinesisStream } from "../catalog.ts"
import { KinesisFailure } from "../failure.ts"
import { pageOf, tokenOf } from "../page-token.ts"
import { isKept } from "../shard-of.ts"

interface ShardFilter {
  readonly Type:
    "AFTER_SHARD_ID" | "AT_TRIM_HORIZON" | "FROM_TRIM_HORIZON" | "AT_LATEST" | "AT_TIMESTAMP" | "FROM_TIMESTAMP"
  readonly ShardId?: string
  /** ms */
  readonly Timestamp?: number
}

interface ListShardsInput extends StreamNaming {
  readonly NextToken?: string
  readonly ExclusiveStartShardId?: string
  readonly MaxResults?: number
  readonly StreamCreationTimestamp?: number
  readonly ShardFilter?: ShardFilter
}

const pageMost = 1_000

export interface ShownShard {
  readonly ShardId: string
  readonly [member: string]: unknown
}

export async function listShards(input: ListShardsInput, api: Api): Promise<object> {
  const { NextToken: token, MaxResults: most = pageMost } = input
  const now = api.clock.now()
  const page = token === undefined ? undefined : pageOf(token, now)
  // AWS takes no name beside a token; paginators of SDKs send the same one with each page.
  if (page !== undefined && (input.StreamName ?? page.stream) !== page.stream) {
    throw new KinesisFailure("InvalidArgumentException", "NextToken and StreamName cannot be provided together.")
  }
  const stream = await api.catalog.get(page?.stream ?? nameOf(input))
  const filter = page === undefined ? input.ShardFilter : (page.filter as ShardFilter | undefined)
  const after = page?.after ?? input.ExclusiveStartShardId ?? ""
  const wanted = stream.shards.filter(
    (shard) => shardId(shard.partition) > after && isWanted(shard, filter, stream, api),
  )
  const shards = wanted.slice(0, most).map((shard) => shownShard(stream, shard))
  if (wanted.length <= most) return { Shards: shards }
  const next = { stream: stream.name, after: shards.at(-1)?.ShardId ?? "", ...(filter === undefined ? {} : { filter }) }
  return { Shards: shards, NextToken: tokenOf(next, now) }
}

export function shownShard({ facts }: KinesisStream, shard: Shard): ShownShard {
  const { partition, parent, adjacent, from, to, begin, end, openedAt } = shard
  const numbers = new SequenceNumbers(secondOf(openedAt ?? facts.created), partition)
  return {
    ShardId: shardId(partition),
    ...(parent === undefined ? {} : { ParentShardId: shardId(parent) }),
    ...(adjacent === undefined ? {} : { AdjacentParentShardId: shardId(adjacent) }),
    HashKeyRange: { StartingHashKey: from.toString(), EndingHashKey: to.toString() },
    SequenceNumberRange: {
      StartingSequenceNumber: numbers.of(begin),
      ...(end === undefined ? {} : { EndingSequenceNumber: numbers.of(end) }),
    },
  }
}

function isWanted(shard: Shard, filter: ShardFilter | undefined, stream: KinesisStream, { clock }: Api): boolean {
  // Its records have expired, and so has it.
  if (!isKept(shard, stream, clock.now())) return false
  if (filter === undefined) return true
  const { Type: type, ShardId: id, Timestamp: time } = filter
  const isOpen = shard.end === undefined
  switch (type) {
    case "AFTER_SHARD_ID":
      if (id === undefined)
        throw new KinesisFailure(
          "InvalidArgumentException",
          "ShardId must be provided for ShardFilter type AFTER_SHARD_ID.",
        )
      return shardId(shard.partition) > id
    case "AT_LATEST":
      return isOpen
    // What is kept begins with the oldest shards; their children are reached from them.
    case "AT_TRIM_HORIZON":
      return !stream.shards.some((each) => isParent(each, shard) && isKept(each, stream, clock.now()))
    case "FROM_TRIM_HORIZON":
      return true
    case "AT_TIMESTAMP":
    case "FROM_TIMESTAMP": {
      if (time === undefined)
        throw new KinesisFailure("InvalidArgumentException", `Timestamp must be provided for ShardFilter type ${type}.`)
      const lasted = shard.closedAt === undefined || shard.closedAt >= time
      return lasted && (type === "FROM_TIMESTAMP" || shard.openedAt <= time)
    }
  }
}

function isParent({ partition }: Shard, { parent, adjacent }: Shard): boolean {
  return partition === parent || partition === adjacent
}
