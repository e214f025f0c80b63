// HTTP functions as browsers and programs see them: a node with a service, over real sockets.
import assert from "node:assert/strict"
import { request as httpRequest } from "node:http"
import { connect as connectHttp2 } from "node:http2"
import { after, before, test } from "node:test"
import { Validator } from "@seriousme/openapi-schema-validator"
import { type Served, serve } from "../test/served.ts"
import type { RunningNode } from "./node.ts"

const serviceText = `
import { http, HttpError, service, task } from "millrace"
import { z } from "zod"
const typed = http("POST /orders", {
  description: "Takes an order",
  input: z.object({ item: z.string(), n: z.number().int() }),
  output: z.object({ id: z.string(), item: z.string() }),
  run: ({ item, n }, ctx) => {
    if (item === "gone") throw new HttpError(410, "There is no more of it.", { item })
    if (item === "broken") throw new TypeError("a secret of the code")
    ctx.status(201)
    ctx.header("Location", "/orders/" + n)
    return item === "unfit" ? { id: 7 } : { id: String(n), item }
  },
})
const read = http("GET /orders/{id}", { input: z.object({ id: z.coerce.number(), verbose: z.string().optional() }), run: (input, { path }) => ({ input, path }) })
const nothing = http("DELETE /orders/{id}", { run: () => undefined })
export const greet = task("greet", { input: z.object({ name: z.string() }), output: z.object({ greeting: z.string() }), run: ({ name }) => ({ greeting: "Hello " + name }) })
const greets = http("POST /greet", { input: z.object({ name: z.string() }), run: (input) => greet.call(input) })
export default service("shop", [
  greet, greets, typed, read, nothing,
  http("ANY /echo/{proxy+}", "./echo.mjs", { cors: { origins: ["https://shop.example"], credentials: true, exposed: ["x-id"], methods: ["GET", "PUT"] } }),
  http("GET /echo/exact", "./echo.mjs", { handler: "exact" }),
  http("POST /answers", "./echo.mjs", { name: "answers", handler: "answers" }),
  http("GET /streams/{parts}", "./echo.mjs", { handler: "streams", concurrency: 1 }),
  http("GET /breaks", "./echo.mjs", { handler: "breaks" }),
  http("GET /slow", "./echo.mjs", { handler: "slow", concurrency: 1 }),
  http(["GET /hono/{path+}", "POST /hono/{path+}"], "./hono.mjs", { name: "hono" }),
  http("GET /streamed-hono/{path+}", "./hono.mjs", { handler: "streaming" }),
  http("$default", "./echo.mjs", { handler: "otherwise" }),
])
`

const handlerText = `
export const handler = async (event) => event
export const exact = async () => "Hello from Lambda!"
export const answers = async (event) => JSON.parse(event.body)
export const otherwise = async (event) => ({ statusCode: 404, body: "nothing at " + event.rawPath + " for " + event.routeKey })
export const slow = () => new Promise((resolve) => setTimeout(resolve, 200))
export const streams = awslambda.streamifyResponse(async (event, stream) => {
  const out = awslambda.HttpResponseStream.from(stream, { statusCode: 202, headers: { "content-type": "text/plain", "x-id": "7" }, cookies: ["a=1", "b=2"] })
  for (let i = 0; i < Number(event.pathParameters.parts); i++) if (!out.write("x".repeat(1024))) await new Promise((resolve) => out.once("drain", resolve))
  out.end()
})
export const breaks = awslambda.streamifyResponse(async (event, stream) => {
  stream.write("begun")
  await new Promise((resolve) => setTimeout(resolve, 50))
  throw new Error("in the middle")
})
`

// A whole application behind an adapter that others wrote for AWS.
const honoText = `
import { Hono } from "hono"
import { handle, streamHandle } from "hono/aws-lambda"
const app = new Hono()
app.get("/hono/hello/:name", (c) => {
  c.header("set-cookie", "a=1")
  c.header("set-cookie", "b=2", { append: true })
  return c.json({ hello: c.req.param("name"), cookie: c.req.header("cookie"), q: c.req.queries("q"), url: new URL(c.req.url).pathname })
})
app.post("/hono/form", async (c) => c.json(await c.req.parseBody()))
app.get("/hono/bytes", (c) => c.body(Uint8Array.of(0, 255), 200, { "content-type": "image/png" }))
app.get("/streamed-hono/:n", (c) => c.body(new ReadableStream({
  start(controller) {
    for (let i = 0; i < Number(c.req.param("n")); i++) controller.enqueue(new TextEncoder().encode("x".repeat(1000)))
    controller.close()
  },
}), 203, { "content-type": "text/plain" }))
export const handler = handle(app)
export const streaming = streamHandle(app)
`

let place: Served
let node: RunningNode

