// Splitting and merging shards: parents before children, keys to their own shard, nothing lost.
import { hashOf, type Shard, shardId } from "@millrace/model"
import assert from "node:assert/strict"
import { test } from "node:test"
import {
  CreateStreamCommand,
  GetRecordsCommand,
  GetShardIteratorCommand,
  type KinesisClient,
  ListShardsCommand,
  MergeShardsCommand,
  PutRecordCommand,
  SplitShardCommand,
  UpdateShardCountCommand,
} from "@aws-sdk/client-kinesis"
import fc from "fast-check"
import { bytes, openNode } from "../test/node.ts"
import { recordsOf, valueOf } from "../test/reading.ts"

const stream = { StreamName: "s" }

async function shardsOf(client: KinesisClient) {
  const { Shards: shards = [] } = await client.send(new ListShardsCommand(stream))
  return shards.map(
    ({
      ShardId: id = "",
      ParentShardId: parent,
      AdjacentParentShardId: adjacent,
      HashKeyRange: range,
      SequenceNumberRange: numbers,
    }) => ({
      id,
      parents: [parent, adjacent].filter((each) => each !== undefined),
      from: BigInt(range?.StartingHashKey ?? ""),
      to: BigInt(range?.EndingHashKey ?? ""),
      isOpen: numbers?.EndingSequenceNumber === undefined,
    }),
  )
}

/** Reads all as a consumer does: from the oldest shards on, each child once its parents have been read to their end. */
async function readAll(client: KinesisClient): Promise<{ values: unknown[]; shards: string[] }> {
  const { Shards: first = [] } = await client.send(
    new ListShardsCommand({ ...stream, ShardFilter: { Type: "AT_TRIM_HORIZON" } }),
  )
  const waiting = first.map(({ ShardId: id = "" }) => id)
  const done = new Set<string>()
  const values: unknown[] = []
  for (let id = waiting.shift(); id !== undefined; id = waiting.shift()) {
    if (done.has(id)) continue
    const begin = await client.send(
      new GetShardIteratorCommand({ ...stream, ShardId: id, ShardIteratorType: "TRIM_HORIZON" }),
    )
    for (let next = begin.ShardIterator; next !== undefined;) {
      const page = await client.send(new GetRecordsCommand({ ShardIterator: next, Limit: 3 }))
      values.push(...(page.Records ?? []).map(valueOf))
      if ((page.Records ?? []).length === 0 && page.NextShardIterator !== undefined) break
      next = page.NextShardIterator
      if (next === undefined) {
        done.add(id)
        for (const child of page.ChildShards ?? []) {
          if (child.ParentShards?.every((parent) => done.has(parent)) === true) waiting.push(child.ShardId ?? "")
        }
      }
    }
    done.add(id)
  }
  return { values, shards: [...done] }
}

test("records keep their order per key through splits and merges, and none is lost", async (t) => {
  const { client } = await openNode(t)
  const act = fc.oneof(
    { weight: 3, arbitrary: fc.record({ kind: fc.constant("put" as const), key: fc.integer({ min: 0, max: 12 }) }) },
    fc.record({
      kind: fc.constant("split" as const),
      which: fc.nat(),
      at: fc.double({ min: 0.01, max: 0.99, noNaN: true }),
    }),
    fc.record({ kind: fc.constant("merge" as const), which: fc.nat() }),
    fc.record({ kind: fc.constant("count" as const), factor: fc.double({ min: 0.5, max: 2, noNaN: true }) }),
  )
  let run = 0
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 3 }),
      fc.array(act, { minLength: 5, maxLength: 40 }),
      async (count, acts) => {
        stream.StreamName = `s${run++}`
        await client.send(new CreateStreamCommand({ ...stream, ShardCount: count }))
        let n = 0
        for (const each of acts) {
          const open = (await shardsOf(client))
            .filter(({ isOpen }) => isOpen)
            .toSorted((a, b) => (a.from < b.from ? -1 : 1))
          if (each.kind === "put") {
            const key = `key ${each.key}`
            const { ShardId: id } = await client.send(
              new PutRecordCommand({ ...stream, PartitionKey: key, Data: bytes({ key, n: n++ }) }),
            )
            const hash = hashOf(key)
            assert.equal(id, open.find(({ from, to }) => from <= hash && hash <= to)?.id)
          } else if (each.kind === "split") {
            const shard = open[each.which % open.length] ?? assert.fail("no open shard")
            const at = shard.from + BigInt(Math.floor(each.at * 1e9)) * ((shard.to - shard.from) / 1_000_000_000n) + 1n
            if (at > shard.from && at < shard.to)
              await client.send(
                new SplitShardCommand({ ...stream, ShardToSplit: shard.id, NewStartingHashKey: at.toString() }),
              )
          } else if (each.kind === "merge" && open.length > 1) {
            const at = each.which % (open.length - 1)
            await client.send(
              new MergeShardsCommand({ ...stream, ShardToMerge: open[at]?.id, AdjacentShardToMerge: open[at + 1]?.id }),
            )
          } else if (each.kind === "count") {
            const target = Math.max(
              Math.ceil(open.length / 2),
              Math.min(open.length * 2, Math.round(open.length * each.factor)),
            )
            await client.send(
              new UpdateShardCountCommand({ ...stream, TargetShardCount: target, ScalingType: "UNIFORM_SCALING" }),
            )
            const even = (await shardsOf(client))
              .filter(({ isOpen }) => isOpen)
              .toSorted((a, b) => (a.from < b.from ? -1 : 1))
            const width = 2n ** 128n / BigInt(target)
            assert.deepEqual(
              even.map(({ from }) => from),
              Array.from({ length: target }, (_, i) => width * BigInt(i)),
            )
          }
        }
        const open = (await shardsOf(client))
          .filter(({ isOpen }) => isOpen)
          .toSorted((a, b) => (a.from < b.from ? -1 : 1))
        assert.equal(open[0]?.from, 0n)
        assert.equal(open.at(-1)?.to, 2n ** 128n - 1n)
        for (const [i, { from }] of open.slice(1).entries()) assert.equal(from, (open[i]?.to ?? 0n) + 1n)
        const { values } = await readAll(client)
        assert.equal(values.length, n)
        const last = new Map<string, number>()
        for (const { key, n: at } of values as { key: string; n: number }[]) {
          assert.ok(at > (last.get(key) ?? -1), `${key}: ${at} after ${last.get(key)}`)
          last.set(key, at)
        }
      },
    ),
    { numRuns: 15 },
  )
})

