import assert from "node:assert/strict"
import { test } from "node:test"
import { http, service, stream, task } from "@millrace/sdk"
import { testService } from "../src/index.ts"

const traceOf = (digit: string): string => `00-${digit.repeat(32)}-${digit.repeat(16)}-01`

/** What runs have found in their context. */
const found: (readonly [task: string, traceparent: string | undefined, tracestate: string | undefined])[] = []

const inner = task("inner", {
  run: (_, { traceparent, tracestate }) => {
    found.push(["inner", traceparent, tracestate])
    return null
  },
})
const outer = task("outer", {
  run: async (input: unknown, { traceparent, tracestate }) => {
    found.push(["outer", traceparent, tracestate])
    await inner.call(null)
    return input
  },
})
const follows = task("follows", {
  run: (_, { traceparent, tracestate }) => {
    found.push(["follows", traceparent, tracestate])
    return null
  },
})
const jobs = stream<{ readonly n: number }>("jobs", { key: ({ n }) => String(n) })
const starts = http("POST /start", { run: async () => ({ id: (await inner.send(null)).id }) })
const app = service("traced", [inner, jobs.filter(({ n }) => n > 0).to(outer), outer.output.to(follows), starts])

test("a trace goes from whoever calls a task in a test to what its code calls and to what its output starts", async () => {
  found.length = 0
  const run = await testService(app)
  const [one, two] = [{ traceparent: traceOf("1"), tracestate: "vendor=1" }, { traceparent: traceOf("2") }]
  await run.call(outer, 1, {}, one)
  assert.deepEqual(found, ["outer", "inner", "follows"].map((name) => [name, one.traceparent, one.tracestate]))
  found.length = 0
  await run.enqueue(outer, [2], {}, two)
  assert.deepEqual(found, ["outer", "inner", "follows"].map((name) => [name, two.traceparent, undefined]))
  found.length = 0
  await run.enqueue(outer, [3])
  await run.enqueue(outer, [4], {}, { traceparent: "no trace", tracestate: "vendor=1" })
  assert.deepEqual(new Set(found.map(([, traceparent]) => traceparent)), new Set([undefined]))
  assert.deepEqual(run.records("outer.output").map(({ traceparent, tracestate }) => [traceparent, tracestate]), [
    [one.traceparent, one.tracestate],
    [two.traceparent, undefined],
    [undefined, undefined],
    [undefined, undefined],
  ])
})

test("records that a test sends are part of a trace, and so are the runs that they start, after a crash, too", async () => {
  found.length = 0
  const trace = { traceparent: traceOf("3"), tracestate: "vendor=3" }
  const run = await testService(app, { settles: false })
  await run.send(jobs, [{ n: 1 }], trace)
  await run.send(jobs, [{ n: 0 }])
  await run.crash()
  await run.settle()
  assert.deepEqual(found, ["outer", "inner", "follows"].map((name) => [name, trace.traceparent, trace.tracestate]))
  const traces = new Map(run.records(jobs).map(({ value, traceparent }) => [value.n, traceparent]))
  assert.deepEqual([traces.get(0), traces.get(1)], [undefined, trace.traceparent])
})

test("what a handler of HTTP calls in a test is part of the trace that its request brought", async () => {
  found.length = 0
  const run = await testService(app)
  await run.functions.request("/start", { method: "POST", headers: { traceparent: traceOf("4"), tracestate: "vendor=4" } })
  await run.functions.request("/start", { method: "POST" })
  assert.deepEqual(found, [["inner", traceOf("4"), "vendor=4"], ["inner", undefined, undefined]])
})
