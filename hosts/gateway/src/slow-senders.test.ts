// Connections whose other end sends slowly, or not at all: what one of them costs, and that it ends.
import assert from "node:assert/strict"
import type { Socket } from "node:net"
import { test } from "node:test"
import { type Door, open, openDoor } from "../test/door.ts"

const half = "POST /v1/streams/payments/records HTTP/1.1\r\nHost: localhost\r\nContent-Ty"
const noBody = "POST /v1/streams/payments/records HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{"
const arrival = { headersMs: 400, requestMs: 800, lookMs: 50 }

async function status(door: Door): Promise<number> {
  const body = JSON.stringify({ id: "p1" })
  const { status: code } = await fetch(`${door.url}/v1/streams/payments/records`, { method: "POST", headers: { "content-type": "application/json" }, body })
  return code
}

/** All that comes back until the other side closes. */
function answerOf(socket: Socket): Promise<string> {
  return new Promise((resolve) => {
    const parts: Buffer[] = []
    socket.on("data", (part) => parts.push(part))
    socket.once("close", () => resolve(Buffer.concat(parts).toString("utf8")))
  })
}

test("a thousand connections that send half a request and no more do not stop the others", async (t) => {
  const door = await openDoor(t)
  const slow = await Promise.all(Array.from({ length: 1000 }, (_, i) => open(door.port, ["", half, noBody, "PRI * HT"][i % 4] ?? "")))
  t.after(() => slow.forEach((socket) => socket.destroy()))
  for (let i = 0; i < 50; i++) assert.equal(await status(door), 200)
  assert.deepEqual(door.logged, [])
})

test("headers that do not come, and a body that does not, are given up with 408", async (t) => {
  const door = await openDoor(t, undefined, { arrival })
  const answers = await Promise.all([half, noBody].map(async (bytes) => answerOf(await open(door.port, bytes))))
  for (const answer of answers) assert.match(answer, /^HTTP\/1\.1 408 /)
  assert.equal(await status(door), 200)
  assert.deepEqual(door.logged, [])
})

test("a connection that says nothing, or half of the preface of HTTP/2, is closed", async (t) => {
  const door = await openDoor(t, undefined, { arrival })
  const ended = ["", "PRI * HT"].map(async (bytes) => answerOf(await open(door.port, bytes)))
  await new Promise((resolve) => setImmediate(resolve))
  const timer = setInterval(() => door.clock.advance(1_000), 5)
  t.after(() => clearInterval(timer))
  for (const answer of await Promise.all(ended)) assert.match(answer, /^$|^HTTP\/1\.1 408 /)
})
