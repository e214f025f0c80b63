import assert from "node:assert/strict"
import type { Socket } from "node:net"
import { type TestContext, test } from "node:test"
import { limits, MillraceError, partitionOf } from "@millrace/model"
import { mediaTypes, type Problem, type ReceivedRecord } from "@millrace/protocol"
import { createParser, type EventSourceMessage } from "eventsource-parser"
import { type Door, open, openDoor, until } from "../test/door.ts"
import { streamPlan } from "../test/memory-node.ts"

const live = "/v1/streams/payments/live"

async function produce(door: Door, body: string, type: string = mediaTypes.ndjson): Promise<void> {
  const response = await fetch(`${door.url}/v1/streams/payments/records`, {
    method: "POST",
    body,
    headers: { "content-type": type },
  })
  assert.equal(response.status, 200, await response.text())
}

/** A reader of `live` that reads events with eventsource-parser: others' reading of the format. */
async function follow(t: TestContext, door: Door, query = "", headers: Record<string, string> = {}) {
  const stop = new AbortController()
  t.after(() => stop.abort())
  const response = await fetch(door.url + live + query, { headers, signal: stop.signal })
  assert.equal(response.status, 200)
  const events: EventSourceMessage[] = []
  const comments: string[] = []
  let text = ""
  const parser = createParser({
    onEvent: (event) => events.push(event),
    onComment: (comment) => comments.push(comment),
  })
  let ended = false
  const reading = (async () => {
    for await (const part of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
      text += part
      parser.feed(part)
    }
  })()
    .catch(() => undefined)
    .finally(() => (ended = true))
  return {
    response,
    events,
    comments,
    records: () => events.map(({ data }) => JSON.parse(data) as ReceivedRecord),
    text: () => text,
    ended: () => ended,
    stop: () => stop.abort(),
    reading,
  }
}

test("a reader gets its headers and its position at once, before any record", async (t) => {
  const door = await openDoor(t)
  const reader = await follow(t, door)
  assert.equal(reader.response.headers.get("content-type"), "text/event-stream")
  assert.equal(reader.response.headers.get("cache-control"), "no-store")
  await until(() => reader.text() !== "")
  assert.equal(reader.text(), "retry: 1000\nid: 0.0.0.0\n\n")
})

test("each record is one event whose id is the position after it in all partitions", async (t) => {
  const door = await openDoor(t)
  const reader = await follow(t, door)
  const keys = ["a", "b", "c", "d", "e", "f"]
  await produce(door, keys.map((key) => JSON.stringify({ key })).join("\n"))
  await until(() => reader.events.length === keys.length)
  const position = [0, 0, 0, 0]
  for (const { id, data, event } of reader.events) {
    const { partition, offset } = JSON.parse(data) as ReceivedRecord
    position[partition] = offset + 1
    assert.equal(id, position.join("."))
    assert.equal(event, undefined)
  }
  assert.deepEqual(
    reader
      .records()
      .map(({ key }) => key)
      .toSorted(),
    keys,
  )
})

test("a reader that comes back with Last-Event-ID misses nothing and gets nothing twice", async (t) => {
  const door = await openDoor(t)
  await produce(door, Array.from({ length: 30 }, (_, n) => JSON.stringify({ key: String(n) })).join("\n"))
  door.node.mark("payments", 1)
  const whole = await follow(t, door, "?from=earliest")
  await until(() => whole.events.length === 30)
  for (let cut = 0; cut <= 30; cut++) {
    const id = cut === 0 ? "0.0.0.0" : (whole.events[cut - 1]?.id ?? "")
    const rest = await follow(t, door, "?from=latest", { "last-event-id": id })
    await until(() => rest.events.length === 30 - cut)
    const seen = [...whole.events.slice(0, cut), ...rest.events].map(({ data }) => data)
    assert.deepEqual(seen.toSorted(), whole.events.map(({ data }) => data).toSorted())
    rest.stop()
  }
})

