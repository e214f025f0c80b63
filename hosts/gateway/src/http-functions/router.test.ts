import assert from "node:assert/strict"
import { test } from "node:test"
import { type FunctionPlan, type HttpSegment, reservedSegments } from "@millrace/model"
import { routes } from "@millrace/protocol"
import { Router } from "./router.ts"

/** A function that answers this route, named by it. */
function plan(key: string): FunctionPlan {
  const [method = "", path = ""] = key === "$default" ? ["ANY"] : key.split(" ")
  const segments = path.slice(1).split("/").map((text): HttpSegment => {
    const [, name, plus] = /^\{(\w+)(\+?)\}$/.exec(text) ?? []
    return name === undefined ? { kind: "text", text } : { kind: plus === "" ? "one" : "greedy", name }
  })
  const route = { key, method, segments: key === "$default" ? null : segments }
  return { name: key, source: { kind: "typed", file: "" }, timeoutMs: 1, memoryMegabytes: 1, env: {}, concurrency: null, http: { routes: [route], cors: null } }
}

test("every address of the node itself is reserved, so no function gets it", () => {
  const router = new Router([plan("$default")])
  for (const { path } of routes) {
    assert.ok(path === "/" || reservedSegments.has(path.split("/")[1] ?? ""), path)
    assert.deepEqual(router.at(path), [])
  }
})

test("text goes before a parameter, a parameter before a greedy one, a method before ANY, and $default is the last", () => {
  const keys = ["$default", "ANY /a/{rest+}", "GET /a/{rest+}", "ANY /a/{x}", "GET /a/{x}", "GET /a/b", "ANY /{x}/b", "GET /a/{x}/c"]
  for (const order of [keys, keys.toReversed()]) {
    const router = new Router(order.map(plan))
    const chosen = (method: string, path: string): string | undefined => router.match(method, path)?.route.key
    assert.equal(chosen("GET", "/a/b"), "GET /a/b")
    assert.equal(chosen("POST", "/a/b"), "ANY /a/{x}")
    assert.equal(chosen("GET", "/a/z"), "GET /a/{x}")
    assert.equal(chosen("GET", "/a/z/c"), "GET /a/{x}/c")
    assert.equal(chosen("GET", "/a/z/d"), "GET /a/{rest+}")
    assert.equal(chosen("PUT", "/a/z/d"), "ANY /a/{rest+}")
    assert.equal(chosen("PUT", "/z/b"), "ANY /{x}/b")
    assert.equal(chosen("GET", "/a"), "$default")
    assert.equal(chosen("GET", "/a/"), "$default")
    assert.equal(chosen("GET", "/"), undefined)
  }
})

test("parameters are decoded, and what cannot be decoded is taken as it is", () => {
  const router = new Router([plan("GET /a/{x}/{rest+}")])
  assert.deepEqual(router.match("GET", "/a/b%20c/d%2Fe/%zz")?.parameters, { x: "b c", rest: "d/e/%zz" })
})
