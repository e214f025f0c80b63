import assert from "node:assert/strict"
import { existsSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { test } from "node:test"
import { isMillraceError, limits } from "@millrace/model"
import { openNode, valuesOf } from "../../test/bench.ts"
import type { Node } from "../node.ts"

const encode = (value: unknown): Uint8Array<ArrayBuffer> => new TextEncoder().encode(JSON.stringify(value))
const large = limits.taskValueBytesMax + 1

async function run(node: Node, task: string, input: unknown): Promise<string> {
  const [id = ""] = await node.tasks.enqueue({ task, format: "json", body: encode(input) })
  return id
}

function objects(dir: string, task: string): string[] {
  const at = join(dir, "data/values", task)
  return existsSync(at) ? readdirSync(at) : []
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((next) => setImmediate(next))
}

test("large inputs and outputs lie in the object store, and are read back by code, callers and whoever looks at the run", async (t) => {
  const { node, dir } = await openNode(t, ["large"])
  const id = await run(node, "grow", { size: large, pad: "y".repeat(large) })
  const { status, output = "" } = await node.tasks.result(id)
  assert.deepEqual([status, (JSON.parse(output) as { pad: string }).pad.length], ["succeeded", large])
  assert.equal(objects(dir, "grow").length, 2)
  const shown = await node.tasks.run(id)
  assert.equal((JSON.parse(shown.input) as { pad: string }).pad.length, large)
  assert.equal(shown.output, output)
  // Lists and streams show where it is, no more.
  const [listed] = (await node.tasks.runs("grow", { limit: 1 })).runs
  assert.deepEqual(Object.keys(JSON.parse(listed?.input ?? "") as object), ["$stored"])
  const [published] = (await valuesOf(node, "grow.output")) as readonly { readonly $stored: { readonly bytes: number } }[]
  assert.equal(published?.$stored.bytes, output.length)
})

test("tasks give each other large values", async (t) => {
  const { node } = await openNode(t, ["large"])
  assert.deepEqual(await node.tasks.result(await run(node, "relay", { size: 2 * large })), { status: "succeeded", output: `{"length":${2 * large}}` })
})

test("each large input of many is kept by itself; a body that is refused leaves nothing behind", async (t) => {
  const { node, dir } = await openNode(t, ["large"])
  const lines = (...values: unknown[]): Uint8Array<ArrayBuffer> => new TextEncoder().encode(values.map((value) => JSON.stringify(value)).join("\n \n"))
  const body = lines({ pad: "a" }, { pad: "b".repeat(large) }, { pad: "c".repeat(3) }, { pad: "d".repeat(large + 1) })
  const ids = await node.tasks.enqueue({ task: "measure", format: "ndjson", body })
  const lengths = await Promise.all(ids.map(async (id) => (await node.tasks.result(id)).output))
  assert.deepEqual(lengths, [1, large, 3, large + 1].map((length) => `{"length":${length}}`))
  assert.equal(objects(dir, "measure").length, 2)
  await assert.rejects(node.tasks.enqueue({ task: "measure", format: "ndjson", body: lines({ pad: "e".repeat(large) }, { pad: 1 }) }), { code: "MR1023" })
  await until(() => objects(dir, "measure").length === 2)
  const tooLarge = encode({ pad: "f".repeat(limits.storedValueBytesMax) })
  await assert.rejects(node.tasks.enqueue({ task: "measure", format: "json", body: tooLarge }), { code: "MR1013" })
  await until(() => objects(dir, "measure").length === 2)
})

test("an output that becomes a record of a stream that is read must fit a record", async (t) => {
  const { node } = await openNode(t, ["large"])
  const { status, error } = await node.tasks.result(await run(node, "told", { size: large }))
  assert.deepEqual([status, error?.code], ["failed", "MR1206"])
})

test("large values survive the node, and go with the retention of their runs", async (t) => {
  let now = 1_000_000
  const clock = (): number => now
  const { node, dir } = await openNode(t, ["large"], { clock })
  const id = await run(node, "grow", { size: large, pad: "y".repeat(large) })
  await node.tasks.result(id)
  await node.close()
  const again = (await openNode(t, ["large"], { dir, clock })).node
  assert.equal((await again.tasks.run(id)).output?.length, large + 10)
  now += 10_000
  await until(() => objects(dir, "grow").length === 0)
})

test("large values that no run has are removed once they are a day old; those of runs stay", async (t) => {
  let now = Date.now()
  const { node, dir, said } = await openNode(t, ["large"], { clock: () => now })
  await node.tasks.pause("measure")
  const id = await run(node, "measure", { pad: "a".repeat(large) })
  const [kept = ""] = objects(dir, "measure")
  const [hash = "", put = ""] = kept.split("-")
  // What crashes between a put and its commit have left, long ago and just now, and what is not ours.
  const at = join(dir, "data/values/measure")
  const [old, young, strange] = [`${hash}-${Number(put) - limits.valueOrphanMsMin}-old.json`, `${hash}-${put}-young.json`, "notes.json"]
  for (const name of [old, young, strange]) writeFileSync(join(at, name), "{}")
  now += limits.valueSweepMs
  await until(() => !existsSync(join(at, old)))
  assert.deepEqual(objects(dir, "measure").toSorted(), [kept, young, strange].toSorted())
  await until(() => said.some(({ facts }) => facts["removed"] === 1))
  // A day later its own age does not harm what a run has.
  now += limits.valueOrphanMsMin
  await until(() => !existsSync(join(at, young)))
  await node.tasks.resume("measure")
  assert.deepEqual(await node.tasks.result(id), { status: "succeeded", output: `{"length":${large}}` })
  assert.deepEqual(objects(dir, "measure").toSorted(), [kept, strange].toSorted())
})

test("a large value that is gone, or was changed, fails the run that needs it, by name", async (t) => {
  const { node, dir } = await openNode(t, ["large"])
  await node.tasks.pause("measure")
  const [gone, changed] = [await run(node, "measure", { pad: "a".repeat(large) }), await run(node, "measure", { pad: "b".repeat(large) })]
  const names = objects(dir, "measure").map((name) => join(dir, "data/values/measure", name))
  for (const name of names) {
    if (readFileSync(name, "utf8").startsWith('{"pad":"a')) rmSync(name)
    else writeFileSync(name, '{"pad":"other"}')
  }
  await assert.rejects(node.tasks.run(gone), (error) => isMillraceError(error) && error.code === "MR1503" && error.message.includes("no such object"))
  await assert.rejects(node.tasks.run(changed), { code: "MR1503" })
  await node.tasks.resume("measure")
  for (const id of [gone, changed]) assert.equal((await node.tasks.result(id)).error?.code, "MR1503")
})
