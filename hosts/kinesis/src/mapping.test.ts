// A function on a stream that was made over the API: it sees the records that GetRecords shows, through splits and merges.
import assert from "node:assert/strict"
import fs from "node:fs"
import os from "node:os"
import path from "node:path"
import { type TestContext, test } from "node:test"
import { CreateStreamCommand, MergeShardsCommand, PutRecordCommand, PutRecordsCommand, SplitShardCommand } from "@aws-sdk/client-kinesis"
import { aggregated } from "../test/aggregated.ts"
import { bytes, openNode } from "../test/node.ts"
import { recordsOf } from "../test/reading.ts"
import { userRecordsOf } from "./aggregate.ts"

interface Line {
  readonly eventID: string
  readonly partitionKey: string
  readonly data: string
}

/** A node whose functions write down what they get; `lines` waits for so many records, and until there is nothing left to do. */
async function tailing(t: TestContext) {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), "millrace-tailed-"))
  const tailed = path.join(dir, "tailed.log")
  process.env["MILLRACE_TEST_TAILED"] = tailed
  t.after(() => delete process.env["MILLRACE_TEST_TAILED"])
  const { node, client } = await openNode(t, ["tails"])
  t.after(() => fs.rmSync(dir, { recursive: true, force: true }))
  const read = (): Line[] => {
    if (!fs.existsSync(tailed)) return []
    const lines = fs.readFileSync(tailed, "utf8").split("\n")
    return lines.filter((line) => line.endsWith("}")).map((line) => JSON.parse(line) as Line)
  }
  const lines = async (count: number): Promise<Line[]> => {
    const from = performance.now()
    while (!node.status().idle || read().length < count) {
      if (performance.now() - from > 30_000) assert.fail(`${read().length} of ${count} records`)
      await new Promise((resolve) => setImmediate(resolve))
    }
    return read()
  }
  return { client, lines }
}

test("a function gets the records that GetRecords shows, each key's in order, through splits and merges", async (t) => {
  const { client, lines } = await tailing(t)
  await client.send(new CreateStreamCommand({ StreamName: "made", ShardCount: 1 }))
  let n = 0
  const put = async (): Promise<void> => {
    const Records = Array.from({ length: 30 }, () => ({ PartitionKey: `key ${n % 5}`, Data: bytes(String(n++)) }))
    await client.send(new PutRecordsCommand({ StreamName: "made", Records }))
  }
  await put()
  await client.send(new SplitShardCommand({ StreamName: "made", ShardToSplit: "shardId-000000000000", NewStartingHashKey: (2n ** 127n).toString() }))
  await put()
  await client.send(
    new MergeShardsCommand({ StreamName: "made", ShardToMerge: "shardId-000000000001", AdjacentShardToMerge: "shardId-000000000002" }),
  )
  await put()
  const got = await lines(n)
  const shown = new Map<string, string>()
  for (const [shard, records] of await recordsOf(client, "made")) {
    for (const { SequenceNumber: number, Data: data } of records) shown.set(`${shard}:${number}`, Buffer.from(data ?? []).toString("base64"))
  }
  assert.deepEqual(new Map(got.map(({ eventID, data }) => [eventID, data])), shown)
  assert.equal(shown.size, 90)
  const newest = new Map<string, number>()
  for (const { partitionKey, data } of got) {
    const number = Number(Buffer.from(data, "base64").toString())
    assert.ok((newest.get(partitionKey) ?? -1) < number, `${partitionKey}: ${number} after a later one`)
    newest.set(partitionKey, number)
  }
})

test("a function gets the user records of an aggregate from a service's stream, and the aggregate from a stream of bytes", async (t) => {
  const { client, lines } = await tailing(t)
  const users = ["anna", "bert", "cora"]
  const { data: Data } = await aggregated(users.map((partitionKey) => ({ partitionKey, data: Buffer.from(JSON.stringify({ partitionKey })) })))
  await client.send(new PutRecordCommand({ StreamName: "clicks", PartitionKey: "a", Data }))
  const taken = await lines(3)
  assert.deepEqual(taken.map(({ partitionKey }) => partitionKey).toSorted(), users)
  assert.equal(new Set(taken.map(({ eventID }) => eventID)).size, 3)
  await client.send(new CreateStreamCommand({ StreamName: "made", ShardCount: 1 }))
  await client.send(new PutRecordCommand({ StreamName: "made", PartitionKey: "whole", Data }))
  const [whole] = (await lines(4)).slice(3)
  assert.equal(whole?.partitionKey, "whole")
  assert.equal(userRecordsOf(Buffer.from(whole.data, "base64"))?.length, 3)
})
