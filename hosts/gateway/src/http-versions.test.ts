// HTTP/2 and HTTP/1.1 on one port: how they are told apart, and what a client that does ill gets.
import assert from "node:assert/strict"
import { connect as connectHttp2, constants, type IncomingHttpHeaders } from "node:http2"
import { connect, type Socket } from "node:net"
import { test, type TestContext } from "node:test"
import { ManualClock } from "@millrace/conformance"
import fc from "fast-check"
import { MemoryNode, streamPlan } from "../test/memory-node.ts"
import { open, raw } from "../test/door.ts"
import { createGateway, type Gateway, type Mount } from "./index.ts"

const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

interface Bench {
  readonly gateway: Gateway
  readonly clock: ManualClock
  readonly url: string
  readonly port: number
  readonly logged: string[]
}

/** Says back what it gets; at `/live` part by part until its client goes away. */
const echo: Mount = {
  name: "echo",
  takes: ({ method, url }) => method === "POST" && url.startsWith("/echo"),
  async answer({ url, body, signal }) {
    const headers = { "content-type": "application/octet-stream" }
    try {
      if (url !== "/echo/live") return { status: 200, headers, body: await body() }
    } catch (error) {
      return { status: 400, headers, body: Buffer.from((error as { code?: string }).code ?? "") }
    }
    const parts = async function* (): AsyncGenerator<Uint8Array> {
      yield Buffer.from("begun ")
      await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()))
      yield Buffer.from("never")
    }
    return { status: 200, headers, body: parts() }
  },
}

async function openBench(t: TestContext): Promise<Bench> {
  const clock = new ManualClock()
  const logged: string[] = []
  const say = (_: object, sentence: string) => logged.push(sentence)
  const log = { info: say, warn: say, error: say }
  const gateway = createGateway({
    node: new MemoryNode([streamPlan("payments")]),
    version: "0",
    log,
    clock,
    mounts: [echo],
  })
  const { url, port } = await gateway.listen("127.0.0.1", 0)
  t.after(() => {
    const closed = gateway.close()
    clock.advance(60_000)
    return closed
  })
  return { gateway, clock, url, port, logged }
}

interface Answer {
  readonly headers: IncomingHttpHeaders & { readonly ":status"?: number | undefined }
  readonly body: Buffer
}

function ask(
  t: TestContext,
  url: string,
  path: string,
  body: Uint8Array,
  more: Record<string, string> = {},
): Promise<Answer> {
  const session = connectHttp2(url)
  t.after(() => session.destroy())
  session.on("error", () => undefined)
  return new Promise((resolve, reject) => {
    const request = session.request({ ":method": "POST", ":path": path, ...more })
    const parts: Buffer[] = []
    let headers: Answer["headers"] = {}
    request.on("response", (given) => (headers = given))
    request.on("data", (part: Buffer) => parts.push(part))
    request.on("error", reject)
    request.on("end", () => resolve({ headers, body: Buffer.concat(parts) }))
    if (body.length > 0) request.end(body)
    else request.end()
  })
}

test("HTTP/2 with prior knowledge and HTTP/1.1 are answered on the same port", async (t) => {
  const { url, port } = await openBench(t)
  const body = Buffer.alloc(3_000_000, "abc")
  const http2 = await ask(t, url, "/echo", body)
  assert.equal(http2.headers[":status"], 200)
  assert.ok(http2.body.equals(body))
  const http1 = await fetch(`${url}/echo`, { method: "POST", body })
  assert.ok(Buffer.from(await http1.arrayBuffer()).equals(body))
  assert.match(
    await raw(port, "GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"),
    /^HTTP\/1\.1 200 /,
  )
})

test("the two are told apart however the first bytes are cut", async (t) => {
  const { port } = await openBench(t)
  // A method of HTTP/1.1 that begins like the preface.
  const request = "PROPFIND / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
  for (let at = 1; at < 24; at++) {
    assert.match(await inTwo(port, request, at, (got) => got.length > 0), /^HTTP\/1\.1 405 /)
    // An empty SETTINGS frame follows; the server's own begins with its length, type 4 and stream 0.
    const settings = await inTwo(port, `${preface}\0\0\0\u0004\0\0\0\0\0`, at, (got) => got.length >= 9)
    assert.deepEqual([settings.charCodeAt(3), settings.charCodeAt(8)], [4, 0])
  }
})

test("no bytes after the preface make the gateway fail or hang", async (t) => {
  const { port, url, logged } = await openBench(t)
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 100 }), fc.boolean(), async (bytes, withSettings) => {
      const socket = await open(port, "")
      socket.write(preface)
      if (withSettings) socket.write(Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]))
      socket.end(bytes)
      await new Promise<void>((resolve) => {
        socket.once("close", () => resolve())
        socket.resume()
      })
    }),
    { numRuns: 100 },
  )
  assert.deepEqual((await ask(t, url, "/echo", Buffer.from("alive"))).body.toString(), "alive")
  assert.deepEqual(logged, [])
})

