// produce, tail and replay against a node in this process, each as a process of its own.
import assert from "node:assert/strict"
import { readFileSync, writeFileSync } from "node:fs"
import path from "node:path"
import { after, before, test } from "node:test"
import { gzipSync } from "node:zlib"
import { LongRun, millrace } from "../test/cli.ts"
import { type Served, serve } from "../test/served.ts"
import { connect } from "./client.ts"
import type { RunningNode } from "./node.ts"

let place: Served
let node: RunningNode

/** Orders; those above a limit make the service throw. */
const service = (most: number): string => `
import { service, stream } from "millrace"
import { z } from "zod"
const orders = stream("orders", {
  schema: z.object({ id: z.string(), amount: z.coerce.number() }),
  key: (order) => order.id,
  partitions: 2,
})
const checked = stream<{ id: string; amount: number }>("checked", { key: (order) => order.id, partitions: 2 })
const spare = stream<{ id: string; amount: number }>("spare", { partitions: 1 })
const bounded = stream<{ id: string }>("bounded", { partitions: 2, key: (record) => record.id })
const asked = stream<{ id: string; amount: number }>("asked", { key: (order) => order.id, partitions: 1 })
const answered = stream<{ id: string; amount: number }>("answered", { key: (order) => order.id, partitions: 1 })
const ask = async (order: { id: string; amount: number }) => {
  if (order.amount > ${most}) throw new Error("too much: " + order.amount)
  return order
}
export default service("orders", [
  asked.filter(({ id }) => id !== "made").mapAsync("ask", ask, { retry: 1 }).to(answered),
  asked.filter(({ id }) => id === "made").map((order) => ({ ...order, id: "x" })).mapAsync("ask-made", ask, { retry: 1 }).to(answered),
  orders.map((order) => {
    if (order.amount > ${most}) throw new Error("too much: " + order.amount)
    return order
  }).to(checked),
  spare,
  bounded,
])
`

before(async () => {
  place = await serve({ "service.ts": service(100) })
  node = place.node
})

after(() => place.close())

function file(name: string, content: string | Uint8Array): string {
  const at = path.join(place.dir, name)
  writeFileSync(at, content)
  return at
}

const cli = (words: readonly string[], stdin = ""): ReturnType<typeof millrace> =>
  millrace([...words, "--url", node.url], { stdin })

interface Record {
  readonly partition: number
  readonly offset: number
  readonly key: string
  readonly value: { readonly id: string; readonly amount: number; readonly value?: unknown }
}

async function shown(stream: string, ...words: readonly string[]): Promise<Record[]> {
  const { code, out, err } = await cli(["tail", stream, "--no-follow", "--json", ...words])
  assert.equal(code, 0, err)
  return out
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Record)
}

/** Records of a derived stream, once so many are there. */
async function follow(stream: string, count: number): Promise<Record[]> {
  const { code, out, err } = await cli(["tail", stream, "--from", "earliest", "--limit", String(count), "--json"])
  assert.equal(code, 0, err)
  return out
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Record)
}

test("produce sends NDJSON from stdin, keeps on after bad lines, and says which were rejected", async () => {
  const lines = [
    '{"id":"a","amount":1}',
    "",
    "{ not json",
    '{"id":"b","amount":"much"}',
    '{"id":"","amount":2}',
    '{"id":"c","amount":3}',
  ]
  const { code, out, err } = await cli(["produce", "orders", "--batch", "2", "--json"], lines.join("\n"))
  assert.equal(code, 1, "something was rejected")
  const { accepted, rejected } = JSON.parse(out) as { accepted: number; rejected: number }
  assert.deepEqual([accepted, rejected], [2, 3])
  const told = err
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as { number: number; problem: { code: string } })
  assert.deepEqual(
    told.map(({ number, problem }) => [number, problem.code]),
    [
      [3, "MR1001"],
      [4, "MR1002"],
      [5, "MR1003"],
    ],
  )
})

test("of many rejected records in one request, produce tells the first and how many more there are", async () => {
  const { code, out, err } = await cli(["produce", "orders"], '{"id":7}\n'.repeat(300))
  assert.equal(code, 1)
  assert.match(out, /^0 records stored in orders .*; 300 rejected\n$/)
  const lines = err.trimEnd().split("\n")
  assert.equal(lines.length, 21)
  assert.match(lines[0] ?? "", /^record 1 rejected: .* \[MR1002\]$/)
  assert.match(lines[20] ?? "", /^280 more were rejected; --rejected FILE/)
})

