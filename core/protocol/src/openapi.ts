/**
 * openapi.json: the table of routes as an OpenAPI 3.1 document, with the record schemas of the streams at hand. A
 * stream whose schema is known gets a path of its own beside the template, since a template cannot tell streams apart
 * (OpenAPI 3.1, Paths Object: concrete paths are matched first).
 */
import { type ErrorCode, errorTable, type FunctionPlan, type HttpRoutePlan, type StreamPlan, type TaskPlan } from "@millrace/model"
import { mediaTypes } from "./body-format.ts"
import { problemType } from "./problem.ts"
import type { Content, JsonSchema, Parameter, Route } from "./route.ts"
import { pathOf, routes } from "./routes.ts"
import { ref, schemas } from "./schemas.ts"

/** What a document tells of the node that serves it. */
export interface Described {
  readonly version: string
  readonly streams: readonly StreamPlan[]
  readonly tasks: readonly TaskPlan[]
  readonly functions: readonly FunctionPlan[]
}

/** Failures that any route can answer with. */
const common: readonly ErrorCode[] = ["MR1018", "MR1404"]

/** The document. */
export function openApi(described: Described): Readonly<Record<string, unknown>> {
  const paths: Record<string, Record<string, unknown>> = {}
  for (const route of routes) (paths[route.path] ??= {})[route.method.toLowerCase()] = operation(route)
  const records: Record<string, JsonSchema> = {}
  for (const stream of described.streams) {
    if (!isJsonSchema(stream.jsonSchema)) continue
    const name = `stream.${stream.name.replaceAll(/[^A-Za-z0-9._-]/g, "_")}`
    records[name] = schemaOf(stream, stream.jsonSchema)
    if (stream.role === "source")
      paths[pathOf("produce", { stream: stream.name })] = {
        post: produceTo(stream, { $ref: `#/components/schemas/${name}` }),
      }
  }
  for (const task of described.tasks) {
    const named = (what: string, schema: unknown): JsonSchema => {
      if (!isJsonSchema(schema)) return true
      const name = `task.${task.name}.${what}`
      records[name] = { $id: `urn:millrace:task:${encodeURIComponent(task.name)}:${what}`, ...schema }
      return { $ref: `#/components/schemas/${name}` }
    }
    paths[pathOf("callTask", { task: task.name })] = { post: callOf(task, named("input", task.inputSchema), named("output", task.outputSchema)) }
  }
  for (const { name, description, http } of described.functions) {
    const schemaNamed = (what: string, schema: unknown): JsonSchema => {
      if (!isJsonSchema(schema)) return true
      const named = `function.${name}.${what}`
      records[named] = { $id: `urn:millrace:function:${name}:${what}`, ...schema }
      return { $ref: `#/components/schemas/${named}` }
    }
    const facts = { name, description, input: schemaNamed("input", http?.inputSchema), output: schemaNamed("output", http?.outputSchema) }
    for (const route of http?.routes ?? []) {
      // What nothing else takes has no address of its own.
      if (route.segments === null) continue
      const path = route.segments.map((segment) => (segment.kind === "text" ? `/${segment.text}` : `/{${segment.name}}`)).join("")
      const methods = route.method === "ANY" ? ["get", "put", "post", "delete", "patch"] : [route.method.toLowerCase()]
      for (const method of methods) (paths[path] ??= {})[method] ??= callOfFunction(route, method, methods.length > 1, facts)
    }
  }
  return {
    openapi: "3.1.1",
    info: {
      title: "Millrace",
      version: described.version,
      description:
        "Real-time streams with exactly-once state. " +
        "Failures are problem details (RFC 9457) with a code; `type` leads to its explanation.",
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
    },
    servers: [{ url: "/" }],
    // A node takes requests from its own machine and asks for no credentials.
    security: [],
    paths,
    components: { schemas: { ...schemas, ...records } },
  }
}

function operation(route: Route): Readonly<Record<string, unknown>> {
  return {
    operationId: route.id,
    summary: route.summary,
    ...(route.description === undefined ? {} : { description: route.description }),
    ...(route.parameters.length === 0 ? {} : { parameters: route.parameters.map(parameter) }),
    ...(route.body === undefined ? {} : { requestBody: { required: true, content: route.body } }),
    responses: responses(route),
  }
}

