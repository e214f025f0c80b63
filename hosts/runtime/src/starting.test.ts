// What keeps a node from starting, each with its code; and what it says then.
import assert from "node:assert/strict"
import path from "node:path"
import { it } from "node:test"
import { mounted } from "@millrace/conformance"
import { isMillraceError } from "@millrace/model"
import { codeOf, idle, openNode, quick, scratch, send } from "../test/bench.ts"
import { assertCountedOnce, ordersOf } from "../test/counted.ts"
import { threadCount } from "../test/worker-threads.ts"

it("a module that loops, waits, ends its thread or exports no service keeps the node from starting, and says so", async (t) => {
  const bounds = { ...quick, loadMsMax: 600 }
  assert.equal(await codeOf(() => openNode(t, ["loops-at-import"], { bounds })), "MR1202")
  assert.equal(await codeOf(() => openNode(t, ["waits-at-import"])), "MR1104")
  assert.equal(await codeOf(() => openNode(t, ["ends-at-import"])), "MR1204")
  assert.equal(await codeOf(() => openNode(t, ["no-service"])), "MR1104")
  assert.equal(await codeOf(() => openNode(t, ["not-there"])), "MR1104")
  assert.equal(threadCount(), 0)
})

it("a directory that could not be used is free again after a failed start", async (t) => {
  const dir = scratch(t)
  assert.equal(await codeOf(() => openNode(t, ["no-service"], { dir })), "MR1104")
  const { node } = await openNode(t, ["orders"], { dir })
  assert.equal(node.unready, undefined)
})

it("a second node on the same directory is refused with the process that holds it", async (t) => {
  const { dir, node } = await openNode(t, ["orders"])
  const refused = await openNode(t, ["orders"], { dir }).then(() => assert.fail(), (error: unknown) => error)
  assert.ok(isMillraceError(refused) && refused.code === "MR1301")
  assert.match(refused.message, new RegExp(`process ${process.pid}`))
  assert.equal((await send(node, "orders", ordersOf(0, 1))).accepted, 1)
})

it("a read-only directory is refused at the start", async (t) => {
  const disk = mounted(t, "size=8m")
  if (disk === undefined) return
  disk.remount("ro")
  assert.equal(await codeOf(() => openNode(t, ["orders"], { dir: disk.dir })), "MR1304")
  assert.equal(await codeOf(() => openNode(t, ["orders"], { outDir: path.join(disk.dir, "out") })), "MR1304")
})

it("a changed partition count is refused at the start and at a deployment, and the old services go on", async (t) => {
  const { dir, node } = await openNode(t, ["orders"])
  const good = ordersOf(0, 40)
  await send(node, "orders", good.slice(0, 20))
  const wider = path.join(import.meta.dirname, "../test/services/orders-wider.ts")
  assert.equal(await codeOf(() => node.deploy([wider])), "MR1306")
  assert.equal(await codeOf(() => node.deploy([wider.replace("orders-wider", "no-service")])), "MR1104")
  await send(node, "orders", good.slice(20))
  await idle(node)
  await assertCountedOnce(node, good)
  assert.deepEqual(node.services, ["orders"])
  await node.close()
  assert.equal(await codeOf(() => openNode(t, ["orders-wider"], { dir })), "MR1306")
})

it("streams that are not there or not to be written are refused by name", async (t) => {
  const { node } = await openNode(t, ["orders"])
  assert.equal(await codeOf(() => send(node, "nothing", [{}])), "MR1008")
  assert.equal(await codeOf(() => send(node, "counted", [{}])), "MR1016")
  assert.equal(await codeOf(() => node.end("counted")), "MR1016")
  assert.equal(await codeOf(() => node.end("nothing")), "MR1008")
  assert.equal(await codeOf(() => node.read("orders", 4, { kind: "earliest" }, 1)), "MR1009")
})
