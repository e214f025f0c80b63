import assert from "node:assert/strict"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { test } from "node:test"
import { type ErrorCode, errorTable, isMillraceError, limits, MillraceError } from "@millrace/model"
import { type OperationId, type Problem, routes, type StatusReply } from "@millrace/protocol"
import { request } from "undici"
import { open, openDoor, raw, until } from "../test/door.ts"
import { streamPlan } from "../test/memory-node.ts"
import { createApp } from "./app.ts"
import type { Gate } from "./gate.ts"

const host = "Host: localhost\r\n"

test("every route of the table is served, and nothing else is", async (t) => {
  const door = await openDoor(t)
  door.node.tables.set("a", "1")
  for (const { id, method, path } of routes) {
    const address = door.url + path.replace("{stream}", "payments").replace("{code}", "MR1008").replace("{table}", "sums").replace("{key}", "a")
    const stop = new AbortController()
    const body = id === "produce" || id === "sendEvent" ? '{"key":"a"}' : null
    const response = await fetch(address, {
      method,
      body,
      headers: { "content-type": "application/json" },
      signal: stop.signal,
    })
    // This node has no tasks and no functions: their routes say so.
    const expected = /\{(task|run|function)\}/.test(path) ? 404 : id === "retryRuns" || id === "cancelRuns" ? 422 : 200
    assert.equal(response.status, expected, `${method} ${path}`)
    stop.abort()
    const status = new RegExp(`route="${path.replaceAll(/[{}.]/g, "\\$&")}",status="${expected}"`)
    if (id !== "metrics") while (!status.test(await (await fetch(`${door.url}/metrics`)).text()));
  }
  // What hono knows is the table, in its order.
  const served = createApp({} as Gate).routes.map(
    ({ method, path }) => `${method} ${path.replaceAll(/:(\w+)/g, "{$1}")}`,
  )
  assert.deepEqual(
    served,
    routes.map(({ method, path }) => `${method} ${path}`),
  )
})

test("an address that does not exist is refused with MR1012", async (t) => {
  const door = await openDoor(t)
  for (const path of [
    "/v2",
    "/v1",
    "/v1/streams/",
    "/v1/streams/payments/records/1",
    "/v1/streams//records",
    "/healthz/",
    "/favicon.ico",
    "/errors/MR99999",
    "/%00",
  ]) {
    const response = await fetch(door.url + path)
    assert.equal(response.status, 404, path)
    assert.equal(response.headers.get("content-type"), "application/problem+json")
    assert.equal(((await response.json()) as Problem).code, "MR1012", path)
  }
})

test("another method is refused with MR1019 and the methods that the address takes", async (t) => {
  const door = await openDoor(t)
  const refused = [
    ["DELETE", "/v1/streams/payments/records", "GET, HEAD, POST"],
    ["GET", "/v1/streams/payments/end", "POST"],
    ["OPTIONS", "/v1/streams/payments/records", "GET, HEAD, POST"],
    ["POST", "/healthz", "GET, HEAD"],
    ["PUT", "/", "GET, HEAD"],
    ["POST", "/v1/streams/payments/live", "GET, HEAD"],
  ] as const
  for (const [method, path, allow] of refused) {
    const order = (text: string | null) => text?.split(", ").toSorted()
    const response = await fetch(door.url + path, { method })
    assert.equal(response.status, 405, `${method} ${path}`)
    assert.deepEqual(order(response.headers.get("allow")), order(allow))
    assert.equal(((await response.json()) as Problem).code, "MR1019")
  }
})

test("a failure is problem details, each member in its place", async (t) => {
  const door = await openDoor(t)
  const response = await fetch(`${door.url}/v1/streams/nope?x=1`)
  assert.deepEqual(await response.json(), {
    type: "/errors/MR1008",
    title: "There is no such stream",
    status: 404,
    detail: 'There is no stream "nope". There are: payments.',
    code: "MR1008",
    instance: "/v1/streams/nope",
    stream: "nope",
  })
})

test("the type of every problem leads to a page", async (t) => {
  const door = await openDoor(t)
  for (const [code, { title }] of Object.entries(errorTable)) {
    const response = await fetch(`${door.url}/errors/${code}`)
    assert.equal(response.status, 200)
    assert.ok((await response.text()).startsWith(`${code}: ${title}\n`))
  }
})

test("every code that a node may throw becomes problem details with the status of its table", async (t) => {
  const door = await openDoor(t)
  for (const code of Object.keys(errorTable) as ErrorCode[]) {
    door.node.refusing = new MillraceError(code, `This is ${code}.`, { place: 7 })
    const response = await fetch(`${door.url}/v1/streams/payments/records`, {
      method: "POST",
      body: "{}",
      headers: { "content-type": "application/json" },
    })
    assert.equal(response.status, errorTable[code].status, code)
    assert.equal(response.headers.get("content-type"), "application/problem+json")
    assert.equal(response.headers.has("retry-after"), errorTable[code].advice === "retry", code)
    const problem = (await response.json()) as Problem
    assert.equal(problem.code, code)
    assert.equal(problem.detail, `This is ${code}.`)
    assert.equal(problem["place"], 7)
  }
})

