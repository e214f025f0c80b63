// Options of events that nobody waits for: their defaults, their ranges, and what is refused where it is written.
import assert from "node:assert/strict"
import { test } from "node:test"
import { compile, type EventInvokeOptions, type FailedEvent, fn, service, stream, type SucceededEvent } from "../index.ts"

const failed = stream<FailedEvent>("failed")

function planOf(eventInvoke: EventInvokeOptions) {
  return compile(service("shop", [fn("ship", "./ship.ts", { eventInvoke })])).plan
}

test("events have the defaults of Lambda", () => {
  assert.deepEqual(planOf({}).functions[0]?.eventInvoke, { maximumRetryAttempts: 2, maximumEventAgeMs: 21_600_000, onFailure: null })
})

test("what is said of events stands in the plan, and their destination is a stream of the service", () => {
  const { functions, streams } = planOf({ maximumRetryAttempts: 0, maximumEventAge: "1m", onFailure: failed })
  assert.deepEqual(functions[0]?.eventInvoke, { maximumRetryAttempts: 0, maximumEventAgeMs: 60_000, onFailure: { kind: "stream", stream: "failed" } })
  assert.deepEqual(streams.map(({ name, role }) => [name, role]), [["failed", "derived"]])
  assert.deepEqual(planOf({ onFailure: { s3: "s3://bucket/x" } }).functions[0]?.eventInvoke?.onFailure, { kind: "s3", to: "s3://bucket/x" })
})

test("a destination of what was done is a stream of the service, a queue or a topic", () => {
  const { functions, streams } = planOf({ onSuccess: stream<SucceededEvent>("done") })
  assert.deepEqual(functions[0]?.eventInvoke?.onSuccess, { kind: "stream", stream: "done" })
  assert.deepEqual(streams.map(({ name, role }) => [name, role]), [["done", "derived"]])
  const sns = "arn:aws:sns:eu-west-1:123456789012:done.fifo"
  assert.deepEqual(planOf({ onSuccess: { sns } }).functions[0]?.eventInvoke?.onSuccess, { kind: "sns", to: sns })
  // @ts-expect-error a bucket takes failures alone
  assert.throws(() => planOf({ onSuccess: { s3: "s3://bucket/x" } }), { code: "MR1101", message: /eventInvoke, onSuccess: a bucket takes failures alone, as on AWS/ })
  // @ts-expect-error what was done is not what failed
  assert.doesNotThrow(() => planOf({ onSuccess: failed }))
})

test("an option of events that is out of Lambda's range is refused where it is written (MR1101)", () => {
  const wrong: readonly (readonly [EventInvokeOptions, RegExp])[] = [
    [{ maximumRetryAttempts: 3 }, /function "ship", eventInvoke, maximumRetryAttempts: 3 is not a whole number from 0 to 2/],
    [{ maximumRetryAttempts: -1 }, /maximumRetryAttempts: -1 is not/],
    [{ maximumEventAge: "59s" }, /maximumEventAge: "59s" must be from "1m" to "6h"/],
    [{ maximumEventAge: "7h" }, /maximumEventAge: "7h" must be/],
    [{ onFailure: { s3: "bucket" } }, /eventInvoke, onFailure, s3: "bucket" is not of the form s3:\/\/bucket\/prefix/],
    [{ retries: 1 } as EventInvokeOptions, /there is no option "retries"/],
  ]
  for (const [options, said] of wrong) assert.throws(() => planOf(options), (error: Error & { code?: string }) => error.code === "MR1101" && said.test(error.message))
  // @ts-expect-error a stream of what is given up has no key of its own
  assert.throws(() => planOf({ onFailure: stream<{ id: string }>("other", { key: ({ id }) => id }) }), { code: "MR1101" })
})
