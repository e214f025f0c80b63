import assert from "node:assert/strict"
import { test } from "node:test"
import { service, stream, task } from "@millrace/sdk"
import { inAnyOrder, testService } from "../src/index.ts"

const numbers = stream<number>("numbers", { key: (n) => String(n) })
const doubled = stream<number>("doubled", { key: (n) => String(n) })
const some = Array.from({ length: 30 }, (_, n) => n)
const wanted = some.map((n) => n * 2)
const sorted = (values: readonly number[]): readonly number[] => values.toSorted((a, b) => a - b)

test("in any order, what follows from a send has happened when it returns: asynchronous functions", async () => {
  const app = service("async", [numbers.mapAsync("double", async (n) => n * 2).to(doubled)])
  await inAnyOrder(app, async (run) => {
    await run.send(numbers, some)
    assert.deepEqual(sorted(run.values(doubled)), wanted)
  })
})

test("in any order, what follows from a send has happened when it returns: lookups", async () => {
  const load = async (keys: readonly string[]): Promise<Map<string, number>> => new Map(keys.map((key) => [key, Number(key) * 2]))
  const found = numbers.lookup("double", { key: String, load }, (_, double) => double)
  await inAnyOrder(service("lookups", [found.to(doubled)]), async (run) => {
    await run.send(numbers, some)
    assert.deepEqual(sorted(run.values(doubled)), wanted)
  })
})

test("in any order, what follows from a send has happened when it returns: tasks", async () => {
  const double = task("double", { run: async (n: number) => n * 2 })
  await inAnyOrder(service("tasks", [numbers.to(double), double.output.to(doubled)]), async (run) => {
    await run.send(numbers, some)
    assert.deepEqual(sorted(run.values(doubled)), wanted)
  })
})

test("with settles: false, settle does all", async () => {
  const app = service("async", [numbers.mapAsync("double", async (n) => n * 2).to(doubled)])
  for (let seed = 1; seed <= 20; seed++) {
    const run = await testService(app, { seed, settles: false })
    await run.send(numbers, some)
    await run.settle()
    assert.deepEqual(sorted(run.values(doubled)), wanted)
  }
})