test("a resharded stream is as it was after a restart, and a service that defines it gets each key in order", async (t) => {
  const { client, node, dir } = await openNode(t)
  stream.StreamName = "clicks"
  await client.send(new CreateStreamCommand({ ...stream, ShardCount: 3 }))
  const put = (i: number) => client.send(new PutRecordCommand({ ...stream, PartitionKey: `key ${i % 3}`, Data: bytes({ page: `${i}` }) }))
  for (let i = 0; i < 9; i++) await put(i)
  await client.send(
    new SplitShardCommand({
      ...stream,
      ShardToSplit: "shardId-000000000000",
      NewStartingHashKey: (2n ** 124n).toString(),
    }),
  )
  for (let i = 9; i < 18; i++) await put(i)
  const shards = await shardsOf(client)
  const before = await readAll(client)
  assert.equal(before.shards.length, 5)
  await node.close()
  const again = await openNode(t, [], dir)
  assert.deepEqual(await shardsOf(again.client), shards)
  assert.deepEqual(await readAll(again.client), before)
  // A service with as many partitions as there were at first.
  await again.node.deploy([new URL("../test/services/orders.ts", import.meta.url).pathname])
  assert.deepEqual(await shardsOf(again.client), shards)
  while (!again.node.status().idle) await new Promise((resolve) => setImmediate(resolve))
  const seen = [...(await recordsOf(again.client, "seen")).values()].flat().map((record) => ({ key: record.PartitionKey, page: Number((valueOf(record) as { page: string }).page) }))
  assert.equal(seen.length, 18)
  for (const key of ["key 0", "key 1", "key 2"]) {
    const pages = seen.filter((each) => each.key === key).map(({ page }) => page)
    assert.deepEqual(pages, pages.toSorted((a, b) => a - b), key)
    assert.equal(pages.length, 6)
  }
})

test("a service that writes a stream which was resharded before is refused (MR1306)", async (t) => {
  const { client, node } = await openNode(t)
  stream.StreamName = "seen"
  await client.send(new CreateStreamCommand({ ...stream, ShardCount: 8 }))
  await client.send(new SplitShardCommand({ ...stream, ShardToSplit: "shardId-000000000000", NewStartingHashKey: (2n ** 124n).toString() }))
  const orders = new URL("../test/services/orders.ts", import.meta.url).pathname
  await assert.rejects(node.deploy([orders]), { code: "MR1306", message: /"shop" writes stream "seen", whose shards were split or merged/ })
})

test("what cannot be split or merged is refused in AWS's words", async (t) => {
  const { client } = await openNode(t, ["orders"])
  stream.StreamName = "s"
  await client.send(new CreateStreamCommand({ ...stream, ShardCount: 3 }))
  const id = (partition: Shard["partition"]) => shardId(partition)
  const split = (partition: number, at: bigint) =>
    client.send(new SplitShardCommand({ ...stream, ShardToSplit: id(partition), NewStartingHashKey: at.toString() }))
  const merge = (a: number, b: number) =>
    client.send(new MergeShardsCommand({ ...stream, ShardToMerge: id(a), AdjacentShardToMerge: id(b) }))
  await assert.rejects(split(0, 0n), {
    name: "InvalidArgumentException",
    message: /is not both greater than one plus the shard's StartingHashKey 0/,
  })
  await assert.rejects(split(1, 5n), { name: "InvalidArgumentException" })
  await assert.rejects(split(7, 5n), {
    name: "ResourceNotFoundException",
    message: /^Could not find shard shardId-000000000007 in stream s under account/,
  })
  await assert.rejects(merge(0, 2), {
    name: "InvalidArgumentException",
    message: /are not an adjacent pair of shards eligible for merging/,
  })
  await assert.rejects(merge(1, 1), { name: "InvalidArgumentException" })
  await merge(1, 0)
  await assert.rejects(merge(0, 1), { name: "InvalidArgumentException", message: /has already been merged or split/ })
  await assert.rejects(
    client.send(new UpdateShardCountCommand({ ...stream, TargetShardCount: 5, ScalingType: "UNIFORM_SCALING" })),
    { name: "LimitExceededException", message: /cannot scale up over double your current open shard count/ },
  )
  await assert.rejects(
    client.send(
      new UpdateShardCountCommand({ StreamName: "dear-orders", TargetShardCount: 4, ScalingType: "UNIFORM_SCALING" }),
    ),
    { name: "ResourceInUseException", message: /"dear-orders" cannot be resharded: a service writes it/ },
  )
})
