import assert from "node:assert/strict"
import { test } from "node:test"
import fc from "fast-check"
import { type ByteSize, type Duration, delayMs, durationMs, sizeBytes } from "./duration.ts"
import { isMillraceError } from "./errors.ts"

test("a duration is a number and a unit, or milliseconds", () => {
  const known: (readonly [Duration, number])[] = [
    ["0s", 0],
    ["250ms", 250],
    ["30s", 30_000],
    ["1.5m", 90_000],
    ["2h", 7_200_000],
    ["1d", 86_400_000],
    [0, 0],
    [1_234, 1_234],
  ]
  for (const [given, ms] of known) assert.equal(durationMs(given, "x"), ms, String(given))
})

test("a size is a number and a unit in powers of 1024, or bytes", () => {
  const known: (readonly [ByteSize, number])[] = [
    ["512B", 512],
    ["64KB", 65_536],
    ["128MB", 134_217_728],
    ["0.5GB", 536_870_912],
    [17, 17],
  ]
  for (const [given, bytes] of known) assert.equal(sizeBytes(given, "x"), bytes, String(given))
})

test("a duration in any unit is that many of its milliseconds, rounded to whole ones", () => {
  const units = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const
  fc.assert(
    fc.property(fc.nat(100_000), fc.constantFrom(...(Object.keys(units) as (keyof typeof units)[])), (count, unit) => {
      assert.equal(durationMs(`${count}${unit}`, "x"), count * units[unit])
      assert.equal(durationMs(`${count}.25${unit}` as Duration, "x"), Math.round((count + 0.25) * units[unit]))
    }),
  )
})

test("what is no duration or size is refused with MR1101, the setting and what was given", () => {
  const given = ["", "s", "-1s", "1 s", "1e3s", "1S", "1w", "0x10s", "1s2", " 1s", "1.s", ".5s", "١s"]
  for (const text of given)
    assert.throws(() => durationMs(text as Duration, 'stream "x", idle'), refusal(JSON.stringify(text)))
  for (const text of ["", "1", "1kb", "1TB", "-1B", "1 MB"])
    assert.throws(() => sizeBytes(text as ByteSize, "y"), refusal(JSON.stringify(text)))
  for (const number of [-1, Number.NaN, Number.POSITIVE_INFINITY]) {
    assert.throws(() => durationMs(number, 'stream "x", idle'), refusal(String(number)))
    assert.throws(() => sizeBytes(number, "y"), refusal(String(number)))
  }
  for (const thing of [undefined, null, {}, [], true, 5n]) {
    assert.throws(
      () => durationMs(thing as Duration, "x"),
      (error) => isMillraceError(error) && error.code === "MR1101",
    )
  }
})

test("a delay is at most 11,574 days", () => {
  assert.equal(delayMs("11574d", "x"), 999_993_600_000)
  assert.equal(delayMs(1e12, "x"), 1e12)
  for (const given of [1e12 + 1, "11575d", "99999999d"] as Duration[])
    assert.throws(() => delayMs(given, "x"), (error) => isMillraceError(error) && error.code === "MR1101" && /^x: .* give at most "11574d"\.$/.test(error.message))
})

function refusal(shown: string): (error: unknown) => boolean {
  return (error) =>
    isMillraceError(error) &&
    error.code === "MR1101" &&
    /^(stream "x", idle|y): /.test(error.message) &&
    error.message.includes(shown)
}
