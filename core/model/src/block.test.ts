import assert from "node:assert/strict"
import { test } from "node:test"
import fc from "fast-check"
import { BlockCursor, BlockWriter, type Entry, entryKind, entryOverheadBytes } from "./block.ts"

const time = fc.oneof(fc.double(), fc.integer(), fc.constantFrom(-Infinity, Infinity, 8.64e15))
const plain = { noNullPrototype: true } as const
const entry: fc.Arbitrary<Entry> = fc.oneof(
  fc.record(
    {
      kind: fc.constant(entryKind.record),
      upstream: fc.constant(0),
      time,
      key: fc
        .oneof(fc.string({ maxLength: 256 }), fc.string({ unit: "grapheme", maxLength: 60 }))
        .map((key) => key.toWellFormed()),
      headers: fc.oneof(
        fc.constant(""),
        fc.dictionary(fc.string(), fc.string()).map((headers) => JSON.stringify(headers)),
      ),
      value: fc.uint8Array({ maxLength: 300 }),
    },
    plain,
  ),
  fc.record(
    {
      kind: fc.constant(entryKind.mark),
      upstream: fc.nat(65_535),
      time,
      key: fc.constant(""),
      headers: fc.constant(""),
      value: fc.constant(new Uint8Array()),
    },
    plain,
  ),
  fc.record(
    {
      kind: fc.constant(entryKind.idle),
      upstream: fc.nat(65_535),
      time: fc.constant(0),
      key: fc.constant(""),
      headers: fc.constant(""),
      value: fc.constant(new Uint8Array()),
    },
    plain,
  ),
)

function write(to: BlockWriter, { kind, upstream, time: at, key, headers, value }: Entry): void {
  if (kind === entryKind.mark) to.mark(upstream, at)
  else if (kind === entryKind.idle) to.idle(upstream)
  else to.record(key, at, value, headers)
}

function read(block: Uint8Array): Entry[] {
  const entries: Entry[] = []
  const cursor = new BlockCursor(block)
  while (cursor.next()) entries.push({ ...cursor.entry, value: cursor.value.slice() })
  return entries
}

test("a cursor finds the entries that a writer wrote", () => {
  fc.assert(
    fc.property(fc.array(entry, { maxLength: 20 }), (entries) => {
      const writer = new BlockWriter(1)
      for (const each of entries) write(writer, each)
      assert.equal(writer.count, entries.length)
      const block = writer.take()
      assert.deepEqual([writer.count, writer.length], [0, 0])
      // As a view into a larger buffer too: blocks cross threads many in one.
      const among = new Uint8Array(block.length + 9)
      among.set(block, 4)
      assert.deepEqual(read(block), entries)
      assert.deepEqual(read(among.subarray(4, 4 + block.length)), entries)
    }),
  )
})

test("a rewound writer has forgotten the entries after the mark and takes others", () => {
  fc.assert(
    fc.property(fc.array(entry), fc.array(entry), fc.array(entry), (kept, forgotten, later) => {
      const writer = new BlockWriter(1)
      for (const each of kept) write(writer, each)
      const { length, count } = writer
      for (const each of forgotten) write(writer, each)
      // A record whose value failed half way is forgotten as well.
      writer.beginRecord("half", 0).utf8("half a va")
      writer.rewind(length, count)
      for (const each of later) write(writer, each)
      assert.equal(writer.count, kept.length + later.length)
      assert.deepEqual(read(writer.take()), [...kept, ...later])
    }),
  )
})

test("an entry takes its overhead besides key, headers and value", () => {
  const writer = new BlockWriter()
  writer.mark(3, 17)
  assert.equal(writer.length, entryOverheadBytes)
  const from = writer.length
  writer.record("käy", 1, new Uint8Array(10), "{}")
  assert.equal(writer.length - from, entryOverheadBytes + 4 + 2 + 10)
})

test("the largest key and headers that limits allow are read back", () => {
  const writer = new BlockWriter(1)
  const key = "€".repeat(256)
  const headers = "h".repeat(16_384)
  writer.record(key, 0, new Uint8Array([1]), headers)
  const [only] = read(writer.take())
  assert.deepEqual([only?.key, only?.headers, only?.value], [key, headers, new Uint8Array([1])])
})

test("an empty block has no entries", () => {
  assert.deepEqual(read(new BlockWriter().take()), [])
})
