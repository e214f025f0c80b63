// A disk that is full while a function is fed.
import assert from "node:assert/strict"
import fs from "node:fs"
import path from "node:path"
import { test } from "node:test"
import { mounted } from "@millrace/conformance"
import { codeOf, idle, openNode, scratch, send, until } from "../../test/bench.ts"

test("a full disk stops what feeds a function; once there is room it goes on, with all that was acknowledged", async (t) => {
  const disk = mounted(t, "size=16m")
  if (disk === undefined) return
  const taken = path.join(scratch(t), "taken.log")
  process.env["MILLRACE_TEST_TAKEN"] = taken
  t.after(() => delete process.env["MILLRACE_TEST_TAKEN"])
  const { node } = await openNode(t, ["mapped"], { dir: disk.dir, workers: 1 })
  const ballast = path.join(disk.dir, "ballast")
  const { bavail, bsize } = fs.statfsSync(disk.dir)
  fs.writeFileSync(ballast, Buffer.alloc((bavail - 60) * bsize))
  const acknowledged: number[] = []
  let n = 0
  for (let code = "none"; code === "none"; ) {
    assert.ok(n < 200_000, "the disk does not fill")
    const records = Array.from({ length: 100 }, () => ({ key: `key ${n % 5}`, n: n++, text: "x".repeat(200) }))
    code = await codeOf(() => send(node, "orders", records))
    if (code === "none") acknowledged.push(...records.map((record) => record.n))
    else assert.equal(code, "MR1303")
  }
  assert.equal(node.unready?.code, "MR1303")
  fs.rmSync(ballast)
  await until("the node is ready again", () => node.unready === undefined)
  const last = n
  await send(node, "orders", [{ key: "last", n: last }])
  await idle(node)
  const lines = fs.readFileSync(taken, "utf8").split("\n").filter((line) => line !== "")
  const seen = new Set(lines.map((line) => (JSON.parse(line) as { n: number }).n))
  for (const each of [...acknowledged, last]) assert.ok(seen.has(each), `order ${each} was acknowledged and never taken`)
})
