import assert from "node:assert/strict"
import { test } from "node:test"
import fc from "fast-check"
import { jsonOf, sameJsonOf } from "./json-form.ts"

test("what JSON can say is given as JSON.stringify gives it", () => {
  fc.assert(fc.property(fc.jsonValue(), (value) => assert.deepEqual(jsonOf(value), { json: JSON.stringify(value) })))
  for (const value of [{ at: new Date(0), left: undefined, call: () => 1 }, [undefined], Object.create(null), new (class Point { x = 1 })(), new Uint8Array(2)]) {
    assert.deepEqual(jsonOf(value), { json: JSON.stringify(value) })
  }
  const twice = { a: 1 }
  assert.deepEqual(jsonOf([twice, twice]), { json: '[{"a":1},{"a":1}]' })
})

test("what JSON would lose is named with its place", () => {
  const circle: Record<string, unknown> = { a: 1 }
  circle["self"] = circle
  const faults: ReadonlyArray<readonly [unknown, RegExp]> = [
    [{ a: [{ n: 1n }] }, /^a\.0\.n: a BigInt has no JSON form/],
    [circle, /^self: it lies in itself/],
    [new Map([["a", 1]]), /^a Map has no JSON form; give Object\.fromEntries/],
    [{ seen: new Set() }, /^seen: a Set has no JSON form/],
    [{ mean: Number.NaN }, /^mean: NaN has no JSON form/],
    [[Promise.resolve()], /^0: a Promise has no JSON form; await it/],
    [{ why: new Error("x") }, /^why: an Error has no JSON form/],
    [/x/, /^a RegExp/],
    [new WeakMap(), /^a weak collection/],
    [new ArrayBuffer(1), /^an ArrayBuffer/],
    [undefined, /^it has no JSON form \(undefined\)/],
    [() => 1, /^it has no JSON form \(function\)/],
  ]
  for (const [value, says] of faults) {
    const form = jsonOf(value)
    assert.match("fault" in form ? form.fault : "", says)
  }
})

test("what is read back from the same JSON is what was given", () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      assert.deepEqual(sameJsonOf(value), { json: JSON.stringify(value) })
    }),
  )
  assert.deepEqual(sameJsonOf(Object.assign(Object.create(null), { a: 1, left: undefined })), { json: '{"a":1}' })
  class Point {
    x = 1
  }
  const faults: ReadonlyArray<readonly [unknown, RegExp]> = [
    [new Date(0), /^a Date is a text in JSON; give date\.toISOString\(\)/],
    [{ a: [new Date(0)] }, /^a\.0: a Date/],
    [{ a: { toJSON: () => 1 } }, /^a: it has a toJSON of its own/],
    [[1, undefined], /^1: undefined in a list is null/],
    [{ p: new Point() }, /^p: JSON does not keep what is of the class Point/],
    [new Uint8Array(2), /^JSON does not keep what is of the class Uint8Array/],
    [{ f: () => 1 }, /^f: a function has no JSON form/],
    [{ m: new Map() }, /^m: a Map has no JSON form/],
    [{ n: 1n }, /^n: a BigInt/],
  ]
  for (const [value, says] of faults) {
    const form = sameJsonOf(value)
    assert.match("fault" in form ? form.fault : "", says)
  }
})

test("a value that is nested too deep, or too deep to be written at all, is named as that", () => {
  const nested = (levels: number): unknown => {
    let value: unknown = 1
    for (let i = 0; i < levels; i++) value = { a: value }
    return value
  }
  assert.ok("json" in jsonOf(nested(1_000)))
  for (const levels of [1_001, 5_000, 200_000]) {
    const form = jsonOf({ list: [nested(levels)] })
    assert.match("fault" in form ? form.fault : "", /^it is nested deeper than 1000 levels; give it flatter/)
  }
})
