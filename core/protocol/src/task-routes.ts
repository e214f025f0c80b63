/** The routes about tasks and their runs. */
import { limits } from "@millrace/model"
import { mediaTypes } from "./body-format.ts"
import type { Content, OperationId, Parameter, Route } from "./route.ts"
import { ref } from "./schemas.ts"

const task: Parameter = { name: "task", in: "path", description: "Name of the task.", schema: { type: "string", minLength: 1 } }
const run: Parameter = { name: "run", in: "path", description: "Id of the run, such as `freeze-card-1042`.", schema: { type: "string", minLength: 1 } }

const json = (schema: Content[string]["schema"]): Content => ({ "application/json": { schema } })

type TaskOperation = Extract<OperationId, `${string}Task` | `${string}Tasks` | `${string}Run` | `${string}Runs`>

const done = { status: 200 as const, description: "It is durable.", content: json(ref("CommandReply")) }

const tallied = { status: 200 as const, description: "How many runs it is for; it is durable.", content: json(ref("RunTally")) }

export const taskRoutes: { readonly [Id in TaskOperation]: Route & { readonly id: Id } } = {
  listTasks: {
    id: "listTasks",
    method: "GET",
    path: "/v1/tasks",
    summary: "List the tasks",
    parameters: [],
    answer: { status: 200, description: "The tasks and how they stand.", content: json(ref("TaskList")) },
    errors: ["MR1401"],
  },
  showTask: {
    id: "showTask",
    method: "GET",
    path: "/v1/tasks/{task}",
    summary: "Tell how a task stands",
    parameters: [task],
    answer: { status: 200, description: "The task.", content: json(ref("Task")) },
    errors: ["MR1022", "MR1401"],
  },
  callTask: {
    id: "callTask",
    method: "POST",
    path: "/v1/tasks/{task}/runs",
    summary: "Enqueue a run of a task, or wait for its output",
    description:
      "Answers 202 once the run is durable; with `Prefer: wait=N`, 200 and the output if the run has succeeded within N seconds, " +
      "and the run's own problem if it has failed. Lines of NDJSON are inputs of as many runs: all of them are enqueued, or none.",
    parameters: [
      task,
      {
        name: "Prefer",
        in: "header",
        description: "`wait=10` waits up to ten seconds for the output (RFC 7240).",
        schema: { type: "string" },
      },
      {
        name: "Idempotency-Key",
        in: "header",
        description: "Names the run: a repeat within the task's window gets the same run and result.",
        schema: { type: "string", minLength: 1, maxLength: limits.idempotencyKeyLengthMax },
      },
      { name: "traceparent", in: "header", description: "W3C Trace Context, carried to the task's code.", schema: { type: "string" } },
      { name: "tracestate", in: "header", description: "What tracing systems of vendors add to it, carried along.", schema: { type: "string" } },
      { name: "delay", in: "query", description: "Start no earlier than after this: `30s`, `2h`.", schema: { type: "string" } },
      { name: "priority", in: "query", description: "From -100 to 100; higher starts first.", schema: { type: "integer" } },
      { name: "idempotency", in: "query", description: "How long the `Idempotency-Key` is remembered, at most as the task says: `30m`, `2h`.", schema: { type: "string" } },
      { name: "Content-Encoding", in: "header", description: "The body may be compressed.", schema: { enum: ["gzip", "identity"] } },
    ],
    body: {
      [mediaTypes.json]: { schema: { description: "The input of one run." } },
      [mediaTypes.ndjson]: { schema: { description: "One input a line, each for a run of its own." } },
    },
    answer: { status: 202, description: "The run is durable; `Location` is its address.", content: json({ anyOf: [ref("EnqueueReply"), ref("EnqueueAllReply")] }) },
    also: [{ status: 200, description: "The output, when it was waited for and came in time.", content: json(true) }],
    errors: [
      "MR1001",
      "MR1006",
      "MR1007",
      "MR1009",
      "MR1010",
      "MR1011",
      "MR1013",
      "MR1020",
      "MR1022",
      "MR1023",
      "MR1034",
      "MR1101",
      "MR1201",
      "MR1202",
      "MR1203",
      "MR1204",
      "MR1206",
      "MR1207",
      "MR1208",
      "MR1303",
      "MR1304",
      "MR1401",
      "MR1501",
      "MR1503",
    ],
  },
  pauseTask: {
    id: "pauseTask",
    method: "POST",
    path: "/v1/tasks/{task}/pause",
    summary: "Start no more runs of a task",
    description: "Runs under way go on; inputs are still taken.",
    parameters: [task],
    answer: done,
    errors: ["MR1022", "MR1303", "MR1304", "MR1401"],
  },
  resumeTask: {
    id: "resumeTask",
    method: "POST",
    path: "/v1/tasks/{task}/resume",
    summary: "Start runs of a paused task again",
    parameters: [task],
    answer: done,
    errors: ["MR1022", "MR1303", "MR1304", "MR1401"],
  },
  listRuns: {
    id: "listRuns",
    method: "GET",
    path: "/v1/runs",
    summary: "Find runs, newest first",
    parameters: [
      { name: "task", in: "query", description: "Only runs of this task. Default: of all.", schema: { type: "string" } },
      {
        name: "status",
        in: "query",
        description: "Only runs with this status.",
        schema: { enum: ["delayed", "waiting", "running", "succeeded", "failed", "cancelled", "expired"] },
      },
      { name: "since", in: "query", description: "Enqueued at or after this time, ISO 8601.", schema: { type: "string" } },
      { name: "until", in: "query", description: "Enqueued before this time, ISO 8601.", schema: { type: "string" } },
      { name: "endedSince", in: "query", description: "Ended at or after this time, ISO 8601.", schema: { type: "string" } },
      { name: "endedUntil", in: "query", description: "Ended before this time, ISO 8601.", schema: { type: "string" } },
      { name: "key", in: "query", description: "Only runs with this key.", schema: { type: "string" } },
      { name: "q", in: "query", description: "The text of the input or of the error contains this.", schema: { type: "string" } },
      { name: "cursor", in: "query", description: "Where the page before has ended.", schema: { type: "string" } },
      {
        name: "limit",
        in: "query",
        description: "Most runs of the page. Default: 50.",
        schema: { type: "integer", minimum: 1, maximum: limits.pageRunsMax },
      },
    ],
    answer: { status: 200, description: `A page of runs. A page holds what is found among ${limits.runsSearchedMax} runs or so, and the search goes on until there is one, for ${limits.searchWaitMsMax / 1000} seconds at most: it may hold fewer than asked for, or none, and still not be the last. While there is a cursor, the search goes on from there.`, content: json(ref("RunList")) },
    errors: ["MR1009", "MR1022", "MR1401"],
  },
  showRun: {
    id: "showRun",
    method: "GET",
    path: "/v1/runs/{run}",
    summary: "Show a run with its attempts",
    parameters: [run],
    answer: { status: 200, description: "The run.", content: json(ref("Run")) },
    errors: ["MR1024", "MR1401", "MR1501", "MR1503"],
  },
  followRun: {
    id: "followRun",
    method: "GET",
    path: "/v1/runs/{run}/live",
    summary: "Follow a run as server-sent events",
    description:
      "The first event, `run`, is the run as it stands; then come `progress` and `chunk` that its code has told before, `attempt`, `progress` and `chunk` as " +
      "they happen, and `end` with the run as it has ended. What a run has told is kept for a while, 4 MiB of a run: `missed` says how many events are not.",
    parameters: [
      run,
      { name: "Last-Event-ID", in: "header", description: "Id of the last event that arrived: what the run has told since then follows.", schema: { type: "string" } },
    ],
    answer: { status: 200, description: "The events.", content: { "text/event-stream": { schema: { type: "string" } } } },
    errors: ["MR1021", "MR1024", "MR1401"],
  },
  cancelRun: {
    id: "cancelRun",
    method: "POST",
    path: "/v1/runs/{run}/cancel",
    summary: "Cancel a run",
    description: "A run that has ended stays as it is.",
    parameters: [run],
    answer: done,
    errors: ["MR1024", "MR1032", "MR1303", "MR1304", "MR1401"],
  },
  retryRun: {
    id: "retryRun",
    method: "POST",
    path: "/v1/runs/{run}/retry",
    summary: "Begin a run again that failed, expired or was cancelled",
    parameters: [run],
    answer: done,
    errors: ["MR1024", "MR1032", "MR1303", "MR1304", "MR1401"],
  },
  retryRuns: {
    id: "retryRuns",
    method: "POST",
    path: "/v1/runs/retry",
    summary: "Begin all runs again that a filter finds",
    parameters: [],
    body: { [mediaTypes.json]: { schema: ref("RetryFilter") } },
    answer: tallied,
    errors: ["MR1001", "MR1006", "MR1007", "MR1009", "MR1010", "MR1020", "MR1022", "MR1303", "MR1304", "MR1401"],
  },
  cancelRuns: {
    id: "cancelRuns",
    method: "POST",
    path: "/v1/runs/cancel",
    summary: "Cancel all runs that a filter finds",
    description: "Of those that were enqueued before.",
    parameters: [],
    body: { [mediaTypes.json]: { schema: ref("CancelFilter") } },
    answer: tallied,
    errors: ["MR1001", "MR1006", "MR1007", "MR1009", "MR1010", "MR1020", "MR1022", "MR1303", "MR1304", "MR1401"],
  },
}
