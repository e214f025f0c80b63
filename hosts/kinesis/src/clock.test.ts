// What depends on the clock, and on what a node may say, before a node in memory.
import assert from "node:assert/strict"
import { test } from "node:test"
import { ManualClock } from "@millrace/conformance"
import { MillraceError } from "@millrace/model"
import { MemoryNode } from "../test/memory-node.ts"
import type { ApiResponse } from "./exchange.ts"
import { createKinesis } from "./kinesis.ts"

interface Bench {
  readonly node: MemoryNode
  readonly clock: ManualClock
  readonly logged: string[]
  readonly send: (action: string, input: object, signal?: AbortSignal) => Promise<ApiResponse>
  /** Answers wait for their readers, more than there is room for. */
  isCrowded: boolean
  /** The answer of an action that succeeds. */
  readonly ask: (action: string, input: object) => Promise<Record<string, unknown>>
  /** The type and the words of one that fails. */
  readonly fail: (action: string, input: object) => Promise<{ status: number; type: string; message: string }>
}

async function openBench(): Promise<Bench> {
  const clock = new ManualClock(Date.UTC(2026, 10, 21))
  const node = new MemoryNode(clock)
  const logged: string[] = []
  const api = createKinesis({ node, clock, log: { error: (_, sentence) => logged.push(sentence) } })
  const send: Bench["send"] = (action, input, signal = new AbortController().signal) => {
    const headers = { "content-type": "application/x-amz-json-1.1", "x-amz-target": `Kinesis_20131202.${action}` }
    return api.answer({
      method: "POST",
      url: "/",
      headers,
      body: async () => Buffer.from(JSON.stringify(input)),
      signal,
      isCrowded: () => bench.isCrowded,
    })
  }
  const json = async (action: string, input: object) => {
    const { status, body } = await send(action, input)
    assert.ok(body instanceof Uint8Array)
    return {
      status,
      value: (body.length === 0 ? {} : JSON.parse(Buffer.from(body).toString())) as Record<string, unknown>,
    }
  }
  const ask: Bench["ask"] = async (action, input) => {
    const { status, value } = await json(action, input)
    assert.equal(status, 200, JSON.stringify(value))
    return value
  }
  const fail: Bench["fail"] = async (action, input) => {
    const { status, value } = await json(action, input)
    return { status, type: String(value["__type"]), message: String(value["message"]) }
  }
  const bench: Bench = { node, clock, logged, send, ask, fail, isCrowded: false }
  await ask("CreateStream", { StreamName: "s", ShardCount: 3 })
  return bench
}

const shard = { StreamName: "s", ShardId: "shardId-000000000000" }
const data = Buffer.from("x").toString("base64")

test("an iterator is good for five minutes", async () => {
  const { ask, fail, clock } = await openBench()
  const { ShardIterator: iterator } = await ask("GetShardIterator", { ...shard, ShardIteratorType: "TRIM_HORIZON" })
  clock.advance(300_000)
  await ask("GetRecords", { ShardIterator: iterator })
  clock.advance(1)
  const { type, message, status } = await fail("GetRecords", { ShardIterator: iterator })
  assert.deepEqual([status, type], [400, "ExpiredIteratorException"])
  assert.match(
    message,
    /^Iterator expired\. The iterator was created at time Sat, 21 Nov 2026 00:00:00 UTC while right now it is Sat, 21 Nov 2026 00:05:00 UTC/,
  )
  for (const wrong of ["", "x", `${String(iterator)}A`, String(iterator).slice(4)]) {
    assert.match(
      (await fail("GetRecords", { ShardIterator: wrong })).type,
      /InvalidArgumentException|ValidationException/,
    )
  }
})

test("a sequence number of another stream, of another shard or of none begins no iterator", async () => {
  const { ask, fail, clock } = await openBench()
  const { SequenceNumber: own } = await ask("PutRecord", { StreamName: "s", PartitionKey: "k", ExplicitHashKey: "0", Data: data })
  clock.advance(1_000)
  await ask("CreateStream", { StreamName: "other", ShardCount: 1 })
  const { SequenceNumber: foreign } = await ask("PutRecord", { StreamName: "other", PartitionKey: "k", Data: data })
  for (const ShardIteratorType of ["AT_SEQUENCE_NUMBER", "AFTER_SEQUENCE_NUMBER"]) {
    await ask("GetShardIterator", { ...shard, ShardIteratorType, StartingSequenceNumber: own })
    const wrongs: readonly object[] = [{ ...shard, StartingSequenceNumber: foreign }, { StreamName: "s", ShardId: "shardId-000000000001", StartingSequenceNumber: own }, { ...shard, StartingSequenceNumber: "12" }]
    for (const wrong of wrongs) {
      const { type, message } = await fail("GetShardIterator", { ...wrong, ShardIteratorType })
      assert.deepEqual([type, message.endsWith("is invalid because it did not come from this stream.")], ["InvalidArgumentException", true])
    }
  }
})

