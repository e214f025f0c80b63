// Tables over real sockets, before a table in memory.
import assert from "node:assert/strict"
import { type TestContext, test } from "node:test"
import { setTimeout as timeout } from "node:timers/promises"
import { limits, MillraceError } from "@millrace/model"
import { createClient, type Problem, type TableEvent, type TablePage, type TableRow } from "@millrace/protocol"
import { createParser, type EventSourceMessage } from "eventsource-parser"
import { type Door, openDoor, until } from "../test/door.ts"

const address = "/v1/tables/sums"

async function get<Body>(door: Door, path: string): Promise<{ readonly status: number; readonly body: Body }> {
  const response = await fetch(door.url + path)
  return { status: response.status, body: (await response.json()) as Body }
}

async function follow(t: TestContext, door: Door, query = "", headers: Record<string, string> = {}) {
  const stop = new AbortController()
  t.after(() => stop.abort())
  const response = await fetch(`${door.url}${address}/live${query}`, { headers, signal: stop.signal })
  assert.equal(response.status, 200)
  const events: EventSourceMessage[] = []
  const parser = createParser({ onEvent: (event) => events.push(event) })
  let ended = false
  const reading = (async () => {
    for await (const part of response.body?.pipeThrough(new TextDecoderStream()) ?? []) parser.feed(part)
  })()
    .catch(() => undefined)
    .finally(() => (ended = true))
  return { response, events, stop: () => stop.abort(), ended: () => ended, reading }
}

const shown = ({ event = "row", id = "", data }: EventSourceMessage): string => `${event} ${id} ${data}`

test("a row is told with the position that it reflects", async (t) => {
  const door = await openDoor(t)
  door.node.tables.set("ä/b", '{"n":1}')
  const { status, body } = await get<TableRow>(door, `${address}/${encodeURIComponent("ä/b")}`)
  assert.equal(status, 200)
  assert.deepEqual(body, { table: "sums", key: "ä/b", value: { n: 1 }, stream: "payments", position: "1.0" })
})

test("a key without a row and a table that is not there are 404, each with its own code", async (t) => {
  const door = await openDoor(t)
  const { status, body } = await get<Problem>(door, `${address}/none`)
  assert.deepEqual([status, body.code, body["position"]], [404, "MR1026", "0.0"])
  for (const path of ["/v1/tables/sum", "/v1/tables/sum/a", "/v1/tables/sum/live"]) {
    const { status: missing, body: problem } = await get<Problem>(door, path)
    assert.deepEqual([missing, problem.code], [404, "MR1025"], path)
    assert.match(problem.detail, /There are: sums/)
  }
})

test("a table is read page by page, also those keys alone that begin with a text", async (t) => {
  const door = await openDoor(t)
  for (const key of ["a", "b1", "b2", "b 3&", "c"]) door.node.tables.set(key, JSON.stringify(key))
  const keys: string[] = []
  for (let query = "?limit=2"; ; ) {
    const { body } = await get<TablePage<string>>(door, address + query)
    assert.deepEqual([body.table, body.stream, body.position], ["sums", "payments", "5.0"])
    for (const { key, value } of body.rows) {
      assert.equal(value, key)
      keys.push(key)
    }
    if (body.next === undefined) break
    query = `?limit=2&cursor=${encodeURIComponent(body.next)}`
  }
  assert.deepEqual(keys, ["a", "b 3&", "b1", "b2", "c"])
  const { body } = await get<TablePage>(door, `${address}?prefix=b`)
  assert.deepEqual(body.rows.map(({ key }) => key), ["b 3&", "b1", "b2"])
  assert.deepEqual((await get(door, "/v1/tables")).body, { tables: door.node.tables.all })
})

test("a parameter of a table that is wrong is refused with what it may be", async (t) => {
  const door = await openDoor(t)
  for (const query of ["?limit=0", `?limit=${limits.pageRowsMax + 1}`, "?from=a", "/live?from=now", "/live?limit=1", "/a?prefix=b"]) {
    const { status, body } = await get<Problem>(door, address + query)
    assert.deepEqual([status, body.code], [400, "MR1009"], query)
  }
})

