import assert from "node:assert/strict"
import { test } from "node:test"
import { limits, MillraceError } from "@millrace/model"
import { mediaTypes } from "@millrace/protocol"
import { open, openDoor, raw, until } from "../test/door.ts"
import { streamPlan } from "../test/memory-node.ts"
import { head, one, post, records } from "../test/record-request.ts"

test("every content type brings its records to the node", async (t) => {
  const door = await openDoor(t)
  const event = { specversion: "1.0", id: "1", source: "/test", type: "paid", data: { key: "a", amount: 1 } }
  const bodies = [
    ["application/json", one, 1],
    ["application/json", `[${one},${one}]`, 2],
    ["application/json; charset=utf-8", one, 1],
    ['Application/JSON;charset="UTF-8"', one, 1],
    ["application/x-ndjson", `${one}\n\n${one}\r\n${one}`, 3],
    ["application/cloudevents+json", JSON.stringify(event), 1],
    ["application/cloudevents-batch+json", JSON.stringify([event, event]), 2],
  ] as const
  for (const [type, body, count] of bodies) {
    const answer = await post(door, body, { "content-type": type })
    assert.equal(answer.status, 200, type)
    assert.equal(answer.body.accepted, count, type)
    assert.deepEqual(answer.body.rejected, [], type)
  }
  assert.deepEqual(
    door.node.requests.map(({ format }) => format),
    ["json", "json", "json", "json", "ndjson", "cloudevent", "cloudevents"],
  )
})

test("positions tell where the records of a request lie", async (t) => {
  const door = await openDoor(t, [streamPlan("payments", { partitions: 1 })])
  await post(door, `${one}\n${one}\n`, { "content-type": mediaTypes.ndjson })
  const { body } = await post(door, `${one}\n${one}\n${one}\n`, { "content-type": mediaTypes.ndjson })
  assert.deepEqual(body.positions, [{ partition: 0, first: 2, last: 4 }])
})

test("an empty body stores nothing and is no failure", async (t) => {
  const door = await openDoor(t)
  const { status, body } = await post(door, "", { "content-type": mediaTypes.ndjson })
  assert.equal(status, 200)
  assert.deepEqual(body, { accepted: 0, rejected: [], positions: [] })
})

test("a broken line in the middle of a body refuses that line alone", async (t) => {
  const door = await openDoor(t)
  const { status, body } = await post(door, `${one}\n{"key": "b", \n${one}\n"text"\n`, {
    "content-type": mediaTypes.ndjson,
  })
  assert.equal(status, 200)
  assert.equal(body.accepted, 2)
  assert.deepEqual(
    body.rejected.map(({ index, problem }) => [index, problem.code, problem.status, problem.type]),
    [
      [1, "MR1001", 422, "/errors/MR1001"],
      [3, "MR1002", 422, "/errors/MR1002"],
    ],
  )
})

test("a request of which no record is accepted fails by the code that all of them share", async (t) => {
  const door = await openDoor(t)
  const single = await post(door, "5", { "content-type": "application/json" })
  assert.equal(single.status, 422)
  assert.equal(single.headers.get("content-type"), "application/problem+json")
  assert.equal(single.body.code, "MR1002")
  assert.equal(single.body.detail, "A record is a JSON object.")
  assert.equal(single.body.rejected[0]?.index, 0)
  const same = await post(door, "5\n6\n", { "content-type": mediaTypes.ndjson })
  assert.equal(same.body.code, "MR1002")
  assert.match(same.body.detail, /None of the 2 records/)
  const mixed = await post(door, '5\n{"key":1}\n', { "content-type": mediaTypes.ndjson })
  assert.equal(mixed.status, 422)
  assert.equal(mixed.body.code, "MR1017")
  assert.deepEqual(
    mixed.body.rejected.map(({ problem }) => problem.code),
    ["MR1002", "MR1003"],
  )
})

test("a record that user code broke on fails the request with 422, not 500", async (t) => {
  const door = await openDoor(t)
  const problem = { code: "MR1201", message: "The schema threw.", details: {} } as const
  door.node.ingest = () =>
    Promise.resolve({ accepted: 0, rejected: [{ index: 0, problem }], rejectedUnlisted: 0, positions: [] })
  const { status, body } = await post(door, one, { "content-type": "application/json" })
  assert.equal(status, 422)
  assert.equal(body.code, "MR1017")
  assert.equal(body.rejected[0]?.problem.code, "MR1201")
})

test("faults beyond those listed are counted", async (t) => {
  const door = await openDoor(t)
  const { status, body } = await post(door, `${one}\n${"x\n".repeat(limits.rejectionsListedMax + 7)}`, {
    "content-type": mediaTypes.ndjson,
  })
  assert.equal(status, 200)
  assert.equal(body.rejected.length, limits.rejectionsListedMax)
  assert.equal(body.rejectedUnlisted, 7)
})

test("a body that is no JSON at all is refused with MR1001", async (t) => {
  const door = await openDoor(t)
  const { status, body } = await post(door, "{", { "content-type": "application/json" })
  assert.equal(status, 422)
  assert.equal(body.code, "MR1001")
  assert.equal(body.instance, records)
})

