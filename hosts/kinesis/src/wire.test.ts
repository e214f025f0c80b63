// The wire: CBOR, signatures, what comes before an action is understood.
import assert from "node:assert/strict"
import { test } from "node:test"
import { CreateStreamCommand, ListStreamsCommand } from "@aws-sdk/client-kinesis"
import { decode, encode, Tag } from "cbor2"
import { clientOf, http2ClientOf, openNode } from "../test/node.ts"
import { post } from "../test/post.ts"

const cborType = { "content-type": "application/x-amz-cbor-1.1" }

test("a client of CBOR puts and reads bytes, and its instants are milliseconds", async (t) => {
  const { node } = await openNode(t)
  const send = async (action: string, input: object): Promise<Record<string, unknown>> => {
    const { bytes, headers, status } = await post(node.url, action, encode(input), cborType)
    assert.equal(headers.get("content-type"), "application/x-amz-cbor-1.1")
    assert.equal(status, 200, Buffer.from(bytes).toString())
    return bytes.length === 0 ? {} : decode<Record<string, unknown>>(bytes)
  }
  await send("CreateStream", { StreamName: "c", ShardCount: 1 })
  const before = Date.now()
  const data = Uint8Array.of(0, 1, 254, 255)
  await send("PutRecords", {
    StreamName: "c",
    Records: [
      { Data: data, PartitionKey: "k" },
      { Data: new TextEncoder().encode("{}"), PartitionKey: "l" },
    ],
  })
  const shard = { StreamName: "c", ShardId: "shardId-000000000000" }
  const read = async (more: object): Promise<{ Data: Uint8Array; ApproximateArrivalTimestamp: Date }[]> => {
    const { ShardIterator: iterator } = await send("GetShardIterator", { ...shard, ...more })
    return (await send("GetRecords", { ShardIterator: iterator }))["Records"] as never
  }
  const records = await read({ ShardIteratorType: "AT_TIMESTAMP", Timestamp: new Tag(1, before) })
  assert.deepEqual(
    records.map(({ Data: each }) => [...each]),
    [[...data], [123, 125]],
  )
  // The decoder takes tag 1 for seconds, as the RFC has it: here its seconds are milliseconds.
  const arrived = (records[0]?.ApproximateArrivalTimestamp.getTime() ?? 0) / 1000
  assert.ok(arrived >= before && arrived <= Date.now(), String(arrived))
  // A plain number of milliseconds is what older SDKs for Java send.
  assert.equal((await read({ ShardIteratorType: "AT_TIMESTAMP", Timestamp: before })).length, 2)
  const failed = await post(node.url, "DescribeStream", encode({ StreamName: "nobody" }), cborType)
  assert.equal(failed.status, 400)
  assert.equal(decode<{ __type: string }>(failed.bytes).__type, "ResourceNotFoundException")
})

test("what cannot be understood is answered as AWS does", async (t) => {
  const { node } = await openNode(t)
  const cases: [Awaited<ReturnType<typeof post>>, number, RegExp][] = [
    [await post(node.url, "DoSomething", "{}"), 400, /^\{"__type":"UnknownOperationException"\}$/],
    [await post(node.url, "toString", "{}"), 400, /UnknownOperationException/],
    [await post(node.url, "ListStreams", "{"), 400, /^\{"__type":"SerializationException","Message":/],
    [await post(node.url, "ListStreams", "[]"), 400, /SerializationException/],
    [await post(node.url, "ListStreams", '{"Limit":"a"}'), 400, /STRING_VALUE can not be converted to an Integer/],
    [
      await post(node.url, "PutRecord", '{"StreamName":"s","PartitionKey":"k","Data":"%%%"}'),
      400,
      /can not be converted to a Blob/,
    ],
    [
      await post(node.url, "ListStreams", "{}", { "content-type": "text/plain" }),
      404,
      /^<UnknownOperationException\/>/,
    ],
    [await post(node.url, "ListStreams", Uint8Array.of(0x9f), cborType), 400, /SerializationException/],
    // Found by the generated requests: a map where an instant should be.
    [
      await post(node.url, "ListShards", encode({ StreamCreationTimestamp: {} }), cborType),
      400,
      /SerializationException/,
    ],
    [
      await post(node.url, "ListStreams", "{}", { "x-amz-target": "DynamoDB_20120810.ListTables" }),
      400,
      /UnknownOperationException/,
    ],
    [
      await post(node.url, "PutRecord", "{}"),
      400,
      /2 validation errors detected: Value null at 'data' failed to satisfy constraint: Member must not be null; Value null at 'partitionKey'/,
    ],
  ]
  for (const [{ status, text, headers }, wanted, words] of cases) {
    assert.deepEqual([status, words.test(text) ? "" : text], [wanted, ""])
    assert.match(headers.get("x-amzn-requestid") ?? "", /^[0-9a-f-]{36}$/)
  }
  const { status } = await fetch(node.url, {
    method: "POST",
    headers: { "x-amz-target": "Kinesis_20131202.ListStreams", origin: "http://elsewhere.example" },
    body: "{}",
  })
  assert.equal(status, 403)
})

test("where keys are configured a request must be signed with one of them", async (t) => {
  const { node } = await openNode(t, [], undefined, { AKIDEXAMPLE: "a secret for tests" })
  const list = (accessKeyId: string, secretAccessKey: string, more: object = {}) => {
    const client = clientOf(node.url, { credentials: { accessKeyId, secretAccessKey }, ...more })
    t.after(() => client.destroy())
    return client.send(new ListStreamsCommand({}))
  }
  assert.deepEqual((await list("AKIDEXAMPLE", "a secret for tests")).StreamNames, [])
  const http2 = http2ClientOf(t, node.url)
  await http2.send(new CreateStreamCommand({ StreamName: "signed", ShardCount: 1 }))
  assert.deepEqual((await http2.send(new ListStreamsCommand({}))).StreamNames, ["signed"])
  await assert.rejects(list("AKIDEXAMPLE", "another secret"), { name: "InvalidSignatureException" })
  await assert.rejects(list("AKIDUNKNOWN", "a secret for tests"), { name: "UnrecognizedClientException" })
  // The SDK mends its clock by the Date of a failure, so it is not asked again.
  await assert.rejects(list("AKIDEXAMPLE", "a secret for tests", { systemClockOffset: -3_600_000 }), {
    name: "InvalidSignatureException",
    message: /expired/,
  })
  const plain = await post(node.url, "ListStreams", "{}")
  assert.deepEqual(
    [plain.status, JSON.parse(plain.text)],
    [403, { __type: "MissingAuthenticationTokenException", message: "Missing Authentication Token" }],
  )
  for (const authorization of [
    "Basic x",
    "AWS4-HMAC-SHA256 ",
    "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/1/2",
    "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261121/x/kinesis/aws4_request, SignedHeaders=host, Signature=00",
  ]) {
    const { status, text } = await post(node.url, "ListStreams", "{}", { authorization })
    assert.equal(status, 403, text)
  }
})
