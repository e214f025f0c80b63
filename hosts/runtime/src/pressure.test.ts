// More comes than can be done: it is refused, memory stays bounded, and what was taken is done.
import assert from "node:assert/strict"
import { it } from "node:test"
import { isMillraceError } from "@millrace/model"
import { codeOf, figure, idle, openNode, send } from "../test/bench.ts"
import { assertCountedOnce, ordersOf } from "../test/counted.ts"
import type { Order } from "../test/services/orders.ts"

it("requests beyond the bound of the queue are refused, the others are taken", async (t) => {
  const { node } = await openNode(t, ["orders"], { bounds: { ingestQueueBytesMax: 20_000 } })
  const taken: Order[] = []
  const codes = await Promise.all(
    Array.from({ length: 40 }, async (_, i) => {
      const records = ordersOf(i * 50, 50)
      const code = await codeOf(() => send(node, "orders", records))
      if (code === "none") taken.push(...records)
      return code
    }),
  )
  assert.deepEqual(new Set(codes), new Set(["none", "MR1010"]))
  assert.equal(figure(node, "millrace_request_queue_bytes"), 0)
  await idle(node)
  await assertCountedOnce(node, taken)
})

it("while a service lags its streams are closed and those of others open, until it has caught up", async (t) => {
  const bounds = { stageLagBytesMax: 4_000, handlerMsMax: 1_000 }
  const { node } = await openNode(t, ["orders", "parcels"], { bounds, workers: 2 })
  // It holds its worker until that is replaced, twice: what comes meanwhile cannot be processed.
  const hang: Order = { key: "k1", seq: 0, map: "hang" }
  await send(node, "orders", [hang])
  const taken: Order[] = []
  let refused = 0
  for (let i = 0; i < 400 && refused === 0; i++) {
    const records = ordersOf(1 + i * 50, 50)
    try {
      await send(node, "orders", records)
      taken.push(...records)
    } catch (error) {
      assert.ok(isMillraceError(error) && error.code === "MR1010", String(error))
      refused++
    }
  }
  assert.equal(refused, 1)
  assert.ok(figure(node, "millrace_stage_lag_bytes") > 4_000)
  assert.equal((await send(node, "parcels", [{ id: "p" }])).accepted, 1)
  await idle(node)
  assert.equal(figure(node, "millrace_stage_lag_bytes"), 0)
  const after = ordersOf(1_000_000, 50)
  await send(node, "orders", after)
  await idle(node)
  await assertCountedOnce(node, [...taken, ...after])
})
