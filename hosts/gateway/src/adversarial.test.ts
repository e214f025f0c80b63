import assert from "node:assert/strict"
import { connect } from "node:net"
import { test } from "node:test"
import { gzipSync } from "node:zlib"
import { errorTable } from "@millrace/model"
import fc from "fast-check"
import { type Door, openDoor, raw } from "../test/door.ts"
import { streamPlan } from "../test/memory-node.ts"

const runs = { numRuns: 200 }

/**
 * What came back: a status that is an answer to a mistake or a success, and problem details where it is not a success.
 */
function assertAnswered(text: string, sent: string): void {
  // A parser that cannot tell where a request ends closes the connection; that is an answer too.
  if (text === "") return
  const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(text)?.[1])
  assert.ok(status >= 200 && status < 500, `${status} for ${JSON.stringify(sent)}: ${text.slice(0, 400)}`)
  const [head = "", body = ""] = text.split("\r\n\r\n", 2)
  if (!/content-type: application\/problem\+json/i.test(head) || sent.startsWith("HEAD ")) return
  const json = /transfer-encoding: chunked/i.test(head)
    ? body
        .split("\r\n")
        .filter((_, at) => at % 2 === 1)
        .join("")
    : body
  const { code } = JSON.parse(json) as { code: string }
  assert.equal(errorTable[code as keyof typeof errorTable].status, status, sent)
}

async function exchange(door: Door, line: string, headers: readonly string[], body = ""): Promise<void> {
  const sent = `${line}\r\n${headers.map((header) => `${header}\r\n`).join("")}Connection: close\r\n\r\n${body}`
  assertAnswered(await raw(door.port, Buffer.from(sent, "latin1")), sent)
  assert.deepEqual(door.logged, [])
}

