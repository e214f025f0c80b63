// A stream that has ended, as its senders find it.
import assert from "node:assert/strict"
import { test } from "node:test"
import { isMillraceError } from "@millrace/model"
import { millrace } from "../test/cli.ts"
import { serve } from "../test/served.ts"
import { connect } from "./client.ts"

test("a stream that has ended refuses records over HTTP, over the Kinesis API and from the command line, and takes them once it is opened again", async (t) => {
  const { node, close } = await serve({ "service.ts": `import { service, stream } from "millrace"\nexport default service("bounded", [stream("numbers", { key: (n: { id: string }) => n.id })])\n` })
  t.after(async () => {
    await close()
  })
  const client = connect(node.url)
  const before = await client.produce("numbers", [{ id: "a" }], { idempotencyKey: "first" })
  await client.end("numbers")

  const answer = await fetch(`${node.url}/v1/streams/numbers/records`, { method: "POST", body: '{"id":"b"}', headers: { "content-type": "application/json" } })
  const { code, detail } = (await answer.json()) as { readonly code: string; readonly detail: string }
  assert.deepEqual([answer.status, code], [409, "MR1033"])
  assert.match(detail, /"numbers" has ended.*POST \/v1\/streams\/numbers\/reopen/)
  await assert.rejects(client.produce("numbers", [{ id: "b" }]), (error) => isMillraceError(error) && error.code === "MR1033")
  assert.deepEqual(await client.produce("numbers", [{ id: "a" }], { idempotencyKey: "first" }), before)

  const put = (id: string): Promise<Response> =>
    fetch(node.url, {
      method: "POST",
      headers: { "content-type": "application/x-amz-json-1.1", "x-amz-target": "Kinesis_20131202.PutRecord" },
      body: JSON.stringify({ StreamName: "numbers", PartitionKey: id, Data: Buffer.from(JSON.stringify({ id })).toString("base64") }),
    })
  const refused = await put("b")
  const { __type: type, message } = (await refused.json()) as { readonly __type: string; readonly message: string }
  assert.deepEqual([refused.status, type], [400, "InvalidArgumentException"])
  assert.match(message, /has ended.*\[MR1033\]/)

  const produced = await millrace(["produce", "numbers", "--url", node.url], { stdin: '{"id":"b"}\n' })
  assert.equal(produced.code, 1)
  assert.match(produced.err, /Stream "numbers" has ended.*\[MR1033\]/)

  await client.reopen("numbers")
  assert.equal((await client.produce("numbers", [{ id: "c" }])).accepted, 1)
  assert.equal((await put("d")).status, 200)
})