test("a follower is told what changes, and first what is there when it asks for that", async (t) => {
  const door = await openDoor(t)
  const { tables } = door.node
  tables.set("a1", "1")
  tables.set("b", "2")
  const changes = await follow(t, door, "?prefix=a")
  const all = await follow(t, door, "?from=earliest")
  await until(() => all.events.length === 4 && tables.followers === 2)
  assert.deepEqual(all.events.map(shown), ['begin begun {"position":"2.0"}', 'row begun {"key":"a1","value":1}', 'row begun {"key":"b","value":2}', "ready 2.0 {}"])
  tables.set("a1", undefined)
  tables.set("b", "3")
  await until(() => all.events.length === 6 && changes.events.length === 1)
  assert.deepEqual(all.events.slice(4).map(shown), ['row 4.0 {"key":"a1"}', 'row 4.0 {"key":"b","value":3}'])
  assert.deepEqual(changes.events.map(({ data }) => data), ['{"key":"a1"}'])
  changes.stop()
  await until(() => tables.followers === 1)
})

test("a follower that comes back is told whether it has missed something", async (t) => {
  const door = await openDoor(t)
  const { tables } = door.node
  tables.set("a", "1")
  const same = await follow(t, door, "?from=earliest", { "last-event-id": "1.0" })
  const behind = await follow(t, door, "?from=earliest", { "last-event-id": "0.0" })
  const cut = await follow(t, door, "?from=earliest", { "last-event-id": "begun" })
  const changes = await follow(t, door, "", { "last-event-id": "0.0" })
  await until(() => behind.events.length === 3 && cut.events.length === 3 && changes.events.length === 1)
  assert.deepEqual(behind.events.map(({ event }) => event), ["begin", undefined, "ready"])
  assert.deepEqual(changes.events.map(shown), ['begin 1.0 {"position":"1.0"}'])
  tables.set("a", "2")
  await until(() => same.events.length === 1)
  assert.deepEqual(same.events.map(shown), ['row 2.0 {"key":"a","value":2}'])
})

test("a reading of a table that fails is told why, and ends; a closing door ends it too", async (t) => {
  const door = await openDoor(t)
  const failing = await follow(t, door)
  await until(() => door.node.tables.followers === 1)
  door.node.tables.fail(new MillraceError("MR1014", "More has changed than is remembered."))
  await until(() => failing.ended())
  assert.deepEqual(failing.events.map(({ event, data }) => [event, (JSON.parse(data) as Problem).code]), [["problem", "MR1014"]])
  door.node.tables.failing = undefined
  const open = await follow(t, door)
  await until(() => door.node.tables.followers === 1)
  const closed = door.gateway.close()
  await until(() => open.ended())
  await closed
  assert.equal(door.node.tables.followers, 0)
})

test("a slow reader of a table gets one change for many", async (t) => {
  const door = await openDoor(t)
  const reader = await follow(t, door)
  await until(() => door.node.tables.followers === 1)
  for (let i = 0; i < 1000; i++) door.node.tables.set("a", String(i))
  await until(() => reader.events.at(-1)?.data === '{"key":"a","value":999}')
  assert.ok(reader.events.length < 10)
})

test("the typed client reads and follows tables", async (t) => {
  const door = await openDoor(t)
  const { tables } = door.node
  const client = createClient({ url: door.url, fetch, sleep: (ms) => timeout(Math.min(ms, 5)), random: Math.random, backoff: { attempts: 3, firstMs: 1, mostMs: 5 } })
  for (const key of ["a", "live", "live2"]) tables.set(key, `{"is":"${key}"}`)
  assert.deepEqual(await client.tables(), tables.all)
  assert.deepEqual((await client.row<{ is: string }>("sums", "a"))?.value.is, "a")
  assert.deepEqual(await client.row("sums", "live"), { key: "live", value: { is: "live" }, table: "sums", stream: "payments", position: "3.0" })
  tables.set("live", undefined)
  assert.equal(await client.row("sums", "live"), undefined)
  assert.equal(await client.row("sums", "none"), undefined)
  await assert.rejects(client.row("sum", "a"), { code: "MR1025" })
  const first = await client.rows("sums", { limit: 1 })
  assert.equal(first.next, "a")
  assert.deepEqual((await client.rows("sums", { cursor: "a", prefix: "l" })).rows, [{ key: "live2", value: { is: "live2" } }])
  const seen: TableEvent[] = []
  const stop = new AbortController()
  for await (const event of client.liveTable("sums", { from: "earliest", prefix: "l", signal: stop.signal })) {
    seen.push(event)
    if (seen.length === 3) tables.set("l3", "null")
    if (event.kind === "row" && event.key === "l3") stop.abort()
  }
  assert.deepEqual(seen, [
    { kind: "begin", position: "4.0" },
    { kind: "row", position: "4.0", key: "live2", value: { is: "live2" } },
    { kind: "ready", position: "4.0" },
    { kind: "row", position: "5.0", key: "l3", value: null },
  ])
  await assert.rejects(async () => {
    for await (const _ of client.liveTable("sum")) assert.fail("there is no such table")
  }, { code: "MR1025" })
})
