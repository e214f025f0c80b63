import assert from "node:assert/strict"
import { test } from "node:test"
import { isMillraceError } from "@millrace/model"
import { checkCron, nextCron } from "./cron.ts"

const at = (text: string): number => Date.parse(text)
const next = (expression: string, zone: string, after: string): string | undefined => {
  const time = nextCron(expression, zone, at(after))
  return time === undefined ? undefined : new Date(time).toISOString()
}

test("the next time is after the one given, in the zone of the expression", () => {
  assert.equal(next("0 7 * * 1-5", "Europe/Berlin", "2026-11-20T06:00:00Z"), "2026-11-23T06:00:00.000Z")
  assert.equal(next("*/10 * * * *", "UTC", "2026-01-01T00:10:00Z"), "2026-01-01T00:20:00.000Z")
  assert.equal(next("30 * * * * *", "UTC", "2026-01-01T00:00:31Z"), "2026-01-01T00:01:30.000Z")
  assert.equal(next("0 0 29 2 *", "UTC", "2026-01-01T00:00:00Z"), "2028-02-29T00:00:00.000Z")
})

test("an hour that is skipped in spring, or comes twice in autumn, is due once", () => {
  assert.equal(next("30 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z"), "2026-03-29T01:00:00.000Z")
  const first = next("30 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00Z")
  assert.equal(first, "2026-10-25T00:30:00.000Z")
  assert.equal(next("30 2 * * *", "Europe/Berlin", first), "2026-10-26T01:30:00.000Z")
})

test("a time zone that does not exist is refused with its place", () => {
  for (const timeZone of ["Europe/Berlinn", "CEST+2", ""]) {
    assert.throws(
      () => checkCron({ expression: "0 7 * * *", timeZone, catchUp: "one", input: "{}" }, "here"),
      (error) => isMillraceError(error) && error.code === "MR1101" && error.message.startsWith("here, cron: there is no time zone "),
      timeZone,
    )
  }
})

test("an expression that cannot be read or is never due is refused with its place", () => {
  for (const expression of ["0 7 * *", "61 * * * *", "whenever", "0 0 30 2 *"]) {
    assert.throws(
      () => checkCron({ expression, timeZone: "UTC", catchUp: "one", input: "{}" }, "here"),
      (error) => isMillraceError(error) && error.code === "MR1101" && error.message.startsWith("here, cron: "),
      expression,
    )
  }
})
