// SubscribeToShard and HTTP/2, with the SDK's own handler of it.
import assert from "node:assert/strict"
import { test } from "node:test"
import {
  CreateStreamCommand,
  DeregisterStreamConsumerCommand,
  DescribeStreamConsumerCommand,
  type KinesisClient,
  ListStreamConsumersCommand,
  PutRecordCommand,
  PutRecordsCommand,
  RegisterStreamConsumerCommand,
  SplitShardCommand,
  type SubscribeToShardEvent,
  SubscribeToShardCommand,
} from "@aws-sdk/client-kinesis"
import { bytes, http2ClientOf, openNode } from "../test/node.ts"
import { recordsOf, valueOf } from "../test/reading.ts"

const arn = "arn:aws:kinesis:eu-west-1:000000000000:stream/one"

async function consumer(client: KinesisClient, name: string): Promise<string> {
  const { Consumer: made } = await client.send(
    new RegisterStreamConsumerCommand({ StreamARN: arn, ConsumerName: name }),
  )
  return made?.ConsumerARN ?? ""
}

async function* events(
  client: KinesisClient,
  consumerArn: string,
  more: object = {},
  stop?: AbortSignal,
): AsyncGenerator<SubscribeToShardEvent> {
  const { EventStream: stream } = await client.send(
    new SubscribeToShardCommand({
      ConsumerARN: consumerArn,
      ShardId: "shardId-000000000000",
      StartingPosition: { Type: "TRIM_HORIZON" },
      ...more,
    }),
    stop === undefined ? {} : { abortSignal: stop },
  )
  for await (const event of stream ?? [])
    if (event.SubscribeToShardEvent !== undefined) yield event.SubscribeToShardEvent
}

/** The values of the next so many records. */
async function take(
  stream: AsyncGenerator<SubscribeToShardEvent>,
  count: number,
): Promise<{ values: unknown[]; last: SubscribeToShardEvent | undefined }> {
  const values: unknown[] = []
  let last: SubscribeToShardEvent | undefined
  while (values.length < count) {
    const next = await stream.next()
    if (next.done === true) break
    last = next.value
    values.push(...(last.Records ?? []).map(valueOf))
  }
  return { values, last }
}

test("the SDK's client works as it is, over HTTP/2 with prior knowledge", async (t) => {
  const { node, client } = await openNode(t)
  const http2 = http2ClientOf(t, node.url)
  await http2.send(new CreateStreamCommand({ StreamName: "one", ShardCount: 1 }))
  const records = Array.from({ length: 500 }, (_, i) => ({
    PartitionKey: `${i}`,
    Data: bytes({ i, pad: "x".repeat(1_000) }),
  }))
  const answers = await Promise.all(
    Array.from({ length: 8 }, () => http2.send(new PutRecordsCommand({ StreamName: "one", Records: records }))),
  )
  assert.ok(answers.every(({ FailedRecordCount: failed }) => failed === 0))
  assert.equal([...(await recordsOf(http2, "one")).values()].flat().length, 4_000)
  await assert.rejects(http2.send(new PutRecordCommand({ StreamName: "two", PartitionKey: "k", Data: bytes("1") })), {
    name: "ResourceNotFoundException",
  })
  assert.equal([...(await recordsOf(client, "one")).values()].flat().length, 4_000)
})

for (const version of ["1.1", "2"] as const) {
  test(`a subscription over HTTP/${version} brings records as they come, and goes on where the last one was`, async (t) => {
    const { node, client: http1 } = await openNode(t)
    const client = version === "2" ? http2ClientOf(t, node.url) : http1
    const stop = new AbortController()
    const put = (i: number) =>
      http1.send(new PutRecordCommand({ StreamName: "one", PartitionKey: "k", Data: bytes(`${i}`) }))
    await http1.send(new CreateStreamCommand({ StreamName: "one", ShardCount: 1 }))
    await put(0)
    const first = events(client, await consumer(http1, "a"), {}, stop.signal)
    assert.deepEqual((await take(first, 1)).values, [0])
    await put(1)
    await put(2)
    const { values, last } = await take(first, 2)
    assert.deepEqual(values, [1, 2])
    await put(3)
    // Another consumer: the first one may not subscribe again within five seconds.
    const next = events(
      client,
      await consumer(http1, "b"),
      {
        StartingPosition: { Type: "AFTER_SEQUENCE_NUMBER", SequenceNumber: last?.ContinuationSequenceNumber },
      },
      stop.signal,
    )
    assert.deepEqual((await take(next, 1)).values, [3])
    const latest = events(client, await consumer(http1, "c"), { StartingPosition: { Type: "LATEST" } }, stop.signal)
    const begun = await latest.next()
    assert.deepEqual((begun.value as SubscribeToShardEvent).Records, [])
    await put(4)
    assert.deepEqual((await take(latest, 1)).values, [4])
    await Promise.all([first, next, latest].map((each) => each.return(undefined)))
    stop.abort()
  })
}

test("a subscription to a shard that is closed ends with its children", async (t) => {
  const { client } = await openNode(t)
  await client.send(new CreateStreamCommand({ StreamName: "one", ShardCount: 1 }))
  await client.send(new PutRecordCommand({ StreamName: "one", PartitionKey: "k", Data: bytes("0") }))
  const stream = events(client, await consumer(client, "a"))
  assert.deepEqual((await take(stream, 1)).values, [0])
  await client.send(
    new SplitShardCommand({
      StreamName: "one",
      ShardToSplit: "shardId-000000000000",
      NewStartingHashKey: (2n ** 127n).toString(),
    }),
  )
  const { last } = await take(stream, 1)
  assert.deepEqual(
    last?.ChildShards?.map(({ ShardId: id, ParentShards: parents }) => [id, parents]),
    [
      ["shardId-000000000001", ["shardId-000000000000"]],
      ["shardId-000000000002", ["shardId-000000000000"]],
    ],
  )
  assert.equal((await stream.next()).done, true)
})

test("a consumer subscribes to a shard once in five seconds", async (t) => {
  const { client } = await openNode(t)
  await client.send(new CreateStreamCommand({ StreamName: "one", ShardCount: 1 }))
  const a = await consumer(client, "a")
  const first = events(client, a)
  await first.next()
  await assert.rejects(events(client, a).next(), { name: "ResourceInUseException" })
  await first.return(undefined)
})

test("consumers are registered, listed, described and deregistered", async (t) => {
  const { client } = await openNode(t)
  await client.send(new CreateStreamCommand({ StreamName: "one", ShardCount: 1 }))
  const a = await consumer(client, "a")
  assert.match(a, /^arn:aws:kinesis:eu-west-1:000000000000:stream\/one\/consumer\/a:\d+$/)
  await consumer(client, "b")
  await assert.rejects(consumer(client, "a"), { name: "ResourceInUseException" })
  const { Consumers: listed } = await client.send(new ListStreamConsumersCommand({ StreamARN: arn, MaxResults: 1 }))
  assert.deepEqual(
    listed?.map(({ ConsumerName: name, ConsumerStatus: status }) => [name, status]),
    [["a", "ACTIVE"]],
  )
  const { ConsumerDescription: described } = await client.send(new DescribeStreamConsumerCommand({ ConsumerARN: a }))
  assert.equal(described?.StreamARN, arn)
  await client.send(new DeregisterStreamConsumerCommand({ StreamARN: arn, ConsumerName: "a" }))
  await assert.rejects(client.send(new DescribeStreamConsumerCommand({ ConsumerARN: a })), {
    name: "ResourceNotFoundException",
  })
})
