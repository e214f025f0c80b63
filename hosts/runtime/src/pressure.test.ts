// More comes than can be done: it is refused, memory stays bounded, and what was taken is done.
import assert from "node:assert/strict"
import { it } from "node:test"
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

it("while a worker is held, what arrives goes to the others", async (t) => {
  const { node } = await openNode(t, ["orders", "parcels"], { bounds: { handlerMsMax: 60_000 }, workers: 2 })
  await send(node, "orders", [{ key: "k1", seq: 0, map: "hang" }])
  for (let i = 0; i < 20; i++) assert.equal((await send(node, "parcels", [{ id: `p${i}` }])).accepted, 1)
})

it("while a service lags its streams are closed and those of others open, until it has caught up", async (t) => {
  const bounds = { stageLagBytesMax: 4_000, handlerMsMax: 1_000 }
  const { node } = await openNode(t, ["orders", "parcels"], { bounds, workers: 2 })
  // It holds its worker until that is replaced, twice: what comes meanwhile cannot be processed.
  const hang: Order = { key: "k1", seq: 0, map: "hang" }
  await send(node, "orders", [hang])
  const taken: Order[] = []
  let sent = 0
  let refused = 0
  const sendUntilRefused = async (): Promise<void> => {
    while (sent < 400 && refused === 0) {
      const records = ordersOf(1 + sent++ * 50, 50)
      const code = await codeOf(() => send(node, "orders", records))
      if (code === "none") taken.push(...records)
      else refused += code === "MR1010" ? 1 : Number.NaN
    }
  }
  // Several at once: one that the held worker was given waits for it.
  const senders = Array.from({ length: 4 }, sendUntilRefused)
  await Promise.race(senders)
  assert.ok(refused > 0, `${sent} requests, ${refused} refused`)
  assert.ok(figure(node, "millrace_stage_lag_bytes") > 4_000)
  assert.equal((await send(node, "parcels", [{ id: "p" }])).accepted, 1)
  await Promise.all(senders)
  await idle(node)
  assert.equal(figure(node, "millrace_stage_lag_bytes"), 0)
  const after = ordersOf(1_000_000, 50)
  await send(node, "orders", after)
  await idle(node)
  await assertCountedOnce(node, [...taken, ...after])
})
