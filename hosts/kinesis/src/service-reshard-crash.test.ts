// A node that is killed while a service's stream is split and merged under it, with a mapping that reads the stream too.
import assert from "node:assert/strict"
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import fs from "node:fs"
import os from "node:os"
import path from "node:path"
import { createInterface } from "node:readline"
import { test } from "node:test"
import { fileURLToPath } from "node:url"
import { type KinesisClient, ListShardsCommand, MergeShardsCommand, SplitShardCommand } from "@aws-sdk/client-kinesis"
import { clientOf } from "../test/node.ts"
import { ledgerOf, outputs, ridesOf, rowsOf } from "../test/riding.ts"

const main = fileURLToPath(import.meta.resolve("millrace").replace(/index\.ts$/, "main.ts"))
const services = ["rides", "ride-tail"].map((name) => fileURLToPath(new URL(`../test/services/${name}.ts`, import.meta.url)))
const StreamName = "rides"

interface Started {
  readonly child: ChildProcess
  readonly client: KinesisClient
  readonly url: string
}

async function start(dir: string): Promise<Started> {
  const words = ["--conditions=@millrace/source", main, "start", ...services, "--data", path.join(dir, "data"), "--out", path.join(dir, "out"), "--port", "0", "--json"]
  const env = { ...process.env, MILLRACE_TEST_TAILED: path.join(dir, "tailed.log") }
  const child = spawn(process.execPath, words, { stdio: ["ignore", "pipe", "ignore"], env })
  const [line] = (await once(createInterface({ input: child.stdout }), "line")) as [string]
  const { url } = JSON.parse(line) as { url: string }
  return { child, client: clientOf(url), url }
}

/** The same request again puts nothing twice. */
async function put(url: string, batch: number, size: number): Promise<void> {
  const body = ridesOf(batch * size, size).map((ride) => JSON.stringify(ride)).join("\n")
  const headers = { "content-type": "application/x-ndjson", "idempotency-key": `batch ${batch}` }
  const answer = await fetch(`${url}/v1/streams/rides/records`, { method: "POST", headers, body })
  assert.equal(answer.status, 200, await answer.text())
}

async function reshape(client: KinesisClient, round: number): Promise<void> {
  const { Shards = [] } = await client.send(new ListShardsCommand({ StreamName, ShardFilter: { Type: "AT_LATEST" } }))
  const open = Shards.toSorted((a, b) => (BigInt(a.HashKeyRange?.StartingHashKey ?? 0) < BigInt(b.HashKeyRange?.StartingHashKey ?? 0) ? -1 : 1))
  const [first, second] = open
  if (round % 3 === 2) await client.send(new MergeShardsCommand({ StreamName, ShardToMerge: first?.ShardId, AdjacentShardToMerge: second?.ShardId }))
  else {
    const { StartingHashKey: from = "0", EndingHashKey: to = "0" } = first?.HashKeyRange ?? {}
    await client.send(new SplitShardCommand({ StreamName, ShardToSplit: first?.ShardId, NewStartingHashKey: ((BigInt(from) + BigInt(to)) / 2n).toString() }))
  }
}

async function endAndWait({ url }: Started): Promise<void> {
  assert.equal((await fetch(`${url}/v1/streams/rides/end`, { method: "POST" })).status, 200)
  const from = performance.now()
  for (;;) {
    const status = (await (await fetch(`${url}/v1/status`)).json()) as { node: { idle: boolean } }
    if (status.node.idle) return
    if (performance.now() - from > 60_000) assert.fail(JSON.stringify(status))
  }
}

test("a service whose stream is split and merged while its node is killed gives what it would have given", { timeout: 300_000 }, async (t) => {
  const home = fs.mkdtempSync(path.join(os.tmpdir(), "millrace-reshard-crash-"))
  t.after(() => fs.rmSync(home, { recursive: true, force: true }))
  const results: Awaited<ReturnType<typeof rowsOf>>[] = []
  // From the request on, in ms: before it is taken, while shards are handed over, and after.
  const kills = [2, 12, 30, 5, 20, 60]
  const size = 50
  const batches = kills.length * 2 + 1
  for (const isKilled of [false, true]) {
    const dir = path.join(home, isKilled ? "killed" : "whole")
    fs.mkdirSync(dir)
    let node = await start(dir)
    for (const [round, after] of kills.entries()) {
      await put(node.url, round * 2, size)
      if (!isKilled) {
        await put(node.url, round * 2 + 1, size)
        continue
      }
      const { child, client, url } = node
      const exited = once(child, "exit")
      const underWay = Promise.allSettled([reshape(client, round), put(url, round * 2 + 1, size)])
      for (const asked = performance.now(); performance.now() - asked < after; ) await new Promise((resolve) => setImmediate(resolve))
      child.kill("SIGKILL")
      await exited
      await underWay
      client.destroy()
      node = await start(dir)
      await put(node.url, round * 2 + 1, size)
    }
    await put(node.url, batches - 1, size)
    await endAndWait(node)
    results.push(await rowsOf(node.client))
    for (const [rider, numbers] of await ledgerOf(node.client)) assert.deepEqual(numbers, numbers.toSorted((a, b) => a - b), rider)
    node.client.destroy()
    node.child.kill("SIGTERM")
    await once(node.child, "exit")
    const lines = fs.readFileSync(path.join(dir, "tailed.log"), "utf8").split("\n").filter((line) => line.endsWith("}"))
    const seen = new Set<number>()
    const newest = new Map<string, number>()
    for (const line of lines) {
      const { data } = JSON.parse(line) as { data: string }
      const { rider, fare } = JSON.parse(Buffer.from(data, "base64").toString()) as { rider: string; fare: number }
      // What is seen again after a kill was seen in its turn before.
      if (seen.has(fare)) continue
      seen.add(fare)
      assert.ok((newest.get(rider) ?? -1) < fare, `${rider}: ${fare} after ${newest.get(rider)}`)
      newest.set(rider, fare)
    }
    assert.equal(seen.size, batches * size)
  }
  const [whole, killed] = results
  for (const name of outputs) assert.deepEqual(killed?.[name], whole?.[name], name)
})
