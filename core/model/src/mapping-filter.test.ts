// Patterns of filters: what EventBridge's operators let pass, and what is refused where it is wrong.
import assert from "node:assert/strict"
import { test } from "node:test"
import fc from "fast-check"
import { limits } from "./limits.ts"
import { mappingFilter } from "./mapping-filter.ts"

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

function passes(pattern: unknown, data: unknown): boolean {
  const filter = mappingFilter([typeof pattern === "string" ? pattern : JSON.stringify({ data: pattern })], "filters")
  return filter?.(bytes(typeof data === "string" ? data : JSON.stringify(data))) ?? true
}

const truths: readonly (readonly [name: string, pattern: unknown, fits: readonly unknown[], misses: readonly unknown[]])[] = [
  ["exact", { a: ["x"] }, [{ a: "x" }, { a: ["y", "x"] }], [{ a: "X" }, { a: "y" }, {}, { b: "x" }]],
  ["one of several", { a: ["x", "y"] }, [{ a: "y" }], [{ a: "z" }]],
  ["all fields", { a: ["x"], b: ["y"] }, [{ a: "x", b: "y", c: 1 }], [{ a: "x" }]],
  ["null", { a: [null] }, [{ a: null }], [{}, { a: "" }, { a: 0 }]],
  ["empty", { a: [""] }, [{ a: "" }], [{ a: null }, {}]],
  ["true", { a: [true] }, [{ a: true }], [{ a: "true" }, { a: false }]],
  ["prefix", { a: [{ prefix: "us-" }] }, [{ a: "us-east-1" }], [{ a: "eu-us-" }, { a: 1 }, {}]],
  ["prefix in any case", { a: [{ prefix: { "equals-ignore-case": "US-" } }] }, [{ a: "us-east-1" }], [{ a: "eu" }]],
  ["suffix", { a: [{ suffix: ".png" }] }, [{ a: "b.png" }], [{ a: ".pngx" }]],
  ["equals-ignore-case", { a: [{ "equals-ignore-case": "Alice" }] }, [{ a: "aLICE" }], [{ a: "alic" }]],
  ["anything-but", { a: [{ "anything-but": ["x", "y"] }] }, [{ a: "z" }, { a: 1 }], [{ a: "x" }, {}]],
  ["anything-but a number", { a: [{ "anything-but": 3 }] }, [{ a: 4 }], [{ a: 3 }]],
  ["anything-but a prefix", { a: [{ "anything-but": { prefix: ["x", "y"] } }] }, [{ a: "zx" }], [{ a: "xz" }, { a: "y" }]],
  ["numeric", { a: [{ numeric: [">", 0, "<=", 5] }] }, [{ a: 5 }, { a: 0.1 }], [{ a: 0 }, { a: 6 }, { a: "3" }, {}]],
  ["numeric =", { a: [{ numeric: ["=", 3e2] }] }, [{ a: 300 }], [{ a: 301 }]],
  ["exists", { a: [{ exists: true }] }, [{ a: 1 }, { a: null }], [{}, { b: 1 }, { a: { b: 1 } }]],
  ["does not exist", { a: [{ exists: false }] }, [{ b: 1 }], [{ a: 1 }]],
  ["exists deep down", { a: { b: [{ exists: false }] } }, [{}, { a: {} }], [{ a: { b: 0 } }]],
  ["nested", { a: { b: ["x"] } }, [{ a: { b: "x" } }, { a: [{ b: "y" }, { b: "x" }] }], [{ a: "x" }, { b: "x" }]],
  ["$or", { $or: [{ a: ["x"] }, { b: [{ numeric: [">", 10] }] }], c: ["z"] }, [{ a: "x", c: "z" }, { b: 11, c: "z" }], [{ a: "x" }, { c: "z" }]],
  ["a plain text", ["paid"], ["paid"], ["unpaid", { a: 1 }]],
  ["a plain text's prefix", [{ prefix: "2024-" }], ["2024-05-01 ERROR"], ["x"]],
  ["an own property alone", { constructor: [{ exists: true }] }, [{ constructor: "x" }], [{}]],
]

for (const [name, pattern, fits, misses] of truths) {
  test(`a filter of ${name} lets pass what fits, and nothing else`, () => {
    for (const data of fits) assert.equal(passes(pattern, data), true, JSON.stringify(data))
    for (const data of misses) assert.equal(passes(pattern, data), false, JSON.stringify(data))
  })
}

