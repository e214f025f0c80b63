import assert from "node:assert/strict"
import { test } from "node:test"
import fc from "fast-check"
import { ByteReader, ByteWriter, utf8Text } from "./bytes.ts"

type Piece =
  | { readonly kind: "u8" | "u16" | "u32" | "f64"; readonly value: number }
  | { readonly kind: "text16" | "text32"; readonly value: string }
  | { readonly kind: "bytes" | "bytesOf"; readonly value: Uint8Array }

const text = fc.oneof(fc.string({ unit: "binary", maxLength: 120 }), fc.string({ maxLength: 120 }))
const piece: fc.Arbitrary<Piece> = fc.oneof(
  fc.record({ kind: fc.constant("u8" as const), value: fc.nat(0xff) }),
  fc.record({ kind: fc.constant("u16" as const), value: fc.nat(0xffff) }),
  fc.record({ kind: fc.constant("u32" as const), value: fc.integer({ min: 0, max: 0xffff_ffff }) }),
  fc.record({ kind: fc.constant("f64" as const), value: fc.double() }),
  fc.record({ kind: fc.constantFrom("text16" as const, "text32" as const), value: text }),
  fc.record({ kind: fc.constantFrom("bytes" as const, "bytesOf" as const), value: fc.uint8Array({ maxLength: 200 }) }),
)

function write(to: ByteWriter, { kind, value }: Piece): void {
  switch (kind) {
    case "u8":
      return to.u8(value)
    case "u16":
      return to.u16(value)
    case "u32":
      return to.u32(value)
    case "f64":
      return to.f64(value)
    case "text16":
      return to.text16(value)
    case "text32":
      return to.text32(value)
    case "bytes":
      to.u32(value.length)
      return to.bytes(value)
    case "bytesOf": {
      to.u32(value.length)
      const among = new Uint8Array(value.length + 7)
      among.set(value, 3)
      return to.bytesOf(among, 3, 3 + value.length)
    }
  }
}

function read(from: ByteReader, { kind }: Piece): unknown {
  return kind === "bytes" || kind === "bytesOf" ? from.bytes(from.u32()).slice() : from[kind]()
}

test("what was written is read back, through any growth of the buffer", () => {
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 40 }), fc.integer({ min: 0, max: 64 }), (pieces, capacity) => {
      const writer = new ByteWriter(capacity)
      for (const each of pieces) write(writer, each)
      const { length } = writer
      const bytes = writer.take()
      assert.equal(bytes.length, length)
      assert.equal(writer.length, 0)
      // A view into a larger buffer reads like the bytes themselves.
      const among = new Uint8Array(length + 11)
      among.set(bytes, 5)
      const reader = new ByteReader(among.subarray(5, 5 + length))
      for (const each of pieces) assert.deepEqual(read(reader, each), each.value)
      assert.ok(reader.done)
    }),
  )
})

test("UTF-8 is what TextEncoder writes, for texts of any length and script", () => {
  const encoder = new TextEncoder()
  fc.assert(
    fc.property(
      fc.oneof(fc.string({ unit: "binary", maxLength: 200 }), fc.string({ unit: "grapheme", maxLength: 80 })),
      (each) => {
        const writer = new ByteWriter(1)
        assert.equal(writer.utf8(each), writer.length)
        const bytes = writer.take()
        assert.deepEqual(bytes, encoder.encode(each))
        assert.equal(utf8Text(bytes, 0, bytes.length), each.toWellFormed())
      },
    ),
  )
})

test("a byte order mark is a character like any other", () => {
  for (const each of ["\ufeff", "\ufeffabc", `\ufeff${"x".repeat(100)}`, "a\ufeffb"]) {
    const writer = new ByteWriter()
    writer.text16(each)
    assert.equal(new ByteReader(writer.take()).text16(), each)
  }
})

test("setting the length back forgets what was written after", () => {
  const writer = new ByteWriter(2)
  writer.text32("kept")
  const { length } = writer
  writer.text32("forgotten")
  writer.length = length
  writer.u8(7)
  const reader = new ByteReader(writer.copy())
  assert.equal(reader.text32(), "kept")
  assert.equal(reader.u8(), 7)
  assert.ok(reader.done)
  assert.deepEqual(writer.copy(length), new Uint8Array([7]))
})

test("bytes that were taken do not change with what is written next", () => {
  const writer = new ByteWriter()
  writer.text32("first")
  const taken = writer.take()
  writer.text32("other")
  assert.equal(new ByteReader(taken).text32(), "first")
})

test("a length can be put in once it is known", () => {
  const writer = new ByteWriter(0)
  writer.u32(0)
  const count = writer.utf8("fünf")
  writer.patchU32(0, count)
  assert.equal(new ByteReader(writer.take()).text32(), "fünf")
})
