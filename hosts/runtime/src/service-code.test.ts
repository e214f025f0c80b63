// Files that change while a node runs: its threads come and go, its code stays until it is deployed.
import assert from "node:assert/strict"
import fs from "node:fs"
import path from "node:path"
import { type TestContext, it } from "node:test"
import { figure, idle, openNode, scratch, send, until, valuesOf } from "../test/bench.ts"
import { threadCount } from "../test/worker-threads.ts"
import type { Node } from "./node.ts"

/** A service of two modules outside of the repository; each row of `stamped`, and each run of the task, tells the version. */
function written(t: TestContext): { file: string; stamp(version: string): void; remove(): void } {
  const dir = scratch(t)
  const file = path.join(dir, "service.ts")
  const stamp = path.join(dir, "stamp.ts")
  fs.writeFileSync(
    file,
    `import { service, stream, task } from ${JSON.stringify(import.meta.resolve("@millrace/sdk"))}
     import { version } from "./stamp.ts"
     const seen = stream<{ id: number }>("seen", { partitions: 1 })
     const stamped = stream<{ id: number; version: string }>("stamped", { partitions: 1 })
     const told = task("told", { description: "Tells its version", input: { "~standard": { version: 1, vendor: "test", validate: (value: unknown) => ({ value }) } } as never, run: () => version })
     export default service("stamps", [seen.map(({ id }) => ({ id, version })).to(stamped), told])`,
  )
  const write = (version: string): void => fs.writeFileSync(stamp, `export const version: string = ${JSON.stringify(version)}\n`)
  write("one")
  return { file, stamp: write, remove: () => [file, stamp].forEach((each) => fs.rmSync(each)) }
}

async function sees(node: Node, id: number, version: string): Promise<void> {
  await send(node, "seen", [{ id }])
  await idle(node)
  const rows = await valuesOf<{ id: number; version: string }>(node, "stamped")
  assert.deepEqual(rows.at(-1), { id, version })
  const { result } = await node.tasks.caller.call("told", "null", {})
  assert.equal(result.output, JSON.stringify(version))
}

const asleep = (node: Node): Promise<void> => {
  return until("all threads have ended", () => figure(node, "millrace_workers") === 0 && threadCount() === 0)
}

it("threads that start later run the code that was loaded first, whatever the files hold by then", async (t) => {
  const { file, stamp, remove } = written(t)
  const { node } = await openNode(t, [], { files: [file], workers: 1, bounds: { workerIdleMs: 30 } })
  await sees(node, 1, "one")
  stamp("two")
  await asleep(node)
  await sees(node, 2, "one")
  stamp("export const is broken")
  fs.appendFileSync(file, "this is not TypeScript")
  await asleep(node)
  await sees(node, 3, "one")
  remove()
  await asleep(node)
  await sees(node, 4, "one")
})

it("a deployment runs what the files hold now, and goes on with the old when they cannot be loaded", async (t) => {
  const { file, stamp } = written(t)
  const { node } = await openNode(t, [], { files: [file], workers: 1, bounds: { workerIdleMs: 30 } })
  await sees(node, 1, "one")
  stamp("two")
  await node.deploy([file])
  await sees(node, 2, "two")
  fs.appendFileSync(file, "this is not TypeScript")
  await assert.rejects(node.deploy([file]), { code: "MR1104" })
  await asleep(node)
  await sees(node, 3, "two")
})
