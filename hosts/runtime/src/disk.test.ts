// A disk that is full, under a node with everything on it.
import assert from "node:assert/strict"
import fs from "node:fs"
import path from "node:path"
import { it } from "node:test"
import { codeOf, idle, openNode, send, until } from "../test/bench.ts"
import { assertCountedOnce, ordersOf } from "../test/counted.ts"
import { mounted } from "../test/mount.ts"
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
