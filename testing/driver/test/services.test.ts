// Several services in one process, each reading what another writes.
import assert from "node:assert/strict"
import { test } from "node:test"
import { count, service, stream, task, tumbling } from "@millrace/sdk"
import { crashEverywhere, inAnyOrder, type TestService, testService } from "../src/index.ts"

const clicks = stream<{ user: string; page: string; at: number }>("clicks", { key: ({ user }) => user, time: ({ at }) => at, partitions: 3 })
const views = stream<{ page: string; at: number }>("views", { key: ({ page }) => page, time: ({ at }) => at, partitions: 2 })
const hits = stream<{ page: string; n: number }>("hits", { key: ({ page }) => page })

const collector = service("collector", [clicks.map(({ page, at }) => ({ page, at })).to(views)])
const counter = service("counter", [
  views.window("per-page", tumbling("1m")).aggregate({ n: count() }).map(({ key, n }) => ({ page: key, n })).to(hits),
])

async function scenario(run: TestService): Promise<unknown> {
  await run.send(clicks, [
    { user: "a", page: "home", at: 1_000 },
    { user: "b", page: "home", at: 2_000 },
    { user: "b", page: "help", at: 3_000 },
  ])
  await run.end(clicks)
  return run.values(hits)
}

test("services are tested together: one reads what the other writes", async () => {
  const run = await testService([collector, counter])
  assert.deepEqual(await scenario(run), [{ page: "help", n: 1 }, { page: "home", n: 2 }])
  await assert.rejects(run.send(views, { page: "x", at: 1 }), { code: "MR1016" })
  await assert.rejects(run.send(stream("other"), {}), {
    code: "MR1008",
    message: /in services "collector", "counter"; there are clicks, views, hits/,
  })
  await crashEverywhere([collector, counter], scenario)
})

test("services give the same together, whoever works first", async () => {
  const many = Array.from({ length: 60 }, (_, i) => ({ user: `user ${i % 7}`, page: `page ${i % 3}`, at: i * 1_000 }))
  const counted = await inAnyOrder(
    [collector, counter],
    async (run) => {
      await run.send(clicks, many)
      await run.end(clicks)
      await run.settle()
      assert.deepEqual(run.late(), {})
      return run.values(hits)
    },
    { settles: false },
  )
  assert.equal(counted.reduce((sum, { n }) => sum + n, 0), 60)
})

test("the service that reads can be tested alone, its input sent to it", async () => {
  const run = await testService(counter)
  await run.send(views, [{ page: "home", at: 1 }, { page: "home", at: 2 }])
  await run.end(views)
  assert.deepEqual(run.values(hits), [{ page: "home", n: 2 }])
})

test("services that cannot be together are refused", async () => {
  await assert.rejects(testService([counter, counter]), { code: "MR1102", message: /two services are named "counter"/ })
  const wider = stream<{ page: string; at: number }>("views", { key: ({ page }) => page, partitions: 4 })
  const other = service("other", [wider.window("per-page", tumbling("1m")).aggregate({ n: count() }).to(stream("pages"))])
  await assert.rejects(testService([counter, other]), { code: "MR1102", message: /define stream "views" differently/ })
  const same = service("same", [views.window("per-page", tumbling("1m")).aggregate({ n: count() }).to(stream("others"))])
  const run = await testService([counter, same])
  assert.throws(() => run.state("per-page", "home"), { code: "MR1101", message: /2 services have an operator "per-page"/ })
})

test("a service that only reads a task's output has the task, and nobody else writes it; beside the service that has it, it reads what that one's runs give", async () => {
  const pack = task("pack", { run: (kilos: number) => ({ kilos }) })
  const packed = stream<{ kilos: number }>("packed")
  const reader = service("reader", [pack.output.to(packed)])
  for (const services of [[reader], [reader, service("packer", [pack])], [service("packer", [pack]), reader]]) {
    const run = await testService(services)
    await assert.rejects(run.send(stream<{ kilos: number }>("pack.output"), { kilos: 1 }), { code: "MR1016" })
    assert.deepEqual(await run.call(pack, 2), { kilos: 2 })
    await run.settle()
    assert.deepEqual(run.values(packed), [{ kilos: 2 }])
  }
})