test("while answers wait for their readers, whoever reads is told to ask again, and whoever puts is not", async () => {
  const bench = await openBench()
  const { ask, fail } = bench
  const { ShardIterator: begin } = await ask("GetShardIterator", { ...shard, ShardIteratorType: "TRIM_HORIZON" })
  bench.isCrowded = true
  const { status, type } = await fail("GetRecords", { ShardIterator: begin })
  assert.deepEqual([status, type], [400, "ProvisionedThroughputExceededException"])
  await ask("PutRecord", { StreamName: "s", PartitionKey: "k", ExplicitHashKey: "0", Data: data })
  bench.isCrowded = false
  assert.equal(((await ask("GetRecords", { ShardIterator: begin }))["Records"] as unknown[]).length, 1)
})

test("more readers than may make an answer at once wait their turn, and all are answered", async () => {
  const { ask } = await openBench()
  await ask("PutRecord", { StreamName: "s", PartitionKey: "k", ExplicitHashKey: "0", Data: data })
  const { ShardIterator: begin } = await ask("GetShardIterator", { ...shard, ShardIteratorType: "TRIM_HORIZON" })
  const all = await Promise.all(Array.from({ length: 100 }, async () => ((await ask("GetRecords", { ShardIterator: begin }))["Records"] as unknown[]).length))
  assert.deepEqual(new Set(all), new Set([1]))
})

test("a token of a list is good for five minutes, and pages have all and each once", async () => {
  const { ask, fail, clock } = await openBench()
  const ids: unknown[] = []
  let page = await ask("ListShards", { StreamName: "s", MaxResults: 1 })
  const first = page["NextToken"]
  for (;;) {
    ids.push(...(page["Shards"] as { ShardId: string }[]).map(({ ShardId: id }) => id))
    if (page["NextToken"] === undefined) break
    page = await ask("ListShards", { NextToken: page["NextToken"], MaxResults: 1 })
  }
  assert.deepEqual(
    ids,
    [0, 1, 2].map((each) => `shardId-00000000000${each}`),
  )
  clock.advance(300_001)
  assert.equal((await fail("ListShards", { NextToken: first })).type, "ExpiredNextTokenException")
  assert.equal((await fail("ListShards", { NextToken: "x" })).type, "InvalidArgumentException")
  assert.equal(
    (await fail("ListShards", { NextToken: Buffer.from("null").toString("base64") })).type,
    "InvalidArgumentException",
  )
})

test("MillisBehindLatest is the age of the last record when there are more, and 0 at the end", async () => {
  const { ask, clock } = await openBench()
  for (let i = 0; i < 3; i++) {
    await ask("PutRecord", { StreamName: "s", PartitionKey: "k", ExplicitHashKey: "0", Data: data })
    clock.advance(1_000)
  }
  const { ShardIterator: begin } = await ask("GetShardIterator", { ...shard, ShardIteratorType: "TRIM_HORIZON" })
  const first = await ask("GetRecords", { ShardIterator: begin, Limit: 2 })
  assert.deepEqual([(first["Records"] as unknown[]).length, first["MillisBehindLatest"]], [2, 2_000])
  const rest = await ask("GetRecords", { ShardIterator: first["NextShardIterator"] })
  assert.deepEqual([(rest["Records"] as unknown[]).length, rest["MillisBehindLatest"]], [1, 0])
  const at = Date.UTC(2026, 10, 21) / 1000 + 1
  const { ShardIterator: timed } = await ask("GetShardIterator", {
    ...shard,
    ShardIteratorType: "AT_TIMESTAMP",
    Timestamp: at,
  })
  const late = (await ask("GetRecords", { ShardIterator: timed }))["Records"] as {
    ApproximateArrivalTimestamp: number
  }[]
  assert.deepEqual(
    late.map(({ ApproximateArrivalTimestamp: time }) => time),
    [at, at + 1],
  )
})

test("a subscription says that it lives every five seconds and ends after five minutes; a later one takes its place", async () => {
  const { ask, fail, send, clock } = await openBench()
  const arn = "arn:aws:kinesis:us-east-1:000000000000:stream/s"
  const { Consumer: consumer } = (await ask("RegisterStreamConsumer", { StreamARN: arn, ConsumerName: "c" })) as {
    Consumer: { ConsumerARN: string }
  }
  const input = { ConsumerARN: consumer.ConsumerARN, ShardId: shard.ShardId, StartingPosition: { Type: "LATEST" } }
  const subscribe = async (): Promise<AsyncIterator<Uint8Array>> => {
    const { body } = await send("SubscribeToShard", input)
    assert.ok(!(body instanceof Uint8Array))
    const messages = body[Symbol.asyncIterator]()
    // That it has begun, and what there is: nothing.
    for (let i = 0; i < 2; i++) await messages.next()
    return messages
  }
  const first = await subscribe()
  let waiting = first.next()
  // The generator has to come to its waiting first.
  await settled()
  for (let i = 0; i < 3; i++) {
    clock.advance(5_000)
    const { value } = (await waiting) as { value: Uint8Array }
    assert.match(Buffer.from(value).toString(), /"Records":\[\]/)
    waiting = first.next()
    await settled()
  }
  const second = await subscribe()
  assert.equal((await waiting).done, true)
  assert.equal((await fail("SubscribeToShard", input)).type, "ResourceInUseException")
  let over = second.next()
  let events = 0
  for (;;) {
    await settled()
    clock.advance(5_000)
    if ((await over).done === true) break
    events++
    over = second.next()
  }
  assert.equal(events, 59)
  assert.equal(clock.waiting, 0)
})