test("a reader that has seen no record yet comes back to where it began", async (t) => {
  const door = await openDoor(t)
  await produce(door, '{"key":"a"}')
  const first = await follow(t, door)
  await until(() => first.text().includes("id: "))
  const id = /id: ([\d.]+)/.exec(first.text())?.[1] ?? ""
  first.stop()
  await produce(door, '{"key":"b"}')
  const second = await follow(t, door, "", { "last-event-id": id })
  await until(() => second.events.length === 1)
  assert.equal(second.records()[0]?.key, "b")
})

test("live begins at the latest, the earliest, a time or a position", async (t) => {
  const door = await openDoor(t, [streamPlan("payments", { partitions: 1 })])
  await produce(door, '{"key":"0"}\n{"key":"1"}\n{"key":"2"}\n')
  const keys = async (query: string, count: number) => {
    const reader = await follow(t, door, query)
    await until(() => reader.events.length === count)
    const seen = reader.records().map(({ key }) => key)
    reader.stop()
    return seen
  }
  assert.deepEqual(await keys("?from=earliest", 3), ["0", "1", "2"])
  assert.deepEqual(await keys("?from=1", 2), ["1", "2"])
  assert.deepEqual(await keys("?from=2026-11-21T00:00:00.002Z", 1), ["2"])
  const latest = await follow(t, door, "?from=latest")
  await produce(door, '{"key":"3"}')
  await until(() => latest.events.length === 1)
  assert.equal(latest.records()[0]?.key, "3")
})

test("a position that does not fit the stream is refused with MR1009, one no longer kept with MR1014", async (t) => {
  const door = await openDoor(t, [streamPlan("payments", { partitions: 2 })])
  await produce(door, Array.from({ length: 20 }, (_, n) => JSON.stringify({ key: String(n) })).join("\n"))
  door.node.forget("payments", 1, 3)
  const refused = [
    ["?from=1", {}, 400, "MR1009"],
    ["?from=1.1.1", {}, 400, "MR1009"],
    ["?from=soon", {}, 400, "MR1009"],
    ["?since=1", {}, 400, "MR1009"],
    ["", { "last-event-id": "1.x" }, 400, "MR1009"],
    ["", { "last-event-id": "999999.3" }, 400, "MR1009"],
    ["", { "last-event-id": "0.2" }, 410, "MR1014"],
  ] as const
  for (const [query, headers, status, code] of refused) {
    const response = await fetch(door.url + live + query, { headers })
    assert.equal(response.status, status)
    assert.equal(((await response.json()) as Problem).code, code)
  }
  assert.equal(door.node.followers, 0)
})

test("values with line breaks and any characters arrive as they are", async (t) => {
  const door = await openDoor(t, [streamPlan("payments", { partitions: 1 })])
  const reader = await follow(t, door)
  const bodies = [
    '{\n  "key": "a",\n  "text": "data: x\\nid: 9\\n\\nevent: y"\n}',
    '{\r\n"key":"b","text":"\\u0000 \u{1f600} \u2028 \uFEFF ä"\r}',
    '{"key":"c","text":":"}',
  ]
  for (const body of bodies) await produce(door, body, "application/json")
  await until(() => reader.events.length === bodies.length)
  assert.deepEqual(
    reader.records().map(({ value }) => value),
    bodies.map((body) => JSON.parse(body) as unknown),
  )
})

test("a record is written in the turn in which the node hands it over", async (t) => {
  const door = await openDoor(t, [streamPlan("payments", { partitions: 1 })])
  const socket = await open(door.port, `GET ${live} HTTP/1.1\r\nHost: localhost\r\n\r\n`)
  let text = ""
  socket.on("data", (part) => (text += part.toString()))
  await until(() => text.includes("id: 0"))
  await door.node.ingest({ stream: "payments", format: "json", body: new TextEncoder().encode('{"key":"now"}') })
  // No timer stands between: one turn to write it, one to read it here.
  for (let turn = 0; turn < 3 && !text.includes("now"); turn++) await new Promise((resolve) => setImmediate(resolve))
  assert.match(text, /"key":"now"/)
  socket.destroy()
})

