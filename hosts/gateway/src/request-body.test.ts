import assert from "node:assert/strict"
import { Readable } from "node:stream"
import { test } from "node:test"
import { promisify } from "node:util"
import { gzipSync } from "node:zlib"
import { limits } from "@millrace/model"
import { mediaTypes, type Problem } from "@millrace/protocol"
import { request } from "undici"
import { open, openDoor, raw } from "../test/door.ts"
import { head, one, post, records } from "../test/record-request.ts"

test("a gzipped body is taken", async (t) => {
  const door = await openDoor(t)
  const { status, body } = await post(door, gzipSync(`${one}\n`.repeat(5000)), {
    "content-type": mediaTypes.ndjson,
    "content-encoding": "GZIP",
  })
  assert.equal(status, 200)
  assert.equal(body.accepted, 5000)
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
  // Nothing of the body is sent: the answer does not wait for it.
  const socket = await open(door.port, head("Content-Type: application/x-ndjson", "Content-Length: 104857600"))
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
    const {
      statusCode,
      headers,
      body: answer,
    } = await request(door.url + records, {
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
  const socket = await open(
    door.port,
    head("Content-Type: application/x-ndjson", `Content-Length: ${100 * megabyte.length}`),
  )
  socket.pause()
  for (let at = 0; at < 100; at++)
    await promisify((part: Buffer, done: (error?: Error | null) => void) => socket.write(part, done))(megabyte)
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
    const answer = await request(door.url + records, {
      method: "POST",
      headers: { "content-type": mediaTypes.ndjson },
      body: Readable.from(body()),
    })
    await answer.body.text()
    return answer.statusCode
  }
  assert.equal(await send(limits.requestBytesMax), 200)
  assert.equal(door.node.requests.at(-1)?.body.length, limits.requestBytesMax)
  assert.equal(await send(limits.requestBytesMax + 1), 413)
})

test("a sender that asks first is not told to go on with too large a body", async (t) => {
  const door = await openDoor(t)
  const asking = (length: number) =>
    head("Content-Type: application/json", `Content-Length: ${length}`, "Expect: 100-continue")
  const refused = await open(door.port, asking(limits.requestBytesMax + 1))
  assert.match(String(await new Promise((resolve) => refused.once("data", resolve))), /^HTTP\/1\.1 413 /)
  refused.destroy()
  const taken = await open(door.port, asking(one.length))
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

test("more bytes in arrival than the bound are refused with MR1010, and the bound is given back", async (t) => {
  const door = await openDoor(t)
  const begun = head("Content-Type: application/x-ndjson", `Content-Length: ${limits.requestBytesMax}`)
  const almost = " ".repeat(limits.requestBytesMax - 1)
  const holders = await Promise.all(
    Array.from({ length: limits.bodiesBytesMax / limits.requestBytesMax }, () => open(door.port, begun + almost)),
  )
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
  while (status === 429)
    ({ status } = await post(door, `${one}\n`.repeat(3_000), { "content-type": mediaTypes.ndjson }))
  assert.equal(status, 200)
})

test("a refused request leaves its connection fit for the next one", async (t) => {
  const door = await openDoor(t)
  const refused = head("Content-Type: text/plain", "Content-Length: 70000") + " ".repeat(70_000)
  const taken = head("Content-Type: application/json", `Content-Length: ${one.length}`, "Connection: close") + one
  const text = await raw(door.port, refused + taken)
  assert.deepEqual(text.match(/HTTP\/1\.1 \d+/g), ["HTTP/1.1 415", "HTTP/1.1 200"])
})

test("a sender that goes away in the middle of its body stores nothing", async (t) => {
  const door = await openDoor(t)
  const socket = await open(door.port, head("Content-Type: application/json", "Content-Length: 100") + one)
  const gone = new Promise((resolve) => socket.once("close", resolve))
  socket.destroy()
  await gone
  const metrics = async () =>
    (await (await fetch(`${door.url}/metrics`)).text()).includes('route="/v1/streams/{stream}/records",status="499"} 1')
  while (!(await metrics()));
  assert.deepEqual(door.node.requests, [])
  assert.deepEqual(door.logged, [])
})
