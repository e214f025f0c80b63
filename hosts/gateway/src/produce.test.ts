import assert from "node:assert/strict"
import { Readable } from "node:stream"
import { test } from "node:test"
import { promisify } from "node:util"
import { gzipSync } from "node:zlib"
import { limits, MillraceError } from "@millrace/model"
import { mediaTypes, type Problem, type ProduceReply } from "@millrace/protocol"
import { request } from "undici"
import { type Door, open, openDoor, raw, until } from "../test/door.ts"
import { streamPlan } from "../test/memory-node.ts"

const records = "/v1/streams/payments/records"
const one = JSON.stringify({ key: "a", amount: 1 })

async function post(door: Door, body: string | Uint8Array<ArrayBuffer>, headers: Record<string, string>, path: string = records) {
  const response = await fetch(door.url + path, { method: "POST", body, headers })
  return { status: response.status, headers: response.headers, body: (await response.json()) as Problem & ProduceReply }
}

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
  const { status, body } = await post(door, `${one}\n{"key": "b", \n${one}\n"text"\n`, { "content-type": mediaTypes.ndjson })
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
  door.node.ingest = () => Promise.resolve({ accepted: 0, rejected: [{ index: 0, problem }], rejectedUnlisted: 0, positions: [] })
  const { status, body } = await post(door, one, { "content-type": "application/json" })
  assert.equal(status, 422)
  assert.equal(body.code, "MR1017")
  assert.equal(body.rejected[0]?.problem.code, "MR1201")
})

test("faults beyond those listed are counted", async (t) => {
  const door = await openDoor(t)
  const { status, body } = await post(door, `${one}\n${"x\n".repeat(limits.rejectionsListedMax + 7)}`, { "content-type": mediaTypes.ndjson })
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
  for (const type of ["text/plain", "application/xml", "application/json; charset=latin1", "application/x-www-form-urlencoded", ""]) {
    const { status, headers, body } = await post(door, one, { "content-type": type })
    assert.equal(status, 415, type)
    assert.equal(body.code, "MR1006", type)
    assert.equal(headers.get("accept-post"), Object.values(mediaTypes).join(", "))
    assert.deepEqual(body["accepted"], Object.values(mediaTypes))
  }
  const none = await raw(door.port, `POST ${records} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}`)
  assert.match(none, /^HTTP\/1\.1 415 /)
  assert.match(none, /names no content type/)
  assert.deepEqual(door.node.requests, [])
})

test("a gzipped body is taken", async (t) => {
  const door = await openDoor(t)
  const { status, body } = await post(door, gzipSync(`${one}\n`.repeat(5000)), { "content-type": mediaTypes.ndjson, "content-encoding": "GZIP" })
  assert.equal(status, 200)
  assert.equal(body.accepted, 5000)
})

test("another content encoding is refused with MR1006", async (t) => {
  const door = await openDoor(t)
  const { status, headers, body } = await post(door, one, { "content-type": "application/json", "content-encoding": "br" })
  assert.equal(status, 415)
  assert.equal(body.code, "MR1006")
  assert.equal(headers.get("accept-encoding"), "gzip, identity")
})

test("a body that says it is gzip and is not, or is cut off, is refused with MR1020", async (t) => {
  const door = await openDoor(t)
  const whole = gzipSync(`${one}\n`.repeat(1000))
  for (const broken of [new TextEncoder().encode(one), new Uint8Array(whole.subarray(0, whole.length - 5))]) {
    const { status, body } = await post(door, broken, { "content-type": mediaTypes.ndjson, "content-encoding": "gzip" })
    assert.equal(status, 400)
    assert.equal(body.code, "MR1020")
  }
  assert.deepEqual(door.node.requests, [])
})

