// The SDK for JavaScript against a running node: what a service's streams and streams made here do.
import assert from "node:assert/strict"
import { test } from "node:test"
import {
  CreateStreamCommand,
  DeleteStreamCommand,
  DescribeStreamCommand,
  DescribeStreamSummaryCommand,
  GetShardIteratorCommand,
  ListShardsCommand,
  ListStreamsCommand,
  PutRecordCommand,
  PutRecordsCommand,
  type ShardIteratorType,
} from "@aws-sdk/client-kinesis"
import { partitionOf } from "@millrace/model"
import { bytes, clientOf, openNode } from "../test/node.ts"
import { recordsFrom, recordsOf, valueOf } from "../test/reading.ts"

function failsWith(name: string, message?: RegExp) {
  return (error: Error): true => {
    assert.equal(error.name, name, error.message)
    if (message !== undefined) assert.match(error.message, message)
    return true
  }
}

test("a record that is put to a service's stream is processed, and what the service writes is read", async (t) => {
  const { client, node } = await openNode(t, ["orders"])
  const { StreamNames: names } = await client.send(new ListStreamsCommand({}))
  assert.deepEqual(
    names,
    ["clicks", "dear-orders", "orders", "seen"]
      .concat((names ?? []).filter((name) => name.includes("dead")))
      .toSorted(),
  )
  const put = await client.send(
    new PutRecordCommand({
      StreamName: "orders",
      PartitionKey: "any",
      Data: bytes({ customer: "anna", cents: 1_250 }),
    }),
  )
  assert.equal(put.ShardId, `shardId-00000000000${partitionOf("anna", 4)}`)
  while (!node.status().idle) await new Promise((resolve) => setImmediate(resolve))
  const written = [...(await recordsOf(client, "dear-orders")).values()].flat()
  assert.deepEqual(written.map(valueOf), [{ customer: "anna", euros: 12.5 }])
  assert.equal(written[0]?.PartitionKey, "anna")
})

test("a service's key decides the shard, and a reader gets the partition key that was given", async (t) => {
  const { client } = await openNode(t, ["orders"])
  const customers = Array.from({ length: 40 }, (_, i) => `customer ${i}`)
  const answer = await client.send(
    new PutRecordsCommand({
      StreamName: "orders",
      Records: customers.map((customer, i) => ({
        PartitionKey: `given ${i % 7}`,
        Data: bytes({ customer, cents: i }),
      })),
    }),
  )
  assert.equal(answer.FailedRecordCount, 0)
  const read = await recordsOf(client, "orders")
  for (const [i, customer] of customers.entries()) {
    const { ShardId: shard = "", SequenceNumber: number } = answer.Records?.[i] ?? {}
    assert.equal(Number(shard.slice(8)), partitionOf(customer, 4))
    const record = read.get(shard)?.find(({ SequenceNumber: each }) => each === number)
    assert.deepEqual([valueOf(record as never), record?.PartitionKey], [{ customer, cents: i }, `given ${i % 7}`])
  }
})

test("without a key function the partition key or the explicit hash key decides the shard", async (t) => {
  const { client } = await openNode(t, ["orders"])
  const { Shards: shards = [] } = await client.send(new ListShardsCommand({ StreamName: "clicks" }))
  const put = async (key: string, hash?: string) => {
    const { ShardId: shard } = await client.send(
      new PutRecordCommand({
        StreamName: "clicks",
        PartitionKey: key,
        ExplicitHashKey: hash,
        Data: bytes({ page: key }),
      }),
    )
    return shard
  }
  for (const key of ["a", "b", "c", "Ünïcödé", "d"]) assert.equal(await put(key), shards[partitionOf(key, 3)]?.ShardId)
  for (const shard of shards) assert.equal(await put("x", shard.HashKeyRange?.EndingHashKey), shard.ShardId)
  for (const shard of shards) assert.equal(await put("x", shard.HashKeyRange?.StartingHashKey), shard.ShardId)
  const tooHigh = (2n ** 128n).toString()
  await assert.rejects(put("x", tooHigh), failsWith("InvalidArgumentException", /Invalid ExplicitHashKey/))
})

test("a record that does not fit its stream is refused by itself, its neighbours are taken", async (t) => {
  const { client } = await openNode(t, ["orders"])
  const records = [
    bytes({ customer: "a", cents: 1 }),
    bytes("no JSON"),
    bytes({ customer: "b" }),
    Uint8Array.of(0xff),
    bytes({ customer: "c", cents: 2 }),
  ]
  const answer = await client.send(
    new PutRecordsCommand({ StreamName: "orders", Records: records.map((Data) => ({ Data, PartitionKey: "k" })) }),
  )
  assert.equal(answer.FailedRecordCount, 3)
  assert.deepEqual(
    answer.Records?.map(({ ErrorCode: code }) => code),
    [undefined, "InvalidArgumentException", "InvalidArgumentException", "InvalidArgumentException", undefined],
  )
  assert.match(answer.Records?.[1]?.ErrorMessage ?? "", /MR1001/)
  assert.match(answer.Records?.[2]?.ErrorMessage ?? "", /MR1002/)
  await assert.rejects(
    client.send(new PutRecordCommand({ StreamName: "orders", PartitionKey: "k", Data: bytes("[") })),
    failsWith("InvalidArgumentException", /MR1001/),
  )
  assert.equal([...(await recordsOf(client, "orders")).values()].flat().length, 2)
})

