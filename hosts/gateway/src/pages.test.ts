import assert from "node:assert/strict"
import { test } from "node:test"
import { isMillraceError } from "@millrace/model"
import { request } from "undici"
import { openDoor } from "../test/door.ts"
import { streamPlan } from "../test/memory-node.ts"
import { Pages } from "./pages.ts"

const shop = "https://shop.example"

test("a page whose origin was named may call, and reads answers and refusals; no other page may", async (t) => {
  const { url } = await openDoor(t, [streamPlan("payments")], { pages: [shop, "http://localhost:5173"] })
  const asked = async (path: string, method: string, headers: Record<string, string>, body?: string) => {
    const answer = await fetch(url + path, { method, headers, ...(body === undefined ? {} : { body }) })
    if (answer.headers.get("content-type") !== "text/event-stream") await answer.text()
    else await answer.body?.cancel()
    return answer
  }
  const json = { "content-type": "application/json" }
  // What a browser asks before.
  const before = await asked("/v1/streams/payments/records", "OPTIONS", {
    origin: shop,
    "access-control-request-method": "POST",
    "access-control-request-headers": "content-type,idempotency-key",
    "access-control-request-private-network": "true",
  })
  assert.equal(before.status, 204)
  assert.equal(before.headers.get("access-control-allow-origin"), shop)
  assert.equal(before.headers.get("access-control-allow-methods"), "POST, GET, HEAD")
  assert.equal(before.headers.get("access-control-allow-private-network"), "true")
  for (const name of ["content-type", "idempotency-key", "prefer"]) assert.ok(before.headers.get("access-control-allow-headers")?.includes(name), name)

  for (const [path, method, status] of [
    ["/v1/streams/payments/records", "POST", 200],
    ["/v1/streams/payments/records?partition=0", "GET", 200],
    ["/v1/streams/payments/live", "GET", 200],
    ["/v1/streams", "GET", 200],
    ["/v1/tables", "GET", 200],
    ["/v1/tasks/nothing/runs", "POST", 404],
    ["/v1/runs/nothing-1", "GET", 404],
    ["/v1/events/payments", "POST", 200],
  ] as const) {
    const body = method === "POST" ? '{"key":"a"}' : undefined
    const { status: told, headers } = await asked(path, method, { ...json, origin: "http://localhost:5173", "sec-fetch-site": "cross-site" }, body)
    assert.deepEqual([told, headers.get("access-control-allow-origin"), headers.get("vary")], [status, "http://localhost:5173", "origin"], path)
    assert.match(headers.get("access-control-expose-headers") ?? "", /\blocation\b/)
    // The same from a page that nobody named, and from one that is named of an address that is not for pages.
    const refused = await asked(path, method, { ...json, origin: "https://evil.example" }, body)
    assert.deepEqual([refused.status, refused.headers.get("access-control-allow-origin")], [403, null], path)
  }
  for (const path of ["/v1/status", "/metrics", "/v1/openapi.json", "/v1/functions", "/v1/tasksx"]) {
    const { status, headers } = await asked(path, "GET", { origin: shop })
    assert.deepEqual([status, headers.get("access-control-allow-origin")], [403, null], path)
  }
  const unasked = await asked("/v1/tasks/x/runs", "OPTIONS", { origin: "https://evil.example", "access-control-request-method": "POST" })
  assert.deepEqual([unasked.status, unasked.headers.get("access-control-allow-origin")], [403, null])
  // A name that was rebound to this machine does not get in with the origin of a page.
  const rebound = await request(`${url}/v1/tasks`, { headers: { host: "shop.example", origin: shop } })
  assert.equal(rebound.statusCode, 403)
  await rebound.body.dump()
})

test("what is no origin of a page is refused before the door opens", () => {
  for (const origin of ["*", "null", "shop.example", "https://shop.example/", "https://shop.example/page", "https://user@shop.example", ""]) {
    assert.throws(
      () => new Pages([shop, origin]),
      (error) => isMillraceError(error) && error.code === "MR1101" && error.message.includes(JSON.stringify(origin)),
      origin,
    )
  }
})
