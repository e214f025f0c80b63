/**
 * Every route of the protocol, in one ordered table: a front door registers its handlers from it and openapi.json is
 * made of it, so neither can know a route that the other does not.
 */
import { limits } from "@millrace/model"
import { mediaTypes } from "./body-format.ts"
import type { Content, OperationId, Parameter, Route } from "./route.ts"
import { ref } from "./schemas.ts"
import { functionRoutes } from "./function-routes.ts"
import { tableRoutes } from "./table-routes.ts"
import { taskRoutes } from "./task-routes.ts"

const stream: Parameter = {
  name: "stream",
  in: "path",
  description: "Name of the stream, percent-encoded; a `/` in the name of an internal stream as `%2F`.",
  schema: { type: "string", minLength: 1 },
}

const json = (schema: Content[string]["schema"]): Content => ({ "application/json": { schema } })

const fromPage =
  "Where to begin: `earliest`, `latest`, an offset, or a time in ISO 8601 (the first record that is at or after it). " +
  "Default: `earliest`."
const fromLive =
  "Where to begin: `earliest`, `latest`, a time in ISO 8601, or a position: the next offset of each partition, " +
  "joined by dots, as in the `id` of an event. Default: `latest`. `Last-Event-ID` goes before it."

/** What appends records takes and answers the same, whatever it is called. */
const appending: Omit<Route, "id" | "method" | "path" | "summary" | "description"> = {
  parameters: [
    stream,
    {
      name: "Idempotency-Key",
      in: "header",
      description:
        "Names the request: repeating it with the same key and body stores nothing twice and gives the same answer.",
      schema: { type: "string", minLength: 1, maxLength: limits.idempotencyKeyLengthMax },
    },
    { name: "traceparent", in: "header", description: "W3C Trace Context of the records that bring none of their own.", schema: { type: "string" } },
    { name: "tracestate", in: "header", description: "What tracing systems of vendors add to it.", schema: { type: "string" } },
    {
      name: "Content-Encoding",
      in: "header",
      description: "The body may be compressed.",
      schema: { enum: ["gzip", "identity"] },
    },
  ],
  body: {
    [mediaTypes.json]: { schema: { description: "One record, or an array of records." } },
    [mediaTypes.ndjson]: { schema: { description: "One record a line." } },
    [mediaTypes.cloudevent]: { schema: ref("CloudEvent") },
    [mediaTypes.cloudevents]: { schema: { type: "array", items: ref("CloudEvent") } },
  },
  answer: { status: 200, description: "What became of the records.", content: json(ref("ProduceReply")) },
  errors: [
    "MR1001",
    "MR1002",
    "MR1003",
    "MR1004",
    "MR1005",
    "MR1006",
    "MR1007",
    "MR1008",
    "MR1009",
    "MR1010",
    "MR1011",
    "MR1013",
    "MR1015",
    "MR1016",
    "MR1033",
    "MR1034",
    "MR1017",
    "MR1020",
    "MR1201",
    "MR1202",
    "MR1203",
    "MR1204",
    "MR1303",
    "MR1304",
    "MR1401",
  ],
}

