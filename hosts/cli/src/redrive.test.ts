// What a function could not take, from its stream of failures back to it, by one command.
import assert from "node:assert/strict"
import { readFileSync, writeFileSync } from "node:fs"
import path from "node:path"
import { after, before, test } from "node:test"
import { millrace, workplace } from "../test/cli.ts"
import { connect } from "./client.ts"
import { type RunningNode, startNode } from "./node.ts"

let place: ReturnType<typeof workplace>
let node: RunningNode

const serviceText = `
import { fn, service, stream } from "millrace"
const orders = stream("orders", { partitions: 1 })
export default service("shop", [
  fn("ship", "./handler.mjs", { env: { DIR: process.env.REDRIVE_DIR }, on: { stream: orders, batchSize: 2, maximumRetryAttempts: 0, onFailure: stream("failed", { partitions: 1 }) } }),
  fn("alone", "./handler.mjs"),
  fn("mail", "./handler.mjs", { handler: "mail", env: { DIR: process.env.REDRIVE_DIR }, eventInvoke: { maximumRetryAttempts: 0, onFailure: stream("unsent", { partitions: 1 }) } }),
])
`

// It is down until there is a file that says that it is up.
const handlerText = `
import fs from "node:fs"
export const mail = async ({ to }) => {
  if (!fs.existsSync(process.env.DIR + "/server")) throw new Error("no server")
  fs.appendFileSync(process.env.DIR + "/sent", to + "\\n")
}
export const handler = async ({ Records }) => {
  if (!fs.existsSync(process.env.DIR + "/up")) throw new Error("down")
  fs.appendFileSync(process.env.DIR + "/taken", Records.map(({ kinesis }) => Buffer.from(kinesis.data, "base64").toString() + "\\n").join(""))
}
`

before(async () => {
  place = workplace()
  writeFileSync(path.join(place.dir, "service.ts"), serviceText)
  writeFileSync(path.join(place.dir, "handler.mjs"), handlerText)
  process.env["REDRIVE_DIR"] = place.dir
  node = await startNode({ files: [path.join(place.dir, "service.ts")], dataDir: path.join(place.dir, "data"), port: 0, workers: 1, log: "silent" })
})

after(async () => {
  await node.close()
  delete process.env["REDRIVE_DIR"]
  place.remove()
})

test("millrace fn redrive calls a function again with what was given up, in its order", async () => {
  const body = [1, 2, 3].map((n) => JSON.stringify({ n })).join("\n")
  const produced = await fetch(`${node.url}/v1/streams/orders/records`, { method: "POST", headers: { "content-type": "application/x-ndjson" }, body })
  assert.equal(produced.status, 200)
  const client = connect(node.url)
  const from = performance.now()
  for (;;) {
    const ship = (await client.functions()).find(({ name }) => name === "ship")
    if (ship?.mapping?.delivered === 3) break
    assert.ok(performance.now() - from < 20_000, JSON.stringify(ship))
  }
  while ((await client.functions()).find(({ name }) => name === "ship")?.mapping?.idle !== true) assert.ok(performance.now() - from < 20_000)
  const drained = await millrace(["fn", "list", "--url", node.url])
  assert.match(drained.out, /\nship .* orders \(1 shard, idle, 3 given up\)\n/)
  const down = await millrace(["fn", "redrive", "ship", "--url", node.url])
  assert.equal(down.code, 1)
  assert.match(down.err, /function "ship" failed again at shardId-000000000000 of "orders": Error: down/)
  writeFileSync(path.join(place.dir, "up"), "")
  const other = await millrace(["fn", "redrive", "ship", "--stream", "clicks", "--url", node.url])
  assert.deepEqual([other.code, other.err], [1, 'millrace: Stream "clicks" does not feed function "ship". It is fed by: orders. [MR1031]\n'])
  const up = await millrace(["fn", "redrive", "ship", "--stream", "orders", "--url", node.url])
  assert.deepEqual([up.code, up.out], [0, "2 batches with 3 records.\n"])
  assert.equal(readFileSync(path.join(place.dir, "taken"), "utf8"), '{"n":1}\n{"n":2}\n{"n":3}\n')
  const again = await millrace(["fn", "redrive", "ship", "--url", node.url, "--json"])
  assert.deepEqual(JSON.parse(again.out), { batches: 0, records: 0, waiting: 0, failures: [] })
})

test("a function without a stream of failures is not redriven (MR1009, MR1031)", async () => {
  const refused = await fetch(`${node.url}/v1/functions/alone/redrive`, { method: "POST" })
  const { code, detail } = (await refused.json()) as { code: string; detail: string }
  assert.deepEqual([code, detail], ["MR1031", 'No stream feeds function "alone". Streams feed: ship.'])
  const nope = await millrace(["fn", "redrive", "nope", "--url", node.url])
  assert.equal(nope.code, 1)
  assert.match(nope.err, /There is no function "nope"\. There are: ship, .*alone/)
})

test("millrace fn redrive gives events back that were given up", async () => {
  for (const to of ["a", "b"]) {
    const taken = await fetch(`${node.url}/2015-03-31/functions/mail/invocations`, { method: "POST", headers: { "x-amz-invocation-type": "Event" }, body: JSON.stringify({ to }) })
    assert.equal(taken.status, 202)
  }
  const idle = async (): Promise<void> => {
    while (!node.status().idle) await new Promise((resolve) => setImmediate(resolve))
  }
  await idle()
  writeFileSync(path.join(place.dir, "server"), "")
  const redriven = await millrace(["fn", "redrive", "mail", "--url", node.url])
  assert.deepEqual([redriven.code, redriven.out], [0, "0 batches with 0 records. 2 events that nobody waits for went back to the queue.\n"])
  await idle()
  assert.deepEqual(readFileSync(path.join(place.dir, "sent"), "utf8").split("\n").toSorted((a, b) => a.localeCompare(b)), ["", "a", "b"])
  const again = await millrace(["fn", "redrive", "mail", "--url", node.url, "--json"])
  assert.deepEqual(JSON.parse(again.out), { batches: 0, records: 0, waiting: 0, failures: [], events: 0 })
})
