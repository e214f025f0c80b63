import assert from "node:assert/strict"
import { test } from "node:test"
import { type ErrorCode, errorTable, isMillraceError } from "@millrace/model"
import fc from "fast-check"
import { errorOf, problemOf } from "./problem.ts"

const codes = Object.keys(errorTable) as ErrorCode[]

test("a failure comes through problem details and JSON as it was", () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...codes),
      fc.string(),
      fc.dictionary(fc.stringMatching(/^[a-z]{6,9}$/), fc.jsonValue()),
      (code, message, details) => {
        fc.pre(!("status" in details) && !("detail" in details) && !("instance" in details))
        const problem = problemOf({ code, message, details }, "/v1")
        const error = errorOf(JSON.parse(JSON.stringify(problem)), problem.status)
        assert.equal(error.code, code)
        assert.equal(error.message, message)
        assert.deepEqual(error.details, JSON.parse(JSON.stringify(details)))
      },
    ),
  )
})

test("each code's problem details have its title, its status and the address of its page", () => {
  for (const code of codes) {
    const { type, title, status } = problemOf({ code, message: "", details: {} })
    assert.deepEqual(
      { type, title, status },
      { type: `/errors/${code}`, title: errorTable[code].title, status: errorTable[code].status },
    )
  }
})

test("a detail cannot pass for a standard member", () => {
  const problem = problemOf({ code: "MR1008", message: "None.", details: { status: 200, code: "MR00000", stream: "x" } })
  assert.deepEqual(problem, {
    type: "/errors/MR1008",
    title: "There is no such stream",
    status: 404,
    detail: "None.",
    code: "MR1008",
    stream: "x",
  })
})

test("an answer that is no problem details is told with its status", () => {
  for (const body of [
    undefined,
    null,
    "Bad Gateway",
    5,
    [],
    {},
    { title: "Teapot" },
    { code: "MR99999", detail: "Of a later version." },
    { code: "toString" },
  ]) {
    const error = errorOf(body, 502)
    assert.ok(isMillraceError(error))
    assert.equal(error.code, "MR1404")
    assert.equal(error.details["status"], 502)
  }
})
