// How many instances a mapping has: as many as its shards have lanes with something to do, and none once nothing is.
import assert from "node:assert/strict"
import fs from "node:fs"
import path from "node:path"
import { test } from "node:test"
import { idle, openNode, scratch, send, until } from "../../test/bench.ts"

test("instances grow to shards times factor, no further, and go away when nothing is left to do", { timeout: 60_000 }, async (t) => {
  const dir = scratch(t)
  process.env["MILLRACE_TEST_GATHERED"] = dir
  t.after(() => delete process.env["MILLRACE_TEST_GATHERED"])
  const { node } = await openNode(t, ["gathering"], { workers: 1, bounds: { functionIdleMs: 50 } })
  const standing = (): { readonly instances: number; readonly busy: number } => {
    const [{ instances, busy } = { instances: 0, busy: 0 }] = node.functions.list
    return { instances, busy }
  }
  assert.deepEqual(standing(), { instances: 0, busy: 0 }, "none before there is something to do")
  await send(node, "orders", Array.from({ length: 60 }, (_, n) => ({ key: `key ${n}` })))
  const begun = (): number => (fs.existsSync(path.join(dir, "begun")) ? fs.readFileSync(path.join(dir, "begun"), "utf8").split("\n").length - 1 : 0)
  await until("all lanes are busy", () => begun() === 6)
  assert.deepEqual(standing(), { instances: 6, busy: 6 }, "54 records wait, and no more is called")
  fs.writeFileSync(path.join(dir, "go"), "")
  await idle(node)
  await until("idle instances are gone", () => standing().instances === 0)
  assert.equal(begun(), 60)
  // And they come back.
  await send(node, "orders", [{ key: "one more" }])
  await until("it is called again", () => begun() === 61)
})
