import assert from "node:assert/strict"
import { test } from "node:test"
import { ByteReader, ByteWriter, writeValue } from "@millrace/model"
import fc from "fast-check"
import { type Run, runStatuses } from "./run.ts"
import { runCodec } from "./run-codec.ts"

const time = fc.oneof(fc.constant(0), fc.integer({ min: 1_700_000_000_000, max: 1_800_000_000_000 }), fc.double({ min: 0, max: 2 ** 52, noNaN: true }))
const text = fc.string({ unit: "grapheme" })
const orNone = <Value>(some: fc.Arbitrary<Value>): fc.Arbitrary<Value | undefined> => fc.option(some, { nil: undefined })
/** Halves of surrogate pairs, too. */
const anyText = fc.array(fc.nat({ max: 65_535 })).map((units) => String.fromCharCode(...units))
const hex = fc.string({ unit: fc.nat({ max: 15 }).map((digit) => digit.toString(16)), minLength: 32, maxLength: 32 })
/** Random keys as clients make them, and what is nearly one. */
const randomKey = fc
  .tuple(
    fc.oneof(hex, fc.uuid(), hex.map((key) => key.toUpperCase()), hex.map((key) => key.slice(1))),
    fc.oneof(fc.constant(""), fc.nat().map((place) => `/${place}`), anyText, fc.string({ minLength: 120, maxLength: 140 })),
  )
  .map((parts) => parts.join(""))
const error = fc.record({ code: fc.constant("MR1201"), message: text, details: fc.constant({}) }, { noNullPrototype: true })
const outcome = fc.constantFrom("succeeded", "failed", "timed-out", "lost", "cancelled" as const)
const attempt = fc
  .record({ startedAt: time, endedAt: time, outcome, error: orNone(error), logs: orNone(fc.array(text)) }, { noNullPrototype: true })
  .map(({ error: why, logs, ...facts }) => ({ ...facts, ...(why === undefined ? {} : { error: why }), ...(logs === undefined ? {} : { logs }) }))

const runs: fc.Arbitrary<Run> = fc
  .record({
    status: fc.constantFrom(...runStatuses),
    input: text,
    key: text,
    priority: fc.integer({ min: -100, max: 100 }),
    trigger: fc.constantFrom("call", "record", "cron", "task", "event" as const),
    waited: fc.boolean(),
    enqueuedAt: time,
    dueAt: time,
    mayStartAt: time,
    startedAt: time,
    finishedAt: time,
    lease: fc.nat({ max: Number.MAX_SAFE_INTEGER }),
    attempt: fc.nat(),
    lost: fc.nat({ max: 3 }),
    output: orNone(text),
    error: orNone(error),
    attempts: fc.array(attempt, { maxLength: 3 }),
    traceparent: orNone(fc.string({ unit: "binary" })),
    tracestate: orNone(fc.string({ unit: "binary" })),
    idempotencyKey: orNone(fc.oneof(anyText, randomKey)),
    depth: fc.nat({ max: 5 }),
    scheduledAt: orNone(time),
  }, { noNullPrototype: true })
  .chain((run) => fc.constantFrom(run, { ...run, dueAt: run.enqueuedAt, mayStartAt: run.enqueuedAt }, succeeded(run)))

function succeeded(run: Run): Run {
  const { enqueuedAt } = run
  const times = { dueAt: enqueuedAt, mayStartAt: enqueuedAt, startedAt: enqueuedAt + 3, finishedAt: enqueuedAt + 5 }
  const plain = { priority: 0, trigger: "call" as const, lost: 0, error: undefined, depth: 0, attempt: 1, scheduledAt: undefined }
  return { ...run, ...times, ...plain, status: "succeeded", attempts: [{ startedAt: times.startedAt, endedAt: times.finishedAt, outcome: "succeeded" }] }
}

function written(run: Run): Uint8Array {
  const to = new ByteWriter()
  runCodec.write(to, run)
  return to.take()
}

test("a run is read as it was written, whatever it holds", () => {
  fc.assert(
    fc.property(runs, (run) => {
      const from = new ByteReader(written(run))
      assert.deepEqual(runCodec.read(from), run)
      assert.ok(from.done)
    }),
    { numRuns: 500 },
  )
})

const plain: Run = {
  status: "succeeded",
  input: "{}",
  key: "",
  priority: 0,
  trigger: "call",
  waited: true,
  enqueuedAt: 1_795_000_000_000,
  dueAt: 1_795_000_000_000,
  mayStartAt: 1_795_000_000_000,
  startedAt: 1_795_000_000_003,
  finishedAt: 1_795_000_000_005,
  lease: 7,
  attempt: 1,
  lost: 0,
  output: "null",
  error: undefined,
  attempts: [{ startedAt: 1_795_000_000_003, endedAt: 1_795_000_000_005, outcome: "succeeded" }],
  traceparent: undefined,
  tracestate: undefined,
  idempotencyKey: undefined,
  depth: 0,
  scheduledAt: undefined,
}

test("a run that has succeeded at once takes 40 bytes besides its input and output", () => {
  const { length } = written(plain)
  assert.ok(length <= 40 + plain.input.length + (plain.output ?? "").length, `${length} bytes`)
})

test("an idempotency key that begins with 16 random bytes takes half of its characters", () => {
  const bytesOf = (idempotencyKey: string): number => written({ ...plain, idempotencyKey }).length - written(plain).length
  assert.equal(bytesOf("ddb6813b263edc59085909ecf47d7db0/794"), 16 + 1 + 4)
  assert.equal(bytesOf("2f6e1c1a-8d39-4a5e-9b53-0c4a2b8a7f11"), 16 + 1)
  assert.equal(bytesOf("order 17"), 2 + 8)
})

test("a run that a version before has written is read", () => {
  const to = new ByteWriter()
  to.u8(runStatuses.indexOf(plain.status))
  to.u8(1)
  to.u8(128)
  for (const number of [plain.enqueuedAt, plain.dueAt, plain.startedAt, plain.finishedAt, plain.lease]) to.f64(number)
  to.u32(plain.attempt)
  to.u32(plain.lost)
  to.text16(plain.key)
  to.text32(plain.input)
  to.u8(1)
  to.text32(plain.output as string)
  writeValue(to, [plain.trigger, plain.error, plain.attempts, plain.traceparent, plain.idempotencyKey, plain.depth])
  assert.deepEqual(runCodec.read(new ByteReader(to.take())), plain)
})
