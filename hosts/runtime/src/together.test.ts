// Services on one node that read each other's streams.
import assert from "node:assert/strict"
import { it } from "node:test"
import { partitionOf } from "@millrace/model"
import { idle, openNode, send, statusOf, valuesOf } from "../test/bench.ts"
import type { Click } from "../test/services/clicks.ts"

it("a service that reads what another one writes waits for all partitions that write it", async (t) => {
  const { node } = await openNode(t, ["clicks"], { workers: 2 })
  const click = (i: number): Click => ({ user: `user ${i % 17}`, page: `page ${i % 5}`, at: i * 100 })
  const all = Array.from({ length: 3_000 }, (_, i) => click(i))
  // Partition by partition: each is at its end when the next begins.
  for (let partition = 0; partition < 4; partition++) {
    await send(node, "clicks", all.filter(({ user }) => partitionOf(user, 4) === partition))
    await idle(node)
  }
  await node.end("clicks")
  await idle(node)
  const hits = await valuesOf<{ page: string; n: number }>(node, "hits")
  const late = node.samples().find(({ name }) => name === "millrace_stage_late_records_total")
  const lateOfCounter = late?.values.reduce((sum, { value }) => sum + value, 0) ?? 0
  assert.equal(lateOfCounter, 0)
  assert.equal(hits.reduce((sum, { n }) => sum + n, 0), all.length)
  assert.ok(statusOf(node).stages.every(({ ended }) => ended))
})
