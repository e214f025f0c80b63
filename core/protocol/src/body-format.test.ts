import assert from "node:assert/strict"
import { test } from "node:test"
import { bodyFormat } from "./body-format.ts"

test("the four media types are told apart, whatever their case and parameters", () => {
  assert.equal(bodyFormat("application/json"), "json")
  assert.equal(bodyFormat("APPLICATION/JSON ; charset=UTF-8"), "json")
  assert.equal(bodyFormat('application/json;charset="utf-8";q=1'), "json")
  assert.equal(bodyFormat("application/json;charset=utf8"), "json")
  assert.equal(bodyFormat("application/x-ndjson"), "ndjson")
  assert.equal(bodyFormat("application/cloudevents+json"), "cloudevent")
  assert.equal(bodyFormat("application/cloudevents-batch+json; x=y"), "cloudevents")
})

test("other media types and charsets are none of ours", () => {
  for (const type of [
    undefined,
    "",
    "text/plain",
    "application/jsonx",
    "json",
    "application/json; charset=utf-16",
    "application/json;charset=",
    ";",
    "constructor",
  ]) {
    assert.equal(bodyFormat(type), undefined, type)
  }
})
