import assert from "node:assert/strict"
import { test } from "node:test"
import fc from "fast-check"
import { ByteReader, ByteWriter } from "./bytes.ts"
import { isMillraceError } from "./errors.ts"
import { readValue, valueBytes, valueFrom, writeValue } from "./value.ts"

const text = fc.oneof(
  fc.string({ maxLength: 40 }),
  fc.string({ unit: "binary", maxLength: 40 }),
  fc.constantFrom("__proto__", "constructor", "\ufeff", "\ud800", "a\udc00b"),
)
const number = fc.oneof(
  fc.double(),
  fc.integer(),
  fc.constantFrom(-0, 0, 2 ** 31 - 1, -(2 ** 31), 2 ** 31, 2 ** 53, Number.NaN, Infinity, -Infinity),
)
const date = fc.oneof(fc.date({ noInvalidDate: false }), fc.constant(new Date(Number.NaN)))

/** Plain objects with any keys as own properties. */
function object<T>(value: fc.Arbitrary<T>): fc.Arbitrary<Record<string, T>> {
  return fc.array(fc.tuple(text, value), { maxLength: 6 }).map((pairs) => {
    const made: Record<string, T> = {}
    for (const [key, item] of pairs)
      Object.defineProperty(made, key, { value: item, enumerable: true, configurable: true, writable: true })
    return made
  })
}

const value = fc.letrec<{ any: unknown }>((tie) => ({
  any: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    number,
    text,
    fc.constantFrom(undefined, null, true, false),
    date,
    fc.bigInt(),
    fc.uint8Array({ maxLength: 20 }),
    fc.array(tie("any"), { maxLength: 6 }),
    object(tie("any")),
    fc.array(fc.tuple(tie("any"), tie("any")), { maxLength: 4 }).map((pairs) => new Map(pairs)),
    fc.array(tie("any"), { maxLength: 4 }).map((items) => new Set(items)),
  ),
})).any

test("any plain value comes back as it went: dates, maps, sets, bigints, bytes, -0, NaN, undefined, __proto__ keys", () => {
  fc.assert(
    fc.property(value, (each) => {
      assert.deepStrictEqual(valueFrom(valueBytes(each)), each)
    }),
    { numRuns: 1_000 },
  )
})

test("values written one after the other are read one after the other", () => {
  fc.assert(
    fc.property(fc.array(value, { maxLength: 5 }), (all) => {
      const writer = new ByteWriter(1)
      for (const each of all) writeValue(writer, each)
      const reader = new ByteReader(writer.take())
      assert.deepStrictEqual(
        all.map(() => readValue(reader)),
        all,
      )
      assert.ok(reader.done)
    }),
    { numRuns: 200 },
  )
})

test("the order of an object's keys and of a map's and set's members is kept", () => {
  const back = valueFrom(
    valueBytes({
      z: 1,
      a: new Map([
        ["y", 1],
        ["b", 2],
      ]),
      m: new Set([3, 1, 2]),
    }),
  ) as { a: Map<string, number>; m: Set<number> }
  assert.deepEqual(Object.keys(back), ["z", "a", "m"])
  assert.deepEqual([...back.a.keys()], ["y", "b"])
  assert.deepEqual([...back.m], [3, 1, 2])
})

test("a key of __proto__ is data and changes no prototype", () => {
  const back = valueFrom(valueBytes(JSON.parse('{"__proto__":{"admin":true}}'))) as Record<string, unknown>
  assert.equal(Object.getPrototypeOf(back), Object.prototype)
  assert.equal(back["admin"], undefined)
  assert.deepEqual(Object.keys(back), ["__proto__"])
})

test("a key longer than a two-byte length comes back whole", () => {
  for (const length of [21_845, 21_846, 70_000]) {
    const given = { a: 1, ["€".repeat(length)]: 2, b: 3 }
    assert.deepStrictEqual(valueFrom(valueBytes(given)), given)
  }
})

test("a class instance keeps its fields and loses its class", () => {
  class Point {
    readonly x = 1
    get twice(): number {
      return 2
    }
  }
  const back = valueFrom(valueBytes(new Point()))
  assert.deepStrictEqual(back, { x: 1 })
})

test("the bytes that a value gave share nothing with what is read from them", () => {
  const bytes = valueBytes({ raw: new Uint8Array([1, 2, 3]) })
  const back = valueFrom(bytes) as { raw: Uint8Array }
  bytes.fill(0)
  assert.deepEqual(back.raw, new Uint8Array([1, 2, 3]))
})

test("what cannot be kept is refused with MR1201: functions, symbols, promises, cycles", () => {
  const cyclic: Record<string, unknown> = {}
  cyclic["self"] = cyclic
  const ring = new Map<string, unknown>()
  ring.set("ring", new Set([[ring]]))
  const broken = Promise.reject(new Error("x"))
  broken.catch(() => undefined)
  const things: unknown[] = [
    () => 1,
    Symbol("s"),
    Promise.resolve(1),
    broken,
    cyclic,
    ring,
    { deep: [{ fn: () => 1 }] },
    nested(66),
  ]
  for (const thing of things)
    assert.throws(
      () => valueBytes(thing),
      (error) => isMillraceError(error) && error.code === "MR1201",
    )
  assert.deepStrictEqual(valueFrom(valueBytes(nested(65))), nested(65))
})

test("a refused value leaves the next one whole", () => {
  assert.throws(() => valueBytes({ a: "half written", b: () => 1 }))
  assert.deepStrictEqual(valueFrom(valueBytes({ a: 1 })), { a: 1 })
})

test("a stored value with an unknown tag is damage, named as such", () => {
  assert.throws(
    () => valueFrom(new Uint8Array([200])),
    (error) => isMillraceError(error) && error.code === "MR1302" && error.message.includes("200"),
  )
})

function nested(depth: number): unknown {
  return depth === 0 ? 1 : [nested(depth - 1)]
}
