// A service's stream that is split and merged while the service reads it: what comes of it is what would have come without.
import assert from "node:assert/strict"
import fs from "node:fs"
import path from "node:path"
import { type TestContext, test } from "node:test"
import { type KinesisClient, ListShardsCommand, MergeShardsCommand, PutRecordsCommand, SplitShardCommand, UpdateShardCountCommand } from "@aws-sdk/client-kinesis"
import fc from "fast-check"
import { openNode } from "../test/node.ts"
import { ledgerOf, outputs, ridesOf, rowsOf } from "../test/riding.ts"

const StreamName = "rides"
const count = 360

async function put(client: KinesisClient, from: number, size: number): Promise<void> {
  const Records = ridesOf(from, size).map((ride) => ({ PartitionKey: `any ${ride.fare}`, Data: Buffer.from(JSON.stringify(ride)) }))
  const { FailedRecordCount } = await client.send(new PutRecordsCommand({ StreamName, Records }))
  assert.equal(FailedRecordCount, 0)
}

async function openShards(client: KinesisClient) {
  const { Shards = [] } = await client.send(new ListShardsCommand({ StreamName, ShardFilter: { Type: "AT_LATEST" } }))
  const open = Shards.map(({ ShardId = "", HashKeyRange: { StartingHashKey: from = "0", EndingHashKey: to = "0" } = {} }) => ({ ShardId, from: BigInt(from), to: BigInt(to) }))
  return open.toSorted((a, b) => (a.from < b.from ? -1 : 1))
}

type Act =
  | { readonly kind: "put"; readonly share: number }
  | { readonly kind: "split"; readonly which: number; readonly at: number }
  | { readonly kind: "merge"; readonly which: number }
  | { readonly kind: "count"; readonly target: number }
  | { readonly kind: "restart" }

async function reshape(client: KinesisClient, act: Act): Promise<void> {
  const open = await openShards(client)
  if (act.kind === "split") {
    const { ShardId, from, to } = open[act.which % open.length] ?? assert.fail("no shard")
    const at = from + (BigInt(Math.floor(act.at * 1e9)) * (to - from)) / 1_000_000_000n
    await client.send(new SplitShardCommand({ StreamName, ShardToSplit: ShardId, NewStartingHashKey: at.toString() }))
  }
  if (act.kind === "merge" && open.length > 1) {
    const first = act.which % (open.length - 1)
    await client.send(new MergeShardsCommand({ StreamName, ShardToMerge: open[first]?.ShardId, AdjacentShardToMerge: open[first + 1]?.ShardId }))
  }
  if (act.kind === "count") {
    const TargetShardCount = Math.min(open.length * 2, Math.max(Math.ceil(open.length / 2), act.target))
    await client.send(new UpdateShardCountCommand({ StreamName, TargetShardCount, ScalingType: "UNIFORM_SCALING" }))
  }
}

/** Does all acts, puts what rides are left, ends the stream, and returns what has come of it. */
async function outcomeOf(t: TestContext, acts: readonly Act[]) {
  let bench = await openNode(t, ["rides"])
  const { dir } = bench
  let next = 0
  for (const act of acts) {
    if (act.kind === "put") {
      const size = Math.min(count - next, 1 + Math.floor(act.share * 60))
      if (size > 0) await put(bench.client, next, size)
      next += size
    } else if (act.kind === "restart") {
      bench.client.destroy()
      await bench.node.close()
      bench = await openNode(t, ["rides"], dir)
    } else await reshape(bench.client, act)
  }
  if (next < count) await put(bench.client, next, count - next)
  const { node, client } = bench
  const answer = await fetch(`${node.url}/v1/streams/rides/end`, { method: "POST" })
  assert.equal(answer.status, 200, await answer.text())
  await idle(node)
  const tables = (await (await fetch(`${node.url}/v1/tables/totals/rows`)).json()) as { rows: { key: string; value: unknown }[] }
  const single = (await (await fetch(`${node.url}/v1/tables/totals/rows/${encodeURIComponent("rider 3")}`)).json()) as unknown
  const files = fs.globSync("**/*.ndjson", { cwd: node.outDir }).flatMap((file) => fs.readFileSync(path.join(node.outDir, file), "utf8").trim().split("\n"))
  const result = { rows: await rowsOf(client), ledger: await ledgerOf(client), table: tables.rows, single, files: files.toSorted() }
  client.destroy()
  await node.close()
  return result
}

