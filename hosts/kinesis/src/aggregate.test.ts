// Aggregates of the Kinesis Producer Library, made by the library for JavaScript that AWS publishes.
import assert from "node:assert/strict"
import { test } from "node:test"
import { CreateStreamCommand, ListStreamsCommand, PutRecordCommand, PutRecordsCommand } from "@aws-sdk/client-kinesis"
import { partitionOf } from "@millrace/model"
import fc from "fast-check"
import { aggregated } from "../test/aggregated.ts"
import { bytes, openNode } from "../test/node.ts"
import { recordsOf, valueOf } from "../test/reading.ts"
import { userRecordsOf } from "./aggregate.ts"

test("an aggregate that another library made is taken apart", async () => {
  const record = fc.record({
    // That library keeps keys as names of an object, which puts those that look like numbers first.
    partitionKey: fc.string({ maxLength: 20 }).map((text) => `k${text}`),
    data: fc.uint8Array({ minLength: 1, maxLength: 200 }).map((each) => Buffer.from(each)),
  })
  await fc.assert(
    fc.asyncProperty(fc.array(record, { minLength: 1, maxLength: 20 }), async (records) => {
      const { data } = await aggregated(records)
      const users = userRecordsOf(data) ?? assert.fail("it was not recognised")
      assert.deepEqual(
        users.map(({ key, data: own }) => [key, Buffer.from(own)]),
        records.map(({ partitionKey, data: own }) => [partitionKey, own]),
      )
    }),
    { numRuns: 50 },
  )
})

test("what is cut, changed or no aggregate is taken for a plain record", async () => {
  const { data } = await aggregated([{ partitionKey: "k", data: Buffer.from("value") }])
  for (let length = 0; length < data.length; length++) assert.equal(userRecordsOf(data.subarray(0, length)), undefined)
  for (let at = 0; at < data.length; at++) {
    const changed = Buffer.from(data)
    changed[at] = (changed[at] ?? 0) ^ 1
    assert.equal(userRecordsOf(changed), undefined)
  }
  fc.assert(fc.property(fc.uint8Array(), (given) => userRecordsOf(given) === undefined))
})

test("a service gets the user records of an aggregate, each by its own key; one that is none becomes a dead letter", async (t) => {
  const { client, node } = await openNode(t, ["orders"])
  const customers = ["anna", "bert", "cora", "dora"]
  const made = await aggregated([
    ...customers.map((customer) => ({ partitionKey: customer, data: Buffer.from(bytes({ customer, cents: 100 })) })),
    { partitionKey: "x", data: Buffer.from("no JSON") },
  ])
  const put = await client.send(
    new PutRecordsCommand({
      StreamName: "orders",
      Records: [
        { PartitionKey: "a", Data: made.data },
        { PartitionKey: "b", Data: bytes({ customer: "emil", cents: 1 }) },
        { PartitionKey: "c", Data: bytes("no JSON either") },
      ],
    }),
  )
  assert.deepEqual(
    put.Records?.map(({ ErrorCode: code }) => code),
    [undefined, undefined, "InvalidArgumentException"],
  )
  assert.equal(put.Records?.[0]?.ShardId, `shardId-00000000000${partitionOf("anna", 4)}`)
  await client.send(new PutRecordCommand({ StreamName: "orders", PartitionKey: "a", Data: made.data }))
  while (!node.status().idle) await new Promise((resolve) => setImmediate(resolve))
  const { StreamNames: names = [] } = await client.send(new ListStreamsCommand({}))
  const dead =
    names.find((name) => name.includes("orders") && name.includes("dead")) ??
    assert.fail(`no dead letters among ${names.join()}`)
  assert.equal([...(await recordsOf(client, dead)).values()].flat().length, 2)
  for (const [shard, records] of await recordsOf(client, "orders")) {
    for (const record of records) {
      if (new TextDecoder().decode(record.Data) === "no JSON") continue
      const { customer } = valueOf(record) as { customer: string }
      assert.equal(Number(shard.slice(8)), partitionOf(customer, 4))
    }
  }
})

test("a stream of bytes holds an aggregate as it is", async (t) => {
  const { client } = await openNode(t)
  await client.send(new CreateStreamCommand({ StreamName: "raw", ShardCount: 1 }))
  const { data } = await aggregated([{ partitionKey: "k", data: Buffer.from("value") }])
  await client.send(new PutRecordCommand({ StreamName: "raw", PartitionKey: "a", Data: data }))
  assert.deepEqual(
    [...(await recordsOf(client, "raw")).values()].flat().map((record) => Buffer.from(record.Data ?? [])),
    [data],
  )
})
