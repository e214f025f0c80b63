import assert from "node:assert/strict"
import { test } from "node:test"
import { isMillraceError } from "@millrace/model"
import { createClient, type Client } from "./client.ts"
import { eventText, openingText } from "./event-text.ts"
import { problemOf } from "./problem.ts"
import type { TransportRequest, TransportResponse } from "./transport.ts"

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
const record = (offset: number): string =>
  JSON.stringify({ partition: 0, offset, key: "a", time: "2026-11-21T00:00:00.000Z", value: { n: offset } })
const event = (offset: number): string => eventText(String(offset + 1), record(offset))

/** A connection that brings these texts and then ends, or breaks. */
function connection(texts: readonly string[], end: "end" | "break" = "end"): TransportResponse {
  async function* body() {
    for (const text of texts) yield bytes(text)
    if (end === "break") throw new Error("ECONNRESET")
  }
  return { status: 200, headers: { get: () => null }, body: body(), text: () => Promise.resolve("") }
}

function refusal(code: "MR1008" | "MR1401" | "MR1302"): TransportResponse {
  const problem = problemOf({ code, message: `This is ${code}.`, details: {} })
  return {
    status: problem.status,
    headers: { get: () => null },
    body: null,
    text: () => Promise.resolve(JSON.stringify(problem)),
  }
}

function scripted(steps: readonly (TransportResponse | Error)[]): {
  client: Client
  calls: (TransportRequest & { url: string })[]
  waits: number[]
} {
  const rest = [...steps]
  const calls: (TransportRequest & { url: string })[] = []
  const waits: number[] = []
  const client = createClient({
    url: "http://node",
    fetch: (url, request) => {
      calls.push({ url, ...request })
      const step = rest.shift() ?? new Error("the script is at its end")
      return step instanceof Error ? Promise.reject(step) : Promise.resolve(step)
    },
    sleep: (ms) => {
      waits.push(ms)
      return Promise.resolve()
    },
    random: () => 0,
    backoff: { attempts: 4, firstMs: 100, mostMs: 1_000 },
  })
  return { client, calls, waits }
}

const ended = eventText("9", "{}", "end")

test("records come with their positions until the stream ends", async () => {
  const { client, calls } = scripted([connection([openingText(1, "0"), event(0) + event(1), ended])])
  const seen = []
  for await (const { position, record: received } of client.live<{ n: number }>("s", { from: "earliest" }))
    seen.push([position, received.offset, received.value.n])
  assert.deepEqual(seen, [
    ["1", 0, 0],
    ["2", 1, 1],
  ])
  assert.equal(calls[0]?.url, "http://node/v1/streams/s/live?from=earliest")
  assert.equal(calls[0]?.headers["last-event-id"], undefined)
})

test("a connection that ends or breaks is taken up after the last whole event", async () => {
  const half = event(2).slice(0, 20)
  const { client, calls } = scripted([
    connection([event(0), event(1) + half], "break"),
    new Error("ECONNREFUSED"),
    refusal("MR1401"),
    connection([event(2)]),
    connection([ended]),
  ])
  const seen = []
  for await (const { record: received } of client.live("s", { from: "earliest" })) seen.push(received.offset)
  assert.deepEqual(seen, [0, 1, 2])
  assert.deepEqual(
    calls.map(({ headers }) => headers["last-event-id"]),
    [undefined, "2", "2", "2", "3"],
  )
})

test("a reader that was cut off before its first record comes back to where it began", async () => {
  const { client, calls, waits } = scripted([connection([openingText(700, "5.6")]), connection([ended])])
  for await (const received of client.live("s")) assert.fail(JSON.stringify(received))
  assert.equal(calls[1]?.headers["last-event-id"], "5.6")
  // The node asked for 700 ms.
  assert.deepEqual(waits, [700])
})

