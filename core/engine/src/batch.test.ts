import assert from "node:assert/strict"
import { test } from "node:test"
import { BlockWriter, entryKind, type StreamPlan, valueBytes } from "@millrace/model"
import { compile, service, stream } from "@millrace/sdk"
import { type } from "arktype"
import * as v from "valibot"
import { z } from "zod"
import { checked, decodeBlock, type Fault, undecodable } from "./batch.ts"

const encoder = new TextEncoder()
const schema = z.object({ n: z.number(), at: z.coerce.date().optional() })
const { plan, streams } = compile(service("s", [stream("in", { schema, key: ({ n }) => String(n) })]))
const input = plan.streams.at(0) as StreamPlan
const code = streams.get("in")
const coded: StreamPlan = { ...input, format: "coded" }

function blockOf(...values: readonly string[]): Uint8Array {
  const writer = new BlockWriter()
  for (const [i, value] of values.entries()) writer.record(`k${i}`, i * 10, encoder.encode(value))
  return writer.take()
}

test("a block of records is decoded through the schema, its skipped entries left out", () => {
  const batch = decodeBlock(blockOf('{"n":0}', '{"n":1,"at":"2024-01-01"}', '{"n":2,"extra":1}'), 100, 1, input, code)
  assert.deepEqual([batch.base, batch.count, batch.kinds, batch.upstreams], [101, 2, undefined, undefined])
  assert.deepEqual(batch.values, [{ n: 1, at: new Date(Date.UTC(2024, 0, 1)) }, { n: 2 }])
  assert.deepEqual(
    [batch.keys, batch.times],
    [
      ["k1", "k2"],
      [10, 20],
    ],
  )
})

test("what cannot be decoded is an entry that says why, and its neighbours are decoded", () => {
  const batch = decodeBlock(blockOf('{"n":0}', "{no json", '{"n":"text"}', '{"n":3}'), 0, 0, input, code)
  assert.deepEqual(batch.kinds, [entryKind.record, undecodable, undecodable, entryKind.record])
  const [, first, second] = batch.values as readonly Fault[]
  assert.deepEqual([first?.code, first?.raw], ["MR1001", "{no json"])
  assert.deepEqual(
    [second?.code, second?.raw, second?.details],
    ["MR1002", { n: "text" }, { faults: [{ path: "n", message: "Invalid input: expected number, received string" }] }],
  )
})

test("marks and idle notes keep their upstream and time", () => {
  const writer = new BlockWriter()
  writer.mark(3, 17)
  writer.record("k", 5, valueBytes({ when: new Date(1), all: new Set([1n]) }))
  writer.idle(65_535)
  const batch = decodeBlock(writer.take(), 0, 0, coded, undefined)
  assert.deepEqual(batch.kinds, [entryKind.mark, entryKind.record, entryKind.idle])
  assert.deepEqual(
    [batch.upstreams, batch.times],
    [
      [3, 0, 65_535],
      [17, 5, 0],
    ],
  )
  assert.deepEqual(batch.values[1], { when: new Date(1), all: new Set([1n]) })
})

test("values can be decoded once more, as they were", () => {
  const block = blockOf('{"n":0}', "{no json", '{"n":2}', '{"n":3}')
  for (const skip of [0, 1, 3]) {
    const batch = decodeBlock(block, 0, skip, input, code)
    for (const [i, value] of batch.values.entries()) {
      if (batch.kinds !== undefined && batch.kinds[i] !== entryKind.record) continue
      const before = structuredClone(value)
      ;(value as { n: number }).n = -1
      assert.deepEqual(batch.again?.value(i), before)
    }
  }
})

test("a poisoned entry never reaches the schema; its value is what its text says", () => {
  const seen: unknown[] = []
  const watching = {
    ...code,
    schema: {
      "~standard": { version: 1 as const, vendor: "x", validate: (value: unknown) => (seen.push(value), { value }) },
    },
    key: undefined,
    time: undefined,
  }
  const cursor = new Float64Array([-1])
  const error = { code: "MR1202" as const, message: "hung", details: {} }
  const batch = decodeBlock(
    blockOf('{"n":0}', '{"n":1}'),
    40,
    0,
    input,
    watching,
    cursor,
    new Map([[41, { error, attempts: 2 }]]),
  )
  assert.deepEqual(seen, [{ n: 0 }])
  assert.equal(cursor[0], 40)
  assert.deepEqual([batch.kinds, batch.values], [undefined, [{ n: 0 }, { n: 1 }]])
})

test("a schema violation is told with each fault and its path, by zod, valibot and arktype alike", () => {
  const schemas = [
    z.object({ a: z.object({ list: z.array(z.number()) }), b: z.string() }),
    v.object({ a: v.object({ list: v.array(v.number()) }), b: v.string() }),
    type({ a: { list: "number[]" }, b: "string" }),
  ]
  for (const each of schemas) {
    const schemaCode = { schema: each, key: undefined, time: undefined }
    assert.deepEqual(checked({ a: { list: [1] }, b: "x" }, "in", schemaCode), { a: { list: [1] }, b: "x" })
    assert.throws(
      () => checked({ a: { list: [1, "two"] }, b: 3 }, "in", schemaCode),
      (error: Error & { code: string; details: { faults: { path: string }[] } }) => {
        assert.equal(error.code, "MR1002")
        assert.deepEqual(error.details.faults.map(({ path }) => path).toSorted(), ["a.list.1", "b"])
        assert.ok(error.message.startsWith('stream "in": '))
        return true
      },
    )
  }
})

test("an asynchronous schema is refused by name, and its rejection does no harm", () => {
  const validate = (): Promise<never> => Promise.reject(new Error("later"))
  const schemaCode = {
    schema: { "~standard": { version: 1 as const, vendor: "x", validate } },
    key: undefined,
    time: undefined,
  }
  assert.throws(() => checked("x", "in", schemaCode), { code: "MR1212", message: /^stream "in": its schema is asynchronous; check in mapAsync/ })
})
