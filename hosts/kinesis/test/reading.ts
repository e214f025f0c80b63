/** Reads shards with a client, as a consumer does. */
import {
  GetRecordsCommand,
  GetShardIteratorCommand,
  type KinesisClient,
  ListShardsCommand,
  type _Record as Record,
  ShardIteratorType,
} from "@aws-sdk/client-kinesis"

/** All records of a shard from an iterator on, until there are no more. */
export async function recordsFrom(client: KinesisClient, iterator: string | undefined): Promise<Record[]> {
  const records: Record[] = []
  for (let next = iterator; next !== undefined;) {
    const page = await client.send(new GetRecordsCommand({ ShardIterator: next }))
    records.push(...(page.Records ?? []))
    if ((page.Records ?? []).length === 0 && page.MillisBehindLatest === 0) break
    next = page.NextShardIterator
  }
  return records
}

/** All records of a stream by shard. */
export async function recordsOf(client: KinesisClient, stream: string): Promise<Map<string, Record[]>> {
  const { Shards: shards = [] } = await client.send(new ListShardsCommand({ StreamName: stream }))
  const result = new Map<string, Record[]>()
  for (const { ShardId: id = "" } of shards) {
    const { ShardIterator: iterator } = await client.send(
      new GetShardIteratorCommand({
        StreamName: stream,
        ShardId: id,
        ShardIteratorType: ShardIteratorType.TRIM_HORIZON,
      }),
    )
    result.set(id, await recordsFrom(client, iterator))
  }
  return result
}

export function valueOf({ Data: data }: Record): unknown {
  return JSON.parse(new TextDecoder().decode(data))
}
