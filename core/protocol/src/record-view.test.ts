import assert from "node:assert/strict"
import { test } from "node:test"
import fc from "fast-check"
import { pageJson, recordJson } from "./record-view.ts"

const recordArbitrary = fc.record({
  partition: fc.nat(),
  offset: fc.maxSafeNat(),
  key: fc.string({ unit: "binary" }),
  time: fc.integer({ min: -8.64e15, max: 8.64e15 }),
  headers: fc.option(fc.dictionary(fc.string(), fc.string()), { nil: undefined }),
  value: fc.json(),
})

test("a record's JSON holds what the record does", () => {
  fc.assert(
    fc.property(recordArbitrary, ({ headers, ...record }) => {
      const text = recordJson({ ...record, headers: headers === undefined ? "" : JSON.stringify(headers) })
      const { partition, offset, key, time, value } = record
      assert.deepEqual(JSON.parse(text), {
        partition,
        offset,
        // Half of a surrogate pair stays half: JSON.stringify writes it as an escape.
        key,
        time: new Date(time).toISOString(),
        ...(headers === undefined ? {} : { headers: JSON.parse(JSON.stringify(headers)) as unknown }),
        value: JSON.parse(value) as unknown,
      })
    }),
  )
})

test("a page's JSON holds its records and its bounds", () => {
  const record = { partition: 0, offset: 5, key: "a", time: 0, headers: "", value: "null" }
  assert.deepEqual(JSON.parse(pageJson({ records: [record, record], next: 7, first: 1, end: 9 })), {
    records: Array.from({ length: 2 }, () => ({
      partition: 0,
      offset: 5,
      key: "a",
      time: "1970-01-01T00:00:00.000Z",
      value: null,
    })),
    next: 7,
    first: 1,
    end: 9,
  })
  assert.deepEqual(JSON.parse(pageJson({ records: [], next: 0, first: 0, end: 0 })), {
    records: [],
    next: 0,
    first: 0,
    end: 0,
  })
})