test("a gzip bomb is refused with MR1007 without being inflated to its end", async (t) => {
  const door = await openDoor(t)
  // 256 MB of zeros in 256 KB.
  const bomb = gzipSync(Buffer.alloc(256 * 1024 * 1024))
  const before = process.memoryUsage().arrayBuffers
  const { status, body } = await post(door, bomb, { "content-type": mediaTypes.ndjson, "content-encoding": "gzip" })
  assert.equal(status, 413)
  assert.equal(body.code, "MR1007")
  assert.ok(process.memoryUsage().arrayBuffers - before < 64 * 1024 * 1024)
  assert.deepEqual(door.node.requests, [])
})

test("a body that announces too much is refused before it is read", async (t) => {
  const door = await openDoor(t)
  const head = `POST ${records} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-ndjson\r\nContent-Length: 104857600\r\n\r\n`
  // Nothing of the body is sent: the answer does not wait for it.
  const socket = await open(door.port, head)
  const text = await new Promise<string>((resolve) => socket.once("data", (part) => resolve(part.toString())))
  assert.match(text, /^HTTP\/1\.1 413 /)
  assert.match(text, /connection: close/i)
  assert.match(text, /MR1007/)
  const closed = new Promise((resolve) => socket.once("close", resolve))
  door.clock.advance(limits.refusedMsMax)
  await closed
})

test("a sender of 100 MB reads its answer, and the body is not kept", async (t) => {
  const door = await openDoor(t)
  const part = Buffer.alloc(1024 * 1024, `${one}\n`)
  let most = 0
  async function* body() {
    for (let at = 0; at < 100; at++) {
      most = Math.max(most, process.memoryUsage().arrayBuffers)
      yield part
    }
  }
  const before = process.memoryUsage().arrayBuffers
  for (const declared of [{ "content-length": String(100 * part.length) }, {}]) {
    const { statusCode, headers, body: answer } = await request(door.url + records, {
      method: "POST",
      headers: { "content-type": mediaTypes.ndjson, ...declared },
      body: Readable.from(body()),
    })
    assert.equal(statusCode, 413)
    assert.equal(headers["connection"], "close")
    assert.equal(((await answer.json()) as Problem).code, "MR1007")
  }
  assert.ok(most - before < 64 * 1024 * 1024, `${most - before} bytes`)
  assert.deepEqual(door.node.requests, [])
})

test("a sender that reads only after it has written 100 MB still gets its answer", async (t) => {
  const door = await openDoor(t)
  const megabyte = Buffer.alloc(1024 * 1024, `${one}\n`)
  const socket = await open(door.port, `POST ${records} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-ndjson\r\nContent-Length: ${100 * megabyte.length}\r\n\r\n`)
  socket.pause()
  for (let at = 0; at < 100; at++) await promisify((part: Buffer, done: (error?: Error | null) => void) => socket.write(part, done))(megabyte)
  let text = ""
  socket.on("data", (part) => (text += part.toString()))
  socket.resume()
  await new Promise((resolve) => socket.once("close", resolve))
  assert.match(text, /^HTTP\/1\.1 413 /)
  assert.match(text, /MR1007/)
})

test("a chunked body without a length is taken up to the limit and refused beyond it", async (t) => {
  const door = await openDoor(t)
  const send = async (bytes: number) => {
    async function* body() {
      for (let sent = 0; sent < bytes; sent += 65_536) yield Buffer.alloc(Math.min(65_536, bytes - sent), " ")
    }
    const answer = await request(door.url + records, { method: "POST", headers: { "content-type": mediaTypes.ndjson }, body: Readable.from(body()) })
    await answer.body.text()
    return answer.statusCode
  }
  assert.equal(await send(limits.requestBytesMax), 200)
  assert.equal(door.node.requests.at(-1)?.body.length, limits.requestBytesMax)
  assert.equal(await send(limits.requestBytesMax + 1), 413)
})

