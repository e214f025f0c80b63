// Records that were put by explicit hash keys, and state by key: what would be lost in a split or merge is refused.
import assert from "node:assert/strict"
import { fileURLToPath } from "node:url"
import { type TestContext, test } from "node:test"
import { CreateStreamCommand, ListShardsCommand, MergeShardsCommand, PutRecordCommand, SplitShardCommand, UpdateShardCountCommand } from "@aws-sdk/client-kinesis"
import { hashKeyMax, hashOf } from "@millrace/model"
import { aggregated } from "../test/aggregated.ts"
import { bytes, openNode } from "../test/node.ts"
import { recordsOf, valueOf } from "../test/reading.ts"

const service = fileURLToPath(new URL("../test/services/visits.ts", import.meta.url))
const unkeyed = fileURLToPath(new URL("../test/services/visits-unkeyed.ts", import.meta.url))
const StreamName = "visits"
const merge = new MergeShardsCommand({ StreamName, ShardToMerge: "shardId-000000000000", AdjacentShardToMerge: "shardId-000000000001" })

async function made(t: TestContext) {
  const { node, client } = await openNode(t)
  await client.send(new CreateStreamCommand({ StreamName, ShardCount: 2 }))
  const put = (user: string, ExplicitHashKey?: string) =>
    client.send(new PutRecordCommand({ StreamName, PartitionKey: user, Data: bytes({ user }), ...(ExplicitHashKey === undefined ? {} : { ExplicitHashKey }) }))
  const idle = async (): Promise<void> => {
    while (!node.status().idle) await new Promise((resolve) => setImmediate(resolve))
  }
  const counts = async (): Promise<string[]> => [...(await recordsOf(client, "counts")).values()].flat().map((record) => {
    const { user, n } = valueOf(record) as { user: string; n: number }
    return `${user} ${n}`
  })
  return { node, client, put, idle, counts }
}

test("a stream with records by explicit hash keys, whose service keeps state by key, is neither split nor merged, and no state is lost", async (t) => {
  const { node, client, put, idle, counts } = await made(t)
  // Two states of one key: in the shard of its hash, and in the other one.
  await put("anna", "0")
  await put("anna", String(hashKeyMax))
  await node.deploy([service])
  await idle()
  const refused = { name: "ResourceInUseException", message: /^Stream "visits" cannot be resharded: its records were put by explicit hash keys, so what operator "counted" \(process\) of service "visits" keeps by key could not follow its records\. .* \[MR1306\]$/ }
  await assert.rejects(client.send(merge), refused)
  await assert.rejects(client.send(new SplitShardCommand({ StreamName, ShardToSplit: "shardId-000000000000", NewStartingHashKey: "9" })), refused)
  await assert.rejects(client.send(new UpdateShardCountCommand({ StreamName, TargetShardCount: 4, ScalingType: "UNIFORM_SCALING" })), refused)
  const { Shards: shards = [] } = await client.send(new ListShardsCommand({ StreamName }))
  assert.equal(shards.length, 2)
  // Now the key function decides, so the newest goes to the shard of its key.
  await put("anna", "0")
  await idle()
  assert.deepEqual((await counts()).toSorted(), ["anna 1", "anna 1", "anna 2"])
})

test("a service that keeps state by key is refused for a stream that was resharded and has records by explicit hash keys (MR1306)", async (t) => {
  const { node, client, put } = await made(t)
  await put("anna", "0")
  await client.send(merge)
  await put("anna", "0")
  await assert.rejects(node.deploy([service]), { code: "MR1306", message: /its records were put by explicit hash keys/ })
  assert.deepEqual([...(await recordsOf(client, StreamName)).values()].flat().map(valueOf), [{ user: "anna" }, { user: "anna" }])
})

test("an explicit hash key that is the key's own changes nothing: state follows its key through a merge", async (t) => {
  const { node, client, put, idle, counts } = await made(t)
  await put("anna", String(hashOf("anna")))
  await put("bert")
  await node.deploy([service])
  await idle()
  await client.send(merge)
  await put("anna")
  await put("bert", "0")
  await idle()
  assert.deepEqual((await counts()).toSorted(), ["anna 1", "anna 2", "bert 1", "bert 2"])
})

test("the explicit hash key of an aggregate's envelope places nothing in a service's stream; those of its user records do", async (t) => {
  for (const hashKey of [undefined, "0"]) {
    const { node, client } = await openNode(t)
    await node.deploy([unkeyed])
    // As the producer library sends it: the envelope always has a hash key, that of a shard.
    const { data: Data } = await aggregated([{ partitionKey: "anna", data: Buffer.from(bytes({ user: "anna" })), ...(hashKey === undefined ? {} : { explicitHashKey: hashKey }) }])
    await client.send(new PutRecordCommand({ StreamName, PartitionKey: "a", Data, ExplicitHashKey: "7" }))
    await node.deploy([service])
    const merged = client.send(merge)
    if (hashKey === undefined) await merged
    else await assert.rejects(merged, { name: "ResourceInUseException" })
  }
})
