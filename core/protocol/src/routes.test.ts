import assert from "node:assert/strict"
import { test } from "node:test"
import { errorTable } from "@millrace/model"
import { pathOf, routes } from "./routes.ts"

test("a route's path parameters are those of its template", () => {
  for (const { path, parameters } of routes) {
    const named = [...path.matchAll(/\{(\w+)\}/g)].map((match) => match[1])
    assert.deepEqual(
      parameters.filter((each) => each.in === "path").map(({ name }) => name),
      named,
      path,
    )
  }
})

test("no two routes share a method and path, and no code is listed twice", () => {
  assert.equal(new Set(routes.map(({ method, path }) => `${method} ${path}`)).size, routes.length)
  for (const { errors } of routes) {
    assert.equal(new Set(errors).size, errors.length)
    assert.ok(errors.every((code) => code in errorTable))
  }
})

test("a path is filled with its parameters, percent-encoded", () => {
  assert.equal(pathOf("produce", { stream: "fraud/velocity.rows" }), "/v1/streams/fraud%2Fvelocity.rows/records")
  assert.equal(pathOf("health"), "/healthz")
})
