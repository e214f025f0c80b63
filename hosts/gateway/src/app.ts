/**
 * The routes of the protocol's table with their handlers, as a hono application. A route without a handler, or a
 * handler without a route, does not compile.
 */
import { MillraceError } from "@millrace/model"
import { type OperationId, routes } from "@millrace/protocol"
import { Hono } from "hono"
import { failureOf, problem } from "./answer.ts"
import type { Bindings, Gate, Handler } from "./gate.ts"
import { endStream } from "./routes/end-stream.ts"
import { reopenStream } from "./routes/reopen-stream.ts"
import { explainError } from "./routes/explain-error.ts"
import { followStream } from "./routes/follow-stream.ts"
import { invokeFunction } from "./routes/functions/invoke-function.ts"
import { listFunctions } from "./routes/functions/list-functions.ts"
import { redriveFunction } from "./routes/functions/redrive-function.ts"
import { health } from "./routes/health.ts"
import { indexPage } from "./routes/index-page.ts"
import { listStreams } from "./routes/list-streams.ts"
import { metrics } from "./routes/metrics.ts"
import { openapi } from "./routes/openapi.ts"
import { produce } from "./routes/produce.ts"
import { readiness } from "./routes/readiness.ts"
import { readStream } from "./routes/read-stream.ts"
import { showStream } from "./routes/show-stream.ts"
import { status } from "./routes/status.ts"
import { followTable } from "./routes/tables/follow-table.ts"
import { listTables, readRow, readTable } from "./routes/tables/read-table.ts"
import { callTask } from "./routes/tasks/call-task.ts"
import { cancelRun, cancelRuns, pauseTask, resumeTask, retryRun, retryRuns } from "./routes/tasks/commands.ts"
import { followRun } from "./routes/tasks/follow-run.ts"
import { listRuns, showRun } from "./routes/tasks/list-runs.ts"
import { listTasks, showTask } from "./routes/tasks/list-tasks.ts"

const handlers: { readonly [Id in OperationId]: Handler } = {
  index: indexPage,
  listStreams,
  showStream,
  produce,
  // An event is a record of the stream of its name.
  sendEvent: produce,
  readStream,
  followStream,
  endStream,
  reopenStream,
  status,
  openapi,
  health,
  readiness,
  metrics,
  explainError,
  listTables,
  readTable,
  readRow,
  followTable,
  listTasks,
  showTask,
  callTask,
  pauseTask,
  resumeTask,
  listRuns,
  showRun,
  followRun,
  cancelRun,
  cancelRuns,
  retryRun,
  retryRuns,
  listFunctions,
  invokeFunction,
  redriveFunction,
}

/** The application. */
export function createApp(gate: Gate): Hono<{ Bindings: Bindings }> {
  const app = new Hono<{ Bindings: Bindings }>()
  for (const { id, method, path } of routes) {
    const handler = handlers[id]
    app.on(method, path.replaceAll(/\{(\w+)\}/g, ":$1"), (context) => {
      context.env.noted.route = id
      return handler(context, gate)
    })
  }
  app.notFound((context) => {
    const allow = methodsAt(context.req.path)
    const failure =
      allow.length === 0
        ? new MillraceError("MR1012", "Nothing is served at this address. GET / lists the addresses.")
        : new MillraceError("MR1019", `This address takes ${allow.join(", ")}.`, { allow })
    return problem(failureOf(failure), context.req.path)
  })
  app.onError((thrown, context) => {
    const failure = failureOf(thrown)
    if (failure.code === "MR1404")
      gate.log.error(
        { route: context.env.noted.route, error: thrown },
        "A request failed in a way that was not foreseen.",
      )
    return problem(failure, context.req.path)
  })
  return app
}

const templates = routes.map(({ method, path }) => ({
  method,
  pattern: new RegExp(`^${path.replaceAll(".", "\\.").replaceAll(/\{\w+\}/g, "[^/]+")}$`),
}))

/** The methods that an address takes; none when there is no such address. */
export function methodsAt(path: string): readonly string[] {
  const methods = templates.filter(({ pattern }) => pattern.test(path)).map(({ method }) => method)
  return methods.flatMap((method) => (method === "GET" ? ["GET", "HEAD"] : [method]))
}
