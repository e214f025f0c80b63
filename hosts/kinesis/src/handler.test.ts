// An unmodified client inside a Lambda handler reaches the node that the handler runs on.
import assert from "node:assert/strict"
import { test } from "node:test"
import { CreateStreamCommand, GetRecordsCommand, GetShardIteratorCommand } from "@aws-sdk/client-kinesis"
import { openNode } from "../test/node.ts"

test("the SDK in a handler signs with the node's key and puts a record to the node itself", async (t) => {
  const { node, client } = await openNode(t, ["forwarding"], undefined, { AKIDEXAMPLE: "a secret for tests" })
  await client.send(new CreateStreamCommand({ StreamName: "made", ShardCount: 1 }))
  const response = await fetch(`${node.url}/v1/functions/forward/invocations`, { method: "POST", body: '{"stream":"made","text":"hello"}' })
  const reply = (await response.json()) as { outcome: string; payload: { ShardId: string }; error?: unknown }
  assert.equal(reply.outcome, "returned", JSON.stringify(reply.error))
  const { ShardId } = reply.payload
  const { ShardIterator } = await client.send(new GetShardIteratorCommand({ StreamName: "made", ShardId, ShardIteratorType: "TRIM_HORIZON" }))
  const { Records = [] } = await client.send(new GetRecordsCommand({ ShardIterator }))
  assert.deepEqual(Records.map(({ Data }) => Buffer.from(Data as Uint8Array).toString()), ["hello"])
})
