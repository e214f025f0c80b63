// A node whose function takes records in threads of its own, killed at any moment: nothing acknowledged is lost, and each
// key's records are first taken in their order.
import assert from "node:assert/strict"
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import fs from "node:fs"
import path from "node:path"
import { createInterface } from "node:readline"
import { test } from "node:test"
import { fileURLToPath } from "node:url"
import { scratch } from "../../test/bench.ts"

const script = fileURLToPath(new URL("../../test/crash-mapping.ts", import.meta.url))

interface Order {
  readonly key: string
  readonly n: number
}

function takenOf(file: string): Order[] {
  if (!fs.existsSync(file)) return []
  return fs
    .readFileSync(file, "utf8")
    .split("\n")
    .filter((line) => line.endsWith("}"))
    .map((line) => JSON.parse(line) as Order)
}

test("a node killed while its function is invoked loses nothing, and each key's records are first taken in their order", { timeout: 120_000 }, async (t) => {
  const dir = scratch(t)
  const taken = path.join(dir, "taken.log")
  let acknowledged = 0
  for (const taking of [30, 200, 500, Number.POSITIVE_INFINITY]) {
    const goal = takenOf(taken).length + taking
    const child: ChildProcess = spawn(process.execPath, ["--conditions=@millrace/source", script, path.join(dir, "data"), String(acknowledged)], {
      stdio: ["ignore", "pipe", "inherit"],
      env: { ...process.env, MILLRACE_TEST_TAKEN: taken },
    })
    const exited = once(child, "exit")
    if (child.stdout === null) throw new Error("no output")
    for await (const line of createInterface({ input: child.stdout })) {
      if (line === "idle") break
      acknowledged = Number(line)
      if (takenOf(taken).length >= goal) break
    }
    child.kill("SIGKILL")
    await exited
  }
  const orders = takenOf(taken)
  const seen = new Set(orders.map(({ n }) => n))
  assert.ok(acknowledged >= 400)
  for (let n = 0; n < acknowledged; n++) assert.ok(seen.has(n), `order ${n} was acknowledged and never taken`)
  const newest = new Map<string, number>()
  const first = new Set<number>()
  for (const { key, n } of orders) {
    if (first.has(n)) continue
    first.add(n)
    assert.ok((newest.get(key) ?? -1) < n, `order ${n} of ${key} was taken after a later one`)
    newest.set(key, n)
  }
})