test("what the service writes itself cannot be put, a stream that is not there is not found", async (t) => {
  const { client } = await openNode(t, ["orders"])
  const put = (name: string) =>
    client.send(new PutRecordCommand({ StreamName: name, PartitionKey: "k", Data: bytes("{}") }))
  await assert.rejects(put("dear-orders"), failsWith("AccessDeniedException"))
  await assert.rejects(
    put("nobody"),
    failsWith("ResourceNotFoundException", /^Stream nobody under account 000000000000 not found\.$/),
  )
})

test("a stream is made, holds any bytes, and they and it outlive a restart", async (t) => {
  const { client, node, dir } = await openNode(t)
  await client.send(new CreateStreamCommand({ StreamName: "raw", ShardCount: 3, Tags: { team: "data" } }))
  const before = await client.send(new DescribeStreamSummaryCommand({ StreamName: "raw" }))
  assert.equal(before.StreamDescriptionSummary?.StreamStatus, "ACTIVE")
  assert.equal(before.StreamDescriptionSummary?.OpenShardCount, 3)
  assert.equal(before.StreamDescriptionSummary?.StreamARN, "arn:aws:kinesis:eu-west-1:000000000000:stream/raw")
  const data = Array.from({ length: 256 }, (_, i) => Uint8Array.of(i, 255 - i, 10))
  const put = await client.send(
    new PutRecordsCommand({ StreamName: "raw", Records: data.map((Data, i) => ({ Data, PartitionKey: `key ${i}` })) }),
  )
  await node.close()
  const again = await openNode(t, [], dir)
  const after = await again.client.send(new DescribeStreamSummaryCommand({ StreamName: "raw" }))
  assert.deepEqual(after.StreamDescriptionSummary, before.StreamDescriptionSummary)
  const read = await recordsOf(again.client, "raw")
  for (const [i, { ShardId: shard = "", SequenceNumber: number }] of (put.Records ?? []).entries()) {
    assert.equal(Number(shard.slice(8)), partitionOf(`key ${i}`, 3))
    const record = read.get(shard)?.find((each) => each.SequenceNumber === number)
    assert.deepEqual([...(record?.Data ?? [])], [...(data[i] as Uint8Array)])
    assert.equal(record?.PartitionKey, `key ${i}`)
  }
  for (const records of read.values()) {
    const numbers = records.map(({ SequenceNumber: each }) => each ?? "")
    assert.deepEqual(numbers, numbers.toSorted())
    assert.ok(numbers.every((number) => number.length === 56))
  }
})

test("a record may name the one that it follows; what is no sequence number is refused", async (t) => {
  const { client } = await openNode(t)
  await client.send(new CreateStreamCommand({ StreamName: "one", ShardCount: 1 }))
  const put = (SequenceNumberForOrdering?: string) => client.send(new PutRecordCommand({ StreamName: "one", PartitionKey: "k", Data: bytes("x"), SequenceNumberForOrdering }))
  const { SequenceNumber: first = "" } = await put()
  const { SequenceNumber: second = "" } = await put(first)
  assert.ok(BigInt(second) > BigInt(first))
  await assert.rejects(put("12"), failsWith("InvalidArgumentException", /^ExclusiveMinimumSequenceNumber 12 used in PutRecord on stream one under account 000000000000 is invalid\.$/))
})

test("a stream that is deleted is gone, and one made again under its name is empty", async (t) => {
  const { client } = await openNode(t)
  const create = (count: number) => client.send(new CreateStreamCommand({ StreamName: "again", ShardCount: count }))
  await create(2)
  await client.send(new PutRecordCommand({ StreamName: "again", PartitionKey: "k", Data: bytes("old") }))
  await assert.rejects(create(2), failsWith("ResourceInUseException", /already exists/))
  await client.send(new DeleteStreamCommand({ StreamName: "again" }))
  await assert.rejects(
    client.send(new DescribeStreamCommand({ StreamName: "again" })),
    failsWith("ResourceNotFoundException"),
  )
  await assert.rejects(
    client.send(new DeleteStreamCommand({ StreamName: "again" })),
    failsWith("ResourceNotFoundException"),
  )
  await create(1)
  assert.deepEqual([...(await recordsOf(client, "again")).values()].flat(), [])
  await client.send(new PutRecordCommand({ StreamName: "again", PartitionKey: "k", Data: bytes('"new"') }))
  assert.deepEqual([...(await recordsOf(client, "again")).values()].flat().map(valueOf), ["new"])
})

test("a service's stream cannot be deleted or made", async (t) => {
  const { client } = await openNode(t, ["orders"])
  await assert.rejects(
    client.send(new DeleteStreamCommand({ StreamName: "orders" })),
    failsWith("ResourceInUseException", /defined by a service/),
  )
  await assert.rejects(
    client.send(new CreateStreamCommand({ StreamName: "orders", ShardCount: 1 })),
    failsWith("ResourceInUseException"),
  )
})

