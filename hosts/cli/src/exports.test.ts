import assert from "node:assert/strict"
import { test } from "node:test"
import * as sdk from "@millrace/sdk"
import * as millrace from "millrace"

test("millrace exports all that the SDK exports, as users import it", () => {
  assert.deepEqual(Object.keys(millrace).toSorted(), Object.keys(sdk).toSorted())
  for (const name of ["topN", "cumulating", "service", "keepValue"]) assert.ok(name in millrace, `${name} is missing`)
  assert.ok(!("bindTaskCaller" in millrace), "what hosts alone call is at @millrace/sdk/caller")
})