before(async () => {
  place = await serve({ "service.ts": serviceText, "echo.mjs": handlerText, "hono.mjs": honoText }, { workers: 1, log: "silent" })
  node = place.node
})

after(() => place.close())

function post(address: string, body: string | Uint8Array<ArrayBuffer>, headers: Readonly<Record<string, string>> = { "content-type": "application/json" }): Promise<Response> {
  return fetch(node.url + address, { method: "POST", body, headers })
}

test("a handler gets the request as API Gateway tells it", async () => {
  const response = await new Promise<{ status: number | undefined; text: string }>((resolve, reject) => {
    const request = httpRequest(`${node.url}/echo/a%20b/c?x=1&x=2&y=%C3%A4&z`, {
      method: "PUT",
      headers: { "Content-Type": "application/json; charset=utf-8", Cookie: "a=1; b=2", "X-Many": ["1", "2"], "User-Agent": "test/1" },
    })
    request.on("error", reject)
    request.on("response", (incoming) => {
      let text = ""
      incoming.setEncoding("utf8").on("data", (part: string) => (text += part))
      incoming.on("end", () => resolve({ status: incoming.statusCode, text }))
    })
    request.end('{"n":1}')
  })
  assert.equal(response.status, 200)
  const { headers, requestContext, ...event } = JSON.parse(response.text)
  const host = new URL(node.url).host
  assert.deepEqual(event, {
    version: "2.0",
    routeKey: "ANY /echo/{proxy+}",
    rawPath: "/echo/a b/c",
    rawQueryString: "x=1&x=2&y=%C3%A4&z",
    cookies: ["a=1", "b=2"],
    queryStringParameters: { x: "1,2", y: "ä", z: "" },
    pathParameters: { proxy: "a b/c" },
    body: '{"n":1}',
    isBase64Encoded: false,
  })
  assert.deepEqual([headers["content-type"], headers["x-many"], headers.host, headers.cookie], ["application/json; charset=utf-8", "1, 2", host, undefined])
  assert.deepEqual([headers["x-forwarded-for"], headers["x-forwarded-proto"], headers["x-forwarded-port"]], ["127.0.0.1", "http", new URL(node.url).port])
  const { requestId, time, timeEpoch, ...context } = requestContext
  assert.match(requestId, /^[0-9a-f-]{36}$/)
  assert.match(time, /^\d\d\/[A-Z][a-z]{2}\/\d{4}:\d\d:\d\d:\d\d \+0000$/)
  assert.ok(Math.abs(Date.now() - timeEpoch) < 60_000)
  assert.deepEqual(context, {
    accountId: "000000000000",
    apiId: "millrace",
    domainName: host,
    domainPrefix: "127",
    http: { method: "PUT", path: "/echo/a b/c", protocol: "HTTP/1.1", sourceIp: "127.0.0.1", userAgent: "test/1" },
    routeKey: "ANY /echo/{proxy+}",
    stage: "$default",
  })
})

test("what is not text to API Gateway comes in base64, forms and untyped bodies too; what is not there is left out", async () => {
  const get = (await (await fetch(`${node.url}/echo/x`)).json()) as Record<string, unknown>
  assert.deepEqual(["body", "cookies", "queryStringParameters"].filter((name) => name in get), [])
  assert.equal(get["isBase64Encoded"], false)
  for (const [type, isBase64] of [
    ["text/csv", false],
    ["application/xml", false],
    ["application/x-www-form-urlencoded", true],
    ["application/octet-stream", true],
    ["application/problem+json", true],
  ] as const) {
    const event = (await (await post("/echo/x", "a=1", { "content-type": type })).json()) as Record<string, unknown>
    assert.deepEqual([event["isBase64Encoded"], event["body"]], [isBase64, isBase64 ? "YT0x" : "a=1"], type)
  }
  const bytes = Uint8Array.of(0, 255, 1)
  const event = (await (await post("/echo/x", bytes, {})).json()) as Record<string, unknown>
  assert.deepEqual([event["isBase64Encoded"], event["body"]], [true, "AP8B"])
})

test("an answer without a status is 200 and JSON; one with a status is as it says", async () => {
  const text = await fetch(`${node.url}/echo/exact`)
  assert.deepEqual([text.status, text.headers.get("content-type"), await text.text()], [200, "application/json", "Hello from Lambda!"])
  const made = await post("/answers", JSON.stringify({ statusCode: 418, headers: { "X-A": 1, "Content-Type": "image/png", "Content-Length": "1" }, cookies: ["a=1", "b=2"], body: "AP8=", isBase64Encoded: true }))
  assert.deepEqual([made.status, made.headers.get("x-a"), made.headers.get("content-type"), made.headers.getSetCookie()], [418, "1", "image/png", ["a=1", "b=2"]])
  assert.deepEqual([...new Uint8Array(await made.arrayBuffer())], [0, 255])
  const empty = await post("/answers", '{"statusCode":204}')
  assert.deepEqual([empty.status, await empty.text()], [204, ""])
  const list = await post("/answers", "[1]")
  assert.deepEqual([list.status, await list.text()], [200, "[1]"])
  const none = await post("/answers", "null")
  assert.deepEqual([none.status, await none.text()], [200, "null"])
})

