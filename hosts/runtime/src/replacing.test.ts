// Workers that are ended at any moment, and nodes with other numbers of workers: results do not depend on them.
import assert from "node:assert/strict"
import { it } from "node:test"
import fc from "fast-check"
import type { DeadLetter } from "@millrace/engine"
import { figure, idle, openNode, send, statusOf, until, valuesOf } from "../test/bench.ts"
import { assertCountedOnce, ordersOf } from "../test/counted.ts"
import type { Answer } from "./answer.ts"
import { endThreadAfter, threadCount } from "../test/worker-threads.ts"

it("workers that are ended at random moments under load lose nothing and do nothing twice", async (t) => {
  const property = fc.asyncProperty(
    fc.array(fc.tuple(fc.nat({ max: 39 }), fc.integer({ min: 1, max: 1_500 })), { minLength: 1, maxLength: 4 }),
    fc.integer({ min: 1, max: 3 }),
    async (ends, workers) => {
      endThreadAfter(0)
      const { node } = await openNode(t, ["orders"], { workers, bounds: { handlerMsMax: 10_000 } })
      const records = ordersOf(0, 4_000, 64)
      const requests: Promise<Answer>[] = []
      for (let i = 0; i < 40; i++) {
        requests.push(send(node, "orders", records.slice(i * 100, (i + 1) * 100)))
        for (const [at, calls] of ends) if (at === i) endThreadAfter(calls)
        await new Promise((resolve) => setImmediate(resolve))
      }
      await Promise.all(requests)
      await idle(node)
      // A record that is rejected, or that was in hand twice when its thread ended, is taken for the cause.
      const letters = await valuesOf<DeadLetter>(node, "orders.dead-letter")
      const blamed = new Set(letters.map(({ value }) => (value as { seq: number }).seq))
      for (const [i, { rejected }] of (await Promise.all(requests)).entries()) {
        for (const { index } of rejected) blamed.add(i * 100 + index)
      }
      assert.ok(blamed.size <= ends.length)
      const counted = await valuesOf<{ key: string; seq: number; n: number }>(node, "counted")
      const seqs = counted.map(({ seq }) => seq).concat([...blamed])
      assert.deepEqual(seqs.toSorted((a, b) => a - b), records.map(({ seq }) => seq))
      const perKey = new Map<string, number>()
      for (const { key, n } of counted) {
        assert.equal(n, (perKey.get(key) ?? 0) + 1)
        perKey.set(key, n)
      }
      await node.close()
    },
  )
  await fc.assert(property, { numRuns: 8 })
})

it("a worker that is replaced brings its large state back as it was", async (t) => {
  const { node } = await openNode(t, ["orders"], { workers: 1, bounds: { handlerMsMax: 10_000 } })
  const keys = 20_000
  await send(node, "orders", ordersOf(0, keys, keys))
  await idle(node)
  // Each key once more; the thread ends in the middle of it.
  endThreadAfter(3.5 * keys)
  await send(node, "orders", ordersOf(keys, keys, keys))
  await idle(node)
  assert.equal(figure(node, "millrace_workers_replaced_total"), 1)
  const counted = await valuesOf<{ n: number }>(node, "counted")
  assert.equal(counted.length, 2 * keys)
  assert.equal(counted.filter(({ n }) => n === 2).length, keys)
  assert.equal(statusOf(node).stages.reduce((sum, { keys: of, stage }) => sum + (stage === "orders" ? of : 0), 0), keys)
})

it("one, two and four workers give the same, also when a restart changes their number", async (t) => {
  const records = ordersOf(0, 600)
  for (const [before, after] of [[1, 4], [4, 2], [2, 1]] as const) {
    const { node, dir } = await openNode(t, ["orders"], { workers: before })
    await send(node, "orders", records.slice(0, 300))
    await node.close()
    const { node: again } = await openNode(t, ["orders"], { workers: after, dir })
    await send(again, "orders", records.slice(300))
    await idle(again)
    await assertCountedOnce(again, records)
    await again.close()
  }
})

it("workers without work end, and start again for a record", async (t) => {
  const { node } = await openNode(t, ["orders", "parcels"], { workers: 3, bounds: { workerIdleMs: 60 } })
  for (let round = 0; round < 3; round++) {
    await send(node, "orders", ordersOf(round * 50, 50))
    await idle(node)
    await until("all workers have ended", () => figure(node, "millrace_workers") === 0 && threadCount() === 0)
    assert.equal(node.status().idle, true)
    assert.equal(node.unready, undefined)
  }
  await assertCountedOnce(node, ordersOf(0, 150))
  assert.equal(figure(node, "millrace_workers_replaced_total"), 0)
})
