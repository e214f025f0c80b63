/** The routes that tell a task or a run something: pause, resume, cancel, retry; of runs, one or all that a filter finds. */
import { limits, MillraceError } from "@millrace/model"
import type { CommandReply, RunState, RunTally } from "@millrace/protocol"
import { json } from "../../answer.ts"
import { encodingOf, unsupported } from "../../body-headers.ts"
import { assertReady, type Handler, type RouteContext } from "../../gate.ts"
import { readBody } from "../../request-body.ts"
import type { GatewayTasks, NodeFilter, NodeTally } from "../../tasks.ts"

const done = (): Response => json(JSON.stringify({ done: true } satisfies CommandReply))

function command(tell: (tasks: GatewayTasks, context: RouteContext) => Promise<void>): Handler {
  return async (context, { node }) => {
    assertReady(node)
    await tell(node.tasks, context)
    return done()
  }
}

export const pauseTask: Handler = command((tasks, context) => tasks.pause(context.req.param("task") ?? ""))
export const resumeTask: Handler = command((tasks, context) => tasks.resume(context.req.param("task") ?? ""))
export const cancelRun: Handler = command((tasks, context) => tasks.cancel(context.req.param("run") ?? ""))
export const retryRun: Handler = command((tasks, context) => tasks.retry(context.req.param("run") ?? ""))

const times = ["since", "until"] as const
/** Of runs that have ended. */
const endTimes = ["endedSince", "endedUntil"] as const

export const retryRuns: Handler = bulk(["failed", "cancelled", "expired"], [...times, ...endTimes], (tasks, task, filter, signal) => tasks.retryAll(task, filter, signal))
export const cancelRuns: Handler = bulk(["delayed", "waiting", "running"], times, (tasks, task, filter, signal) => tasks.cancelAll(task, filter, signal))

/** A command for all runs that a filter finds: answered with how many they are, or so far once that takes long. */
function bulk<Status extends RunState>(
  statuses: readonly Status[],
  timeNames: readonly string[],
  tell: (tasks: GatewayTasks, task: string, filter: NodeFilter<Status>, signal: AbortSignal) => Promise<NodeTally>,
): Handler {
  return async (context, gate) => {
    assertReady(gate.node)
    const { incoming } = context.env
    const { headers } = incoming
    if (!/^application\/json\b/i.test(headers["content-type"] ?? "")) throw unsupported(headers["content-type"], ["application/json"])
    const body = await readBody(incoming, encodingOf(headers["content-encoding"]), gate.bodies)
    const { task, ...filter } = filterOf(new TextDecoder().decode(body), statuses, timeNames)
    const over = new AbortController()
    const cancel = gate.clock.after(limits.bulkWaitMsMax, () => over.abort())
    try {
      return json(JSON.stringify((await tell(gate.node.tasks, task, filter, over.signal)) satisfies RunTally))
    } finally {
      cancel()
    }
  }
}

function filterOf<Status extends RunState>(text: string, statuses: readonly Status[], timeNames: readonly string[]): { readonly task: string } & NodeFilter<Status> {
  let given: unknown
  try {
    given = JSON.parse(text)
  } catch (cause) {
    throw new MillraceError("MR1001", `The text is not valid JSON: ${(cause as Error).message}`)
  }
  if (typeof given !== "object" || given === null) throw wrong("a JSON object such as {\"task\": \"freeze-card\"}")
  const names = ["task", "status", ...timeNames, "key", "q"]
  const unknown = Object.keys(given).find((name) => !names.includes(name))
  if (unknown !== undefined) throw wrong(`no ${JSON.stringify(unknown)}; there are ${names.join(", ")}`)
  const { task, status, key, q } = given as Record<string, unknown>
  if (typeof task !== "string") throw wrong('"task": the name of a task')
  const known = statuses.find((each) => each === status)
  if (status !== undefined && known === undefined) throw wrong(`"status": one of ${statuses.join(", ")}`)
  if (key !== undefined && typeof key !== "string") throw wrong('"key": a text')
  if (q !== undefined && typeof q !== "string") throw wrong('"q": a text')
  return {
    task,
    ...(known === undefined ? {} : { status: known }),
    ...Object.fromEntries(timeNames.flatMap((name) => timeOf(name, (given as Record<string, unknown>)[name]))),
    ...(key === undefined ? {} : { key }),
    ...(q === undefined ? {} : { q }),
  }
}

function timeOf(name: string, given: unknown): readonly (readonly [string, number])[] {
  if (given === undefined) return []
  const time = typeof given === "string" ? Date.parse(given) : Number.NaN
  if (Number.isNaN(time)) throw wrong(`${JSON.stringify(name)}: a time in ISO 8601`)
  return [[name, time]]
}

function wrong(expected: string): MillraceError {
  return new MillraceError("MR1009", `The filter must hold ${expected}.`, { parameter: "filter" })
}
