// What operators keep, as a test sees it.
import assert from "node:assert/strict"
import { test } from "node:test"
import { testService } from "../src/index.ts"
import { fraud, paid, payments, ten } from "./fraud.ts"

test("state is what the operator keeps for a key, and no longer than it does", async () => {
  const run = await testService(fraud)
  await run.send(payments, [paid("a", 1), paid("a", 3), paid("b", 2)])
  assert.deepEqual(run.state("silence", "a"), { last: ten + 180_000 })
  assert.equal(run.state("silence", "c"), undefined)
  await run.crash()
  assert.deepEqual(run.state("silence", "a"), { last: ten + 180_000 })
  await run.end(payments)
  assert.equal(run.state("silence", "a"), undefined)
})

test("what state gives is a copy", async () => {
  const run = await testService(fraud)
  await run.send(payments, paid("a", 1))
  const kept = run.state<{ last: number }>("silence", "a")
  assert.ok(kept)
  kept.last = 0
  assert.deepEqual(run.state("silence", "a"), { last: ten + 60_000 })
})

test("open windows are shown as they would be emitted now", async () => {
  const run = await testService(fraud)
  await run.send(payments, [paid("a", 11, 5), paid("a", 12, 7), paid("a", 11.9, 1)])
  const window = { key: "a", start: new Date(ten + 600_000), end: new Date(ten + 1_200_000), n: 3, total: 13 }
  assert.deepEqual(run.state("spent", "a"), [window])
  assert.deepEqual(run.state("by-shop", "kiosk"), [{ key: "kiosk", start: window.start, end: window.end, n: 3 }])
})

test("timers are listed in the order of their times, of all keys or of one", async () => {
  const run = await testService(fraud)
  await run.send(payments, [paid("b", 2), paid("a", 1), paid("a", 3)])
  const [b, a] = [ten + 17 * 60_000, ten + 18 * 60_000]
  assert.deepEqual(run.timers("silence"), [{ key: "b", time: b, by: "event" }, { key: "a", time: a, by: "event" }])
  assert.deepEqual(run.timers("silence", "a"), [{ key: "a", time: a, by: "event" }])
  await run.watermarkTo(payments, b)
  assert.deepEqual(run.timers("silence").map(({ key }) => key), ["a"])
})

test("an operator that does not show what is asked is refused, with those that there are", async () => {
  const run = await testService(fraud)
  assert.throws(() => run.state("silent", "a"), {
    code: "MR1101",
    message: /no operator "silent" of service "fraud" shows state by key; its operators with names are spent, silence, by-shop/,
  })
  assert.throws(() => run.timers("silent"), { code: "MR1101", message: /shows timers/ })
  assert.throws(() => run.table("spent"), { code: "MR1101", message: /shows the rows of a table/ })
})
