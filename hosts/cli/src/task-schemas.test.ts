// Schemas of tasks as callers meet them, on a node over HTTP.
import assert from "node:assert/strict"
import { after, before, test } from "node:test"
import { service, task } from "@millrace/sdk"
import { z } from "zod"
import { type Served, serve } from "../test/served.ts"
import { connect } from "./client.ts"

const text = `
import { service, stream, task } from "millrace"
import { z } from "zod"
const weigh = task("weigh", {
  input: z.object({ kg: z.number() }),
  output: z.object({ size: z.number().transform((n) => n + " kg"), note: z.string().trim().default("none") }),
  run: ({ kg }) => ({ size: kg }),
})
const read = stream("read")
const later = task("later", { input: z.object({ s: z.string().refine(async () => true) }), run: ({ s }) => s })
export default service("scale", [weigh.output.to(read), later])
`

// The same, as callers know it: its types.
const weigh = task("weigh", {
  input: z.object({ kg: z.number() }),
  output: z.object({ size: z.number().transform(String), note: z.string().trim().default("none") }),
  run: () => ({ size: 1 }),
})
const later = task("later", { input: z.object({ s: z.string() }), run: ({ s }) => s })
const known = service("scale", [weigh, later])

let place: Served

before(async () => {
  place = await serve({ "service.ts": text })
})

after(() => place.close())

test("a client gets what the schema of the output makes, of a task that its service only reads; nobody else writes that output", async () => {
  const { url } = place.node
  const made = await connect<typeof known>(url).task("weigh").call({ kg: 7 })
  const size: string = made.size
  assert.deepEqual([size, made.note], ["7 kg", "none"])
  const read = (await (await fetch(`${url}/v1/streams/weigh.output/records?partition=0&from=earliest`)).json()) as { readonly records: ReadonlyArray<{ readonly value: unknown }> }
  assert.deepEqual(read.records.map(({ value }) => value), [made])
  const written = await fetch(`${url}/v1/streams/weigh.output/records`, { method: "POST", body: "{}", headers: { "content-type": "application/json" } })
  assert.deepEqual([written.status, ((await written.json()) as { readonly code: string }).code], [409, "MR1016"])
})

test("an asynchronous input schema answers 500 and blames the definition, of one input and of many", async () => {
  const { url } = place.node
  const post = (type: string, body: string): Promise<Response> => fetch(`${url}/v1/tasks/later/runs`, { method: "POST", body, headers: { "content-type": type } })
  for (const answer of [await post("application/json", '{"s":"a"}'), await post("application/x-ndjson", '{"s":"a"}\n{"s":"b"}\n')]) {
    const { code, detail } = (await answer.json()) as { readonly code: string; readonly detail: string }
    assert.deepEqual([answer.status, code], [500, "MR1212"])
    assert.match(detail, /task "later", input: its schema is asynchronous/)
  }
  await assert.rejects(connect<typeof known>(url).task("later").call({ s: "a" }), { code: "MR1212" })
})
