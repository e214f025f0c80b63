import assert from "node:assert/strict"
import { test } from "node:test"
import { openNode, serviceFile } from "../../test/bench.ts"
import type { Node } from "../node.ts"

const encode = (value: unknown): Uint8Array<ArrayBuffer> => new TextEncoder().encode(JSON.stringify(value))
const patient = { bounds: { drainMs: 60_000 } }

async function enqueue(node: Node, task: string, ...inputs: readonly unknown[]): Promise<readonly string[]> {
  const body = new TextEncoder().encode(inputs.map((input) => JSON.stringify(input)).join("\n"))
  return node.tasks.enqueue({ task, format: "ndjson", body })
}

/** Resolves once the code of a run is under way. */
async function begun(node: Node, task: string, input: unknown): Promise<string> {
  await node.tasks.pause(task)
  const [id = ""] = await node.tasks.enqueue({ task, format: "json", body: encode(input) })
  const told = new Promise<void>((resolve) => {
    const stop = node.tasks.watch(id, ({ kind }) => {
      if (kind !== "progress") return
      stop()
      resolve()
    })
  })
  await node.tasks.resume(task)
  await told
  return id
}

test("a node that stops lets running attempts end and starts no others", async (t) => {
  const { node, dir } = await openNode(t, ["slow"], patient)
  const first = await begun(node, "slow", { ms: 200 })
  const [second = ""] = await enqueue(node, "slow", { ms: 0 })
  await node.close()
  const again = (await openNode(t, ["slow"], { ...patient, dir })).node
  const { status, attempts } = await again.tasks.run(first)
  assert.deepEqual([status, attempts.map(({ outcome }) => outcome)], ["succeeded", ["succeeded"]])
  // What it would have started starts now, as its first attempt.
  assert.deepEqual(await again.tasks.result(second), { status: "succeeded", output: '{"attempt":1}' })
})

test("an attempt that outlasts its time is aborted, and costs its run none", async (t) => {
  const { node, dir } = await openNode(t, ["slow"], { bounds: { drainMs: 20 } })
  const slow = await begun(node, "slow", { ms: 300 })
  await node.close()
  const again = (await openNode(t, ["slow"], { ...patient, dir })).node
  assert.deepEqual(await again.tasks.result(slow), { status: "succeeded", output: '{"attempt":1}' })
  assert.deepEqual((await again.tasks.run(slow)).attempts.map(({ outcome }) => outcome), ["succeeded"])
})

test("code that hears of no abort does not keep a node from stopping", async (t) => {
  const { node, dir } = await openNode(t, ["slow"], { bounds: { drainMs: 20 } })
  const deaf = await begun(node, "deaf", null)
  await node.close()
  const again = (await openNode(t, ["slow"], { dir, bounds: { drainMs: 20 } })).node
  assert.deepEqual([(await again.tasks.run(deaf)).status, (await again.tasks.run(deaf)).attempt], ["running", 1])
})

test("an attempt that calls another task while the node stops is made again, and has not failed", async (t) => {
  const { node, dir } = await openNode(t, ["slow"], { bounds: { drainMs: 200 } })
  const calls = await begun(node, "calls", { ms: 0 })
  await node.close()
  const again = (await openNode(t, ["slow"], { ...patient, dir })).node
  assert.deepEqual(await again.tasks.result(calls), { status: "succeeded", output: '{"attempt":1}' })
  assert.equal((await again.tasks.run(calls)).attempt, 1)
})

test("a deployment lets running attempts end; runs go on under the new version", async (t) => {
  const { node } = await openNode(t, ["slow"], patient)
  const first = await begun(node, "slow", { ms: 200 })
  const [second = ""] = await enqueue(node, "slow", { ms: 0 })
  await node.deploy([serviceFile("slow")])
  assert.deepEqual((await node.tasks.run(first)).attempts.map(({ outcome }) => outcome), ["succeeded"])
  assert.deepEqual(await node.tasks.result(second), { status: "succeeded", output: '{"attempt":1}' })
})
