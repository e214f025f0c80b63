import assert from "node:assert/strict"
import { test } from "node:test"
import { SpanKind, trace } from "@opentelemetry/api"
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from "@opentelemetry/sdk-trace-base"
import { idle, openNode, valuesOf } from "../../test/bench.ts"
import type { Told } from "../../test/services/traced.ts"
import type { Node } from "../node.ts"

const encode = (value: unknown): Uint8Array<ArrayBuffer> => new TextEncoder().encode(JSON.stringify(value))
const traceId = "0af7651916cd43dd8448eb211c80319c"
const traceparent = `00-${traceId}-b7ad6b7169203331-01`
const tracestate = "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"

async function call(node: Node, task: string, facts: { readonly traceparent?: string; readonly tracestate?: string } = {}): Promise<unknown> {
  const [id = ""] = await node.tasks.enqueue({ task, format: "json", body: encode(null), onNew: () => undefined, ...facts })
  const { output } = await node.tasks.result(id)
  return JSON.parse(output ?? "null")
}

async function spansOf(node: Node): Promise<readonly Told[]> {
  return ((await call(node, "spans")) as readonly Told[]).filter((span) => span.trace === traceId)
}

test("a trace goes from the caller through attempts, the code's own spans and the tasks that it calls, to records and runs that follow", async (t) => {
  const { node } = await openNode(t, ["traced"], { workers: 1 })
  await call(node, "outer", { traceparent, tracestate })
  await idle(node)
  const spans = await spansOf(node)
  const one = (name: string): Told | undefined => {
    const found = spans.filter((span) => span.name === name)
    assert.equal(found.length, 1, name)
    return found[0]
  }
  const [failed, succeeded] = spans.filter(({ name }) => name === "outer attempt")
  assert.deepEqual([failed?.failed, succeeded?.failed], ["Error: once", undefined])
  assert.deepEqual([failed?.parent, succeeded?.parent, succeeded?.kind], ["b7ad6b7169203331", "b7ad6b7169203331", SpanKind.CONSUMER])
  assert.equal(one("work")?.parent, succeeded?.span)
  assert.deepEqual([one("inner call")?.parent, one("inner call")?.kind], [one("work")?.span, SpanKind.CLIENT])
  assert.equal(one("inner attempt")?.parent, one("inner call")?.span)
  // What the code sees is its own attempt.
  assert.deepEqual(await valuesOf(node, "inner.output"), [{ inner: `00-${traceId}-${one("inner attempt")?.span}-01`, state: tracestate }])
  // The record of the output carries the trace to the run that it starts.
  assert.deepEqual(await valuesOf(node, "last.output"), [{ last: `00-${traceId}-${one("last attempt")?.span}-01`, state: tracestate }])
  assert.equal(one("last attempt")?.parent, "b7ad6b7169203331")
})

test("a record's traceparent is that of the run that it starts", async (t) => {
  const { node, dir } = await openNode(t, ["traced"], { workers: 1 })
  const event = { specversion: "1.0", id: "1", source: "/test", type: "order", traceparent, tracestate, data: {} }
  await node.ingest({ stream: "orders", format: "cloudevent", body: encode(event) })
  await idle(node)
  // Between its attempts there is nothing to do.
  assert.equal((await node.tasks.result("outer-0")).status, "succeeded")
  assert.equal((await node.tasks.run("outer-0")).traceparent, traceparent)
  assert.equal((await spansOf(node)).filter(({ name }) => name === "outer attempt").length, 2)
  await node.close()
  const after = await openNode(t, ["traced"], { workers: 1, dir })
  const kept = await after.node.tasks.run("outer-0")
  assert.deepEqual([kept.traceparent, kept.tracestate], [traceparent, tracestate])
})

test("records without a trace of their own have that of their request", async (t) => {
  const { node } = await openNode(t, ["traced"], { workers: 1 })
  const trace = { traceparent, tracestate }
  await node.ingest({ stream: "orders", format: "ndjson", body: encode({}), trace })
  await node.ingest({ stream: "orders", format: "json", body: encode([{}]), trace: { traceparent } })
  const event = { specversion: "1.0", id: "1", source: "/test", type: "order", data: {} }
  await node.ingest({ stream: "orders", format: "cloudevents", body: encode([event, { ...event, traceparent: traceparent.replace("b7", "c8") }]), trace })
  await node.ingest({ stream: "orders", format: "ndjson", body: encode({}) })
  await idle(node)
  const { runs } = await node.tasks.runs("outer", { limit: 10 })
  const found = runs.map((run) => `${run.traceparent?.slice(36, 38)} ${run.tracestate}`)
  assert.deepEqual(found.toSorted(), ["b7 " + tracestate, "b7 " + tracestate, "b7 undefined", "c8 undefined", "undefined undefined"].toSorted())
})

test("with an SDK in the node's own thread the enqueue is a span too, and the run its child; without one the caller's trace goes on as it is", async (t) => {
  const { node } = await openNode(t, ["traced"], { workers: 1 })
  await call(node, "outer", { traceparent })
  assert.equal((await node.tasks.run("outer-0")).traceparent, traceparent)
  const exporter = new InMemorySpanExporter()
  trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }))
  t.after(() => trace.disable())
  await call(node, "outer", { traceparent })
  await assert.rejects(call(node, "nothing", { traceparent }), { code: "MR1022" })
  const told = exporter.getFinishedSpans()
  const taken = told.find(({ name }) => name === "outer enqueue")
  assert.deepEqual([taken?.name, taken?.kind, taken?.parentSpanContext?.spanId], ["outer enqueue", SpanKind.PRODUCER, "b7ad6b7169203331"])
  assert.equal((await node.tasks.run("outer-1")).traceparent, `00-${traceId}-${taken?.spanContext().spanId}-01`)
  assert.equal(told.find(({ name }) => name === "nothing enqueue")?.attributes["error.type"], "MR1022")
})