test("a service may take over a stream that was made here, with what lies in it", async (t) => {
  const { client, node } = await openNode(t)
  await client.send(new CreateStreamCommand({ StreamName: "clicks", ShardCount: 3 }))
  await client.send(new PutRecordCommand({ StreamName: "clicks", PartitionKey: "k", Data: bytes({ page: "first" }) }))
  await client.send(new PutRecordCommand({ StreamName: "clicks", PartitionKey: "k", Data: bytes("no JSON at all") }))
  await node.deploy([new URL("../test/services/orders.ts", import.meta.url).pathname])
  await client.send(new PutRecordCommand({ StreamName: "clicks", PartitionKey: "k", Data: bytes({ page: "second" }) }))
  while (!node.status().idle) await new Promise((resolve) => setImmediate(resolve))
  assert.deepEqual([...(await recordsOf(client, "seen")).values()].flat().map(valueOf), [
    { page: "first" },
    { page: "second" },
  ])
  const { StreamNames: names = [] } = await client.send(new ListStreamsCommand({}))
  const dead = names.find((name) => name.includes("dead")) ?? assert.fail(`no dead letters among ${names.join()}`)
  assert.equal([...(await recordsOf(client, dead)).values()].flat().length, 1)
})

test("every type of iterator begins where it says", async (t) => {
  const { client } = await openNode(t)
  await client.send(new CreateStreamCommand({ StreamName: "one", ShardCount: 1 }))
  const numbers: string[] = []
  for (let i = 0; i < 5; i++) {
    const { SequenceNumber: number = "" } = await client.send(
      new PutRecordCommand({ StreamName: "one", PartitionKey: "k", Data: bytes(`${i}`) }),
    )
    numbers.push(number)
  }
  const from = async (type: ShardIteratorType, more: object = {}) => {
    const { ShardIterator: iterator } = await client.send(
      new GetShardIteratorCommand({
        StreamName: "one",
        ShardId: "shardId-000000000000",
        ShardIteratorType: type,
        ...more,
      }),
    )
    return (await recordsFrom(client, iterator)).map(valueOf)
  }
  assert.deepEqual(await from("TRIM_HORIZON"), [0, 1, 2, 3, 4])
  assert.deepEqual(await from("LATEST"), [])
  assert.deepEqual(await from("AT_SEQUENCE_NUMBER", { StartingSequenceNumber: numbers[2] }), [2, 3, 4])
  assert.deepEqual(await from("AFTER_SEQUENCE_NUMBER", { StartingSequenceNumber: numbers[2] }), [3, 4])
  assert.deepEqual(await from("AFTER_SEQUENCE_NUMBER", { StartingSequenceNumber: numbers[4] }), [])
  assert.deepEqual(await from("AT_TIMESTAMP", { Timestamp: new Date(0) }), [0, 1, 2, 3, 4])
  await assert.rejects(from("AT_TIMESTAMP"), failsWith("InvalidArgumentException"))
  await assert.rejects(from("AT_SEQUENCE_NUMBER"), failsWith("InvalidArgumentException"))
  await assert.rejects(
    from("AT_SEQUENCE_NUMBER", { StartingSequenceNumber: "12" }),
    failsWith("InvalidArgumentException", /did not come from this stream/),
  )
})

test("a client's mistakes get AWS's types and words", async (t) => {
  const { client, node } = await openNode(t, ["orders"])
  await assert.rejects(
    client.send(new CreateStreamCommand({ StreamName: "a b", ShardCount: 0 })),
    failsWith(
      "ValidationException",
      /^2 validation errors detected: Value 'a b' at 'streamName' failed to satisfy constraint: Member must satisfy regular expression pattern: \[a-zA-Z0-9_.-\]\+; Value '0' at 'shardCount' failed to satisfy constraint: Member must have value greater than or equal to 1$/,
    ),
  )
  const many = Array.from({ length: 501 }, () => ({ Data: bytes("{}"), PartitionKey: "k" }))
  await assert.rejects(
    client.send(new PutRecordsCommand({ StreamName: "orders", Records: many })),
    failsWith(
      "ValidationException",
      /at 'records' failed to satisfy constraint: Member must have length less than or equal to 500$/,
    ),
  )
  await assert.rejects(
    client.send(
      new GetShardIteratorCommand({
        StreamName: "orders",
        ShardId: "shardId-000000000009",
        ShardIteratorType: "LATEST",
      }),
    ),
    failsWith(
      "ResourceNotFoundException",
      /^Shard shardId-000000000009 in stream orders under account 000000000000 does not exist$/,
    ),
  )
  const big = clientOf(node.url)
  t.after(() => big.destroy())
  await assert.rejects(
    big.send(new PutRecordCommand({ StreamName: "orders", PartitionKey: "k", Data: new Uint8Array(11 * 1_048_576) })),
    failsWith("ValidationException"),
  )
})