test("produce reads CSV and gzipped NDJSON, and writes rejected records to a file with their text", async () => {
  const csv = file("orders.csv", "id,amount\nd,4\ne,many\n")
  const rejectedFile = path.join(place.dir, "rejected.ndjson")
  const { code, out } = await cli(["produce", "orders", csv, "--rejected", rejectedFile])
  assert.equal(code, 1)
  assert.match(out, /^1 records stored in orders in .* s \(.*\/s\); 1 rejected\n$/)
  const rejected = JSON.parse(readFileSync(rejectedFile, "utf8")) as {
    number: number
    record: string
    problem: { code: string }
  }
  assert.deepEqual([rejected.number, rejected.problem.code], [2, "MR1002"])
  assert.match(rejected.record, /"many"/)

  const gz = file("orders.ndjson.gz", gzipSync('{"id":"f","amount":5}\n'))
  assert.equal((await cli(["produce", "orders", gz])).code, 0)
})

test("a run that is repeated stores nothing twice, in the order of its input", async () => {
  const input = file(
    "run.ndjson",
    Array.from({ length: 25 }, (_, i) => JSON.stringify({ id: "run", amount: i })).join("\n"),
  )
  const words = ["produce", "orders", input, "--batch", "10", "--run", "monday", "--json"]
  assert.equal((await cli(words)).code, 0)
  assert.equal((await cli(words)).code, 0)
  const stored = (await shown("orders")).filter(({ key }) => key === "run")
  assert.deepEqual(
    stored.map(({ value }) => value.amount),
    Array.from({ length: 25 }, (_, i) => i),
  )
})

test("produce names a stream, a file and a format that there are not", async () => {
  const noStream = await cli(["produce", "nothing"], "1\n")
  assert.equal(noStream.code, 1)
  assert.match(noStream.err, /\[MR1008\]/)
  const noFile = await cli(["produce", "orders", "nowhere.ndjson"])
  assert.equal(noFile.code, 1)
  assert.match(noFile.err, /There is no file nowhere\.ndjson.*\[MR1603\]/)
  const noFormat = await cli(["produce", "orders", "orders.doc"])
  assert.equal(noFormat.code, 2)
  assert.match(noFormat.err, /--format.*\[MR1601\]/)
})

test("tail follows a stream until it is told to stop, and shows lines for people or JSON", async () => {
  const tail = new LongRun(["tail", "checked", "--from", "earliest", "--json", "--url", node.url])
  try {
    const first = await tail.next<Record>()
    assert.equal(typeof first.offset, "number")
    await connect(node.url).produce("orders", [{ id: "later", amount: 7 }])
    for (;;) {
      const { value } = await tail.next<Record>()
      if (value.id === "later") break
    }
    assert.equal(await tail.stop("SIGINT"), 0)
  } finally {
    await tail.stop("SIGKILL")
  }
  const { out } = await cli(["tail", "checked", "--no-follow", "--limit", "1"])
  assert.match(out, /^\d@\d+ {2}\d{4}-\d\d-\d\dT\S+Z {2}\w+ {2}\{"id":.*\}\n$/)
})

test("tail ends by itself once its stream has ended", async () => {
  const client = connect(node.url)
  await client.produce("bounded", [{ id: "a" }])
  const tail = new LongRun(["tail", "bounded", "--from", "earliest", "--json", "--url", node.url])
  try {
    assert.equal((await tail.next<Record>()).value.id, "a")
    await client.produce("bounded", [{ id: "b" }])
    await client.end("bounded")
    assert.equal((await tail.next<Record>()).value.id, "b")
    assert.equal(await tail.ended(), 0)
  } finally {
    await tail.stop("SIGKILL")
  }
  const { code, out } = await cli(["tail", "bounded"])
  assert.deepEqual([code, out], [0, ""], "of an ended stream there is nothing to wait for")
})

