// A disk that is full, under a node with everything on it.
import assert from "node:assert/strict"
import fs from "node:fs"
import path from "node:path"
import { it } from "node:test"
import { mounted } from "@millrace/conformance"
import { partitionOf } from "@millrace/model"
import { codeOf, idle, openNode, send, statusOf, until, valuesOf } from "../test/bench.ts"
import { assertCountedOnce, ordersOf } from "../test/counted.ts"
import type { Order } from "../test/services/orders.ts"

it("a full disk refuses requests with its reason; once there is room the node goes on, with all that was acknowledged and nothing else", async (t) => {
  const disk = mounted(t, "size=16m")
  if (disk === undefined) return
  const { node, dir, said } = await openNode(t, ["orders"], { dir: disk.dir })
  const ballast = path.join(disk.dir, "ballast")
  const { bavail, bsize } = fs.statfsSync(disk.dir)
  fs.writeFileSync(ballast, Buffer.alloc((bavail - 200) * bsize))

  const taken: Order[] = []
  const refused: Order[] = []
  const codes = new Set<string>()
  for (let i = 0; i < 400 && refused.length === 0; i++) {
    const records = [0, 1, 2].map((j) => ordersOf((i * 3 + j) * 50, 50))
    const outcomes = await Promise.all(records.map((each) => codeOf(() => send(node, "orders", each))))
    for (const [j, code] of outcomes.entries()) {
      ;(code === "none" ? taken : refused).push(...(records[j] ?? []))
      if (code !== "none") codes.add(code)
    }
  }
  assert.ok(taken.length > 0 && refused.length > 0)
  assert.deepEqual([...codes], ["MR1303"])
  assert.equal(node.unready?.code, "MR1303")
  assert.match(node.unready?.message ?? "", /is full: free some space/)
  assert.equal(await codeOf(() => send(node, "orders", ordersOf(0, 1))), "MR1303")
  assert.ok(said.some(({ facts }) => facts["code"] === "MR1303"))

  fs.rmSync(ballast)
  await until("the node is ready again", () => node.unready === undefined)
  const after = ordersOf(1_000_000, 100)
  await send(node, "orders", after)
  await idle(node)
  await assertCountedOnce(node, [...taken, ...after])
  await node.close()

  const { node: again } = await openNode(t, ["orders"], { dir })
  await idle(again)
  await assertCountedOnce(again, [...taken, ...after])
})

it("a partition whose state is damaged stands still, with the reason; no record is blamed, and the others go on", async (t) => {
  const { node: before, dir } = await openNode(t, ["orders"], { workers: 1 })
  await send(before, "orders", ordersOf(0, 160))
  await idle(before)
  await before.close()
  const file = path.join(dir, "data", "store", "data.mdb")
  const bytes = fs.readFileSync(file)
  // The count of k7: its key ends the name of its cell in the store, its value follows.
  const at = bytes.lastIndexOf("k7") + 2
  bytes.writeUInt8(bytes.readUInt8(at) ^ 1, at)
  fs.writeFileSync(file, bytes)

  const { node, said } = await openNode(t, ["orders"], { dir, workers: 1, bounds: { stateRetryMs: 20 } })
  const { partitions = 0 } = node.streams.find(({ name }) => name === "orders") ?? {}
  const partition = partitionOf("k7", partitions)
  const more = ordersOf(160, 160)
  await send(node, "orders", more)
  const there = new Set(ordersOf(0, 16).filter(({ key }) => partitionOf(key, partitions) === partition).map(({ key }) => key))
  const wanted = 160 + more.filter(({ key }) => !there.has(key)).length
  while ((await valuesOf(node, "counted")).length < wanted) await until("it is tried again", () => node.status().idle === false)
  await until("the partition waits", () => statusOf(node).stages.some(({ stage, partition: of, state }) => `${stage} ${of} ${state}` === `orders ${partition} stuck`))
  const told = said.filter(({ sentence }) => sentence.startsWith("state could not be read"))
  assert.equal(told.length, 1)
  assert.equal(told[0]?.facts["code"], "MR1302")
  assert.match(String(told[0]?.facts["message"]), /data\.mdb is damaged .*"k7" in "orders\/.*", partition \d+, does not fit its checksum/)
  assert.deepEqual(await valuesOf(node, "orders.dead-letter"), [])
  const counted = await valuesOf<{ key: string }>(node, "counted")
  for (const { key } of ordersOf(0, 16)) {
    assert.equal(counted.filter((row) => row.key === key).length, there.has(key) ? 10 : 20, key)
  }
})