test("a sender that asks first is not told to go on with too large a body", async (t) => {
  const door = await openDoor(t)
  const head = (length: number) =>
    `POST ${records} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${length}\r\nExpect: 100-continue\r\n\r\n`
  const refused = await open(door.port, head(limits.requestBytesMax + 1))
  assert.match(String(await new Promise((resolve) => refused.once("data", resolve))), /^HTTP\/1\.1 413 /)
  refused.destroy()
  const taken = await open(door.port, head(one.length))
  assert.match(String(await new Promise((resolve) => taken.once("data", resolve))), /^HTTP\/1\.1 100 Continue/)
  taken.write(one)
  assert.match(String(await new Promise((resolve) => taken.once("data", resolve))), /^HTTP\/1\.1 200 /)
  taken.destroy()
})

test("the node gets each body in memory of its own, fit to be handed to a thread", async (t) => {
  const door = await openDoor(t)
  await post(door, one, { "content-type": "application/json" })
  await post(door, gzipSync(one), { "content-type": "application/json", "content-encoding": "gzip" })
  for (const { body } of door.node.requests) {
    assert.equal(body.byteOffset, 0)
    assert.equal(body.byteLength, body.buffer.byteLength)
    assert.equal(new TextDecoder().decode(structuredClone(body, { transfer: [body.buffer] })), one)
    assert.equal(body.byteLength, 0)
  }
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
  const longest = await post(door, one, { "content-type": "application/json", "idempotency-key": "k".repeat(limits.idempotencyKeyLengthMax) })
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

test("more bytes in arrival than the bound are refused with MR1010, and the bound is given back", async (t) => {
  const door = await openDoor(t)
  const head = `POST ${records} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-ndjson\r\nContent-Length: ${limits.requestBytesMax}\r\n\r\n`
  const almost = " ".repeat(limits.requestBytesMax - 1)
  const holders = await Promise.all(Array.from({ length: limits.bodiesBytesMax / limits.requestBytesMax }, () => open(door.port, head + almost)))
  // The last bytes may still be on their way through the kernel; once they are here, no other body gets in.
  let refused = await post(door, " ".repeat(65_536), { "content-type": mediaTypes.ndjson })
  while (refused.status === 200) refused = await post(door, " ".repeat(65_536), { "content-type": mediaTypes.ndjson })
  assert.equal(refused.status, 429)
  assert.equal(refused.body.code, "MR1010")
  const gone = holders.map((holder) => new Promise((resolve) => holder.once("close", resolve)))
  for (const holder of holders) holder.destroy()
  await Promise.all(gone)
  let status = 429
  // The server learns of each end by its own socket, a turn or more later.
  while (status === 429) ({ status } = await post(door, `${one}\n`.repeat(3_000), { "content-type": mediaTypes.ndjson }))
  assert.equal(status, 200)
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

test("a refused request leaves its connection fit for the next one", async (t) => {
  const door = await openDoor(t)
  const refused = `POST ${records} HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\nContent-Length: 70000\r\n\r\n${" ".repeat(70_000)}`
  const taken = `POST ${records} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${one.length}\r\nConnection: close\r\n\r\n${one}`
  const text = await raw(door.port, refused + taken)
  assert.deepEqual(text.match(/HTTP\/1\.1 \d+/g), ["HTTP/1.1 415", "HTTP/1.1 200"])
})

test("a sender that goes away in the middle of its body stores nothing", async (t) => {
  const door = await openDoor(t)
  const socket = await open(door.port, `POST ${records} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n${one}`)
  const gone = new Promise((resolve) => socket.once("close", resolve))
  socket.destroy()
  await gone
  const metrics = async () => (await (await fetch(`${door.url}/metrics`)).text()).includes('route="/v1/streams/{stream}/records",status="499"} 1')
  while (!(await metrics()));
  assert.deepEqual(door.node.requests, [])
  assert.deepEqual(door.logged, [])
})

test("a sender that goes away while the node works harms nothing", async (t) => {
  const door = await openDoor(t)
  let go = (): void => undefined
  door.node.slow = new Promise((resolve) => (go = resolve))
  const socket = await open(door.port, `POST ${records} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${one.length}\r\n\r\n${one}`)
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
