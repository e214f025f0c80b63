import assert from "node:assert/strict"
import { test } from "node:test"
import fc from "fast-check"
import { isMillraceError } from "./errors.ts"
import { checkJsonDepth, isDeepJson } from "./json-depth.ts"
import { limits } from "./limits.ts"

const most = limits.jsonDepthMax

/** The text so many levels down, in arrays and objects by turns. */
function nested(levels: number, inner: string): string {
  let text = inner
  for (let i = 0; i < levels; i++) text = i % 2 === 0 ? `[${text}]` : `{"a":${text}}`
  return text
}

function depthOf(value: unknown): number {
  if (typeof value !== "object" || value === null) return 0
  return 1 + Math.max(0, ...Object.values(value).map(depthOf))
}

test("JSON is too deep exactly when it has more levels than its bound", () => {
  assert.equal(isDeepJson(nested(most, "1")), false)
  assert.equal(isDeepJson(nested(most + 1, "1")), true)
  assert.equal(isDeepJson("[".repeat(most + 1) + "]".repeat(most + 1)), true)
  assert.equal(isDeepJson(`[${"[],".repeat(5_000)}{}]`), false)
  assert.throws(() => checkJsonDepth(nested(20_000, "1"), "x"), (error) => isMillraceError(error) && error.code === "MR1034" && error.message.startsWith("x: it is nested deeper than 1000 levels"))
})

test("brackets in texts and keys are no levels, whatever is escaped around them", () => {
  const brackets = "[{".repeat(2 * most)
  for (const text of [brackets, `"${brackets}`, `\\${brackets}`, `${brackets}\\"`]) {
    assert.equal(isDeepJson(JSON.stringify({ [text]: [text] })), false)
    assert.equal(isDeepJson(nested(most, JSON.stringify(text))), false)
    assert.equal(isDeepJson(nested(most, JSON.stringify([text]))), true)
  }
})

test("any JSON below so many levels is judged by its depth", () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.integer({ min: most - 6, max: most }), (value, levels) => {
      assert.equal(isDeepJson(nested(levels, JSON.stringify(value))), levels + depthOf(value) > most)
    }),
  )
})