test("a node that is not ready lives, says so, and serves nothing else", async (t) => {
  const door = await openDoor(t)
  door.node.unready = { code: "MR1401", message: "The node is recovering.", details: {} }
  assert.equal((await fetch(`${door.url}/healthz`)).status, 200)
  const status = (await (await fetch(`${door.url}/v1/status`)).json()) as StatusReply
  assert.equal(status.ready, false)
  assert.equal(status.problem?.code, "MR1401")
  for (const [method, path] of [
    ["GET", "/readyz"],
    ["GET", "/v1/streams"],
    ["GET", "/v1/streams/payments"],
    ["GET", "/v1/streams/payments/records"],
    ["GET", "/v1/streams/payments/live"],
    ["GET", "/v1/streams/not-known-yet/records"],
    ["POST", "/v1/streams/payments/records"],
    ["POST", "/v1/streams/payments/end"],
  ] as const) {
    const response = await fetch(door.url + path, { method })
    assert.equal(response.status, 503, `${method} ${path}`)
    assert.equal(response.headers.get("retry-after"), "1")
    assert.equal(((await response.json()) as Problem).code, "MR1401")
  }
  door.node.unready = undefined
  assert.equal((await fetch(`${door.url}/readyz`)).status, 200)
})

test("the index names every address", async (t) => {
  const door = await openDoor(t)
  const index = (await (await fetch(door.url)).json()) as { addresses: Record<string, string> }
  assert.deepEqual(
    Object.keys(index.addresses),
    routes.map(({ method, path }) => `${method} ${path}`),
  )
})

test("an address that other machines can reach is refused with MR1402 before the port is opened", async (t) => {
  const door = await openDoor(t)
  for (const address of ["0.0.0.0", "::", "192.168.1.5", "example.com", "", "127.0.0.1.example.com", "1270.0.1"]) {
    await assert.rejects(
      door.gateway.listen(address, 0),
      (error) => isMillraceError(error) && error.code === "MR1402" && error.message.includes("Listen on 127.0.0.1"),
    )
  }
})

test("a port that is taken is refused with MR1403", async (t) => {
  const holder = createServer().listen(0, "127.0.0.1")
  t.after(() => holder.close())
  await new Promise((resolve) => holder.once("listening", resolve))
  const { createGateway } = await import("./gateway.ts")
  const { MemoryNode } = await import("../test/memory-node.ts")
  const quiet = { info: () => undefined, warn: () => undefined, error: () => undefined }
  const gateway = createGateway({ node: new MemoryNode([]), version: "0", log: quiet })
  const { port } = holder.address() as AddressInfo
  await assert.rejects(
    gateway.listen("127.0.0.1", port),
    (error) => isMillraceError(error) && error.code === "MR1403" && error.message.includes("in use"),
  )
})