test("a quiet reading says that it lives, and tells the position that marks moved", async (t) => {
  const door = await openDoor(t, [streamPlan("payments", { partitions: 1 })])
  const reader = await follow(t, door)
  await until(() => reader.text() !== "")
  door.clock.advance(14_999)
  assert.equal(reader.comments.length, 0)
  door.clock.advance(1)
  await until(() => reader.comments.length === 1)
  door.node.mark("payments", 0)
  await new Promise((resolve) => setImmediate(resolve))
  door.clock.advance(15_000)
  await until(() => reader.text().endsWith("id: 1\n\n"))
  door.clock.advance(15_000)
  await until(() => reader.comments.length === 2)
})

test("an ended stream ends its readings with the event end", async (t) => {
  const door = await openDoor(t)
  const reader = await follow(t, door)
  await produce(door, '{"key":"a"}')
  await fetch(`${door.url}/v1/streams/payments/end`, { method: "POST" })
  await until(() => reader.ended())
  assert.deepEqual(
    reader.events.map(({ event }) => event),
    [undefined, "end"],
  )
  assert.equal(door.node.followers, 0)
})

test("a reading that fails for good tells the problem, one that a retry mends just ends", async (t) => {
  const door = await openDoor(t)
  const failing = (error: Error) => {
    door.node.follow = () => ({ [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(error) }) })
  }
  failing(new MillraceError("MR1302", "The journal is damaged at byte 7."))
  const damaged = await follow(t, door)
  await until(() => damaged.ended())
  assert.equal(damaged.events[0]?.event, "problem")
  assert.equal((JSON.parse(damaged.events[0]?.data ?? "") as Problem).code, "MR1302")
  failing(new MillraceError("MR1401", "The node is closing."))
  const closing = await follow(t, door)
  await until(() => closing.ended())
  assert.deepEqual(closing.events, [])
  failing(new Error("secret"))
  const fault = await follow(t, door)
  await until(() => fault.ended())
  assert.equal((JSON.parse(fault.events[0]?.data ?? "") as Problem).code, "MR1404")
  assert.doesNotMatch(fault.text(), /secret/)
})

test("a reader that leaves frees its follower at once", async (t) => {
  const door = await openDoor(t)
  const sockets: Socket[] = []
  for (let at = 0; at < 5; at++) sockets.push(await open(door.port, `GET ${live} HTTP/1.1\r\nHost: localhost\r\n\r\n`))
  await until(() => door.node.followers === 5)
  for (const socket of sockets) socket.destroy()
  await until(() => door.node.followers === 0)
  assert.equal(door.clock.waiting, 0)
})

test("a reader that leaves while its place is looked up leaves no follower behind", async (t) => {
  const door = await openDoor(t)
  const read = door.node.read.bind(door.node)
  let go = (): void => undefined
  let asked = false
  const gate = new Promise<void>((resolve) => (go = resolve))
  door.node.read = async (...place) => {
    asked = true
    await gate
    return read(...place)
  }
  const socket = await open(door.port, `GET ${live} HTTP/1.1\r\nHost: localhost\r\n\r\n`)
  await until(() => asked)
  socket.destroy()
  const counted = async () => (await (await fetch(`${door.url}/metrics`)).text()).includes('status="499"} 1')
  while (!(await counted()));
  go()
  const free = async () => (await (await fetch(`${door.url}/metrics`)).text()).includes("millrace_http_live_readers 0")
  while (!(await free()));
  assert.equal(door.node.followers, 0)
})