test("a problem that stops the reading is thrown; one that a retry mends is not", async () => {
  const problem = (code: "MR1302" | "MR1204") =>
    eventText("1", JSON.stringify(problemOf({ code, message: "Stopped.", details: {} })), "problem")
  const damaged = scripted([connection([event(0) + problem("MR1302")])])
  const seen: number[] = []
  await assert.rejects(
    (async () => {
      for await (const { record: received } of damaged.client.live("s")) seen.push(received.offset)
    })(),
    (error) => isMillraceError(error) && error.code === "MR1302",
  )
  assert.deepEqual(seen, [0])
  const passing = scripted([connection([event(0) + problem("MR1204")]), connection([ended])])
  const again: number[] = []
  for await (const { record: received } of passing.client.live("s")) again.push(received.offset)
  assert.deepEqual(again, [0])
  assert.equal(passing.calls[1]?.headers["last-event-id"], "1")
})

test("a stream that does not exist is told at once", async () => {
  const { client, calls } = scripted([refusal("MR1008")])
  await assert.rejects(
    client.live("s")[Symbol.asyncIterator]().next(),
    (error) => isMillraceError(error) && error.code === "MR1008",
  )
  assert.equal(calls.length, 1)
})

test("a node that was never reached in all attempts is told as MR1602; one that was is waited for, however long it is away", async () => {
  const gone = new Error("ECONNREFUSED")
  const never = scripted([gone, gone, gone, gone])
  await assert.rejects(never.client.live("s")[Symbol.asyncIterator]().next(), (error) => isMillraceError(error) && error.code === "MR1602")
  assert.equal(never.calls.length, 4)

  const away = Array.from({ length: 500 }, (_, i) => (i % 2 === 0 ? gone : refusal("MR1401")))
  const { client, calls, waits } = scripted([gone, gone, gone, connection([event(0)]), ...away, connection([event(1), ended])])
  const seen = []
  for await (const { record: received } of client.live("s")) seen.push(received.offset)
  assert.deepEqual(seen, [0, 1])
  assert.equal(calls.length, 505)
  assert.equal(calls.at(-1)?.headers["last-event-id"], "1")
  assert.equal(Math.max(...waits.slice(10)), 1_000 / 2)

  const run = JSON.stringify({ id: "t-1", status: "running" })
  const following = scripted([connection([eventText("a", run, "run")]), ...away, connection([eventText("b", run, "end")])])
  const kinds = []
  for await (const { kind } of following.client.followRun("t-1")) kinds.push(kind)
  assert.deepEqual(kinds, ["run", "end"])
})

test("whoever waits for a node that is away is let go by its signal", async () => {
  const stop = new AbortController()
  const { client, calls } = scripted([connection([event(0)])])
  const seen = []
  for await (const { record: received } of client.live("s", { signal: stop.signal })) {
    seen.push(received.offset)
    const before = calls.length
    void (async () => {
      while (calls.length < before + 50) await Promise.resolve()
      stop.abort()
    })()
  }
  assert.deepEqual(seen, [0])
  assert.ok(calls.length >= 51)
})

test("whoever stops reading ends the connection", async () => {
  let cancelled = false
  async function* body() {
    try {
      for (let offset = 0; ; offset++) yield bytes(event(offset))
    } finally {
      cancelled = true
    }
  }
  const { client } = scripted([{ ...connection([]), body: body() }])
  for await (const { record: received } of client.live("s")) if (received.offset === 3) break
  assert.equal(cancelled, true)
})

test("an aborted signal ends the reading without an error", async () => {
  const stop = new AbortController()
  async function* body() {
    yield bytes(event(0))
    stop.abort()
    throw new Error("aborted")
  }
  const { client, calls } = scripted([{ ...connection([]), body: body() }])
  const seen = []
  for await (const { record: received } of client.live("s", { signal: stop.signal })) seen.push(received.offset)
  assert.deepEqual(seen, [0])
  assert.equal(calls.length, 1)
})