test("a request for another host, or from another page, is refused with MR1018", async (t) => {
  const door = await openDoor(t)
  const status = async (headers: string, line = "GET /healthz HTTP/1.1") =>
    (await raw(door.port, `${line}\r\n${headers}Connection: close\r\n\r\n`)).slice(9, 12)
  for (const name of ["localhost", "127.0.0.1", "[::1]", "LOCALHOST:1", "127.0.0.1:7070", "127.1.2.3:80", "[::1]:7070"])
    assert.equal(await status(`Host: ${name}\r\n`), "200", name)
  for (const name of [
    "evil.example",
    "evil.example:7070",
    "localhost.evil.example",
    "127.0.0.1.evil.example",
    "192.168.0.1",
    "[::2]",
    "0.0.0.0",
    "localhost:x",
    "::1",
    "[localhost]",
    "",
  ]) {
    assert.match(await status(`Host: ${name}\r\n`), /403|400/, name)
  }
  // The request line goes before the header.
  assert.equal(await status("Host: localhost\r\n", "GET http://evil.example/healthz HTTP/1.1"), "403")
  assert.equal(await status("Host: evil.example\r\n", `GET http://127.0.0.1:${door.port}/healthz HTTP/1.1`), "200")
  // A page of this node, and of others.
  assert.equal(await status(`Host: localhost:7070\r\nOrigin: http://localhost:7070\r\n`), "200")
  // A host and port speak HTTP or TLS, never both: this is the node's own page on its TLS port.
  assert.equal(await status(`Host: localhost:7070\r\nOrigin: https://localhost:7070\r\n`), "200")
  for (const origin of [
    "http://evil.example",
    "http://localhost:3000",
    "null",
    "https://localhost:7071",
    "http://127.0.0.1:7070",
  ]) {
    assert.equal(await status(`Host: localhost:7070\r\nOrigin: ${origin}\r\n`), "403", origin)
  }
  // A form that another page sends: no Origin, no body, and still told apart.
  const end = "POST /v1/streams/payments/end HTTP/1.1"
  assert.equal(await status(`${host}Content-Length: 0\r\nSec-Fetch-Site: cross-site\r\n`, end), "403")
  assert.equal(await status(`${host}Content-Length: 0\r\nSec-Fetch-Site: same-origin\r\n`, end), "200")
  const refused = await fetch(`${door.url}/healthz`, { headers: { origin: "http://evil.example" } })
  const { code, detail } = (await refused.json()) as Problem
  assert.equal(code, "MR1018")
  assert.match(detail, /"http:\/\/evil\.example".*start the node with --cors and its origin, or name it in the function's own cors/)
})

test("no page of another origin is ever let read an answer", async (t) => {
  const door = await openDoor(t)
  for (const path of ["/", "/v1/streams", "/v1/openapi.json", "/nope"]) {
    const { headers } = await fetch(door.url + path)
    assert.deepEqual(
      [...headers.keys()].filter((name) => name.startsWith("access-control-")),
      [],
    )
  }
})

test("headers beyond their bound are refused", async (t) => {
  const door = await openDoor(t)
  const answer = await raw(
    door.port,
    `GET /healthz HTTP/1.1\r\n${host}X: ${"x".repeat(limits.headersBytesMax)}\r\n\r\n`,
  )
  assert.match(answer, /^HTTP\/1\.1 431 /)
})

test("closing answers the requests in hand, ends live and takes no more connections", async (t) => {
  const door = await openDoor(t)
  let go = (): void => undefined
  door.node.slow = new Promise((resolve) => (go = resolve))
  const working = fetch(`${door.url}/v1/streams/payments/records`, {
    method: "POST",
    body: "{}",
    headers: { "content-type": "application/json" },
  })
  const reading = await request(`${door.url}/v1/streams/payments/live`)
  const text = reading.body.text()
  await until(() => door.node.requests.length === 1 && door.node.followers === 1)
  let closed = false
  const closing = door.gateway.close().then(() => (closed = true))
  assert.equal(await text, "retry: 1000\nid: 0.0.0.0\n\n")
  assert.equal(door.node.followers, 0)
  await assert.rejects(fetch(`${door.url}/healthz`))
  assert.equal(closed, false)
  go()
  const answer = await working
  assert.equal(answer.status, 200)
  await answer.text()
  await closing
})

test("closing does not wait for connections that ask nothing, nor for one that asks on and on", async (t) => {
  const door = await openDoor(t)
  const silent = await open(door.port, "")
  const half = await open(door.port, "GET /healthz HTTP/1.1\r\nHo")
  // Each answer brings the next request over the same connection.
  const asking = await open(door.port, `GET /healthz HTTP/1.1\r\n${host}\r\n`)
  let answers = 0
  const ended = [silent, half, asking].map((socket) => new Promise((resolve) => socket.once("close", resolve)))
  asking.on("data", () => {
    answers++
    asking.write(`GET /healthz HTTP/1.1\r\n${host}\r\n`)
  })
  await until(() => answers > 5)
  await door.gateway.close()
  await Promise.all(ended)
})

test("closing cuts off what is not done in time, and closing again waits for the same end", async (t) => {
  const door = await openDoor(t)
  door.node.slow = new Promise(() => undefined)
  const working = assert.rejects(
    fetch(`${door.url}/v1/streams/payments/records`, {
      method: "POST",
      body: "{}",
      headers: { "content-type": "application/json" },
    }),
  )
  await until(() => door.node.requests.length === 1)
  const closing = door.gateway.close()
  door.clock.advance(limits.closeMsMax)
  await Promise.all([closing, door.gateway.close(), working])
})

test("closing a door that was never opened resolves", async () => {
  const { createGateway } = await import("./gateway.ts")
  const { MemoryNode } = await import("../test/memory-node.ts")
  const quiet = { info: () => undefined, warn: () => undefined, error: () => undefined }
  await createGateway({ node: new MemoryNode([]), version: "0", log: quiet }).close()
})

test("the platform's own Request and Response stay as they were", async (t) => {
  const before = [globalThis.Request, globalThis.Response]
  const door = await openDoor(t)
  await (await fetch(door.url)).text()
  assert.deepEqual([globalThis.Request, globalThis.Response], before)
})

test("operation ids are those of the table", () => {
  const ids: readonly OperationId[] = routes.map(({ id }) => id)
  assert.equal(new Set(ids).size, ids.length)
})

test("an internal stream's name is shown and reached like any other", async (t) => {
  const door = await openDoor(t, [streamPlan("fraud/velocity.rows", { role: "sink", partitions: 2 })])
  const response = await fetch(`${door.url}/v1/streams/fraud%2Fvelocity.rows`)
  assert.equal(response.status, 200)
  assert.equal(((await response.json()) as { name: string }).name, "fraud/velocity.rows")
})
