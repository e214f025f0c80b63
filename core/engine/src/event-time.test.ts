import assert from "node:assert/strict"
import { test } from "node:test"
import { isMillraceError, type StreamCode, type StreamPlan } from "@millrace/model"
import { compile, service, stream } from "@millrace/sdk"
import fc from "fast-check"
import { checkedKey, isoInstant, keyOf, timeOf } from "./event-time.ts"

function defined(code: {
  key?: (value: unknown) => string
  time?: (value: unknown) => Date | number | string
}): [StreamPlan, StreamCode] {
  const { plan, streams } = compile(
    service("s", [stream("in", { ahead: "1h", ...code } as { key: (value: unknown) => string })]),
  )
  return [plan.streams.at(0) as StreamPlan, streams.get("in") as StreamCode]
}

function refusal(code: string, ...words: readonly string[]): (error: unknown) => boolean {
  return (error) => {
    assert.ok(isMillraceError(error))
    assert.equal(error.code, code)
    for (const word of words) assert.ok(error.message.includes(word), error.message)
    return true
  }
}

test("a key is a text of 1 to 256 characters, anything else is refused with what it is", () => {
  for (const key of ["a", "x".repeat(256), "__proto__", "\u{1f600}", "\ufeffa", " "])
    assert.equal(checkedKey(key, "here"), key)
  const faults: (readonly [unknown, string])[] = [
    [undefined, "undefined"],
    [null, "null"],
    ["", "empty"],
    [17, "number"],
    [{}, "object"],
    [Promise.resolve("a"), "object"],
    ["x".repeat(257), "257 characters"],
    ["a\ud83d", "half a surrogate pair"],
    ["\udc00", "half a surrogate pair"],
  ]
  for (const [key, word] of faults)
    assert.throws(() => checkedKey(key, 'operator "k"'), refusal("MR1003", 'operator "k"', word))
})

test("a stream without a key function gives the empty key", () => {
  const [plan] = defined({})
  assert.equal(keyOf({ a: 1 }, plan, undefined), "")
})

test("an event time is a date, milliseconds or an ISO 8601 text; without a time function it is the arrival", () => {
  const [plan, code] = defined({ time: (value) => value as number })
  const at = Date.UTC(2024, 0, 1)
  for (const given of [at, new Date(at), "2024-01-01", "2024-01-01T00:00:00.000Z", "2024-01-01T01:00+01:00"]) {
    assert.equal(timeOf(given, at, plan, code), at)
  }
  assert.equal(timeOf(-1, at, plan, code), -1)
  assert.equal(timeOf(1.5, at, plan, code), 1.5)
  assert.equal(timeOf(NaN, 12_345, plan, undefined), 12_345)
})

test("what is no time is refused with what it is", () => {
  const [plan, code] = defined({ time: (value) => value as number })
  const faults: (readonly [unknown, string])[] = [
    [NaN, "NaN"],
    [Infinity, "Infinity"],
    [-Infinity, "-Infinity"],
    [8.64e15 + 1, "8640000000000001"],
    [new Date(NaN), "an invalid Date"],
    ["yesterday", '"yesterday"'],
    ["", '""'],
    [undefined, "undefined"],
    [null, "null"],
    [10n, "bigint"],
    [{}, "object"],
    [true, "boolean"],
  ]
  for (const [given, word] of faults)
    assert.throws(() => timeOf(given, 0, plan, code), refusal("MR1004", 'stream "in"', word))
})

test("an event time ahead of the clock by more than the stream allows is refused, year 9999 too", () => {
  const [plan, code] = defined({ time: (value) => value as number })
  const now = Date.UTC(2024, 0, 1)
  assert.equal(timeOf(now + 3_600_000, now, plan, code), now + 3_600_000)
  assert.throws(() => timeOf(now + 3_600_001, now, plan, code), refusal("MR1005", "2024-01-01T01:00:00.001Z"))
  assert.throws(() => timeOf("9999-12-31T23:59:59Z", now, plan, code), refusal("MR1005", "9999-12-31"))
})

test("a time without a zone is UTC, whatever the machine's zone is", () => {
  for (const text of ["2024-07-01T12:30", "2024-07-01T12:30:00", "2024-07-01 12:30:00.000", "2024-07-01T12:30:00,0"]) {
    assert.equal(isoInstant(text), Date.UTC(2024, 6, 1, 12, 30))
  }
})

test("every text that toISOString writes is read as its instant", () => {
  fc.assert(
    fc.property(fc.date({ noInvalidDate: true }), (date) =>
      assert.equal(isoInstant(date.toISOString()), date.getTime()),
    ),
  )
})

test("a text that is not ISO 8601, or names no day of the calendar, is no time", () => {
  const texts = [
    "1",
    "foo 1",
    "12345",
    "01/02/2024",
    "Mon, 01 Jan 2024 00:00:00 GMT",
    "2024-13-01",
    "2024-02-30",
    "2023-02-29",
    "2024-00-10",
  ]
  const more = [
    "2024-01-00",
    "2024-01-01T25:00Z",
    "2024-01-01T10:61Z",
    "2024-01-01T10",
    "2024-01-01Z",
    " 2024-01-01",
    "2024-01-01 ",
    "2024-1-1",
  ]
  for (const text of [...texts, ...more]) assert.equal(isoInstant(text), NaN, text)
  assert.equal(isoInstant("2024-02-29"), Date.UTC(2024, 1, 29))
  assert.equal(isoInstant("2000-02-29"), Date.UTC(2000, 1, 29))
  assert.equal(isoInstant("1900-02-29"), NaN)
})
