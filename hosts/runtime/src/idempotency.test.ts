// Idempotency keys, on the real node.
import assert from "node:assert/strict"
import { it } from "node:test"
import { codeOf, idle, openNode, send, valuesOf } from "../test/bench.ts"
import { assertCountedOnce, ordersOf } from "../test/counted.ts"

it("a repeat with the same key and body gets the same answer and appends nothing, also after a restart", async (t) => {
  const { node, dir } = await openNode(t, ["orders"])
  const records = ordersOf(0, 20)
  const first = await send(node, "orders", records, "a")
  assert.deepEqual(await send(node, "orders", records, "a"), first)
  // Answers of before the restart are known after it.
  await node.close()
  const { node: again } = await openNode(t, ["orders"], { dir })
  assert.deepEqual(await send(again, "orders", records, "a"), first)
  await idle(again)
  await assertCountedOnce(again, records)
})

it("repeats that come while the first is under way get its answer", async (t) => {
  const { node } = await openNode(t, ["orders"])
  const records = ordersOf(0, 50)
  const answers = await Promise.all(Array.from({ length: 20 }, () => send(node, "orders", records, "a")))
  for (const answer of answers) assert.deepEqual(answer, answers[0])
  await idle(node)
  await assertCountedOnce(node, records)
})

it("a key that was used for another body is refused, while it is under way and after", async (t) => {
  const { node } = await openNode(t, ["orders", "parcels"])
  const first = send(node, "orders", ordersOf(0, 5), "a")
  assert.equal(await codeOf(() => send(node, "orders", ordersOf(5, 5), "a")), "MR1011")
  await first
  assert.equal(await codeOf(() => send(node, "orders", ordersOf(5, 5), "a")), "MR1011")
  // Another stream's keys are others.
  assert.equal((await send(node, "parcels", [{ id: "a" }], "a")).accepted, 1)
})

it("a key whose request failed or was wholly rejected may be used again", async (t) => {
  const { node } = await openNode(t, ["orders"])
  const bad = Array.from({ length: 5 }, (_, i) => ({ key: "k", seq: i, schema: "exit" }))
  const [first, repeat] = await Promise.all([codeOf(() => send(node, "orders", bad, "a")), codeOf(() => send(node, "orders", bad, "a"))])
  assert.deepEqual([first, repeat], ["MR1204", "MR1204"])
  assert.equal((await send(node, "orders", [{ key: 1 }], "a")).accepted, 0)
  const records = ordersOf(0, 10)
  assert.equal((await send(node, "orders", records, "a")).accepted, 10)
  await send(node, "orders", records, "a")
  await idle(node)
  await assertCountedOnce(node, records)
})

it("the newest keys are remembered, as many as the bound says, after a restart too", async (t) => {
  const bounds = { idempotencyKeysMax: 10 }
  const { node, dir } = await openNode(t, ["parcels"], { bounds })
  for (let i = 0; i < 25; i++) await send(node, "parcels", [{ id: `p${i}` }], `key-${i}`)
  await send(node, "parcels", [{ id: "p20" }], "key-20")
  await node.close()
  const { node: again } = await openNode(t, ["parcels"], { dir, bounds })
  await send(again, "parcels", [{ id: "p15" }], "key-15")
  assert.equal((await valuesOf(again, "parcels")).length, 25)
  await send(again, "parcels", [{ id: "p14" }], "key-14")
  assert.equal((await valuesOf(again, "parcels")).length, 26)
})