/** The routes by operation. The compiler sees to it that none is missing. */
const table: { readonly [Id in OperationId]: Route & { readonly id: Id } } = {
  index: {
    id: "index",
    method: "GET",
    path: "/",
    summary: "List the addresses of the node",
    parameters: [],
    answer: { status: 200, description: "The addresses.", content: json(ref("Index")) },
    errors: [],
  },
  listStreams: {
    id: "listStreams",
    method: "GET",
    path: "/v1/streams",
    summary: "List the streams",
    parameters: [],
    answer: { status: 200, description: "Every stream, internal ones too.", content: json(ref("StreamList")) },
    errors: ["MR1401"],
  },
  showStream: {
    id: "showStream",
    method: "GET",
    path: "/v1/streams/{stream}",
    summary: "Tell what a stream is and holds",
    parameters: [stream],
    answer: {
      status: 200,
      description: "The stream, and what each partition holds.",
      content: json(ref("StreamDetails")),
    },
    errors: ["MR1008", "MR1401"],
  },
  produce: {
    id: "produce",
    method: "POST",
    path: "/v1/streams/{stream}/records",
    summary: "Append records to a stream",
    description:
      "Answers once what was accepted is durable. A record that is refused does not hold up the others; " +
      "422 when all were.",
    ...appending,
  },
  sendEvent: {
    id: "sendEvent",
    method: "POST",
    path: "/v1/events/{stream}",
    summary: "Tell of an event",
    description:
      "An event is a record of the stream of its name; it starts the runs of the tasks that wait for it (`task.on`), each exactly once. " +
      "Bodies, answers and refusals are those of `produce`.",
    ...appending,
  },
  readStream: {
    id: "readStream",
    method: "GET",
    path: "/v1/streams/{stream}/records",
    summary: "Read a page of a stream's partition",
    parameters: [
      stream,
      {
        name: "partition",
        in: "query",
        description: "Which partition. Default: 0.",
        schema: { type: "integer", minimum: 0 },
      },
      { name: "from", in: "query", description: fromPage, schema: { type: "string" } },
      {
        name: "limit",
        in: "query",
        description: "Most records of the page. Default: 100.",
        schema: { type: "integer", minimum: 1, maximum: limits.pageRecordsMax },
      },
    ],
    answer: {
      status: 200,
      description: "The page; it may hold fewer records than asked for.",
      content: json(ref("RecordPage")),
    },
    errors: ["MR1008", "MR1009", "MR1014", "MR1302", "MR1401"],
  },
  followStream: {
    id: "followStream",
    method: "GET",
    path: "/v1/streams/{stream}/live",
    summary: "Follow a stream as server-sent events",
    description:
      "Each record is one event whose data is the record's JSON and whose id is the position after it in all " +
      "partitions. The event `end` says that the stream has ended, `problem` that the reading stopped.",
    parameters: [
      stream,
      { name: "from", in: "query", description: fromLive, schema: { type: "string" } },
      {
        name: "Last-Event-ID",
        in: "header",
        description: "The id of the last event seen: goes on after it.",
        schema: { type: "string" },
      },
    ],
    answer: {
      status: 200,
      description: "The events.",
      content: { "text/event-stream": { schema: { type: "string" } } },
    },
    errors: ["MR1008", "MR1009", "MR1014", "MR1021", "MR1401"],
  },
  endStream: {
    id: "endStream",
    method: "POST",
    path: "/v1/streams/{stream}/end",
    summary: "End a bounded stream",
    description: "Its windows close and its files are sealed; it takes no more records (MR1033). Repeating it changes nothing.",
    parameters: [stream],
    answer: { status: 200, description: "The end is durable.", content: json(ref("EndReply")) },
    errors: ["MR1008", "MR1010", "MR1016", "MR1303", "MR1304", "MR1401"],
  },
  reopenStream: {
    id: "reopenStream",
    method: "POST",
    path: "/v1/streams/{stream}/reopen",
    summary: "Let a stream that has ended take records again",
    description: "Its windows stay closed: what comes now is late for them. Repeating it changes nothing.",
    parameters: [stream],
    answer: { status: 200, description: "It takes records.", content: json(ref("ReopenReply")) },
    errors: ["MR1008", "MR1010", "MR1016", "MR1303", "MR1304", "MR1401"],
  },
  ...tableRoutes,
  ...taskRoutes,
  ...functionRoutes,
  status: {
    id: "status",
    method: "GET",
    path: "/v1/status",
    summary: "Tell how the node fares",
    parameters: [],
    answer: { status: 200, description: "What runs here and how far it is.", content: json(ref("Status")) },
    errors: [],
  },
  openapi: {
    id: "openapi",
    method: "GET",
    path: "/v1/openapi.json",
    summary: "Describe this interface",
    parameters: [],
    answer: {
      status: 200,
      description: "An OpenAPI 3.1 document, with the schemas of the streams.",
      content: json({ type: "object" }),
    },
    errors: [],
  },
  health: {
    id: "health",
    method: "GET",
    path: "/healthz",
    summary: "Tell whether the process is alive",
    parameters: [],
    answer: { status: 200, description: "It is.", content: json(ref("Health")) },
    errors: [],
  },
  readiness: {
    id: "readiness",
    method: "GET",
    path: "/readyz",
    summary: "Tell whether the node can serve",
    parameters: [],
    answer: { status: 200, description: "It can.", content: json(ref("Health")) },
    errors: ["MR1401"],
  },
  metrics: {
    id: "metrics",
    method: "GET",
    path: "/metrics",
    summary: "Give figures in the Prometheus text format",
    parameters: [],
    answer: { status: 200, description: "The figures.", content: { "text/plain": { schema: { type: "string" } } } },
    errors: [],
  },
  explainError: {
    id: "explainError",
    method: "GET",
    path: "/errors/{code}",
    summary: "Explain an error code",
    parameters: [{ name: "code", in: "path", description: "A code such as MR1008.", schema: { type: "string" } }],
    answer: {
      status: 200,
      description: "What the code means and what to do next.",
      content: { "text/plain": { schema: { type: "string" } } },
    },
    errors: ["MR1012"],
  },
}

/** Every route, in the order of the documentation. */
export const routes: readonly Route[] = Object.values(table)

/** The path of a route with its parameters filled in. */
export function pathOf(id: OperationId, parameters: Readonly<Record<string, string>> = {}): string {
  return table[id].path.replaceAll(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(parameters[name] ?? ""))
}
