/**
 * The JSON Schemas of the messages: what `components.schemas` of openapi.json says. Their types are in `messages.ts`.
 */
import { errorTable, limits } from "@millrace/model"
import type { JsonSchema } from "./route.ts"

/** A reference to one of {@link schemas}. */
export function ref(name: SchemaName): JsonSchema {
  return { $ref: `#/components/schemas/${name}` }
}

/** Names of {@link schemas}. */
export type SchemaName =
  | "Problem"
  | "PositionRange"
  | "ProduceReply"
  | "Stream"
  | "StreamList"
  | "StreamDetails"
  | "Record"
  | "RecordPage"
  | "TableList"
  | "TableRow"
  | "TablePage"
  | "EndReply"
  | "ReopenReply"
  | "Status"
  | "Health"
  | "Index"
  | "CloudEvent"
  | "Attempt"
  | "Run"
  | "RunList"
  | "EnqueueReply"
  | "EnqueueAllReply"
  | "Task"
  | "TaskList"
  | "RetryFilter"
  | "CancelFilter"
  | "RunTally"
  | "CommandReply"
  | "FunctionList"
  | "InvocationReply"
  | "Mapping"
  | "RedriveReply"

const count: JsonSchema = { type: "integer", minimum: 0 }
const text: JsonSchema = { type: "string" }
const instant: JsonSchema = { type: "string", format: "date-time" }
const runState: JsonSchema = { enum: ["delayed", "waiting", "running", "succeeded", "failed", "cancelled", "expired"] }
const streamFacts = {
  name: text,
  role: { enum: ["source", "derived", "repartition", "task", "sink", "dead-letter"] },
  partitions: { type: "integer", minimum: 1, maximum: limits.partitionsMax },
  format: { enum: ["json", "coded", "bytes"] },
  keyed: { type: "boolean" },
  outOfOrderMs: { type: "number" },
  retentionMs: { type: "number" },
  description: text,
  jsonSchema: true,
}
const streamRequired = ["name", "role", "partitions", "format", "keyed", "outOfOrderMs", "retentionMs"]

function object(
  properties: Readonly<Record<string, JsonSchema>>,
  required: readonly string[] = Object.keys(properties),
): JsonSchema {
  return { type: "object", properties, required }
}

function list(items: JsonSchema): JsonSchema {
  return { type: "array", items }
}

const reflected: JsonSchema = { type: "string", description: "The stream that the table is made from." }
const position: JsonSchema = {
  type: "string",
  description: "The first offset of each partition of `stream` that is not reflected, joined by dots.",
}

