import assert from "node:assert/strict"
import { test } from "node:test"
import type { StandardSchema } from "@millrace/model"
import { type } from "arktype"
import * as v from "valibot"
import { z } from "zod"
import { compile, service, stream } from "./index.ts"

function jsonSchema(schema: StandardSchema): unknown {
  return compile(service("s", [stream("x", { schema })])).plan.streams[0]?.jsonSchema
}

test("zod and arktype tell the JSON Schema of what they take", () => {
  const expected = { type: "object", properties: { who: { type: "string" }, n: { type: "number" } } }
  for (const schema of [z.object({ who: z.string(), n: z.number() }), type({ who: "string", n: "number" })]) {
    const { required, ...told } = jsonSchema(schema) as typeof expected & { readonly required: readonly string[] }
    assert.deepEqual({ type: told.type, properties: told.properties }, expected)
    assert.deepEqual(required.toSorted(), ["n", "who"])
  }
})

test("a coerced date is anything in the JSON Schema, and the fields beside it are told", () => {
  const { properties } = jsonSchema(z.object({ who: z.string(), at: z.coerce.date() })) as {
    readonly properties: unknown
  }
  assert.deepEqual(properties, { who: { type: "string" }, at: {} })
})

test("a schema that cannot tell has no JSON Schema", () => {
  assert.equal(jsonSchema(v.object({ who: v.string() })), undefined)
  const failing = {
    "~standard": {
      version: 1,
      vendor: "test",
      validate: (value: unknown) => ({ value }),
      jsonSchema: {
        input: () => {
          throw new Error("cannot be said in JSON Schema")
        },
      },
    },
  } as const
  assert.equal(jsonSchema(failing), undefined)
})
