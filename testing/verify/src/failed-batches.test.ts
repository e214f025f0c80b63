// What a function could not take, as an object in an S3 that others wrote.
import assert from "node:assert/strict"
import fs from "node:fs"
import os from "node:os"
import path from "node:path"
import { test } from "node:test"
import { setTimeout as sleep } from "node:timers/promises"
import { startNode } from "millrace/node"
import { startMoto } from "./moto.ts"

const service = (endpoint: string): string => `
import { fn, service, stream } from ${JSON.stringify(import.meta.resolve("millrace"))}
export default service("shop", [
  fn("ship", "./ship.mjs", {
    on: { stream: stream("orders", { partitions: 1 }), maximumRetryAttempts: 0, onFailure: { s3: "s3://lake/failed?endpoint=${encodeURIComponent(endpoint)}" } },
  }),
])
`

/** Whoever signs may read there; moto looks no closer. */
const authorization = "AWS4-HMAC-SHA256 Credential=testing/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0"

test("a batch that was given up is an object in S3, under Lambda's name and with the batch, and is redriven from there", async (t) => {
  const moto = await startMoto()
  t.after(() => moto.stop())
  process.env["AWS_ACCESS_KEY_ID"] ??= "testing"
  process.env["AWS_SECRET_ACCESS_KEY"] ??= "testing"
  const created = await fetch(`${moto.endpoint}/lake`, { method: "PUT" })
  assert.equal(created.status, 200)
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), "millrace-failed-"))
  fs.writeFileSync(path.join(dir, "service.mjs"), service(moto.endpoint))
  // It is down until there is a file that says that it is up.
  fs.writeFileSync(
    path.join(dir, "ship.mjs"),
    `import fs from "node:fs"
export const handler = async ({ Records }) => {
  if (!fs.existsSync(${JSON.stringify(dir)} + "/up")) throw new Error("down")
  fs.appendFileSync(${JSON.stringify(dir)} + "/taken", Records.map(({ kinesis }) => Buffer.from(kinesis.data, "base64") + "\\n").join(""))
}
`,
  )
  const node = await startNode({ files: [path.join(dir, "service.mjs")], dataDir: path.join(dir, "data"), port: 0, workers: 1, log: "silent" })
  t.after(async () => {
    await node.close()
    fs.rmSync(dir, { recursive: true, force: true })
  })
  const body = ['{"n":1}', '{"n":2}'].join("\n")
  await fetch(`${node.url}/v1/streams/orders/records`, { method: "POST", headers: { "content-type": "application/x-ndjson" }, body })
  let keys: string[] = []
  for (const from = performance.now(); keys.length === 0; ) {
    assert.ok(performance.now() - from < 30_000, "no object came")
    await sleep(50)
    const listed = await (await fetch(`${moto.endpoint}/lake?list-type=2&prefix=failed/`)).text()
    keys = [...listed.matchAll(/<Key>([^<]+)<\/Key>/g)].map(([, key = ""]) => key)
  }
  assert.equal(keys.length, 1)
  assert.match(keys[0] ?? "", /^failed\/aws\/lambda\/[0-9a-f-]{36}\/shardId-000000000000\/\d{4}\/\d\d\/\d\d\/\d{4}-\d\d-\d\dT\d\d\.\d\d\.\d\d-[0-9a-f-]{36}$/)
  const object = (await (await fetch(`${moto.endpoint}/lake/${keys[0]}`, { headers: { authorization } })).json()) as {
    requestContext: { condition: string }
    payload: { Records: { kinesis: { data: string } }[] }
  }
  assert.equal(object.requestContext.condition, "RetryAttemptsExhausted")
  assert.deepEqual(
    object.payload.Records.map(({ kinesis }) => Buffer.from(kinesis.data, "base64").toString()),
    ['{"n":1}', '{"n":2}'],
  )
  const redrive = async (): Promise<unknown> => (await fetch(`${node.url}/v1/functions/ship/redrive`, { method: "POST" })).json()
  assert.equal(((await redrive()) as { failures: readonly { reason: string }[] }).failures[0]?.reason, "Error: down")
  fs.writeFileSync(path.join(dir, "up"), "")
  assert.deepEqual(await redrive(), { batches: 1, records: 2, waiting: 0, failures: [] })
  assert.deepEqual(await redrive(), { batches: 0, records: 0, waiting: 0, failures: [] })
  assert.equal(fs.readFileSync(path.join(dir, "taken"), "utf8"), '{"n":1}\n{"n":2}\n')
  assert.doesNotMatch(await (await fetch(`${moto.endpoint}/lake?list-type=2&prefix=failed/`)).text(), /<Key>/)
})
