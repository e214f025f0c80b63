import assert from "node:assert/strict"
import { test } from "node:test"
import { openDoor, until } from "../test/door.ts"
import { durationBounds, Metrics } from "./metrics.ts"

/** Lines of an exposition by name and labels. */
function lines(text: string): Map<string, number> {
  const found = new Map<string, number>()
  for (const line of text.split("\n")) {
    if (line === "" || line.startsWith("#")) continue
    const at = line.lastIndexOf(" ")
    assert.ok(!found.has(line.slice(0, at)), `twice: ${line}`)
    found.set(line.slice(0, at), Number(line.slice(at + 1)))
  }
  return found
}

test("requests made before the first scrape are counted", async (t) => {
  const door = await openDoor(t)
  const headers = { "content-type": "application/json" }
  for (let at = 0; at < 3; at++)
    await (
      await fetch(`${door.url}/v1/streams/payments/records`, { method: "POST", body: '{"key":"a"}', headers })
    ).text()
  await (await fetch(`${door.url}/nope`)).text()
  const route = "/v1/streams/{stream}/records"
  const done = `millrace_http_requests_total{method="POST",route="${route}",status="200"}`
  let figures = new Map<string, number>()
  while (figures.get(done) !== 3) {
    const response = await fetch(`${door.url}/metrics`)
    assert.equal(response.headers.get("content-type"), "text/plain; version=0.0.4; charset=utf-8")
    figures = lines(await response.text())
  }
  assert.equal(figures.get('millrace_http_requests_total{method="any",route="none",status="404"}'), 1)
  assert.equal(figures.get(`millrace_http_request_duration_seconds_count{method="POST",route="${route}"}`), 3)
  assert.equal(
    figures.get(`millrace_http_request_duration_seconds_bucket{method="POST",route="${route}",le="+Inf"}`),
    3,
  )
  assert.equal(figures.get("millrace_http_body_bytes_total"), 33)
  assert.equal(figures.get("millrace_http_live_readers"), 0)
  // The node's own figures, and those of the process.
  assert.equal(figures.get('millrace_records_total{stream="payments"}'), 3)
  assert.ok((figures.get("process_resident_memory_bytes") ?? 0) > 0)
})

test("readers are told while they read, and their time is not among the durations", async (t) => {
  const door = await openDoor(t)
  const stop = new AbortController()
  await fetch(`${door.url}/v1/streams/payments/live`, { signal: stop.signal })
  assert.equal(lines(await (await fetch(`${door.url}/metrics`)).text()).get("millrace_http_live_readers"), 1)
  stop.abort()
  await until(() => door.node.followers === 0)
  const counted = 'millrace_http_requests_total{method="GET",route="/v1/streams/{stream}/live",status="200"}'
  let figures = new Map<string, number>()
  while (figures.get(counted) !== 1) figures = lines(await (await fetch(`${door.url}/metrics`)).text())
  assert.equal(
    figures.get('millrace_http_request_duration_seconds_count{method="GET",route="/v1/streams/{stream}/live"}'),
    0,
  )
})

test("a label with quotes, backslashes and line breaks is escaped", async (t) => {
  const door = await openDoor(t)
  door.node.samples = () => [
    {
      name: "x_total",
      help: "A \\ and a\nline.",
      kind: "counter",
      values: [{ labels: { stream: 'a"b\\c\nd' }, value: 1 }],
    },
  ]
  const text = await (await fetch(`${door.url}/metrics`)).text()
  assert.ok(text.includes('x_total{stream="a\\"b\\\\c\\nd"} 1'), text.slice(0, 300))
  assert.ok(text.includes("# HELP x_total A \\\\ and a\\nline."))
})

test("a duration falls into the first bucket that holds it", () => {
  const metrics = new Metrics()
  metrics.count("status", 200, 1)
  metrics.count("status", 200, 1.001)
  metrics.count("status", 200, 60_000)
  const { buckets = [], seconds } = metrics.routes.get("status") ?? {}
  assert.equal(buckets[0], 1)
  assert.equal(buckets[1], 1)
  assert.equal(buckets[durationBounds.length], 1)
  assert.ok(Math.abs((seconds ?? 0) - 60.002001) < 1e-9)
})