test("a slow reader costs a bounded buffer, is cut off once it takes nothing for long, and resumes", async (t) => {
  const door = await openDoor(t, [streamPlan("payments", { partitions: 1 })])
  const line = `${JSON.stringify({ key: "a", text: "x".repeat(100_000) })}\n`
  for (let at = 0; at < 4; at++) await produce(door, line.repeat(100))
  const slow = await open(door.port, `GET ${live}?from=earliest HTTP/1.1\r\nHost: localhost\r\n\r\n`)
  slow.pause()
  await until(() => door.node.followers === 1)
  // It waits for the reader once the kernel's buffers are full: the heartbeat and the stall are what is left to wait
  // for.
  await until(() => door.clock.waiting === 2)
  for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve))
  assert.equal(door.node.followers, 1)
  const gone = new Promise((resolve) => slow.once("close", resolve))
  let text = ""
  door.clock.advance(limits.liveStallMsMax)
  await until(() => door.node.followers === 0)
  slow.on("data", (part) => (text += part.toString()))
  slow.resume()
  await gone
  assert.deepEqual(door.logged, ["warn A reader was cut off: it took nothing of what waited for it."])
  // What it did get, up to the last whole event, is where it goes on.
  const ids = [...text.matchAll(/id: (\d+)\n/g)].map((match) => Number(match[1]))
  const last = ids.at(-2) ?? 0
  assert.ok(last < 400, `${last} of 400 records were taken`)
  const resumed = await follow(t, door, "", { "last-event-id": String(last) })
  await until(() => resumed.events.length === 400 - last)
  assert.equal(resumed.records()[0]?.offset, last)
})

test("a reader that is slow but steady is not cut off", async (t) => {
  const door = await openDoor(t, [streamPlan("payments", { partitions: 1 })])
  const line = `${JSON.stringify({ key: "a", text: "x".repeat(100_000) })}\n`
  await produce(door, line.repeat(100))
  const slow = await open(door.port, `GET ${live}?from=earliest HTTP/1.1\r\nHost: localhost\r\n\r\n`)
  let bytes = 0
  slow.on("data", (part) => (bytes += part.length))
  while (bytes < 10_000_000) {
    slow.pause()
    door.clock.advance(1)
    const before = bytes
    slow.resume()
    await until(() => bytes > before)
  }
  assert.deepEqual(door.logged, [])
  slow.destroy()
})

test("one reader too many is refused with MR1021, and a seat is free once its reader has left", async (t) => {
  const door = await openDoor(t, [streamPlan("payments", { partitions: 1 })])
  // All readers over few connections cannot be: each holds one. Sockets are cheap enough.
  const request = `GET ${live} HTTP/1.1\r\nHost: localhost\r\n\r\n`
  const sockets = await Promise.all(Array.from({ length: limits.liveReadersMax }, () => open(door.port, request)))
  await until(() => door.node.followers === limits.liveReadersMax)
  const refused = await fetch(door.url + live)
  assert.equal(refused.status, 503)
  assert.equal(refused.headers.get("retry-after"), "1")
  assert.equal(((await refused.json()) as Problem).code, "MR1021")
  sockets[0]?.destroy()
  await until(() => door.node.followers === limits.liveReadersMax - 1)
  const taken = await follow(t, door)
  assert.equal(taken.response.status, 200)
  for (const socket of sockets) socket.destroy()
})

test("HEAD of live answers without following", async (t) => {
  const door = await openDoor(t)
  const response = await fetch(door.url + live, { method: "HEAD" })
  assert.equal(response.status, 200)
  assert.equal(response.headers.get("content-type"), "text/event-stream")
  assert.equal(door.node.followers, 0)
})

test("a reader of many partitions gets the records of each in order", async (t) => {
  const door = await openDoor(t, [streamPlan("payments", { partitions: 16 })])
  const reader = await follow(t, door, "?from=earliest")
  const keys = Array.from({ length: 50 }, (_, n) => `k${n}`)
  for (let round = 0; round < 4; round++)
    await produce(door, keys.map((key) => JSON.stringify({ key, round })).join("\n"))
  await until(() => reader.events.length === 200)
  for (const key of keys) {
    const own = reader.records().filter((record) => record.key === key)
    assert.deepEqual(
      own.map(({ value }) => (value as { round: number }).round),
      [0, 1, 2, 3],
    )
    assert.ok(own.every(({ partition }) => partition === partitionOf(key, 16)))
  }
})
