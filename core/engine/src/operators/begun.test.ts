import assert from "node:assert/strict"
import { test } from "node:test"
import { ByteReader, ByteWriter, valueBytes } from "@millrace/model"
import fc from "fast-check"
import { begunCodec, nothing } from "./begun.ts"
import { RecordPages, ownBytes, pagedRecordCodec, valueOf } from "./record-page.ts"
import { HeldRecord, Take } from "./take.ts"
import { readVarint, writeVarint } from "./varint.ts"

test("what had begun in an older layout is not read as if it were of this one", () => {
  const older = valueBytes([3, [[0, "next", [[1], []], 1_000]], []])
  assert.throws(() => begunCodec.read(new ByteReader(older)), /a layout that this version does not know/)
})

test("what has begun is stored without what came before it in rows, and not written before that was looked up", () => {
  const pages = new RecordPages()
  const first = new Take(0, new HeldRecord(0, pages.put("in a row")), undefined, 1_000)
  const second = new Take(1, new HeldRecord(7, pages.put("here")), first, 2_000)
  Object.assign(first, { id: 1 })
  Object.assign(second, { id: 2 })
  const begun = { ...nothing(), next: 8, takes: 2, records: 2, rows: 1, partials: [{ take: second, waits: "next" as const }], tail: [second], tailRecords: 1 }
  const bytes = new ByteWriter()
  begunCodec.write(bytes, begun)
  const written = bytes.take()
  const text = new TextDecoder().decode(written)
  assert.ok(text.includes("here") && !text.includes("in a row"))
  const read = begunCodec.read(new ByteReader(written))
  assert.deepEqual([read.unlinked, read.tail.map(({ id, after, stage, record }) => [id, after, stage, record.number])], [[[2, "next"]], [[2, 1, 1, 7]]])
  assert.throws(() => begunCodec.write(bytes, read), /changed before its rows were looked at/)
})

test("whole numbers come back as they went, those beyond 32 bits too", () => {
  fc.assert(
    fc.property(fc.array(fc.maxSafeNat()), (numbers) => {
      const bytes = new ByteWriter()
      for (const number of numbers) writeVarint(bytes, number)
      const reader = new ByteReader(bytes.take())
      assert.deepEqual(numbers.map(() => readVarint(reader)), numbers)
      assert.ok(reader.done)
    }),
  )
})

test("records of one page are told apart, whenever one is looked at, and one that cannot be kept leaves nothing", () => {
  fc.assert(
    fc.property(fc.array(fc.record({ text: fc.string({ maxLength: 600 }), looks: fc.boolean() })), (records) => {
      const pages = new RecordPages()
      const kept = records.map(({ text, looks }) => {
        assert.throws(() => pages.put({ text, broken: () => 0 }))
        const record = pages.put({ text })
        if (looks) assert.deepEqual(valueOf(record), { text })
        return record
      })
      for (const [i, record] of kept.entries()) {
        const { text } = records[i] as { text: string }
        assert.deepEqual([valueOf(record), ownBytes(record)], [{ text }, valueBytes({ text })])
        const bytes = new ByteWriter()
        pagedRecordCodec.write(bytes, record)
        assert.deepEqual(valueOf(pagedRecordCodec.read(new ByteReader(bytes.take()))), { text })
      }
    }),
  )
})
