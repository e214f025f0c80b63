// A function on a stream that was made over the API: it sees the records that GetRecords shows, through splits and merges.
import assert from "node:assert/strict"
import fs from "node:fs"
import os from "node:os"
import path from "node:path"
import { test } from "node:test"
import { CreateStreamCommand, MergeShardsCommand, PutRecordsCommand, SplitShardCommand } from "@aws-sdk/client-kinesis"
import { bytes, openNode } from "../test/node.ts"
import { recordsOf } from "../test/reading.ts"

test("a function gets the records that GetRecords shows, each key's in order, through splits and merges", async (t) => {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), "millrace-tailed-"))
  t.after(() => fs.rmSync(dir, { recursive: true, force: true }))
  const tailed = path.join(dir, "tailed.log")
  process.env["MILLRACE_TEST_TAILED"] = tailed
  t.after(() => delete process.env["MILLRACE_TEST_TAILED"])
  const { node, client } = await openNode(t, ["tails"])
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
  const lines = (): { readonly eventID: string; readonly partitionKey: string; readonly data: string }[] =>
    fs.existsSync(tailed)
      ? fs.readFileSync(tailed, "utf8").split("\n").filter((line) => line.endsWith("}")).map((line) => JSON.parse(line) as ReturnType<typeof lines>[number])
      : []
  const from = performance.now()
  while (!node.status().idle || lines().length < n) {
    if (performance.now() - from > 30_000) assert.fail(`${lines().length} of ${n} records`)
    await new Promise((resolve) => setImmediate(resolve))
  }
  const shown = new Map<string, string>()
  for (const [shard, records] of await recordsOf(client, "made")) {
    for (const { SequenceNumber: number, Data: data } of records) shown.set(`${shard}:${number}`, Buffer.from(data ?? []).toString("base64"))
  }
  assert.deepEqual(new Map(lines().map(({ eventID, data }) => [eventID, data])), shown)
  assert.equal(shown.size, 90)
  const newest = new Map<string, number>()
  for (const { partitionKey, data } of lines()) {
    const number = Number(Buffer.from(data, "base64").toString())
    assert.ok((newest.get(partitionKey) ?? -1) < number, `${partitionKey}: ${number} after a later one`)
    newest.set(partitionKey, number)
  }
})
