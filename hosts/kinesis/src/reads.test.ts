import assert from "node:assert/strict"
import { test } from "node:test"
import { limits } from "@millrace/model"
import { Reads } from "./reads.ts"

test("so many read at once and no more, in the order in which they came, whatever becomes of them", async () => {
  const reads = new Reads()
  let underWay = 0
  let most = 0
  const order: number[] = []
  const turns = Array.from({ length: 50 }, (_, i) =>
    reads.turn(async () => {
      most = Math.max(most, ++underWay)
      await new Promise((resolve) => setImmediate(resolve))
      order.push(i)
      underWay--
      if (i % 3 === 0) throw new Error("no")
    }).catch(() => undefined),
  )
  await Promise.all(turns)
  assert.deepEqual([most, underWay], [limits.kinesisReadsMax, 0])
  assert.deepEqual(order, order.toSorted((a, b) => a - b))
  // All turns are free again.
  await Promise.all(Array.from({ length: limits.kinesisReadsMax }, () => reads.turn(async () => undefined)))
})
