// A node killed with events that nobody waits for: each one that was confirmed is invoked.
import assert from "node:assert/strict"
import { spawn } from "node:child_process"
import { once } from "node:events"
import fs from "node:fs"
import path from "node:path"
import { createInterface } from "node:readline"
import { test } from "node:test"
import { fileURLToPath } from "node:url"
import { idle, openNode, scratch } from "../../test/bench.ts"

const script = fileURLToPath(new URL("../../test/crash-events.ts", import.meta.url))

function takenOf(file: string): number[] {
  if (!fs.existsSync(file)) return []
  return fs.readFileSync(file, "utf8").split("\n").slice(0, -1).map(Number)
}

test("a killed node invokes every event that it had confirmed", { timeout: 120_000 }, async (t) => {
  const dir = scratch(t)
  const taken = path.join(dir, "taken.log")
  let confirmed = 0
  let left = 0
  for (const most of [20, 150, 280, Number.POSITIVE_INFINITY]) {
    const goal = confirmed + most
    const child = spawn(process.execPath, ["--conditions=@millrace/source", script, path.join(dir, "data"), String(confirmed)], {
      stdio: ["ignore", "pipe", "inherit"],
      env: { ...process.env, MILLRACE_TEST_TAKEN: taken },
    })
    const exited = once(child, "exit")
    for await (const line of createInterface({ input: child.stdout })) {
      if (line === "idle") break
      confirmed = Number(line)
      if (confirmed >= goal) break
    }
    child.kill("SIGKILL")
    await exited
    left = Math.max(left, confirmed - new Set(takenOf(taken)).size)
  }
  const seen = new Set(takenOf(taken))
  assert.ok(confirmed >= 700, String(confirmed))
  assert.ok(left > 0, "no kill came between the confirmation of an event and its invocation")
  for (let n = 0; n < confirmed; n++) assert.ok(seen.has(n), `event ${n} was confirmed and never invoked`)
})

test("an event goes on when its node stops in between", async (t) => {
  const taken = path.join(scratch(t), "taken.log")
  process.env["MILLRACE_TEST_TAKEN"] = taken
  t.after(() => delete process.env["MILLRACE_TEST_TAKEN"])
  const { node, dir } = await openNode(t, ["noted"], { workers: 1 })
  await Promise.all(Array.from({ length: 20 }, (_, n) => node.events.add("note", JSON.stringify({ n }), { requestId: String(n) })))
  assert.equal(node.status().idle, false)
  await node.close()
  const { node: again } = await openNode(t, ["noted"], { workers: 1, dir })
  await idle(again)
  assert.deepEqual([...new Set(takenOf(taken))].toSorted((a, b) => a - b), Array.from({ length: 20 }, (_, n) => n))
})