test("an answer that API Gateway would not take is 500", async () => {
  for (const wrong of ['{"statusCode":"many"}', '{"statusCode":99}', '{"statusCode":200,"body":{}}', '{"statusCode":200,"headers":{"x":["1"]}}', '{"statusCode":200,"headers":{"a b":"1"}}', '{"statusCode":200,"headers":{"x":"a\\nb"}}', '{"statusCode":200,"cookies":"a"}']) {
    const response = await post("/answers", wrong)
    assert.deepEqual([response.status, await response.text()], [500, '{"message":"Internal Server Error"}'], wrong)
  }
})

test("the most specific route is taken, and $default what none takes", async () => {
  assert.equal(await (await fetch(`${node.url}/echo/exact`)).text(), "Hello from Lambda!")
  assert.match(await (await fetch(`${node.url}/echo/exact/more`)).text(), /"proxy":"exact\/more"/)
  assert.match(await (await post("/echo/exact", "")).text(), /"proxy":"exact"/)
  const other = await fetch(`${node.url}/no/where`)
  assert.deepEqual([other.status, await other.text()], [404, "nothing at /no/where for $default"])
  assert.equal((await fetch(`${node.url}/v1/nothing`)).status, 404)
  assert.match(await (await fetch(`${node.url}/v1/nothing`)).text(), /MR1012/)
  assert.equal((await fetch(`${node.url}/healthz`)).status, 200)
})

test("a body of more than 10 MB, or one that makes the event too large, is 413", async () => {
  for (const size of [10_485_761, 7_000_000]) {
    const response = await post("/answers", "x".repeat(size))
    assert.deepEqual([response.status, await response.text()], [413, '{"message":"Request Entity Too Large"}'], String(size))
  }
})

test("a function that fails is 500, one that may have no more instances 503", async () => {
  const failed = await post("/answers", "{")
  assert.deepEqual([failed.status, await failed.text()], [500, '{"message":"Internal Server Error"}'])
  const [first, second] = await Promise.all([fetch(`${node.url}/slow`), fetch(`${node.url}/slow`)])
  assert.deepEqual([first.status, second.status].toSorted((a, b) => a - b), [200, 503])
})

test("a streamed answer comes as it is written, with its status, headers and cookies", async () => {
  const response = await fetch(`${node.url}/streams/3000`)
  assert.deepEqual([response.status, response.headers.get("content-type"), response.headers.get("x-id"), response.headers.getSetCookie()], [202, "text/plain", "7", ["a=1", "b=2"]])
  assert.equal((await response.text()).length, 3000 * 1024)
})

test("a reader who goes away ends the instance that writes for it", async () => {
  const response = await fetch(`${node.url}/streams/2000000`)
  const reader = response.body?.getReader()
  await reader?.read()
  await reader?.cancel()
  // The one instance that there may be is busy until it has been ended.
  let again = await fetch(`${node.url}/streams/1`)
  while (again.status === 503) again = await fetch(`${node.url}/streams/1`)
  assert.equal((await again.text()).length, 1024)
})

test("a streamed answer that breaks off breaks the connection off", async () => {
  const response = await fetch(`${node.url}/breaks`)
  assert.equal(response.status, 200)
  await assert.rejects(response.text())
})

test("a typed function is answered by its schemas", async () => {
  const made = await post("/orders", '{"item":"tea","n":3}')
  assert.deepEqual([made.status, made.headers.get("location"), await made.json()], [201, "/orders/3", { id: "3", item: "tea" }])
  const unfit = await post("/orders", '{"item":7,"n":1.5}')
  const problem = (await unfit.json()) as { code: string; faults: { path: string }[] }
  assert.deepEqual([unfit.status, unfit.headers.get("content-type"), problem.code, problem.faults.map((fault) => fault.path)], [422, "application/problem+json", "MR1030", ["item", "n"]])
  const misread = await post("/orders", "{")
  assert.deepEqual([misread.status, ((await misread.json()) as { code: string }).code], [422, "MR1001"])
  const gone = await post("/orders", '{"item":"gone","n":1}')
  assert.deepEqual([gone.status, await gone.json()], [410, { type: "about:blank", title: "Gone", status: 410, detail: "There is no more of it.", instance: "/orders", item: "gone" }])
  for (const item of ["broken", "unfit"]) {
    const response = await post("/orders", JSON.stringify({ item, n: 1 }))
    // MR1210 and what the code has thrown are for the log alone.
    assert.deepEqual([response.status, await response.text()], [500, '{"message":"Internal Server Error"}'], item)
  }
  assert.deepEqual(await (await fetch(`${node.url}/orders/12?verbose=yes`)).json(), { input: { id: 12, verbose: "yes" }, path: "/orders/12" })
  assert.equal((await fetch(`${node.url}/orders/12`, { method: "DELETE" })).status, 204)
  const head = await fetch(`${node.url}/echo/x`, { method: "HEAD" })
  assert.deepEqual([head.status, await head.text()], [200, ""])
})

