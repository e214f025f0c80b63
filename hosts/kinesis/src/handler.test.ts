// An unmodified client inside a Lambda handler reaches the node that the handler runs on.
import assert from "node:assert/strict"
import { type TestContext, test } from "node:test"
import { CreateStreamCommand, GetRecordsCommand, GetShardIteratorCommand } from "@aws-sdk/client-kinesis"
import { openNode } from "../test/node.ts"

async function forwarded(t: TestContext): Promise<void> {
  const { node, client } = await openNode(t, ["forwarding"], undefined, { AKIDEXAMPLE: "a secret for tests" })
  await client.send(new CreateStreamCommand({ StreamName: "made", ShardCount: 1 }))
  const response = await fetch(`${node.url}/v1/functions/forward/invocations`, { method: "POST", body: '{"stream":"made","text":"hello"}' })
  const reply = (await response.json()) as { outcome: string; payload: { ShardId: string }; error?: unknown }
  assert.equal(reply.outcome, "returned", JSON.stringify(reply.error))
  const { ShardId } = reply.payload
  const { ShardIterator } = await client.send(new GetShardIteratorCommand({ StreamName: "made", ShardId, ShardIteratorType: "TRIM_HORIZON" }))
  const { Records = [] } = await client.send(new GetRecordsCommand({ ShardIterator }))
  assert.deepEqual(Records.map(({ Data }) => Buffer.from(Data as Uint8Array).toString()), ["hello"])
}

/** Environment variables for one test. */
function within(t: TestContext, env: Readonly<Record<string, string | undefined>>): void {
  const before = Object.keys(env).map((name) => [name, process.env[name]] as const)
  const set = (name: string, value: string | undefined): void => {
    if (value === undefined) delete process.env[name]
    else process.env[name] = value
  }
  for (const [name, value] of Object.entries(env)) set(name, value)
  t.after(() => before.forEach(([name, value]) => set(name, value)))
}

test("the SDK in a handler signs with the node's key and puts a record to the node itself", async (t) => {
  within(t, { AWS_ACCESS_KEY_ID: undefined, AWS_SECRET_ACCESS_KEY: undefined, AWS_SESSION_TOKEN: undefined })
  await forwarded(t)
})

test("where the node's environment has a key of AWS, the SDK in a handler signs with that one, and the node takes it", async (t) => {
  within(t, { AWS_ACCESS_KEY_ID: "AKIAOFTHEMACHINE", AWS_SECRET_ACCESS_KEY: "the secret of the machine", AWS_SESSION_TOKEN: undefined })
  await forwarded(t)
})
