/** GET /v1/runs: a page of runs, of one task or of all, newest first; GET /v1/runs/{run}: one. */
import { limits, MillraceError } from "@millrace/model"
import type { RunState } from "@millrace/protocol"
import { json } from "../../answer.ts"
import { assertReady, type Gate, type Handler, largeJson, type RouteContext } from "../../gate.ts"
import { queryOf, wholeNumber } from "../../query.ts"
import { runJson } from "../../run-reply.ts"
import type { NodeRun, NodeSearch } from "../../tasks.ts"

const states: readonly RunState[] = ["delayed", "waiting", "running", "succeeded", "failed", "cancelled", "expired"]

const times = ["since", "until", "endedSince", "endedUntil"] as const

export const listRuns: Handler = async (context, gate) => {
  assertReady(gate.node)
  const query = queryOf(context.env.incoming.url ?? "", ["task", "status", ...times, "key", "q", "cursor", "limit"])
  const limit = wholeNumber("limit", query.limit, 50, 1, limits.pageRunsMax)
  const status = states.find((each) => each === query.status)
  if (query.status !== undefined && status === undefined) throw wrong("status", `one of ${states.join(", ")}`)
  const search = {
    limit,
    ...(status === undefined ? {} : { status }),
    ...Object.fromEntries(times.flatMap((name) => (query[name] === undefined ? [] : [[name, timeOf(name, query[name])] as const]))),
    ...(query.key === undefined ? {} : { key: query.key }),
    ...(query.q === undefined ? {} : { q: query.q }),
  }
  const tasks = query.task === undefined ? gate.node.tasks.plans.map(({ name }) => name) : [query.task]
  return largeJson(await found(gate, context, tasks, search, cursorOf(query.cursor)), context, gate)
}

/** The JSON of a RunList: a page with a run at least, while there are more to be looked at and the time is not over. */
async function found(gate: Gate, { env: { outgoing } }: RouteContext, tasks: readonly string[], search: NodeSearch, from: ReadonlyMap<string, number>): Promise<string> {
  let over = false
  const end = (): void => {
    over = true
  }
  const cancel = gate.clock.after(limits.searchWaitMsMax, end)
  outgoing.once("close", end)
  try {
    let page = await pageOf(gate, tasks, search, from)
    while (page.runs.length === 0 && page.cursor !== undefined && !over) page = await pageOf(gate, tasks, search, cursorOf(page.cursor))
    return `{"runs":[${page.runs.map(runJson).join(",")}]${page.cursor === undefined ? "" : `,"cursor":"${page.cursor}"`}}`
  } finally {
    cancel()
    outgoing.removeListener("close", end)
  }
}

export const showRun: Handler = async (context, { node }) => {
  assertReady(node)
  return json(runJson(await node.tasks.run(context.req.param("run") ?? "")))
}

interface Page {
  readonly runs: readonly NodeRun[]
  readonly cursor?: string
}

/** The newest of all the tasks' runs: each gives its newest, and what does not fit the page comes with the next. */
async function pageOf({ node }: Gate, tasks: readonly string[], search: NodeSearch, cursor: ReadonlyMap<string, number>): Promise<Page> {
  const ended = new Set([...cursor].filter(([, before]) => before === 0).map(([task]) => task))
  const pages = await Promise.all(
    tasks
      .filter((task) => !ended.has(task))
      .map(async (task) => {
        const before = cursor.get(task)
        return [task, await node.tasks.runs(task, before === undefined ? search : { ...search, before })] as const
      }),
  )
  const all = pages.flatMap(([, { runs }]) => runs).toSorted((a, b) => b.enqueuedAt - a.enqueuedAt || b.number - a.number)
  const shown = all.slice(0, search.limit)
  const left = new Map<string, number>([...ended].map((task) => [task, 0]))
  for (const [task, { runs, next }] of pages) {
    const last = shown.findLast((run: NodeRun) => run.task === task)
    const whole = last === runs.at(-1)
    // Number 0 is the oldest: before it there is nothing.
    left.set(task, whole ? (next ?? 0) : (last?.number ?? cursor.get(task) ?? Number.MAX_SAFE_INTEGER))
  }
  if ([...left.values()].every((before) => before === 0)) return { runs: shown }
  return { runs: shown, cursor: Buffer.from(JSON.stringify([...left])).toString("base64url") }
}

function cursorOf(text: string | undefined): ReadonlyMap<string, number> {
  if (text === undefined) return new Map()
  try {
    const given: unknown = JSON.parse(Buffer.from(text, "base64url").toString("utf8"))
    const pairs = given as readonly (readonly [string, number])[]
    if (pairs.every(([task, before]) => typeof task === "string" && Number.isSafeInteger(before) && before >= 0)) return new Map(pairs)
  } catch {
    // Told below.
  }
  throw wrong("cursor", "what the page before gave as its cursor")
}

function timeOf(parameter: string, text: string): number {
  const time = Date.parse(text)
  if (Number.isNaN(time)) throw wrong(parameter, "a time in ISO 8601")
  return time
}

function wrong(parameter: string, expected: string): MillraceError {
  return new MillraceError("MR1009", `${parameter}: expected ${expected}.`, { parameter })
}
