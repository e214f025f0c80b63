// Tables as callers see them: a real node, over HTTP, through the client, and on the command line.
import assert from "node:assert/strict"
import { after, before, test } from "node:test"
import { Ajv2020 } from "ajv/dist/2020.js"
import { LongRun, millrace } from "../test/cli.ts"
import { type Served, serve } from "../test/served.ts"
import { connect, type TableEvent, type TablePage } from "./client.ts"
import type { RunningNode } from "./node.ts"

const text = `
import { count, service, stream, sum } from "millrace"
const payments = stream("payments", { partitions: 3, key: (p) => p.card })
const cards = payments.aggregate("cards", { n: count(), total: sum((p) => p.amount) })
const newest = payments.toTable("newest", { deleted: (p) => p.amount < 0 })
export default service("bank", [cards.to(stream("card-changes")), newest.to(stream("newest-changes"))])
`

let place: Served
let node: RunningNode

before(async () => {
  place = await serve({ "service.ts": text })
  node = place.node
  await send([{ card: "47", amount: 1 }, { card: "47", amount: 2 }, { card: "4711", amount: 3 }, { card: "5/ü", amount: 4 }])
})

after(() => place.close())

/** Sends records and waits until they are processed. */
async function send(records: readonly object[]): Promise<void> {
  await connect(node.url).produce("payments", records)
  while (!node.status().idle) await new Promise((resolve) => setImmediate(resolve))
}

test("what a node answers about tables fits the schemas of openapi.json", async () => {
  const document = (await (await fetch(`${node.url}/v1/openapi.json`)).json()) as { readonly components: object }
  const ajv = new Ajv2020({ strict: false, validateFormats: false })
  ajv.addSchema({ $id: "urn:millrace:api", components: document.components })
  for (const [address, schema] of [
    ["/v1/tables", "TableList"],
    ["/v1/tables/cards", "TablePage"],
    ["/v1/tables/cards?limit=1", "TablePage"],
    ["/v1/tables/cards/47", "TableRow"],
    [`/v1/tables/cards/${encodeURIComponent("5/ü")}`, "TableRow"],
    ["/v1/tables/cards/none", "Problem"],
    ["/v1/tables/none/47", "Problem"],
  ] as const) {
    const body: unknown = await (await fetch(node.url + address)).json()
    const check = ajv.compile({ $ref: `urn:millrace:api#/components/schemas/${schema}` })
    assert.ok(check(body), `${address}: ${ajv.errorsText(check.errors)}`)
  }
})

test("the client reads and follows the tables of a node", async () => {
  const client = connect(node.url)
  assert.deepEqual((await client.tables()).map(({ name, stream }) => [name, stream]), [["cards", "payments"], ["newest", "payments"]])
  const row = await client.row<{ n: number }>("bank/cards", "47")
  assert.deepEqual([row?.value, row?.stream, row?.position.split(".").reduce((sum, offset) => sum + Number(offset), 0)], [{ key: "47", n: 2, total: 3 }, "payments", 4])
  assert.equal(await client.row("cards", "none"), undefined)
  const page: TablePage<{ card: string }> = await client.rows("newest", { prefix: "47" })
  assert.deepEqual(page.rows.map(({ key, value }) => [key, value.card]), [["47", "47"], ["4711", "4711"]])
  const stop = new AbortController()
  const seen: TableEvent[] = []
  for await (const event of client.liveTable("newest", { from: "earliest", prefix: "47", signal: stop.signal })) {
    seen.push(event)
    if (event.kind === "ready") void send([{ card: "5/ü", amount: 9 }, { card: "4711", amount: -1 }])
    if (event.kind === "row" && !("value" in event)) stop.abort()
  }
  assert.deepEqual(seen.map((event) => (event.kind === "row" ? event.key : event.kind)), ["begin", "47", "4711", "ready", "4711"])
})

test("millrace table shows the tables, rows, and one row", async () => {
  const at = ["--url", node.url]
  const list = await millrace(["table", ...at])
  assert.match(list.out, /^cards {2}of bank, from payments \(3 partitions\)\nnewest /)
  const rows = await millrace(["table", "cards", "--prefix", "47", ...at])
  assert.equal(rows.out.split("\n")[0], '47  {"key":"47","n":2,"total":3}')
  const one = await millrace(["table", "cards", "47", ...at])
  assert.deepEqual([one.code, one.out], [0, '{"key":"47","n":2,"total":3}\n'])
  const json = await millrace(["table", "cards", "47", "--json", ...at])
  assert.equal((JSON.parse(json.out) as { stream: string }).stream, "payments")
  const none = await millrace(["table", "cards", "none", ...at])
  assert.equal(none.code, 1)
  assert.match(none.err, /has no row of the key "none".*MR1026/)
  const unknown = await millrace(["table", "card", ...at])
  assert.equal(unknown.code, 1)
  assert.match(unknown.err, /There are: cards, newest\./)
  assert.equal((await millrace(["table", "cards", "47", "--limit", "1", ...at])).code, 2)
})

test("millrace table --follow shows what is there, then what changes", async () => {
  const run = new LongRun(["table", "cards", "--follow", "--json", "--prefix", "6", "--url", node.url])
  const first = run.next<{ key: string; value: { n: number } }>()
  // The first payment may come before the command is there to see it change: then it is among the rows that are there.
  await send([{ card: "61", amount: 1 }])
  assert.equal((await first).key, "61")
  await send([{ card: "61", amount: 1 }])
  assert.deepEqual(await run.next(), { key: "61", value: { key: "61", n: 2, total: 2 } })
  await run.stop("SIGINT")
})
