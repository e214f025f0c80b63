import assert from "node:assert/strict"
import { test } from "node:test"
import type { ErrorData } from "@millrace/model"
import fc from "fast-check"
import { type DeadLetter, type DeadLetterCause, deadLetterText } from "./dead-letter.ts"

const error: ErrorData = { code: "MR1201", message: "Error: x", details: { stack: "at y", other: 1 } }

function letter(changes: Partial<DeadLetterCause>): DeadLetter {
  const cause = { value: { a: 1 }, key: "k", time: 0, operator: "w", error, attempts: 3, ...changes }
  return JSON.parse(deadLetterText(cause, "in", 2, 17, 1_000)) as DeadLetter
}

test("a dead letter says what failed, where, when, why and how often", () => {
  assert.deepEqual(letter({}), {
    stream: "in",
    partition: 2,
    offset: 17,
    key: "k",
    time: "1970-01-01T00:00:00.000Z",
    value: { a: 1 },
    operator: "w",
    error: { code: "MR1201", message: "Error: x", stack: "at y" },
    attempts: 3,
    failedAt: "1970-01-01T00:00:01.000Z",
  })
})

test("a dead letter takes any value and never fails itself", () => {
  const cyclic: Record<string, unknown> = { a: 1 }
  cyclic["self"] = cyclic
  const bare = Object.create(null) as Record<string, unknown>
  bare["self"] = bare
  const shown: (readonly [unknown, unknown])[] = [
    [undefined, "undefined"],
    [10n, "10"],
    [{ n: 10n }, { n: "10" }],
    [NaN, null],
    [() => 1, "() => 1"],
    [Symbol("s"), "Symbol(s)"],
    [cyclic, "[object Object]"],
    [bare, "a value without a text form"],
    [
      {
        toJSON: () => {
          throw new Error("no")
        },
      },
      "[object Object]",
    ],
    ["\ud800", "\ud800"],
    [new Date(NaN), null],
  ]
  for (const [value, expected] of shown) assert.deepEqual(letter({ value }).value, expected)
})

test("a dead letter takes any error and any time", () => {
  assert.deepEqual(letter({ error: { code: "MR1201", message: "m", details: {} } }).error, {
    code: "MR1201",
    message: "m",
  })
  assert.equal(letter({ error: { code: "MR1201", message: "m", details: { stack: 10n } } }).error.stack, "10")
  for (const [time, text] of [
    [Infinity, "Infinity"],
    [-Number.MAX_VALUE, "-1.7976931348623157e+308"],
  ] as const)
    assert.equal(letter({ time }).time, text)
})

test("a dead letter holds a JSON value as it was", () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) =>
      assert.deepEqual(JSON.stringify(letter({ value }).value), JSON.stringify(value)),
    ),
  )
})
