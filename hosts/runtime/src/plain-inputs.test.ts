import assert from "node:assert/strict"
import { test } from "node:test"
import { type Append, type Ingested, PlainIntake } from "@millrace/engine"
import { TaskIntake } from "@millrace/engine/machine"
import { BlockCursor, type TaskPlan, errorFrom, limits, valueFrom } from "@millrace/model"
import { compile, service, task } from "@millrace/sdk"
import { z } from "zod"
import { hanging, openNode } from "../test/bench.ts"
import { PlainInputs } from "./plain-inputs.ts"

const run = (input: unknown): unknown => input
const encode = (input: unknown): Uint8Array<ArrayBuffer> => new TextEncoder().encode(JSON.stringify(input))

const t = task("t", { run })

function planOf(of: Parameters<typeof service>[1][number]): TaskPlan {
  const plan = compile(service("s", [of])).plan.tasks.at(0)
  assert.ok(plan !== undefined)
  return plan
}

const plain = new PlainIntake(planOf(t))
const taken = (input: unknown): Ingested => plain.take(encode(input), "json", {}, 1_000)

function commandsIn({ block }: Append): unknown[] {
  const cursor = new BlockCursor(block)
  const commands: unknown[] = []
  while (cursor.next()) commands.push(valueFrom(cursor.value))
  return commands
}

test("an input that no code looks at is appended from where it arrives, with those of its turn, in their order", async () => {
  const appends: Append[] = []
  const inputs = new PlainInputs(async (append) => {
    appends.push(append)
    return 100 * appends.length
  })
  const many = limits.plainInputsTogetherMax + 2
  const answers = await Promise.all(Array.from({ length: many }, (_, i) => inputs.take(taken(i))))
  assert.deepEqual(appends.map(({ stream, partition, count }) => [stream, partition, count]), [
    ["s/t.commands", 0, limits.plainInputsTogetherMax],
    ["s/t.commands", 0, 2],
  ])
  assert.deepEqual(appends.flatMap(commandsIn), Array.from({ length: many }, (_, i) => ["enqueue", String(i)]))
  const firsts = answers.map(({ positions }) => positions[0]?.first)
  assert.deepEqual(firsts, [...Array.from({ length: limits.plainInputsTogetherMax }, (_, i) => 100 + i), 200, 201])
  assert.equal((await inputs.take(taken("later"))).positions[0]?.first, 300)
})

test("inputs that no code looks at are refused each by itself, and all of them by a disk that refuses", async () => {
  const inputs = new PlainInputs(() => {
    throw errorFrom({ code: "MR1303", message: "full", details: {} })
  })
  const broken = await inputs.take(plain.take(new TextEncoder().encode("{"), "json", {}, 0))
  assert.deepEqual([broken.accepted, broken.rejected.map(({ problem }) => problem.code)], [0, ["MR1001"]])
  const all = await Promise.allSettled([inputs.take(taken(1)), inputs.take(taken(2))])
  assert.deepEqual(all.map((each) => (each as PromiseRejectedResult).reason.code), ["MR1303", "MR1303"])
})

test("only an input that no code of its task looks at is taken where it arrives, and it becomes what a worker would make of it", () => {
  const input = z.object({ a: z.string() })
  for (const each of [task("t", { input, run }), task("t", { key: () => "k", run }), task("t", { priority: 3, run })]) {
    const plan = planOf(each)
    assert.equal(plan.plainInputs, false)
    assert.throws(() => new PlainIntake(plan), /looks at its inputs/)
  }
  const body = encode({ a: "ä" })
  const facts = { waited: true, idempotencyKey: "k", ticket: "x-1", depth: 2 }
  const code = compile(service("s", [t])).tasks.get("t")
  assert.ok(code !== undefined)
  for (const format of ["json", "ndjson"] as const) {
    assert.deepEqual(plain.take(body, format, facts, 5), new TaskIntake(planOf(t), code, new Float64Array(1)).take(body, format, facts, 5))
  }
  assert.deepEqual([plain.takes(body, "json"), plain.takes(body, "ndjson")], [true, true])
  assert.deepEqual([plain.takes(encode("x".repeat(limits.intakeInlineBytesMax)), "json"), plain.takes(new TextEncoder().encode("1\n2"), "ndjson")], [false, false])
})

test("a run of an input that no code looks at is acknowledged though all workers are held, and is called once they are not", async (context) => {
  const { node } = await openNode(context, ["plain"], { bounds: hanging })
  const held = node.tasks.enqueue({ task: "held", format: "json", body: encode(null) })
  const [id = ""] = await node.tasks.enqueue({ task: "echo", format: "json", body: encode({ n: 1 }) })
  const before = await Promise.race([held, Promise.resolve("held")])
  assert.equal(before, "held")
  assert.deepEqual(await node.tasks.result(id), { status: "succeeded", output: '{"n":1}' })
  await assert.rejects(held, { code: "MR1202" })
})
