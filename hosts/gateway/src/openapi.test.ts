import assert from "node:assert/strict"
import { test } from "node:test"
import { problemType, routes } from "@millrace/protocol"
import { Validator } from "@seriousme/openapi-schema-validator"
import { Ajv2020 } from "ajv/dist/2020.js"
import { z } from "zod"
import { openDoor } from "../test/door.ts"
import { streamPlan } from "../test/memory-node.ts"

type Document = {
  readonly openapi: string
  readonly paths: Record<
    string,
    Record<string, { operationId: string; responses: Record<string, { content: Record<string, { schema: object }> }> }>
  >
  readonly components: { readonly schemas: Record<string, object> }
}

const payment = z.object({ card: z.string(), amount: z.number(), nested: z.array(z.object({ id: z.uuid() })) })
const plans = [
  streamPlan("payments", { jsonSchema: z.toJSONSchema(payment), description: "Card payments" }),
  streamPlan("tree", {
    jsonSchema: {
      type: "object",
      properties: { child: { $ref: "#" }, leaf: { $ref: "#/$defs/leaf" } },
      $defs: { leaf: { type: "string" } },
    },
  }),
  streamPlan("plain"),
  streamPlan("velocity", { role: "derived", jsonSchema: { type: "object" } }),
  streamPlan("fraud/velocity.rows", { role: "sink", jsonSchema: true }),
]

test("openapi.json is a valid OpenAPI 3.1 document", async (t) => {
  const door = await openDoor(t, plans)
  const response = await fetch(`${door.url}/v1/openapi.json`)
  assert.equal(response.headers.get("content-type"), "application/json")
  const document = (await response.json()) as Document
  const result = await new Validator().validate(document)
  assert.deepEqual(result.errors ?? [], [])
  assert.equal(result.valid, true)
  assert.match(document.openapi, /^3\.1\./)
})

test("openapi.json has every route, and a path of its own for each stream with a schema", async (t) => {
  const door = await openDoor(t, plans)
  const { paths, components } = (await (await fetch(`${door.url}/v1/openapi.json`)).json()) as Document
  const operations = Object.values(paths).flatMap((methods) =>
    Object.values(methods).map(({ operationId }) => operationId),
  )
  assert.deepEqual(
    operations.toSorted(),
    [...routes.map(({ id }) => id), "produce.payments", "produce.tree"].toSorted(),
  )
  assert.deepEqual(Object.keys(paths).slice(-2), ["/v1/streams/payments/records", "/v1/streams/tree/records"])
  assert.deepEqual((components.schemas["stream.payments"] as { properties: { card: object } }).properties.card, {
    type: "string",
  })
})

test("every reference of openapi.json leads somewhere, also those inside a stream's schema", async (t) => {
  const door = await openDoor(t, plans)
  const document = (await (await fetch(`${door.url}/v1/openapi.json`)).json()) as Document
  const check = ajvOf(document).compile({ $ref: "openapi.json#/components/schemas/stream.tree" })
  assert.equal(check({ child: { child: { leaf: "x" } } }), true)
  assert.equal(check({ child: { child: { leaf: 5 } } }), false)
  assert.equal(check({ child: 5 }), false)
})

test("what the gateway answers fits the schemas of openapi.json", async (t) => {
  const door = await openDoor(t, plans)
  const document = (await (await fetch(`${door.url}/v1/openapi.json`)).json()) as Document
  const ajv = ajvOf(document)
  const seen = new Set<string>()
  const ask = async (method: "GET" | "POST", template: string, path: string, body?: string) => {
    const response = await fetch(door.url + path, {
      method,
      headers: { "content-type": "application/x-ndjson" },
      ...(body === undefined ? {} : { body }),
    })
    const type = response.headers.get("content-type")?.split(";")[0] ?? ""
    const operation = document.paths[template]?.[method.toLowerCase()]
    const content = operation?.responses[String(response.status)]?.content
    assert.ok(content, `${method} ${path}: status ${response.status} is not described`)
    assert.ok(content[type], `${method} ${path}: ${type} is not described for ${response.status}`)
    seen.add(`${method} ${template} ${response.status}`)
    const text = await response.text()
    if (type !== "application/json" && type !== problemType) return
    const check = ajv.compile({
      $ref: pointer("paths", template, method.toLowerCase(), "responses", response.status, "content", type, "schema"),
    })
    assert.ok(check(JSON.parse(text)), `${method} ${path}: ${ajv.errorsText(check.errors)}`)
  }
  const stream = "/v1/streams/{stream}"
  await ask("GET", "/", "/")
  await ask("GET", "/v1/streams", "/v1/streams")
  await ask("GET", stream, "/v1/streams/payments")
  await ask("GET", stream, "/v1/streams/nope")
  await ask("POST", `${stream}/records`, "/v1/streams/payments/records", '{"key":"a"}\n5\n')
  await ask("POST", `${stream}/records`, "/v1/streams/payments/records", "5\n6")
  await ask("POST", `${stream}/records`, "/v1/streams/velocity/records", '{"key":"a"}')
  await ask("POST", "/v1/events/{stream}", "/v1/events/payments", '{"key":"a"}')
  await ask("GET", `${stream}/records`, "/v1/streams/payments/records?partition=0")
  await ask("GET", `${stream}/records`, "/v1/streams/payments/records?partition=1")
  await ask("GET", `${stream}/records`, "/v1/streams/payments/records?partition=9")
  await ask("POST", `${stream}/end`, "/v1/streams/plain/end")
  await ask("POST", `${stream}/records`, "/v1/streams/plain/records", "5")
  await ask("POST", `${stream}/reopen`, "/v1/streams/plain/reopen")
  door.node.tables.set("a", "1")
  await ask("GET", "/v1/tables", "/v1/tables")
  await ask("GET", "/v1/tables/{table}", "/v1/tables/sums")
  await ask("GET", "/v1/tables/{table}", "/v1/tables/none")
  await ask("GET", "/v1/tables/{table}/{key}", "/v1/tables/sums/a")
  await ask("GET", "/v1/tables/{table}/{key}", "/v1/tables/sums/none")
  await ask("GET", "/v1/status", "/v1/status")
  await ask("GET", "/v1/openapi.json", "/v1/openapi.json")
  await ask("GET", "/healthz", "/healthz")
  await ask("GET", "/readyz", "/readyz")
  await ask("GET", "/metrics", "/metrics")
  await ask("GET", "/errors/{code}", "/errors/MR1008")
  await ask("GET", "/errors/{code}", "/errors/none")
  door.node.unready = { code: "MR1401", message: "The node is starting.", details: {} }
  await ask("GET", "/v1/status", "/v1/status")
  await ask("GET", "/readyz", "/readyz")
  assert.equal(
    // Those of tasks and functions are asked of a node that has some: hosts/cli/src/tasks.test.ts, functions.test.ts.
    routes.filter(({ id, path }) => id !== "followStream" && id !== "followTable" && !/^\/v1\/(tasks|runs|functions)/.test(path)).every(({ method, path }) => seen.has(`${method} ${path} 200`)),
    true,
  )
})

function ajvOf(document: Document): Ajv2020 {
  // Formats are for people here; what OpenAPI adds to JSON Schema are annotations.
  const ajv = new Ajv2020({ strict: false, validateFormats: false })
  ajv.addSchema({ ...document, $id: "openapi.json" })
  return ajv
}

function pointer(...places: readonly (string | number)[]): string {
  const escaped = places.map((place) => encodeURIComponent(String(place).replaceAll("~", "~0").replaceAll("/", "~1")))
  return `openapi.json#/${escaped.join("/")}`
}
