import assert from "node:assert/strict"
import { test } from "node:test"
import { MillraceError } from "@millrace/model"
import { openLog } from "./log.ts"
import { faultFacts } from "./logged-error.ts"

function lineOf(facts: object, prosaic: boolean): string {
  const written: string[] = []
  openLog("warn", { prosaic, write: (line) => written.push(line) }).error(facts, "bad")
  return written.join("")
}

test("an Error among the facts of a line of the log tells its name, message and stack", () => {
  const error = new RangeError("too deep", { cause: new TypeError("no such place") })
  const told = JSON.parse(lineOf({ route: "listRuns", error }, false)) as { readonly route: string; readonly error: Readonly<Record<string, string>> }
  assert.equal(told.route, "listRuns")
  assert.equal(told.error["name"], "RangeError")
  assert.equal(told.error["message"], "RangeError: too deep; cause: TypeError: no such place")
  assert.match(told.error["stack"] ?? "", /^RangeError: too deep\n {4}at .*logged-error\.test/)

  const prose = lineOf({ route: "listRuns", error }, true)
  assert.match(prose, /error bad \(route listRuns, error RangeError: too deep; cause: TypeError: no such place\)\n {2}RangeError: too deep\n {6}at /)
})

test("an expected failure among the facts keeps its code and details", () => {
  const told = JSON.parse(lineOf({ fault: new MillraceError("MR1302", "The page is torn.", { page: 7 }) }, false)) as { readonly fault: Readonly<Record<string, unknown>> }
  assert.deepEqual({ ...told.fault, stack: "" }, { name: "MillraceError", message: "The page is torn.", code: "MR1302", details: { page: 7 }, stack: "" })
})

test("a fault that nobody foresaw is told with its stack where it is the line's own", () => {
  const facts = faultFacts(new TypeError("x is not a function"))
  assert.equal(facts.code, "MR1404")
  assert.match(facts.stack ?? "", /^TypeError: x is not a function\n/)
  assert.match(lineOf(facts, true), /error bad \(code MR1404, message TypeError: x is not a function\)\n {2}TypeError: x is not a function\n {6}at /)
  assert.deepEqual(Object.keys(faultFacts(new MillraceError("MR1302", "The page is torn."))), ["code", "message", "details"])
})