test("tail begins at a position, of all partitions or of one", async () => {
  const all = await shown("orders")
  const run = all.filter(({ key }) => key === "run")
  const twentieth = run.at(20)
  assert.ok(twentieth !== undefined)
  const { partition, offset } = twentieth
  const fromOffset = await shown("orders", "--partition", String(partition), "--from", String(offset))
  assert.deepEqual(
    fromOffset,
    all.filter((record) => record.partition === partition && record.offset >= offset),
  )
  const position = partition === 0 ? `${offset}.0` : `0.${offset}`
  const fromPosition = await shown("orders", "--from", position)
  assert.deepEqual(
    fromPosition,
    all.filter((record) => record.partition !== partition || record.offset >= offset),
  )
  const wrong = await cli(["tail", "orders", "--partition", "2"])
  assert.equal(wrong.code, 2)
  assert.match(wrong.err, /partitions 0 to 1.*\[MR1601\]/)
})

test("dead letters go back to their stream once, however often they are replayed", async () => {
  const client = connect(node.url)
  await client.produce("orders", [
    { id: "x", amount: 500 },
    { id: "y", amount: 600 },
  ])
  const letters = await follow("orders.dead-letter", 2)
  assert.deepEqual(new Set(letters.map(({ value }) => (value.value as Record["value"]).amount)), new Set([500, 600]))

  file("service.ts", service(1000))
  await node.deploy([path.join(place.dir, "service.ts")])
  const before = await shown("orders")
  const first = await cli(["replay", "orders.dead-letter", "--json"])
  assert.equal(first.code, 0, first.err)
  const { until, ...facts } = JSON.parse(first.out) as { readonly until: string }
  assert.deepEqual(facts, { source: "orders.dead-letter", sent: 2, rejected: 0, skipped: 0 })
  assert.match(until, /^\d+\.\d+$/)
  assert.equal((await cli(["replay", "orders.dead-letter"])).code, 0)
  assert.equal((await shown("orders")).length, before.length + 2)

  const total = before.length - 2 + 2
  const amounts = (await follow("checked", total)).map(({ value }) => value.amount)
  assert.deepEqual(
    amounts.filter((amount) => amount >= 500).toSorted((a, b) => a - b),
    [500, 600],
  )
})

test("what a mapAsync could not do with a record goes back to the record's stream; what a map has made of one does not", async () => {
  file("service.ts", service(100))
  await node.deploy([path.join(place.dir, "service.ts")])
  await connect(node.url).produce("asked", [{ id: "a", amount: 500 }, { id: "made", amount: 600 }])
  await follow("asked.dead-letter", 2)
  file("service.ts", service(1000))
  await node.deploy([path.join(place.dir, "service.ts")])
  const { code, out, err } = await cli(["replay", "asked.dead-letter", "--json"])
  const { sent, skipped } = JSON.parse(out) as { readonly sent: number; readonly skipped: number }
  assert.deepEqual([code, sent, skipped], [1, 1, 1], err)
  assert.match(err, /asked\.dead-letter 0@\d failed in ask-made and is not a record of asked .* name a stream for it with --to/)
  assert.deepEqual((await follow("answered", 1)).map(({ value }) => value), [{ id: "a", amount: 500 }])
})

test("any other stream is replayed into the one that is named", async () => {
  const unnamed = await cli(["replay", "orders"])
  assert.equal(unnamed.code, 2)
  assert.match(unnamed.err, /--to STREAM.*\[MR1601\]/)
  const { code, out } = await cli(["replay", "orders", "--to", "spare"])
  const orders = await shown("orders")
  assert.deepEqual([code, out], [0, `${orders.length} records of orders sent once more\n`])
  assert.equal((await shown("spare")).length, orders.length)
})

test("a replay ends where its source ended as it began, and is repeated up to there without storing anything twice", async () => {
  const client = connect(node.url)
  await client.produce("orders", Array.from({ length: 700 }, (_, i) => ({ id: "grown", amount: i % 50 })))
  const before = await shown("orders")
  // Into itself: the source grows while it is read.
  const first = await cli(["replay", "orders", "--to", "orders", "--json"])
  const { until, sent } = JSON.parse(first.out) as { readonly until: string; readonly sent: number }
  assert.deepEqual([first.code, sent], [0, before.length])
  assert.equal((await shown("orders")).length, 2 * before.length)
  assert.equal((await cli(["replay", "orders", "--to", "orders", "--until", until])).code, 0)
  assert.equal((await shown("orders")).length, 2 * before.length)
  for (const wrong of ["1", "1.x", "1.2.3", "999999.0"]) {
    const refused = await cli(["replay", "orders", "--to", "orders", "--until", wrong])
    assert.equal(refused.code, 2)
    assert.match(refused.err, /is no position of this stream: it has 2 partitions/)
  }
})
