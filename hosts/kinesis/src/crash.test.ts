// A node that is killed: what was acknowledged is there, whatever was under way.
import assert from "node:assert/strict"
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import fs from "node:fs"
import os from "node:os"
import path from "node:path"
import { createInterface } from "node:readline"
import { test } from "node:test"
import { fileURLToPath } from "node:url"
import {
  CreateStreamCommand,
  type KinesisClient,
  ListShardsCommand,
  MergeShardsCommand,
  PutRecordsCommand,
  SplitShardCommand,
} from "@aws-sdk/client-kinesis"
import { bytes, clientOf } from "../test/node.ts"
import { recordsOf, valueOf } from "../test/reading.ts"

const main = fileURLToPath(import.meta.resolve("millrace").replace(/index\.ts$/, "main.ts"))

async function start(dir: string): Promise<{ child: ChildProcess; client: KinesisClient }> {
  const words = [
    "--conditions=@millrace/source",
    main,
    "start",
    "--data",
    path.join(dir, "data"),
    "--port",
    "0",
    "--json",
  ]
  const child = spawn(process.execPath, words, { stdio: ["ignore", "pipe", "ignore"] })
  const [line] = (await once(createInterface({ input: child.stdout }), "line")) as [string]
  return { child, client: clientOf((JSON.parse(line) as { url: string }).url) }
}

test(
  "what was acknowledged before a kill is there after it, each key in order, through splits and merges",
  { timeout: 120_000 },
  async (t) => {
    const dir = fs.mkdtempSync(path.join(os.tmpdir(), "millrace-kinesis-crash-"))
    t.after(() => fs.rmSync(dir, { recursive: true, force: true }))
    const acknowledged = new Map<string, number>()
    let number = 0
    for (let round = 0; round < 3; round++) {
      const { child, client } = await start(dir)
      const exited = once(child, "exit")
      if (round === 0) await client.send(new CreateStreamCommand({ StreamName: "s", ShardCount: 2 }))
      let isDead = false
      const put = async (): Promise<void> => {
        while (!isDead) {
          const values = Array.from({ length: 20 }, () => ({ key: `key ${number % 7}`, n: number++ }))
          const Records = values.map((value) => ({ PartitionKey: value.key, Data: bytes(value) }))
          const answer = await client.send(new PutRecordsCommand({ StreamName: "s", Records })).catch(() => undefined)
          for (const [i, { SequenceNumber: at = "", ShardId: shard }] of (answer?.Records ?? []).entries())
            acknowledged.set(`${shard} ${at}`, values[i]?.n ?? -1)
        }
      }
      const reshape = async (): Promise<void> => {
        while (!isDead) {
          const { Shards: all = [] } = await client
            .send(new ListShardsCommand({ StreamName: "s", ShardFilter: { Type: "AT_LATEST" } }))
            .catch(() => ({ Shards: [] }))
          const open = all.toSorted((a, b) =>
            BigInt(a.HashKeyRange?.StartingHashKey ?? 0) < BigInt(b.HashKeyRange?.StartingHashKey ?? 0) ? -1 : 1,
          )
          const [first, second] = open
          if (open.length > 2)
            await client
              .send(
                new MergeShardsCommand({
                  StreamName: "s",
                  ShardToMerge: first?.ShardId,
                  AdjacentShardToMerge: second?.ShardId,
                }),
              )
              .catch(() => undefined)
          else if (first !== undefined) {
            const { StartingHashKey: from = "0", EndingHashKey: to = "0" } = first.HashKeyRange ?? {}
            const middle = (BigInt(from) + BigInt(to)) / 2n
            await client
              .send(
                new SplitShardCommand({
                  StreamName: "s",
                  ShardToSplit: first.ShardId,
                  NewStartingHashKey: middle.toString(),
                }),
              )
              .catch(() => undefined)
          }
        }
      }
      const busy = Promise.all([put(), reshape()])
      const enough = acknowledged.size + 400
      while (acknowledged.size < enough) await new Promise((resolve) => setImmediate(resolve))
      child.kill("SIGKILL")
      await exited
      isDead = true
      await busy
      client.destroy()
    }
    const { child, client } = await start(dir)
    const found = new Map<string, number>()
    const all: (readonly [at: bigint, n: number])[] = []
    for (const [shard, records] of await recordsOf(client, "s")) {
      for (const record of records) {
        const { n } = valueOf(record) as { n: number }
        found.set(`${shard} ${record.SequenceNumber}`, n)
        all.push([BigInt(record.SequenceNumber ?? 0), n])
      }
    }
    client.destroy()
    child.kill("SIGTERM")
    await once(child, "exit")
    for (const [at, n] of acknowledged) assert.equal(found.get(at), n, `record ${n} at ${at}`)
    assert.ok(found.size >= acknowledged.size)
    // One request after the other put them: a child's sequence numbers are greater than its parents'.
    const newest = new Map<number, number>()
    for (const [, n] of all.toSorted(([a], [b]) => (a < b ? -1 : 1))) {
      assert.ok((newest.get(n % 7) ?? -1) < n, `key ${n % 7}: ${n} behind ${newest.get(n % 7)}`)
      newest.set(n % 7, n)
    }
  },
)