function parameter(each: Parameter): Readonly<Record<string, unknown>> {
  return {
    name: each.name,
    in: each.in,
    required: each.in === "path",
    description: each.description,
    schema: each.schema,
  }
}

function responses(route: Route): Readonly<Record<string, unknown>> {
  const byStatus = new Map<number, ErrorCode[]>()
  for (const code of [...route.errors, ...common]) {
    const { status } = errorTable[code]
    byStatus.set(status, [...(byStatus.get(status) ?? []), code])
  }
  const failures = [...byStatus]
    .toSorted(([a], [b]) => a - b)
    .map(([status, codes]) => [
      String(status),
      {
        description: codes.map((code) => `${code}: ${errorTable[code].title}.`).join(" "),
        ...(codes.some((code) => errorTable[code].advice === "retry")
          ? {
              headers: {
                "Retry-After": { description: "Seconds to wait before trying again.", schema: { type: "integer" } },
              },
            }
          : {}),
        content: { [problemType]: { schema: ref("Problem") } },
      },
    ])
  const answers = [route.answer, ...(route.also ?? [])].map(({ status, description, content }) => [String(status), { description, content }])
  return { ...Object.fromEntries(answers), ...Object.fromEntries(failures) }
}

function produceTo(stream: StreamPlan, record: JsonSchema): Readonly<Record<string, unknown>> {
  const route = routes.find(({ id }) => id === "produce") as Route
  const body: Content = {
    ...route.body,
    [mediaTypes.json]: { schema: { anyOf: [record, { type: "array", items: record }] } },
  }
  return {
    ...operation({ ...route, parameters: route.parameters.filter((each) => each.in !== "path"), body }),
    operationId: `produce.${stream.name}`,
    summary: `Append records to ${stream.name}`,
    ...(stream.description === undefined ? {} : { description: stream.description }),
  }
}

function callOf(task: TaskPlan, input: JsonSchema, output: JsonSchema): Readonly<Record<string, unknown>> {
  const route = routes.find(({ id }) => id === "callTask") as Route
  const body: Content = { ...route.body, [mediaTypes.json]: { schema: input } }
  const also = route.also?.map((answer) => ({ ...answer, content: { "application/json": { schema: output } } })) ?? []
  return {
    ...operation({ ...route, parameters: route.parameters.filter((each) => each.in !== "path"), body, also }),
    operationId: `callTask.${task.name}`,
    summary: `Enqueue a run of ${task.name}, or wait for its output`,
    ...(task.description === undefined ? {} : { description: task.description }),
  }
}

interface FunctionFacts {
  readonly name: string
  readonly description: string | undefined
  readonly input: JsonSchema
  readonly output: JsonSchema
}

function callOfFunction(route: HttpRoutePlan, method: string, several: boolean, { name, description, input, output }: FunctionFacts): Readonly<Record<string, unknown>> {
  const parameters = (route.segments ?? []).flatMap((segment) => {
    if (segment.kind === "text") return []
    const said = segment.kind === "greedy" ? { description: "One segment or more." } : {}
    return [{ name: segment.name, in: "path", required: true, ...said, schema: { type: "string" } }]
  })
  const hasBody = method === "post" || method === "put" || method === "patch"
  return {
    operationId: several ? `function.${name}.${method}` : `function.${name}`,
    summary: `Call the function ${name}`,
    ...(description === undefined ? {} : { description }),
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(hasBody && input !== true ? { requestBody: { required: true, content: { "application/json": { schema: input } } } } : {}),
    responses: {
      ...(output === true ? { default: { description: "The function's answer." } } : { "200": { description: "The function's answer.", content: { "application/json": { schema: output } } } }),
      ...(input === true ? {} : { "422": { description: "MR1030: The request does not fit the function's schema.", content: { [problemType]: { schema: ref("Problem") } } } }),
    },
  }
}

/** A schema with an id of its own, so that its `#/$defs/…` mean itself and not the whole document. */
function schemaOf(stream: StreamPlan, schema: Readonly<Record<string, unknown>>): JsonSchema {
  return { $id: `urn:millrace:stream:${encodeURIComponent(stream.name)}`, ...schema }
}

function isJsonSchema(schema: unknown): schema is Readonly<Record<string, unknown>> {
  return typeof schema === "object" && schema !== null && !Array.isArray(schema)
}
