// When the output of a task was, to those that join it.
import assert from "node:assert/strict"
import { test } from "node:test"
import { service, stream, task } from "@millrace/sdk"
import { testService } from "../src/index.ts"

interface Order {
  readonly id: string
  readonly at: number
}

const orders = stream<Order>("orders", { key: ({ id }) => id, time: ({ at }) => at })
const rate = task("rate", { run: (order: Order) => ({ ...order, score: order.id.length }) })
const rated = stream<Order & { readonly score: number }>("rated", { key: ({ id }) => id, time: ({ at }) => at, outOfOrder: "1h" })
const scored = stream<{ readonly id: string; readonly by: string }>("scored")

test("a task's output has the time at which its run succeeded; a stream of its own, or a table, joins it to records of old", async () => {
  const both = (by: string) => (order: Order) => ({ id: order.id, by })
  const outputs = rate.output.keyBy(({ id }) => id)
  const run = await testService(
    service("shop", [
      orders.to(rate),
      outputs.to(rated),
      orders.join("by-clock", outputs, { within: "10m" }, both("clock")).to(scored),
      orders.join("by-time", rated, { within: "10m" }, both("time")).to(scored),
      outputs.join("by-row", orders.toTable("order"), {}, (_, order) => both("row")(order)).to(scored),
    ]),
  )
  await run.send(orders, [{ id: "ab", at: 1_000 }])
  await run.settle()
  assert.deepEqual(run.values(scored).map(({ by }) => by).toSorted(), ["row", "time"])
  const [output] = run.records("rate.output")
  assert.ok((output?.time ?? 0) > 1_000 + 600_000)
})