test("data that is no JSON is dropped by a pattern of JSON, and JSON by one of a plain text", () => {
  assert.equal(passes({ a: [{ exists: false }] }, "no json"), false)
  assert.equal(passes({ a: [{ exists: false }] }, '{"b":1'), false)
  assert.equal(passes(["x", { exists: true }], { a: 1 }), false)
})

test("numbers are compared by their texts", () => {
  assert.equal(passes('{"data":{"a":[300]}}', '{"a":300}'), true)
  for (const other of ["300.0", "3e2", "3.0e2"]) assert.equal(passes('{"data":{"a":[300]}}', `{"a":${other}}`), false, other)
  assert.equal(passes('{"data":{"a":[3.0e2]}}', '{"a":3.0e2}'), true)
})

test("a record passes that fits one of several filters", () => {
  const filter = mappingFilter(['{"data":{"a":["x"]}}', '{"data":{"b":["y"]}}'], "filters")
  assert.deepEqual(
    ['{"a":"x"}', '{"b":"y"}', '{"a":"y"}'].map((text) => filter?.(bytes(text))),
    [true, true, false],
  )
  assert.equal(mappingFilter([], "filters"), undefined)
})

test("a pattern that is wrong is refused with its place (MR1101)", () => {
  const refusals: readonly (readonly [pattern: string, said: RegExp])[] = [
    ["{", /filters\[0\]: the pattern is not JSON/],
    ['"x"', /filters\[0\]: a pattern is an object/],
    ['{"partitionKey":["x"]}', /"partitionKey": a filter of Kinesis records looks at "data" alone/],
    ['{"data":{}}', /filters\[0\], data: an empty object/],
    ['{"data":"x"}', /filters\[0\], data: what a field may be is an array/],
    ['{"data":{"a":{"b":"x"}}}', /filters\[0\], data\.a\.b: what a field may be is an array/],
    ['{"data":{"a":[]}}', /data\.a: what a field may be/],
    ['{"data":{"a":[["x"]]}}', /data\.a: an alternative is/],
    ['{"data":{"a":[{"wildcard":"x*"}]}}', /data\.a: \["wildcard"\] is not one operator of prefix/],
    ['{"data":{"a":[{"prefix":"x","suffix":"y"}]}}', /is not one operator/],
    ['{"data":{"a":[{"prefix":1}]}}', /data\.a prefix: give a text/],
    ['{"data":{"a":[{"numeric":[">"]}]}}', /data\.a numeric: give a comparison/],
    ['{"data":{"a":[{"numeric":["!=",1]}]}}', /numeric: give a comparison/],
    ['{"data":{"a":[{"numeric":[">",6000000000]}]}}', /lies beyond 5000000000/],
    ['{"data":{"a":[{"exists":"yes"}]}}', /exists: give true or false/],
    ['{"data":{"a":[{"anything-but":["x",1]}]}}', /texts or numbers, not both/],
    ['{"data":{"a":[{"anything-but":[]}]}}', /give at least one/],
    ['{"data":{"$or":[{"a":["x"]}]}}', /\$or takes an array of at least two/],
    [`{"data":{"a":["${"x".repeat(limits.mappingFilterLengthMax)}"]}}`, /characters; at most 4096/],
  ]
  for (const [pattern, said] of refusals) {
    assert.throws(
      () => mappingFilter([pattern], "filters"),
      (error: Error & { code?: string }) => error.code === "MR1101" && said.test(error.message),
      pattern.slice(0, 80),
    )
  }
  assert.throws(() => mappingFilter(Array.from({ length: 6 }, () => '{"data":["x"]}'), "filters"), /6 filters; at most 5/)
})

test("no pattern and no data make a filter fail otherwise than by its refusal", () => {
  const pattern = fc.letrec<{ node: unknown }>((tie) => ({
    node: fc.oneof(
      { depthSize: "small" },
      fc.array(fc.oneof(fc.string(), fc.integer(), fc.constant(null), fc.boolean(), fc.record({ prefix: fc.string() }), fc.record({ exists: fc.boolean() })), { minLength: 1, maxLength: 3 }),
      fc.dictionary(fc.constantFrom("a", "b", "__proto__", "$or"), tie("node"), { maxKeys: 3 }),
    ),
  })).node
  fc.assert(
    fc.property(pattern, fc.oneof(fc.json(), fc.string()), (given, data) => {
      try {
        passes(given, data)
      } catch (error) {
        assert.equal((error as { code?: string }).code, "MR1101")
      }
    }),
  )
})
