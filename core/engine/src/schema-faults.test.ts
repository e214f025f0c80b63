import assert from "node:assert/strict"
import { test } from "node:test"
import { type } from "arktype"
import type { SchemaIssue, StandardSchema } from "@millrace/model"
import * as v from "valibot"
import { z } from "zod"
import { schemaFaults } from "./schema-faults.ts"

function told(schema: unknown, value: unknown): string {
  const result = (schema as StandardSchema)["~standard"].validate(value) as { readonly issues: readonly SchemaIssue[] }
  return schemaFaults(result.issues, value).listed
}

test("a text that is no date is named, not the type that the library tried to make of it", () => {
  assert.equal(told(z.object({ at: z.coerce.date() }), { at: "yesterday" }), 'at: "yesterday" is no date')
  assert.equal(told(z.object({ at: z.coerce.date() }), { at: "x".repeat(200) }), `at: "${"x".repeat(60)}…" is no date`)
})

test("a date that is missing is said to be missing", () => {
  assert.equal(told(z.object({ at: z.coerce.date() }), {}), "at: a date is wanted, and there is none")
  assert.match(told(z.object({ at: z.date() }), {}), /^at: .*expected date, received undefined$/)
})

test("a schema that wants a date of JSON is told how to get one", () => {
  const value = { deep: [{ at: "2026-11-21T10:00:00Z" }] }
  const mend = /; JSON has no dates, so let the schema take a text/
  assert.match(told(z.object({ deep: z.array(z.object({ at: z.date() })) }), value), /^deep\.0\.at: .*date/)
  assert.match(told(z.object({ deep: z.array(z.object({ at: z.date() })) }), value), mend)
  assert.match(told(v.object({ at: v.date() }), { at: "2026-11-21" }), mend)
  assert.match(told(type({ at: "Date" }), { at: "2026-11-21" }), mend)
})

test("what has nothing to do with dates is left as the library says it", () => {
  assert.equal(told(z.object({ n: z.number() }), { n: "1" }), "n: Invalid input: expected number, received string")
  assert.match(told(z.string(), 1), /^Invalid input: expected string/)
})
