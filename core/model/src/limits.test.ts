import assert from "node:assert/strict"
import { test } from "node:test"
import { limits } from "./limits.ts"

test("every limit is a whole number above zero", () => {
  for (const [name, value] of Object.entries(limits)) assert.ok(Number.isSafeInteger(value) && value > 0, name)
})

test("every limit says its unit or what it counts, the big word first", () => {
  for (const name of Object.keys(limits)) assert.match(name, /(Max|Min|Bytes|Ms)$/, name)
})

test("what takes two bytes in a block fits them", () => {
  assert.ok(limits.keyLengthMax * 3 <= 65_535)
  assert.ok(limits.recordHeadersBytesMax <= 65_535)
  assert.ok(limits.upstreamsMax - 1 <= 65_535)
  assert.ok(limits.partitionsMax - 1 <= 65_535)
})
