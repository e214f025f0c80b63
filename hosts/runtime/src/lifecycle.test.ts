// Stops and deployments at any moment.
import assert from "node:assert/strict"
import { it } from "node:test"
import fc from "fast-check"
import { codeOf, figure, idle, openNode, send, serviceFile, until } from "../test/bench.ts"
import { assertCountedOnce, ordersOf } from "../test/counted.ts"
import type { Order } from "../test/services/orders.ts"
import { threadCount } from "../test/worker-threads.ts"

it("a stop at any moment loses nothing that was acknowledged and does nothing twice", async (t) => {
  const property = fc.asyncProperty(fc.array(fc.nat({ max: 30 }), { minLength: 1, maxLength: 3 }), fc.integer({ min: 1, max: 3 }), async (stops, workers) => {
    const first = await openNode(t, ["orders"], { workers })
    const { dir } = first
    let { node } = first
    const taken: Order[] = []
    let at = 0
    for (const turns of stops) {
      const requests = Array.from({ length: 8 }, async () => {
        const records = ordersOf((at += 100), 100)
        const code = await codeOf(() => send(node, "orders", records, `from ${at}`))
        if (code === "none") taken.push(...records)
        else assert.equal(code, "MR1401")
      })
      for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => setImmediate(resolve))
      const closing = node.close()
      await Promise.all([closing, node.close(), ...requests])
      assert.equal(threadCount(), 0)
      ;({ node } = await openNode(t, ["orders"], { workers, dir }))
    }
    await idle(node)
    await assertCountedOnce(node, taken)
    await node.close()
  })
  await fc.assert(property, { numRuns: 8 })
})

it("a node can be stopped while a worker is being replaced", async (t) => {
  const { node, dir } = await openNode(t, ["orders"], { workers: 1 })
  const records: Order[] = [...ordersOf(0, 20), { key: "k1", seq: 100, map: "exit" }]
  await send(node, "orders", records)
  await until("the worker has ended", () => figure(node, "millrace_workers_replaced_total") > 0)
  await node.close()
  assert.equal(node.unready?.code, "MR1401")
  assert.equal(await codeOf(() => send(node, "orders", records)), "MR1401")
  const { node: again } = await openNode(t, ["orders"], { dir })
  await idle(again)
  await assertCountedOnce(again, records.slice(0, 20))
})

it("deployments under load answer each request once, and keep the state", async (t) => {
  const { node } = await openNode(t, ["orders"])
  const records = ordersOf(0, 3_000)
  const requests: Promise<unknown>[] = []
  const deployments: Promise<void>[] = []
  for (let i = 0; i < 60; i++) {
    requests.push(send(node, "orders", records.slice(i * 50, i * 50 + 50)))
    // Two at once follow one another.
    if (i % 20 === 5) {
      deployments.push(node.deploy([serviceFile("orders-mended")]))
      deployments.push(node.deploy([serviceFile("orders"), serviceFile("parcels")]))
    }
    if (i % 10 === 0) await requests[i]
  }
  await Promise.all([...requests, ...deployments])
  assert.deepEqual(node.services, ["orders", "parcels"])
  await idle(node)
  await assertCountedOnce(node, records)
})

it("a stop during a deployment waits for it, and leaves no thread behind", async (t) => {
  const { node } = await openNode(t, ["orders"])
  await send(node, "orders", ordersOf(0, 10))
  const deploying = codeOf(() => node.deploy([serviceFile("orders-mended")]))
  await node.close()
  assert.ok(["none", "MR1401"].includes(await deploying))
  assert.equal(await codeOf(() => node.deploy([serviceFile("orders")])), "MR1401")
  assert.equal(threadCount(), 0)
})
