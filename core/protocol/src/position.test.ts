import assert from "node:assert/strict"
import { test } from "node:test"
import fc from "fast-check"
import { parsePosition, positionText } from "./position.ts"

test("a position comes back from its text", () => {
  assert.equal(positionText([12, 40, 0, 7]), "12.40.0.7")
  fc.assert(
    fc.property(fc.array(fc.nat({ max: Number.MAX_SAFE_INTEGER }), { minLength: 1, maxLength: 20 }), (offsets) => {
      assert.deepEqual(parsePosition(positionText(offsets)), offsets)
    }),
  )
})

test("what is no position is told so", () => {
  for (const text of [
    "",
    ".",
    "1.",
    ".1",
    "1..2",
    "-1",
    "1.5e3",
    "1,2",
    " 1",
    "1 ",
    "x",
    "9007199254740993",
    "1".repeat(400),
  ])
    assert.equal(parsePosition(text), undefined, text)
})
