// Deployments while a function is fed: with real threads, on a real node.
import assert from "node:assert/strict"
import fs from "node:fs"
import path from "node:path"
import { test } from "node:test"
import { figure, idle, openNode, scratch, send, serviceFile } from "../../test/bench.ts"

test("deployments and restarts while a function is fed lose nothing and keep each key's order", async (t) => {
  const taken = path.join(scratch(t), "taken.log")
  process.env["MILLRACE_TEST_TAKEN"] = taken
  t.after(() => delete process.env["MILLRACE_TEST_TAKEN"])
  const { node, dir } = await openNode(t, ["mapped"], { workers: 1 })
  let sent = 0
  const more = async (to: typeof node): Promise<void> => {
    const records = Array.from({ length: 50 }, () => ({ key: `key ${sent % 5}`, n: sent++ }))
    await send(to, "orders", records)
  }
  for (let round = 0; round < 3; round++) {
    await more(node)
    await node.deploy([serviceFile("mapped")])
    await more(node)
  }
  await node.close()
  const { node: again } = await openNode(t, ["mapped"], { workers: 1, dir })
  await more(again)
  await idle(again)
  const orders = fs
    .readFileSync(taken, "utf8")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as { key: string; n: number })
  assert.equal(new Set(orders.map(({ n }) => n)).size, sent)
  const newest = new Map<string, number>()
  const seen = new Set<number>()
  for (const { key, n } of orders) {
    if (seen.has(n)) continue
    seen.add(n)
    assert.ok((newest.get(key) ?? -1) < n, `order ${n} of ${key} was taken after a later one`)
    newest.set(key, n)
  }
  assert.ok(figure(again, "millrace_mapping_polled_events_total") > 0)
  assert.equal(figure(again, "millrace_mapping_dropped_events_total"), 0)
  assert.equal(figure(again, "millrace_mapping_shards"), 2)
})
