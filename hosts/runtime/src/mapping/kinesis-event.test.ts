import assert from "node:assert/strict"
import { test } from "node:test"
import fc from "fast-check"
import { SequenceNumbers } from "@millrace/model"
import { KinesisEvents } from "./kinesis-event.ts"

test("an event is never larger than its records were taken for, whatever their keys and data", () => {
  const events = new KinesisEvents("orders", 3, new SequenceNumbers(1_700_000_000, 3), "eu-west-1")
  const record = fc.record({
    offset: fc.nat(),
    key: fc.oneof(fc.string({ unit: "grapheme" }), fc.constantFrom('"', "\\", "\u0001", "\ud800")),
    headers: fc.constantFrom("", JSON.stringify({ partitionkey: 'given "key"' }), JSON.stringify({ other: 1 })),
    time: fc.integer({ min: 0, max: 4_102_444_800_000 }),
    data: fc.uint8Array({ maxLength: 50 }),
  })
  fc.assert(
    fc.property(fc.array(record, { maxLength: 5 }), fc.boolean(), (records, hasWindow) => {
      const window = { start: 0, end: 60_000, state: "{}", isFinal: false, isEarly: true }
      const text = events.event(records, hasWindow ? window : undefined)
      let bytes = events.envelopeBytes
      for (const { key, headers, data } of records) bytes += events.bytesOf(key, headers, data.length) + 1
      assert.ok(Buffer.byteLength(text) <= bytes)
      const event = JSON.parse(text) as { Records: { kinesis: { data: string } }[] }
      assert.deepEqual(event.Records.map(({ kinesis }) => [...Buffer.from(kinesis.data, "base64")]), records.map(({ data }) => [...data]))
    }),
  )
})
