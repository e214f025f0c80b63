import assert from "node:assert/strict"
import { test } from "node:test"
import fc from "fast-check"
import { batchesOf, linesOf, ndjsonOf, rowsAsRecords } from "./batches.ts"
import type { Batch, SourceRecord } from "./batches.ts"

const encoder = new TextEncoder()

test("lines are the same however their bytes are cut", async () => {
  const text = '{"a":"ä"}\n\n{"b":"😀"}\r\n  \nnot json\n{"last":1}'
  const whole = await gathered(linesOf(chunks(encoder.encode(text), [])))
  assert.deepEqual(
    whole.map(({ number, json }) => [number, json.trim()]),
    [
      [1, '{"a":"ä"}'],
      [3, '{"b":"😀"}'],
      [5, "not json"],
      [6, '{"last":1}'],
    ],
  )
  await fc.assert(
    fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 6 })), async (cuts) => {
      assert.deepEqual(await gathered(linesOf(chunks(encoder.encode(text), cuts))), whole)
    }),
  )
})

test("a batch is full at its number of records", async () => {
  const batches = await batchesOfTexts(["1", "2", "3", "4", "5"], 2)
  assert.deepEqual(
    batches.map((batch) => [batch.number, new TextDecoder().decode(ndjsonOf(batch))]),
    [
      [0, "1\n2"],
      [1, "3\n4"],
      [2, "5"],
    ],
  )
})

test("a batch stays below a quarter of a request's bytes", async () => {
  const large = JSON.stringify("x".repeat(3_000_000))
  const batches = await batchesOfTexts([large, large, "1"], 100)
  assert.deepEqual(
    batches.map(({ records }) => records.length),
    [1, 2],
  )
})

test("whole numbers of a Parquet file become JSON numbers while they fit", async () => {
  const records = await gathered(rowsAsRecords(iterated([{ small: 5n, large: 2n ** 60n, at: new Date(0) }])))
  assert.deepEqual(records, [
    { number: 1, json: '{"small":5,"large":"1152921504606846976","at":"1970-01-01T00:00:00.000Z"}' },
  ])
})

function batchesOfTexts(texts: readonly string[], most: number): Promise<Batch[]> {
  const records: SourceRecord[] = texts.map((json, index) => ({ number: index + 1, json }))
  return gathered(batchesOf(iterated(records), most))
}

async function gathered<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const result: Item[] = []
  for await (const item of items) result.push(item)
  return result
}

async function* iterated<Item>(items: readonly Item[]): AsyncGenerator<Item> {
  yield* items
}

async function* chunks(bytes: Uint8Array, lengths: readonly number[]): AsyncGenerator<Uint8Array> {
  let at = 0
  for (const length of lengths) {
    yield bytes.subarray(at, at + length)
    at += length
  }
  if (at < bytes.length) yield bytes.subarray(at)
}
