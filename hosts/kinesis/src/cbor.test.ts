import assert from "node:assert/strict"
import { test } from "node:test"
import { decode, encode } from "cbor2"
import fc from "fast-check"
import { Blob64, Instant } from "./answer-values.ts"
import { decodeCbor, encodeCbor } from "./cbor.ts"

const name = fc.string({ unit: "grapheme", maxLength: 12 }).filter((text) => text !== "__proto__")
const { value } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.string({ unit: "grapheme" }),
    fc.integer(),
    fc.maxSafeInteger(),
    fc.double({ noNaN: true }).filter((number) => !Object.is(number, -0)),
    fc.boolean(),
    fc.constant(null),
    fc.uint8Array({ maxLength: 300 }),
    fc.array(tie("value"), { maxLength: 30 }),
    fc.dictionary(name, tie("value"), { maxKeys: 8 }),
  ),
}))

/** The same with plain objects and plain byte arrays, to be compared. */
function plain(given: unknown): unknown {
  if (given instanceof Uint8Array) return Uint8Array.from(given)
  if (Array.isArray(given)) return given.map(plain)
  // The other decoder makes large whole numbers bigints.
  if (typeof given === "bigint") return Number(given)
  if (typeof given !== "object" || given === null) return given
  return Object.fromEntries(Object.entries(given).map(([key, item]) => [key, plain(item)]))
}

test("what another encoder of CBOR writes is read", () => {
  fc.assert(fc.property(value, (given) => assert.deepEqual(plain(decodeCbor(encode(given))), plain(given))))
})

test("another decoder of CBOR reads what is written", () => {
  const wrapped = (given: unknown): unknown => {
    if (given instanceof Uint8Array) return new Blob64(given)
    if (Array.isArray(given)) return given.map(wrapped)
    if (typeof given !== "object" || given === null) return given
    return Object.fromEntries(Object.entries(given).map(([key, item]) => [key, wrapped(item)]))
  }
  fc.assert(fc.property(value, (given) => assert.deepEqual(plain(decode(encodeCbor(wrapped(given)))), plain(given))))
})

test("an instant is tag 1 with whole milliseconds", () => {
  const ms = Date.UTC(2026, 10, 21)
  assert.equal(Buffer.from(encodeCbor(new Instant(ms))).toString("hex"), `c11b${ms.toString(16).padStart(16, "0")}`)
  assert.deepEqual(decodeCbor(encodeCbor(new Instant(ms))), { tag: 1, value: ms })
})

test("texts, bytes, lists and maps of unknown length are read", () => {
  // From RFC 8949, appendix A.
  assert.deepEqual(plain(decodeCbor(Buffer.from("5f42010243030405ff", "hex"))), Uint8Array.of(1, 2, 3, 4, 5))
  assert.equal(decodeCbor(Buffer.from("7f657374726561646d696e67ff", "hex")), "streaming")
  assert.deepEqual(decodeCbor(Buffer.from("9f018202039f0405ffff", "hex")), [1, [2, 3], [4, 5]])
  assert.deepEqual(plain(decodeCbor(Buffer.from("bf61610161629f0203ffff", "hex"))), { a: 1, b: [2, 3] })
  assert.equal(decodeCbor(Buffer.from("f93e00", "hex")), 1.5)
})

test("no bytes make the decoder hang or take much memory", () => {
  // A list, a map and a text that announce 2^62 items.
  for (const hostile of [
    "9b4000000000000000",
    "bb4000000000000000",
    "7b4000000000000000",
    "9f".repeat(100_000),
    "d9d9f7".repeat(100_000),
  ]) {
    assert.throws(() => decodeCbor(Buffer.from(hostile, "hex")))
  }
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
      try {
        decodeCbor(bytes)
      } catch (error) {
        assert.ok(error instanceof Error)
      }
    }),
    { numRuns: 2_000 },
  )
})