test("a node that is behind, not ready or at fault answers so that clients wait, or with no words of the fault", async () => {
  const { node, fail, logged } = await openBench()
  const put = { StreamName: "s", PartitionKey: "k", Data: data }
  node.refusing = new MillraceError("MR1010", "The journal is behind; send again after a moment.")
  assert.deepEqual(await fail("PutRecord", put), {
    status: 400,
    type: "ProvisionedThroughputExceededException",
    message: "The journal is behind; send again after a moment. [MR1010]",
  })
  node.refusing = new MillraceError("MR1303", "The disk is full.")
  assert.deepEqual((await fail("PutRecord", put)).status, 500)
  node.refusing = undefined
  node.unready = { code: "MR1401", message: "The node is starting.", details: {} }
  assert.deepEqual(await fail("PutRecord", put), {
    status: 503,
    type: "ServiceUnavailableException",
    message: "The node is starting.",
  })
  node.unready = undefined
  node.refusing = new TypeError("a secret of the node") as MillraceError
  const { status, type, message } = await fail("PutRecord", put)
  assert.deepEqual([status, type], [500, "InternalFailureException"])
  assert.ok(!message.includes("secret"))
  assert.equal(logged.length, 1)
})

test("a closed shard is listed until its last record has expired", async () => {
  const { clock, ask, fail } = await openBench()
  await ask("SplitShard", { StreamName: "s", ShardToSplit: "shardId-000000000000", NewStartingHashKey: "5" })
  const listed = async (input: object = {}): Promise<string[]> => {
    const { Shards } = await ask("ListShards", { StreamName: "s", ...input })
    return (Shards as { ShardId: string }[]).map(({ ShardId }) => ShardId.slice(-1))
  }
  const described = async (): Promise<string[]> => {
    const { StreamDescription } = await ask("DescribeStream", { StreamName: "s" })
    return (StreamDescription as { Shards: { ShardId: string }[] }).Shards.map(({ ShardId }) => ShardId.slice(-1))
  }
  const begin = { StreamName: "s", ShardId: "shardId-000000000000", ShardIteratorType: "TRIM_HORIZON" }
  // 24 hours, and the second by which children are younger than their parents.
  clock.advance(24 * 3_600_000)
  assert.deepEqual(await listed(), ["0", "1", "2", "3", "4"])
  assert.deepEqual(await described(), ["0", "1", "2", "3", "4"])
  assert.deepEqual(await listed({ ShardFilter: { Type: "AT_TRIM_HORIZON" } }), ["0", "1", "2"])
  await ask("GetShardIterator", begin)
  clock.advance(1_001)
  assert.deepEqual(await listed(), ["1", "2", "3", "4"])
  assert.deepEqual(await described(), ["1", "2", "3", "4"])
  assert.deepEqual(await listed({ ShardFilter: { Type: "AT_TRIM_HORIZON" } }), ["1", "2", "3", "4"])
  assert.deepEqual(await listed({ ShardFilter: { Type: "AFTER_SHARD_ID", ShardId: "shardId-000000000002" } }), ["3", "4"])
  assert.equal((await fail("GetShardIterator", begin)).type, "ResourceNotFoundException")
})

test("a retention that no stream may have, and a policy that is not there, are told as AWS tells them", async () => {
  const { fail } = await openBench()
  const said = async (action: string, hours: number): Promise<string> => (await fail(action, { StreamName: "s", RetentionPeriodHours: hours })).message
  assert.match(await said("IncreaseStreamRetentionPeriod", 20), /^Minimum allowed retention period is 24 hours\. Requested retention period \(20 hours\) is too short\.$/)
  assert.match(await said("DecreaseStreamRetentionPeriod", 9_999), /^Maximum allowed retention period is 8760 hours\. Requested retention period \(9999 hours\) is too long\.$/)
  assert.match(await said("DecreaseStreamRetentionPeriod", 30), /can not be longer than existing retention period \(24 hours\)\. Use IncreaseRetentionPeriod API\.$/)
  const arn = "arn:aws:kinesis:us-east-1:000000000000:stream/s"
  assert.deepEqual(await fail("DeleteResourcePolicy", { ResourceARN: arn }), {
    status: 400,
    type: "ResourceNotFoundException",
    message: `No resource policy found for resource ARN ${arn}.`,
  })
  const large = { Data: Buffer.alloc(1_048_576).toString("base64"), PartitionKey: "k" }
  const { message } = await fail("PutRecords", { StreamName: "s", Records: [{ ...large, Data: "eA==" }, large] })
  assert.match(message, /Value at 'records\.2\.member\.data' failed/)
})

/** Lets all that is ready to go on do so. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