test("another content type is refused with MR1006 and those that are taken", async (t) => {
  const door = await openDoor(t)
  for (const type of [
    "text/plain",
    "application/xml",
    "application/json; charset=latin1",
    "application/x-www-form-urlencoded",
    "",
  ]) {
    const { status, headers, body } = await post(door, one, { "content-type": type })
    assert.equal(status, 415, type)
    assert.equal(body.code, "MR1006", type)
    assert.equal(headers.get("accept-post"), Object.values(mediaTypes).join(", "))
    assert.deepEqual(body["accepted"], Object.values(mediaTypes))
  }
  const none = await raw(door.port, head("Content-Length: 2", "Connection: close") + "{}")
  assert.match(none, /^HTTP\/1\.1 415 /)
  assert.match(none, /names no content type/)
  assert.deepEqual(door.node.requests, [])
})

test("another content encoding is refused with MR1006", async (t) => {
  const door = await openDoor(t)
  const { status, headers, body } = await post(door, one, {
    "content-type": "application/json",
    "content-encoding": "br",
  })
  assert.equal(status, 415)
  assert.equal(body.code, "MR1006")
  assert.equal(headers.get("accept-encoding"), "gzip, identity")
})

test("a repeated request with its idempotency key stores nothing twice; with another body it is refused", async (t) => {
  const door = await openDoor(t)
  const headers = { "content-type": "application/json", "idempotency-key": "k-1" }
  const first = await post(door, one, headers)
  const again = await post(door, one, headers)
  assert.deepEqual(again.body, first.body)
  assert.equal(door.node.requests[0]?.idempotencyKey, "k-1")
  const other = await post(door, JSON.stringify({ key: "b" }), headers)
  assert.equal(other.status, 422)
  assert.equal(other.body.code, "MR1011")
})

test("an idempotency key that is empty or too long is refused with MR1009", async (t) => {
  const door = await openDoor(t)
  for (const key of ["", "k".repeat(limits.idempotencyKeyLengthMax + 1)]) {
    const { status, body } = await post(door, one, { "content-type": "application/json", "idempotency-key": key })
    assert.equal(status, 400)
    assert.equal(body.code, "MR1009")
  }
  const longest = await post(door, one, {
    "content-type": "application/json",
    "idempotency-key": "k".repeat(limits.idempotencyKeyLengthMax),
  })
  assert.equal(longest.status, 200)
})

test("a node that is behind answers 429 with Retry-After", async (t) => {
  const door = await openDoor(t)
  door.node.refusing = new MillraceError("MR1010", "The journal is behind; send again after a moment.")
  const plain = await post(door, one, { "content-type": "application/json" })
  assert.equal(plain.status, 429)
  assert.equal(plain.headers.get("retry-after"), "1")
  assert.equal(plain.body.code, "MR1010")
  door.node.refusing = new MillraceError("MR1010", "The journal is behind.", { retryAfterMs: 2_100 })
  const exact = await post(door, one, { "content-type": "application/json" })
  assert.equal(exact.headers.get("retry-after"), "3")
  assert.equal(exact.body["retryAfterMs"], 2_100)
})

test("a disk that is full is told as 507, a fault that nobody foresaw as MR1404 without its words", async (t) => {
  const door = await openDoor(t)
  door.node.refusing = new MillraceError("MR1303", "The disk is full; free some space.")
  const full = await post(door, one, { "content-type": "application/json" })
  assert.equal(full.status, 507)
  assert.equal(full.body.code, "MR1303")
  door.node.refusing = new Error("secret at 0xdeadbeef")
  const fault = await post(door, one, { "content-type": "application/json" })
  assert.equal(fault.status, 500)
  assert.equal(fault.body.code, "MR1404")
  assert.doesNotMatch(JSON.stringify(fault.body), /deadbeef/)
  assert.deepEqual(door.logged, ["error A request failed in a way that was not foreseen."])
})

test("a stream that does not exist is refused with MR1008 and the ones that do", async (t) => {
  const door = await openDoor(t, [streamPlan("payments"), streamPlan("fraud/velocity.rows", { role: "sink" })])
  const { status, body } = await post(door, one, { "content-type": "application/json" }, "/v1/streams/paymens/records")
  assert.equal(status, 404)
  assert.equal(body.code, "MR1008")
  assert.match(body.detail, /There are: payments\./)
})

test("a stream that the service writes itself is refused with MR1016", async (t) => {
  const door = await openDoor(t, [streamPlan("out", { role: "derived" })])
  const { status, body } = await post(door, one, { "content-type": "application/json" }, "/v1/streams/out/records")
  assert.equal(status, 409)
  assert.equal(body.code, "MR1016")
})

test("an unknown query parameter is refused with MR1009", async (t) => {
  const door = await openDoor(t)
  const { status, body } = await post(door, one, { "content-type": "application/json" }, `${records}?wait=1`)
  assert.equal(status, 400)
  assert.equal(body.code, "MR1009")
})

test("a sender that goes away while the node works harms nothing", async (t) => {
  const door = await openDoor(t)
  let go = (): void => undefined
  door.node.slow = new Promise((resolve) => (go = resolve))
  const socket = await open(door.port, head("Content-Type: application/json", `Content-Length: ${one.length}`) + one)
  await until(() => door.node.requests.length === 1)
  const gone = new Promise((resolve) => socket.once("close", resolve))
  socket.destroy()
  await gone
  go()
  door.node.slow = undefined
  const { status } = await post(door, one, { "content-type": "application/json" })
  assert.equal(status, 200)
  assert.deepEqual(door.logged, [])
})