const segment = fc.oneof(
  fc.constantFrom(
    "v1",
    "streams",
    "payments",
    "records",
    "end",
    "errors",
    "metrics",
    "openapi.json",
    "status",
    "..",
    ".",
    "",
    "%2F",
    "%00",
    "%",
    "%ff",
    "%2",
    "%25",
    "*",
    ":stream",
    "{stream}",
    "fraud%2Frows",
  ),
  fc.string({ unit: "grapheme", maxLength: 8 }).map(encodeURIComponent),
  fc.string({ maxLength: 12 }).map((text) => text.replaceAll(/[\s#?]/g, "_")),
)
const path = fc.oneof(
  fc.constantFrom(
    "/v1/streams/payments/records",
    "/v1/streams/payments/end",
    "/v1/streams/payments",
    "/v1/streams",
    "/",
  ),
  fc.array(segment, { maxLength: 6 }).map((segments) => `/${segments.join("/")}`),
)
const query = fc.oneof(
  fc.constant(""),
  fc
    .array(
      fc.tuple(
        fc.constantFrom("from", "limit", "partition", "x", "__proto__", ""),
        fc.oneof(
          fc.string({ maxLength: 20 }),
          fc.integer().map(String),
          fc.constantFrom("earliest", "latest", "1.2.3.4", "2026-11-21T00:00:00Z", "99999999999999999999"),
        ),
      ),
      { maxLength: 4 },
    )
    .map((pairs) => `?${pairs.map(([name, value]) => `${name}=${encodeURIComponent(value)}`).join("&")}`),
  fc.string({ maxLength: 20 }).map((text) => `?${text.replaceAll(/[\s#]/g, "_")}`),
)
const method = fc.constantFrom("GET", "POST", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "PROPFIND")

test("no path, query or method makes the gateway fail or hang", async (t) => {
  const door = await openDoor(t, [streamPlan("payments"), streamPlan("fraud/rows", { role: "sink" })])
  await fc.assert(
    fc.asyncProperty(method, path, query, async (verb, where, asked) => {
      await exchange(door, `${verb} ${where}${asked} HTTP/1.1`, ["Host: localhost", "Content-Length: 0"])
    }),
    runs,
  )
})

test("no header makes the gateway fail or hang", async (t) => {
  const door = await openDoor(t)
  const text = fc.string({ maxLength: 40 }).map((value) => value.replaceAll(/[\r\n\0]/g, " "))
  const header = fc.oneof(
    fc.tuple(
      fc.constantFrom(
        "Content-Type",
        "Content-Encoding",
        "Idempotency-Key",
        "Host",
        "Origin",
        "Accept",
        "Sec-Fetch-Site",
        "Expect",
        "Upgrade",
        "Range",
        "If-None-Match",
        "Content-Length",
        "Transfer-Encoding",
        "X-Forwarded-For",
      ),
      text,
    ),
    fc.constantFrom(
      ["Content-Type", "application/json; charset="],
      ["Content-Type", ";;;="],
      ["Content-Encoding", "gzip"],
      ["Host", "localhost:99999"],
      ["Host", "[::1"],
      ["Transfer-Encoding", "chunked"],
      ["Upgrade", "websocket"],
      ["Upgrade", "h2c"],
      ["Expect", "100-continue"],
      ["Expect", "something"],
      ["Content-Length", "5"],
      ["Content-Length", "-1"],
      ["Content-Length", "1e3"],
    ) as fc.Arbitrary<[string, string]>,
  )
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom("GET", "POST"),
      path,
      fc.array(header, { maxLength: 5 }),
      async (verb, where, headers) => {
        const given = new Set(headers.map(([name]) => name))
        const needed = given.has("Host") ? [] : ["Host: localhost"]
        // The end of the sender's bytes ends a body that announced more than there is.
        const fields = [...needed, ...headers.map(([name, value]) => `${name}: ${value}`), "Connection: close"]
        const sent = `${verb} ${where} HTTP/1.1\r\n${fields.join("\r\n")}\r\n\r\n0\r\n\r\n`
        const answer = await new Promise<string>((resolve) => {
          const parts: Buffer[] = []
          const socket = connect({ port: door.port, host: "127.0.0.1", allowHalfOpen: true }, () =>
            socket.end(Buffer.from(sent, "latin1")),
          )
          socket.on("data", (part) => parts.push(part))
          socket.on("error", () => undefined)
          socket.on("close", () => resolve(Buffer.concat(parts).toString("utf8")))
          socket.on("end", () => socket.destroy())
        })
        const interim = answer.replace(/^HTTP\/1\.1 100 Continue\r\n\r\n/, "")
        assertAnswered(interim, sent)
        assert.deepEqual(door.logged, [])
      },
    ),
    runs,
  )
})

test("no body makes the gateway fail or hang", async (t) => {
  const door = await openDoor(t)
  const type = fc.constantFrom(
    "application/json",
    "application/x-ndjson",
    "application/cloudevents+json",
    "application/cloudevents-batch+json",
  )
  const body = fc.oneof(
    fc.string({ unit: "binary", maxLength: 200 }),
    fc.json(),
    fc.array(fc.json(), { maxLength: 5 }).map((parts) => parts.join("\n")),
    fc.array(fc.json({ maxDepth: 1 }), { maxLength: 5 }).map((parts) => `[${parts.join(",")}]`),
  )
  await fc.assert(
    fc.asyncProperty(type, body, fc.boolean(), async (contentType, text, zipped) => {
      const plain = new TextEncoder().encode(text)
      const bytes = zipped ? new Uint8Array(gzipSync(plain)) : plain
      const headers: Record<string, string> = zipped
        ? { "content-type": contentType, "content-encoding": "gzip" }
        : { "content-type": contentType }
      const response = await fetch(`${door.url}/v1/streams/payments/records`, { method: "POST", body: bytes, headers })
      const answer = (await response.json()) as { accepted?: number; code?: string }
      assert.ok(
        response.status === 200 ? answer.accepted !== undefined : response.status === 422 && answer.code !== undefined,
        `${response.status} ${JSON.stringify(answer)}`,
      )
      assert.deepEqual(door.logged, [])
    }),
    runs,
  )
})
