import assert from "node:assert/strict"
import { test } from "node:test"
import { isMillraceError } from "@millrace/model"
import { openNode, serviceFile } from "../../test/bench.ts"

test("runs of a task that is left out wait until it is back, and a deployment says how many there are", async (t) => {
  const { node, dir, said } = await openNode(t, ["slow"])
  await node.tasks.pause("slow")
  const body = new TextEncoder().encode('{"ms":0}\n{"ms":0}')
  const [id = ""] = await node.tasks.enqueue({ task: "slow", format: "ndjson", body })
  assert.equal((await node.tasks.run(id)).status, "waiting")
  const told = (lines: typeof said): readonly unknown[] => lines.filter(({ sentence }) => sentence.startsWith("a task that no service has any more has runs")).map(({ facts }) => facts)
  await node.deploy([serviceFile("orders")])
  assert.deepEqual(told(said), [{ service: "slow", task: "slow", open: 2 }])
  const refusal = await node.tasks.run(id).catch((error: unknown) => error)
  assert.ok(isMillraceError(refusal) && refusal.code === "MR1024")
  assert.match(refusal.message, /^No service on this node has task "slow" any more, .* deploy service "slow" with it again\.$/)
  await node.close()
  // So does a start without it, and one with it says nothing and goes on.
  const without = await openNode(t, ["orders"], { dir })
  assert.deepEqual(told(without.said), [{ service: "slow", task: "slow", open: 2 }])
  await without.node.close()
  const again = await openNode(t, ["slow"], { dir })
  await again.node.tasks.resume("slow")
  assert.equal((await again.node.tasks.result(id)).status, "succeeded")
  assert.deepEqual(told(again.said), [])
})
