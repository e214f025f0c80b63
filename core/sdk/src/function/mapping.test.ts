// Options of mappings: their defaults, their ranges, and what is refused where it is written.
import assert from "node:assert/strict"
import { test } from "node:test"
import { compile, type FailedBatch, fn, type MappingOptions, service, stream } from "../index.ts"

const orders = stream<{ id: string }>("orders", { key: ({ id }) => id })
const failed = stream<FailedBatch>("orders-failed")

function planOf(on: MappingOptions) {
  return compile(service("shop", [fn("ship", "./ship.ts", { on })])).plan
}

test("a mapping has the defaults of Lambda, and begins at the oldest record", () => {
  assert.deepEqual(planOf({ stream: orders }).functions[0]?.mapping, {
    stream: "orders",
    batchSize: 100,
    batchingWindowMs: 0,
    parallelizationFactor: 1,
    startingPosition: { kind: "TRIM_HORIZON" },
    maximumRetryAttempts: -1,
    maximumRecordAgeMs: -1,
    bisectBatchOnFunctionError: false,
    reportBatchItemFailures: false,
    tumblingWindowMs: 0,
    filters: [],
    onFailure: null,
    enabled: true,
  })
})

test("what a mapping is told stands in its plan", () => {
  const { functions, streams } = planOf({
    stream: orders,
    batchSize: 10_000,
    maximumBatchingWindow: "5m",
    parallelizationFactor: 10,
    startingPosition: "AT_TIMESTAMP",
    startingPositionTimestamp: "2026-01-01T00:00:00Z",
    maximumRetryAttempts: 0,
    maximumRecordAge: "60s",
    bisectBatchOnFunctionError: true,
    functionResponseTypes: ["ReportBatchItemFailures"],
    filters: [{ data: { id: [{ prefix: "a" }] } }, '{"data":["x"]}'],
    onFailure: failed,
    enabled: false,
  })
  assert.deepEqual(functions[0]?.mapping, {
    stream: "orders",
    batchSize: 10_000,
    batchingWindowMs: 300_000,
    parallelizationFactor: 10,
    startingPosition: { kind: "AT_TIMESTAMP", at: Date.UTC(2026, 0, 1) },
    maximumRetryAttempts: 0,
    maximumRecordAgeMs: 60_000,
    bisectBatchOnFunctionError: true,
    reportBatchItemFailures: true,
    tumblingWindowMs: 0,
    filters: ['{"data":{"id":[{"prefix":"a"}]}}', '{"data":["x"]}'],
    onFailure: { kind: "stream", stream: "orders-failed" },
    enabled: false,
  })
  assert.deepEqual(
    streams.map(({ name, role }) => [name, role]),
    [
      ["orders", "source"],
      ["orders-failed", "derived"],
    ],
  )
})

test("an option of a mapping that is out of Lambda's range is refused where it is written (MR1101)", () => {
  const refusals: readonly (readonly [options: object, said: RegExp])[] = [
    [{ batchSize: 0 }, /function "ship", on, batchSize: 0 is not a whole number from 1 to 10000/],
    [{ batchSize: 10_001 }, /batchSize: 10001/],
    [{ maximumBatchingWindow: "301s" }, /maximumBatchingWindow: "301s" is more than 300 s/],
    [{ parallelizationFactor: 11 }, /parallelizationFactor: 11 is not a whole number from 1 to 10/],
    [{ maximumRetryAttempts: -2 }, /maximumRetryAttempts: -2 is not a whole number from -1 to 10000/],
    [{ maximumRecordAge: "59s" }, /maximumRecordAge: "59s" must be from "60s" to "7d"/],
    [{ maximumRecordAge: "8d" }, /maximumRecordAge: "8d" must be/],
    [{ tumblingWindow: "16m" }, /tumblingWindow: "16m" is more than 900 s/],
    [{ tumblingWindow: "1m", parallelizationFactor: 2 }, /a window of a shard has one state/],
    [{ startingPosition: "OLDEST" }, /startingPosition: "OLDEST" is none of/],
    [{ startingPosition: "AT_TIMESTAMP" }, /startingPositionTimestamp: nothing is not a date/],
    [{ startingPositionTimestamp: new Date() }, /it is for startingPosition: "AT_TIMESTAMP" alone/],
    [{ functionResponseTypes: ["Report"] }, /functionResponseTypes: "Report" is not "ReportBatchItemFailures"/],
    [{ filters: [{ data: { a: "x" } }] }, /on, filters\[0\], data\.a: what a field may be is an array/],
    [{ onFailure: { s3: "bucket" } }, /onFailure, s3: "bucket" is not of the form s3:/],
    [{ onFailure: orders }, /onFailure: .*define stream "orders" without key/],
    [{ onFailure: failed, stream: "orders-failed" }, /"orders-failed" feeds the function itself/],
    [{ enabled: "no" }, /enabled: "no" is neither true nor false/],
    [{ retries: 1 }, /on: there is no option "retries"/],
  ]
  for (const [options, said] of refusals) {
    assert.throws(
      () => planOf({ stream: orders, ...options }),
      (error: Error & { code?: string }) => error.code === "MR1101" && said.test(error.message),
      JSON.stringify(options),
    )
  }
})

test("options of a mapping that do not fit each other do not compile", () => {
  // @ts-expect-error a timestamp belongs to AT_TIMESTAMP
  assert.throws(() => fn("a", "./a.ts", { on: { stream: orders, startingPosition: "LATEST", startingPositionTimestamp: new Date() } }))
  // @ts-expect-error AT_TIMESTAMP needs one
  assert.throws(() => fn("a", "./a.ts", { on: { stream: orders, startingPosition: "AT_TIMESTAMP" } }))
  // @ts-expect-error what is given up is no order
  assert.throws(() => fn("a", "./a.ts", { on: { stream: orders, onFailure: stream<{ id: string }>("x", { key: ({ id }) => id }) } }))
  // @ts-expect-error a duration has a unit
  assert.throws(() => fn("a", "./a.ts", { on: { stream: orders, tumblingWindow: "1 minute" } }))
})

test("a destination outside is a bucket, a queue or a topic; a name of another form is refused (MR1101)", () => {
  const sqs = "arn:aws:sqs:eu-west-1:123456789012:failed"
  assert.deepEqual(planOf({ stream: orders, onFailure: { sqs } }).functions[0]?.mapping?.onFailure, { kind: "sqs", to: sqs })
  const sns = "arn:aws-cn:sns:cn-north-1:123456789012:failed"
  assert.deepEqual(planOf({ stream: orders, onFailure: { sns } }).functions[0]?.mapping?.onFailure, { kind: "sns", to: sns })
  for (const wrong of [{ sqs: sns }, { sns: sqs }, { sqs: `${sqs}.fif` }, { sqs: "failed" }, { sqs: 1 as unknown as string }]) {
    assert.throws(() => planOf({ stream: orders, onFailure: wrong }), { code: "MR1101", message: /function "ship", on, onFailure, (sqs|sns): .* is not of the form arn:aws:/ })
  }
  assert.throws(() => planOf({ stream: orders, onFailure: { sqs, more: 1 } as never }), { code: "MR1101" })
})