test("a connection that does not say which it is, is cut off after its time", async (t) => {
  const { port, clock } = await openBench(t)
  const socket = await open(port, "PRI * HT")
  const closed = new Promise((resolve) => socket.once("close", resolve))
  socket.resume()
  while (clock.waiting === 0) await new Promise((resolve) => setImmediate(resolve))
  clock.advance(10_001)
  await closed
})

test("over HTTP/2 all is served as over HTTP/1.1, to this machine's programs, within the bounds of a body", async (t) => {
  const { url, logged } = await openBench(t)
  const put = await ask(t, url, "/v1/streams/payments/records", Buffer.from('{"a":1}\n{"a":2}\n'), { "content-type": "application/x-ndjson" })
  assert.deepEqual([put.headers[":status"], (JSON.parse(put.body.toString()) as { accepted: number }).accepted], [200, 2])
  const nowhere = await ask(t, url, "/v1/nowhere", Buffer.from("{}"))
  assert.deepEqual([nowhere.headers[":status"], (JSON.parse(nowhere.body.toString()) as { code: string }).code], [404, "MR1012"])
  const shown = await ask(t, url, "/v1/streams/payments/records", Buffer.alloc(0), { ":method": "GET" })
  const plain = await fetch(`${url}/v1/streams/payments/records`)
  assert.equal(shown.body.toString(), await plain.text())
  const live = await ask(t, url, "/v1/streams/payments/live", Buffer.alloc(0), { ":method": "HEAD" })
  assert.deepEqual([live.headers[":status"], live.headers["content-type"], live.headers["connection"]], [200, "text/event-stream", undefined])
  assert.deepEqual(logged, [])
  const foreign = await ask(t, url, "/echo", Buffer.from("{}"), { origin: "http://elsewhere.example" })
  assert.deepEqual(
    [foreign.headers[":status"], (JSON.parse(foreign.body.toString()) as { code: string }).code],
    [403, "MR1018"],
  )
  assert.equal((JSON.parse(foreign.body.toString()) as { instance: string }).instance, "/echo")
  const rebound = await ask(t, url, "/echo", Buffer.from("{}"), { ":authority": "rebound.example" })
  assert.equal(rebound.headers[":status"], 403)
  const large = await ask(t, url, "/echo", Buffer.from(""), { "content-length": "17000000" }).catch(
    (error: { code?: string }) => error,
  )
  if ("headers" in large) assert.deepEqual([large.headers[":status"], large.body.toString()], [400, "MR1007"])
  else assert.match(String(large.code), /^ERR_HTTP2/)
})

test("a stream is followed over HTTP/2, and the reading ends with its reader or the gateway", async (t) => {
  const { gateway, url } = await openBench(t)
  const session = connectHttp2(url)
  session.on("error", () => undefined)
  const follow = (isEnough: (text: string) => boolean): Promise<{ text: () => string; leave: () => void; over: Promise<void> }> =>
    new Promise((resolve) => {
      const request = session.request({ ":path": "/v1/streams/payments/live?from=earliest" })
      let text = ""
      request.on("error", () => undefined)
      const over = new Promise<void>((done) => request.once("close", () => done()))
      request.setEncoding("utf8").on("data", (part: string) => {
        text += part
        if (isEnough(text)) resolve({ text: () => text, leave: () => request.close(constants.NGHTTP2_CANCEL), over })
      })
    })
  await ask(t, url, "/v1/streams/payments/records", Buffer.from('{"a":1}'), { "content-type": "application/json" })
  const first = await follow((text) => text.includes('{"a":1}'))
  first.leave()
  await first.over
  const second = await follow((text) => text.includes('{"a":1}'))
  const closed = gateway.close()
  await second.over
  session.close()
  await closed
})

test("an answer that lasts ends when its client goes away, and when the gateway closes", async (t) => {
  const { gateway, url } = await openBench(t)
  const session = connectHttp2(url)
  session.on("error", () => undefined)
  const begin = (): Promise<{ cancel: () => void; over: Promise<string> }> =>
    new Promise((resolve) => {
      const request = session.request({ ":method": "POST", ":path": "/echo/live" })
      request.on("error", () => undefined)
      let text = ""
      const over = new Promise<string>((done) => request.once("close", () => done(text)))
      request.setEncoding("utf8").on("data", (part: string) => {
        text += part
        resolve({ cancel: () => request.close(constants.NGHTTP2_CANCEL), over })
      })
      request.end()
    })
  const first = await begin()
  first.cancel()
  assert.equal(await first.over, "begun ")
  const second = await begin()
  const closed = gateway.close()
  assert.equal(await second.over, "begun ")
  session.close()
  await closed
})

/** Sends a text in two parts with a turn of the event loop between them; what comes back until that is enough. */
function inTwo(port: number, text: string, at: number, isEnough: (got: string) => boolean): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket: Socket = connect({ port, host: "127.0.0.1", noDelay: true }, () => {
      socket.write(Buffer.from(text.slice(0, at), "latin1"), () =>
        setImmediate(() => socket.write(Buffer.from(text.slice(at), "latin1"))),
      )
    })
    let got = ""
    socket.setEncoding("latin1").on("data", (part: string) => {
      got += part
      if (!isEnough(got)) return
      socket.destroy()
      resolve(got)
    })
    socket.on("error", reject)
  })
}