test("a typed function has a task done and answers with what came of it", async () => {
  const response = await post("/greet", '{"name":"Ada"}')
  assert.deepEqual([response.status, await response.json()], [200, { greeting: "Hello Ada" }])
})

test("pages of the origins that CORS names may call, others may not", async () => {
  const origin = { origin: "https://shop.example" }
  const preflight = await fetch(`${node.url}/echo/x`, { method: "OPTIONS", headers: { ...origin, "access-control-request-method": "PUT" } })
  assert.equal(preflight.status, 204)
  const header = (response: Response, name: string): string | null => response.headers.get(`access-control-${name}`)
  assert.deepEqual(
    ["allow-origin", "allow-methods", "allow-headers", "max-age", "allow-credentials"].map((name) => header(preflight, name)),
    ["https://shop.example", "GET,PUT", "content-type,authorization", "3600", "true"],
  )
  const called = await fetch(`${node.url}/echo/x`, { method: "PUT", headers: origin })
  assert.deepEqual([called.status, header(called, "allow-origin"), header(called, "expose-headers")], [200, "https://shop.example", "x-id"])
  assert.equal((await fetch(`${node.url}/echo/x`, { headers: { origin: "https://other.example" } })).status, 403)
  assert.equal((await fetch(`${node.url}/orders/1`, { headers: origin })).status, 403, "a route without CORS takes no foreign page")
})

test("an application behind hono's adapter for AWS runs as it is", async () => {
  const hello = await fetch(`${node.url}/hono/hello/a%20b?q=1&q=2`, { headers: { cookie: "s=1; t=2" } })
  assert.deepEqual([hello.status, hello.headers.getSetCookie()], [200, ["a=1", "b=2"]])
  assert.deepEqual(await hello.json(), { hello: "a b", cookie: "s=1; t=2", q: ["1", "2"], url: "/hono/hello/a%20b" })
  const form = await post("/hono/form", "a=1&b=x%20y", { "content-type": "application/x-www-form-urlencoded" })
  assert.deepEqual(await form.json(), { a: "1", b: "x y" })
  const bytes = await fetch(`${node.url}/hono/bytes`)
  assert.deepEqual([bytes.headers.get("content-type"), ...new Uint8Array(await bytes.arrayBuffer())], ["image/png", 0, 255])
  const streamed = await fetch(`${node.url}/streamed-hono/500`)
  assert.deepEqual([streamed.status, streamed.headers.get("content-type"), (await streamed.text()).length], [203, "text/plain", 500_000])
})

test("HTTP/2 does as well", async () => {
  const session = connectHttp2(node.url)
  const stream = session.request({ ":path": "/echo/h2", ":method": "GET" })
  let text = ""
  stream.setEncoding("utf8").on("data", (part: string) => (text += part))
  await new Promise((resolve, reject) => stream.on("end", resolve).on("error", reject))
  session.close()
  const event = JSON.parse(text)
  assert.deepEqual([event.requestContext.http.protocol, event.pathParameters.proxy, event.headers.host], ["HTTP/2.0", "h2", new URL(node.url).host])
})

test("openapi.json has the typed functions with their schemas", async () => {
  const document = (await (await fetch(`${node.url}/v1/openapi.json`)).json()) as {
    paths: Record<string, Record<string, { operationId: string; summary: string; parameters?: { name: string; in: string }[]; requestBody?: { content: Record<string, { schema: object }> } }>>
    components: { schemas: Record<string, { properties?: object }> }
  }
  const { errors = [] } = await new Validator().validate(document)
  assert.deepEqual(errors, [])
  const made = document.paths["/orders"]?.["post"]
  assert.equal(made?.operationId, "function.post-orders")
  assert.deepEqual(Object.keys(document.components.schemas["function.post-orders.input"]?.properties ?? {}), ["item", "n"])
  assert.deepEqual(document.paths["/orders/{id}"]?.["get"]?.parameters?.map((each) => [each.in, each.name]), [["path", "id"]])
  assert.ok(document.paths["/echo/{proxy}"]?.["patch"] !== undefined)
})