export const schemas: Readonly<Record<SchemaName, JsonSchema>> = {
  Problem: {
    ...(object(
      {
        type: { type: "string", format: "uri-reference", description: "Where the failure is explained." },
        title: text,
        status: { type: "integer", minimum: 400, maximum: 599 },
        detail: { type: "string", description: "What went wrong here and how to mend it." },
        code: { enum: Object.keys(errorTable) },
        instance: { type: "string", format: "uri-reference", description: "The path of the request." },
      },
      ["type", "title", "status", "detail", "code"],
    ) as object),
    description: "Problem details (RFC 9457). What else is known of the failure comes as further members.",
  },
  PositionRange: object({ partition: count, first: count, last: count }),
  ProduceReply: object(
    {
      accepted: count,
      rejected: list(object({ index: count, problem: ref("Problem") })),
      rejectedUnlisted: { ...(count as object), description: "Rejections beyond those listed." },
      positions: list(ref("PositionRange")),
    },
    ["accepted", "rejected", "positions"],
  ),
  Stream: object(streamFacts, streamRequired),
  StreamList: object({ streams: list(ref("Stream")) }),
  StreamDetails: object(
    { ...streamFacts, extents: list(object({ partition: count, first: count, end: count })) },
    streamRequired,
  ),
  Record: object(
    {
      partition: count,
      offset: count,
      key: text,
      time: { type: "string", format: "date-time", description: "Event time." },
      headers: { type: "object" },
      value: true,
    },
    ["partition", "offset", "key", "time", "value"],
  ),
  RecordPage: object({
    records: list(ref("Record")),
    next: { ...(count as object), description: "Where the next page begins: give it as `from`." },
    first: { ...(count as object), description: "Oldest offset still kept." },
    end: { ...(count as object), description: "One past the newest durable offset." },
  }),
  Attempt: object(
    {
      startedAt: instant,
      endedAt: instant,
      outcome: { enum: ["succeeded", "failed", "timed-out", "lost", "cancelled"] },
      problem: ref("Problem"),
      logs: list(text),
    },
    ["startedAt", "endedAt", "outcome"],
  ),
  Run: object(
    {
      id: text,
      task: text,
      status: runState,
      input: true,
      output: true,
      problem: ref("Problem"),
      key: text,
      priority: { type: "integer" },
      trigger: { enum: ["call", "record", "cron", "task", "event"] },
      enqueuedAt: instant,
      scheduledAt: instant,
      dueAt: instant,
      startedAt: instant,
      finishedAt: instant,
      attempt: count,
      attempts: list(ref("Attempt")),
      progress: true,
      logs: list(text),
      traceparent: text,
      tracestate: text,
      idempotencyKey: text,
    },
    ["id", "task", "status", "input", "priority", "trigger", "enqueuedAt", "attempt", "attempts"],
  ),
  RunList: object({ runs: list(ref("Run")), cursor: text }, ["runs"]),
  EnqueueReply: object({ id: text, task: text }),
  EnqueueAllReply: object({ task: text, ids: list(text) }),
  Task: object(
    {
      name: text,
      description: text,
      paused: { type: "boolean" },
      counts: { type: "object", additionalProperties: count },
      oldestReadyAt: instant,
      concurrency: count,
      cron: list(object({ expression: text, timeZone: text, nextAt: instant }, ["expression", "timeZone"])),
      inputSchema: true,
      outputSchema: true,
    },
    ["name", "paused", "counts", "concurrency"],
  ),
  TaskList: object({ tasks: list(ref("Task")) }),
  RetryFilter: object(
    { task: text, status: { enum: ["failed", "cancelled", "expired"] }, since: instant, until: instant, endedSince: instant, endedUntil: instant, key: text, q: text },
    ["task"],
  ),
  CancelFilter: object(
    { task: text, status: { enum: ["delayed", "waiting", "running"] }, since: instant, until: instant, key: text, q: text },
    ["task"],
  ),
  RunTally: object({ count, done: { type: "boolean" } }),
  CommandReply: object({ done: { const: true } }),
  FunctionList: object({
    functions: list(
      object(
        {
          name: text,
          service: text,
          description: text,
          file: text,
          handler: text,
          timeoutMs: count,
          memoryMegabytes: count,
          concurrency: count,
          instances: count,
          busy: count,
          stream: text,
          mapping: ref("Mapping"),
          mappings: list(ref("Mapping")),
          routes: list(text),
        },
        ["name", "service", "timeoutMs", "memoryMegabytes", "instances", "busy", "mappings"],
      ),
    ),
  }),
  Mapping: object(
    {
      uuid: text,
      stream: text,
      state: { enum: ["Enabled", "Disabled", "Waiting", "Resting"] },
      shards: count,
      polled: count,
      filteredOut: count,
      invoked: count,
      failedInvoke: count,
      dropped: count,
      delivered: count,
      iteratorAgeMs: { type: "number", description: "Age of the last record of the newest batch when that was done." },
      idle: { type: "boolean", description: "All that its stream has is done." },
      error: object({ code: text, message: text }),
    },
    ["uuid", "stream", "state", "shards", "polled", "filteredOut", "invoked", "failedInvoke", "dropped", "delivered", "iteratorAgeMs", "idle"],
  ),
  InvocationReply: object(
    {
      outcome: { enum: ["returned", "failed"] },
      requestId: text,
      ms: { type: "number" },
      log: { type: "string", description: "The end of what it has logged." },
      payload: true,
      error: object({ errorType: text, errorMessage: text, trace: list(text) }, ["errorType", "errorMessage"]),
    },
    ["outcome", "requestId", "ms", "log"],
  ),
  RedriveReply: object(
    {
      batches: count,
      records: count,
      waiting: count,
      events: count,
      failures: list(object({ stream: text, partition: count, shardId: text, reason: text })),
    },
    ["batches", "records", "waiting", "failures"],
  ),
  TableList: object({ tables: list(object({ name: text, service: text, stream: text, partitions: count })) }),
  TableRow: object({ table: text, key: text, value: true, stream: reflected, position }),
  TablePage: object(
    {
      table: text,
      rows: list(object({ key: text, value: true })),
      next: { type: "string", description: "Give it as `cursor` for the next page; absent on the last." },
      stream: reflected,
      position,
    },
    ["table", "rows", "stream", "position"],
  ),
  EndReply: object({ stream: text, ended: { const: true } }),
  ReopenReply: object({ stream: text, ended: { const: false } }),
  Status: object(
    { version: text, ready: { type: "boolean" }, problem: ref("Problem"), services: list(text), node: true },
    ["version", "ready", "services", "node"],
  ),
  Health: object({ status: { enum: ["alive", "ready"] } }),
  Index: object({
    name: { const: "millrace" },
    version: text,
    addresses: { type: "object", additionalProperties: text },
  }),
  CloudEvent: {
    ...(object(
      {
        specversion: { const: "1.0" },
        id: text,
        source: text,
        type: text,
        time: text,
        datacontenttype: text,
        data: true,
      },
      ["specversion", "id", "source", "type"],
    ) as object),
    description: "A CloudEvents 1.0 event in structured mode; `data` is the record.",
  },
}
