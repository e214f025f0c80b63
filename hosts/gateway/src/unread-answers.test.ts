// Readers that do not take their answers: what they hold is bounded, and they end.
import assert from "node:assert/strict"
import { connect, type Socket } from "node:net"
import { type TestContext, test } from "node:test"
import { connect as connectHttp2 } from "node:http2"
import { ManualClock } from "@millrace/conformance"
import { limits } from "@millrace/model"
import { until } from "../test/door.ts"
import { MemoryNode, streamPlan } from "../test/memory-node.ts"
import { createGateway, type Mount, type MountedRequest } from "./index.ts"

const large = new Uint8Array(10_485_760)

async function openDoor(t: TestContext) {
  const clock = new ManualClock()
  const cut: object[] = []
  const log = { info: () => undefined, warn: (facts: object) => void cut.push(facts), error: () => undefined }
  let answered = 0
  let last: MountedRequest | undefined
  const mount: Mount = {
    name: "large",
    takes: ({ url }) => url.startsWith("/large"),
    async answer(request) {
      answered++
      last = request
      return { status: 200, headers: { "content-length": String(large.length) }, body: large }
    },
  }
  const gateway = createGateway({ node: new MemoryNode([streamPlan("payments", { partitions: 1 })]), version: "0.0.0-test", log, clock, mounts: [mount] })
  const { url, port } = await gateway.listen("127.0.0.1", 0)
  t.after(() => {
    const closed = gateway.close()
    clock.advance(60_000)
    return closed
  })
  /** Asks, and reads nothing. */
  const ask = (): Socket => {
    const socket = connect(port, "127.0.0.1").on("error", () => undefined).pause()
    socket.write("GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n")
    t.after(() => socket.destroy())
    return socket
  }
  return { url, port, clock, cut, ask, answered: () => answered, isCrowded: () => last?.isCrowded?.() }
}

const most = Math.floor(limits.answersUnreadBytesMax / large.length)

test("answers that nobody reads hold so much and no more: what has waited for longest is cut off, and others are served", { timeout: 60_000 }, async (t) => {
  const { url, cut, ask, answered } = await openDoor(t)
  for (let i = 0; i < most + 10; i++) ask()
  await until(() => answered() === most + 10)
  await until(() => cut.length === 10)
  const reader = await fetch(`${url}/large`)
  assert.equal((await reader.arrayBuffer()).byteLength, large.length)
  assert.equal((await fetch(`${url}/healthz`)).status, 200)
  assert.equal(cut.length, 11)
})

test("from half of that on it is crowded; what has waited for five seconds makes room then, and nothing waits for ever", { timeout: 60_000 }, async (t) => {
  const { url, clock, cut, ask, answered, isCrowded } = await openDoor(t)
  const half = Math.ceil(most / 2) + 1
  for (let i = 0; i < half; i++) ask()
  await until(() => answered() === half)
  assert.deepEqual([isCrowded(), cut], [true, []])
  clock.advance(limits.answerMsMin)
  assert.equal(isCrowded(), false)
  assert.ok(cut.length >= 1 && cut.length < half, String(cut.length))
  clock.advance(limits.answerMsMax)
  assert.equal(cut.length, half)
  // Who reads is not cut off, whenever the time comes.
  await (await fetch(`${url}/large`)).arrayBuffer()
  await new Promise((resolve) => setImmediate(resolve))
  clock.advance(limits.answerMsMax)
  assert.equal(cut.length, half)
})

test("pages that nobody reads are bounded, too", { timeout: 60_000 }, async (t) => {
  const { url, port, cut } = await openDoor(t)
  const records = `${url}/v1/streams/payments/records`
  for (let i = 0; i < 5; i++) {
    const body = JSON.stringify({ id: `p${i}`, text: "x".repeat(1_000_000) })
    const { status } = await fetch(records, { method: "POST", headers: { "content-type": "application/json" }, body })
    assert.equal(status, 200)
  }
  const page = await (await fetch(`${records}?from=earliest`)).text()
  assert.ok(page.length > 4_000_000, String(page.length))
  const readers = Math.ceil(limits.answersUnreadBytesMax / page.length) + 5
  for (let i = 0; i < readers; i++) {
    const socket = connect(port, "127.0.0.1").on("error", () => undefined).pause()
    socket.write("GET /v1/streams/payments/records?from=earliest HTTP/1.1\r\nHost: localhost\r\n\r\n")
    t.after(() => socket.destroy())
  }
  await until(() => cut.length >= 5)
  assert.equal(await (await fetch(`${records}?from=earliest`)).text(), page)
})

test("a reader over HTTP/2 that takes nothing is cut off, and its connection stays", { timeout: 60_000 }, async (t) => {
  const { url, clock, cut, answered } = await openDoor(t)
  const session = connectHttp2(url).on("error", () => undefined)
  t.after(() => session.destroy())
  const slow = session.request({ ":path": "/large" }).on("error", () => undefined)
  const closed = new Promise((resolve) => slow.once("close", resolve))
  await until(() => answered() === 1)
  await until(() => {
    clock.advance(limits.answerMsMax)
    return cut.length === 1
  })
  slow.resume()
  await closed
  const status = await new Promise((resolve) => session.request({ ":path": "/healthz" }).on("response", (headers) => resolve(headers[":status"])).resume())
  assert.equal(status, 200)
})
