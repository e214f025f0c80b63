import assert from "node:assert/strict"
import { test } from "node:test"
import { BlockCursor, partitionOf, utf8Text } from "@millrace/model"
import { compile, service, stream } from "@millrace/sdk"
import fc from "fast-check"
import { z } from "zod"
import { type Ingested, Intake } from "./ingest.ts"
import { KeyedBody, nowhere } from "./keyed-body.ts"

const encoder = new TextEncoder()
const partitions = 5

/** Takes records that are `[key, partition, text or bytes]`. */
function taken(isKeyed: boolean, records: readonly (readonly [string, number, string | Uint8Array])[]): Ingested {
  const schema = z.object({ id: z.string() })
  const definition = isKeyed ? stream("in", { schema, partitions, key: ({ id }) => id }) : stream("in", { schema, partitions })
  const { plan, streams } = compile(service("s", [definition]))
  const [input] = plan.streams
  assert.ok(input)
  const body = new KeyedBody(16)
  for (const [key, partition, data] of records) body.add(key, partition, typeof data === "string" ? encoder.encode(data) : data)
  return new Intake(input, streams.get("in"), new Float64Array(1)).take(body.take(), "keyed", Date.UTC(2026, 10, 21))
}

function stored({ appends }: Ingested): { partition: number; key: string; headers: string; text: string }[] {
  return appends.flatMap(({ partition, block }) => {
    const found = []
    for (const cursor = new BlockCursor(block); cursor.next(); ) {
      const { key, headers, valueStart, valueEnd } = cursor
      found.push({ partition, key, headers, text: utf8Text(block, valueStart, valueEnd) })
    }
    return found
  })
}

test("the stream's key decides, the sender's is kept beside it, and each record's partition is told", () => {
  const id = fc.string({ unit: "grapheme", minLength: 1, maxLength: 10 })
  fc.assert(
    fc.property(fc.array(fc.record({ id, given: id }), { maxLength: 30 }), (records) => {
      const ingested = taken(true, records.map(({ id: own, given }) => [given, 3, JSON.stringify({ id: own })]))
      assert.deepEqual([...(ingested.places ?? [])], records.map(({ id: own }) => partitionOf(own, partitions)))
      const next = new Map<number, number>()
      const all = stored(ingested)
      for (const [i, { id: own, given }] of records.entries()) {
        const partition = ingested.places?.[i] ?? nowhere
        const at = next.get(partition) ?? 0
        next.set(partition, at + 1)
        const record = all.filter((each) => each.partition === partition)[at]
        assert.deepEqual(record, {
          partition,
          key: own,
          headers: own === given ? "" : JSON.stringify({ partitionkey: given }),
          text: JSON.stringify({ id: own }),
        })
      }
    }),
  )
})

test("without a key function the sender's key is the record's, and the sender may name the partition", () => {
  const ingested = taken(false, [
    ["a", nowhere, '{"id":"1"}'],
    ["a", 4, '{"id":"2"}'],
    ["b", 99, '{"id":"3"}'],
  ])
  assert.deepEqual([...(ingested.places ?? [])], [partitionOf("a", partitions), 4, partitionOf("b", partitions)])
  assert.deepEqual(stored(ingested).map(({ key, headers }) => key + headers).toSorted((a, b) => a.localeCompare(b)), ["a", "a", "b"])
})

test("what is refused is nowhere, and its neighbours keep their places", () => {
  const ingested = taken(true, [
    ["k", nowhere, "no JSON"],
    ["k", nowhere, '{"id":"x"}'],
    ["k", nowhere, '{"id":7}'],
    ["k", nowhere, Uint8Array.of(0xff)],
    ["k", nowhere, '{"id":""}'],
    ["k", nowhere, '{"id":"x"}'],
  ])
  const x = partitionOf("x", partitions)
  assert.deepEqual([...(ingested.places ?? [])], [nowhere, x, nowhere, nowhere, nowhere, x])
  assert.deepEqual(ingested.rejected.map(({ index, problem }) => [index, problem.code]), [[0, "MR1001"], [2, "MR1002"], [3, "MR1001"], [4, "MR1003"]])
})

test("white space around a record is dropped, and one with line breaks is kept on one line", () => {
  const ingested = taken(false, [
    ["k", 0, '{"id":"a"}\n'],
    ["k", 0, ' \r\n\t{ "id": "b" } '],
    ["k", 0, '{\n  "id": "c"\n}'],
  ])
  assert.deepEqual(stored(ingested).map(({ text }) => text), ['{"id":"a"}', '{ "id": "b" }', '{"id":"c"}'])
})