async function idle(node: { status(): { idle: boolean; stages: readonly object[] } }): Promise<void> {
  const from = performance.now()
  while (!node.status().idle) {
    if (performance.now() - from > 60_000) assert.fail(`not idle: ${JSON.stringify(node.status().stages)}`)
    await new Promise((resolve) => setImmediate(resolve))
  }
}

test("who follows a resharded stream, or comes back from before, is told of the new shards too", { timeout: 60_000 }, async (t) => {
  const { node, client } = await openNode(t, ["rides"])
  const url = `${node.url}/v1/streams/rides/live`
  await put(client, 0, 20)
  const follow = async (from: string, enough: number): Promise<{ fares: number[]; position: string }> => {
    const stop = new AbortController()
    const response = await fetch(url, { headers: { "last-event-id": from }, signal: stop.signal })
    const fares: number[] = []
    let text = ""
    let position = ""
    try {
      for await (const part of response.body ?? []) {
        text += Buffer.from(part).toString("latin1")
        const events = text.split("\n\n")
        text = events.pop() ?? ""
        for (const event of events) {
          const fare = /"fare":(\d+)/.exec(event)?.[1]
          if (fare === undefined) continue
          fares.push(Number(fare))
          position = /^id: ?(.*)$/m.exec(event)?.[1] ?? ""
        }
        if (fares.length >= enough) stop.abort()
      }
    } catch (error) {
      if (!stop.signal.aborted) throw error
    }
    return { fares: fares.toSorted((a, b) => a - b), position }
  }
  const before = await follow("0.0", 20)
  assert.equal(before.position.split(".").length, 2)
  const all = follow("0.0", 60)
  await reshape(client, { kind: "split", which: 0, at: 0.5 })
  await put(client, 20, 20)
  await reshape(client, { kind: "merge", which: 1 })
  await put(client, 40, 20)
  assert.deepEqual((await all).fares, Array.from({ length: 60 }, (_, i) => i))
  // A position from before the split, which knows two partitions.
  assert.deepEqual((await follow(before.position, 40)).fares, Array.from({ length: 40 }, (_, i) => 20 + i))
})

const putting = fc.record({ kind: fc.constant("put" as const), share: fc.double({ min: 0, max: 1, noNaN: true }) })
const acting: fc.Arbitrary<Act> = fc.oneof(
  { weight: 3, arbitrary: putting },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("split" as const), which: fc.nat({ max: 9 }), at: fc.double({ min: 0.1, max: 0.9, noNaN: true }) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("merge" as const), which: fc.nat({ max: 9 }) }) },
  fc.record({ kind: fc.constant("count" as const), target: fc.integer({ min: 1, max: 6 }) }),
  fc.constant({ kind: "restart" as const }),
)

test("what comes of a service's stream is what would have come had it never been split or merged", { timeout: 600_000 }, async (t) => {
  const expected = await outcomeOf(t, [])
  for (const name of outputs.slice(0, -1)) assert.ok((expected.rows[name]?.length ?? 0) > 0, name)
  assert.deepEqual(expected.rows["rides.dead-letter"], [])
  assert.equal(expected.files.length, count)
  const first: Act[] = [
    { kind: "put", share: 1 },
    { kind: "split", which: 0, at: 0.5 },
    { kind: "put", share: 1 },
    { kind: "restart" },
    { kind: "merge", which: 1 },
    { kind: "put", share: 1 },
    { kind: "count", target: 6 },
  ]
  const check = async (acts: readonly Act[]): Promise<void> => {
    const { rows, ledger, ...rest } = await outcomeOf(t, acts)
    for (const name of outputs) assert.deepEqual(rows[name], expected.rows[name], name)
    for (const [rider, numbers] of ledger) assert.deepEqual(numbers, numbers.toSorted((a, b) => a - b), rider)
    const { rows: _, ledger: __, ...others } = expected
    assert.deepEqual(rest, others)
  }
  await check(first)
  await fc.assert(fc.asyncProperty(fc.array(acting, { minLength: 4, maxLength: 14 }), check), { numRuns: 4 })
})
