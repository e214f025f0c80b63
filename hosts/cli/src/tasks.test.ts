// Tasks as callers see them: over HTTP, through the client, from this process, and on the command line.
import assert from "node:assert/strict"
import { after, before, test } from "node:test"
import { isMillraceError } from "@millrace/model"
import { service, task } from "@millrace/sdk"
import { LongRun, millrace } from "../test/cli.ts"
import { type Served, serve } from "../test/served.ts"
import { connect, type RunEvent, type RunList, type RunReply, type TaskReply } from "./client.ts"
import type { RunningNode } from "./node.ts"
import { Validator } from "@seriousme/openapi-schema-validator"
import { Ajv2020 } from "ajv/dist/2020.js"
import { z } from "zod"

const text = `
import { NonRetryableError, service, stream, task } from "millrace"
import { z } from "zod"
export const square = task("square", {
  description: "Squares a number",
  input: z.object({ n: z.number(), wait: z.number().optional() }),
  output: z.object({ square: z.number() }),
  key: ({ n }) => String(n),
  retry: 1,
  async run({ n, wait = 0 }, ctx) {
    ctx.log("squaring", n)
    if (n < 0) throw new NonRetryableError("negative: " + n)
    if (wait > 0) {
      ctx.progress({ waits: wait })
      await new Promise((resolve) => setTimeout(resolve, wait))
      ctx.stream("waited")
    }
    return { square: n * n }
  },
})
export const other = task("other", { input: z.object({ trace: z.boolean() }), run: (_, ctx) => ctx.traceparent === undefined ? null : ctx.traceparent + " " + ctx.tracestate })
export const report = task("report", { description: "Reports", cron: [{ expression: "0 7 1 1 *", timeZone: "Europe/Berlin", input: 1 }, { expression: "0 7 1 1 *", timeZone: "Europe/Berlin", input: 2 }, { expression: "30 6 1 1 *", input: 3 }], run: () => null })
export const happened = stream("happened", { schema: z.object({ kind: z.string(), n: z.number() }) })
export default service("numbers", [square, other, report, square.on(happened, { match: ({ kind }) => kind === "grown", input: ({ n }) => ({ n }) })])
`

// The same, as callers know it: its types.
const square = task("square", { input: z.object({ n: z.number(), wait: z.number().optional() }), output: z.object({ square: z.number() }), run: () => ({ square: 0 }) })
const known = service("numbers", [square])

let place: Served
let node: RunningNode

before(async () => {
  place = await serve({ "service.ts": text })
  node = place.node
})

after(() => place.close())

function post(address: string, body: string, headers: Readonly<Record<string, string>> = {}): Promise<Response> {
  return fetch(node.url + address, { method: "POST", body, headers: { "content-type": "application/json", ...headers } })
}

test("a run is accepted with its address, or answered with its output when that is waited for", async () => {
  const accepted = await post("/v1/tasks/square/runs", '{"n":3}')
  const { id, task: name } = (await accepted.json()) as { id: string; task: string }
  assert.deepEqual([accepted.status, accepted.headers.get("location"), name], [202, `/v1/runs/${id}`, "square"])
  const waited = await post("/v1/tasks/square/runs", '{"n":4}', { prefer: "wait=10" })
  assert.deepEqual([waited.status, waited.headers.get("preference-applied"), await waited.json()], [200, "wait", { square: 16 }])
  const slow = await post("/v1/tasks/square/runs", '{"n":5,"wait":3000}', { prefer: "respond-async, wait=0" })
  assert.equal(slow.status, 202)
  // It would still run in the tests that follow.
  await connect(node.url).cancel(((await slow.json()) as { readonly id: string }).id)
  const shown = (await (await fetch(node.url + (waited.headers.get("location") ?? ""))).json()) as RunReply
  assert.deepEqual([shown.status, shown.input, shown.output, shown.key, shown.attempts[0]?.logs], ["succeeded", { n: 4 }, { square: 16 }, "4", ["squaring 4"]])
})

test("a failed run is a problem that names it", async () => {
  const failed = await post("/v1/tasks/square/runs", '{"n":-1}', { prefer: "wait=10" })
  const { code, detail, run, status } = (await failed.json()) as Record<string, unknown>
  assert.deepEqual([failed.status, code, detail, status], [500, "MR1201", "NonRetryableError: negative: -1", 500])
  assert.match(String(run), /^square-\d+$/)
})

test("wrong requests are refused with their codes, and nothing is enqueued", async () => {
  const before = (await connect(node.url).tasks()).map(({ counts }) => counts)
  const codes: unknown[] = []
  for (const [address, body, headers] of [
    ["/v1/tasks/sqare/runs", '{"n":1}', {}],
    ["/v1/tasks/square/runs", '{"n":"one"}', {}],
    ["/v1/tasks/square/runs", '{"n":', {}],
    ["/v1/tasks/square/runs", '{"n":1}', { "content-type": "text/plain" }],
    ["/v1/tasks/square/runs?delay=soon", '{"n":1}', {}],
    ["/v1/tasks/square/runs?idempotency=soon", '{"n":1}', {}],
    ["/v1/tasks/square/runs?priority=1000", '{"n":1}', {}],
    ["/v1/tasks/square/runs", `{"n":1,"pad":"${"x".repeat(16_777_216)}"}`, {}],
    ["/v1/tasks/square/runs", '{"n":1}\n{"n":"two"}', { "content-type": "application/x-ndjson" }],
    ["/v1/runs/square-9999/cancel", "", {}],
    ["/v1/runs/retry", '{"task":"square","state":"failed"}', {}],
    ["/v1/tasks/nothing/pause", "", {}],
  ] as const) {
    const answer = await post(address, body, headers)
    codes.push(((await answer.json()) as { readonly code: string }).code)
  }
  assert.deepEqual(codes, ["MR1022", "MR1023", "MR1001", "MR1006", "MR1009", "MR1009", "MR1009", "MR1007", "MR1023", "MR1024", "MR1009", "MR1022"])
  assert.deepEqual((await connect(node.url).tasks()).map(({ counts }) => counts), before)
  for (const address of ["/v1/runs/square-9999", "/v1/runs?status=lost", "/v1/runs?since=soon", "/v1/runs?until=soon", "/v1/runs?cursor=x", "/v1/tasks/sqare"]) {
    assert.ok([400, 404].includes((await fetch(node.url + address)).status), address)
  }
})

test("a hundred thousand inputs in one bulk are refused as a whole; as many as a request may carry are taken", async () => {
  const client = connect<typeof known>(node.url)
  await client.pause("square")
  const countOf = async (): Promise<number> => (await client.tasks()).find(({ name }) => name === "square")?.counts.waiting ?? 0
  const before = await countOf()
  const lines = (count: number): string => '{"n":1}\n'.repeat(count)
  const refused = await post("/v1/tasks/square/runs", lines(100_000), { "content-type": "application/x-ndjson" })
  const { code, detail } = (await refused.json()) as { readonly code: string; readonly detail: string }
  assert.deepEqual([refused.status, code, await countOf()], [413, "MR1007", before])
  assert.match(detail, /at most 50000/)
  const taken = await post("/v1/tasks/square/runs", lines(50_000), { "content-type": "application/x-ndjson" })
  assert.equal(((await taken.json()) as { readonly ids: readonly string[] }).ids.length, 50_000)
  assert.equal(await countOf(), before + 50_000)
  await client.resume("square")
  for (let left = await countOf(); left > 0; left = await countOf()) await client.task("square").call({ n: 2 }, { priority: -100 })
})

test("an unknown task is answered with the names that there are, the nearest first", async () => {
  const answer = await post("/v1/tasks/sqare/runs", '{"n":1}')
  const { tasks } = (await answer.json()) as { readonly tasks: readonly string[] }
  assert.deepEqual([answer.status, tasks[0]], [404, "square"])
})

test("a client typed by the service calls, sends and follows", async () => {
  const client = connect<typeof known>(node.url)
  const { square: nine } = await client.task("square").call({ n: 3 })
  assert.equal(nine, 9)
  const ids = await client.task("square").sendMany([{ n: 1 }, { n: 2 }, { n: 3 }], { idempotencyKey: "three" })
  assert.equal(new Set(ids).size, 3)
  assert.deepEqual(await client.task("square").sendMany([{ n: 1 }, { n: 2 }, { n: 3 }], { idempotencyKey: "three" }), ids)
  const events: RunEvent[] = []
  for await (const event of client.followRun(await client.task("square").send({ n: 7, wait: 300 }))) events.push(event)
  const kinds = events.map(({ kind }) => kind)
  assert.deepEqual([kinds[0], kinds.at(-1)], ["run", "end"])
  assert.ok(kinds.includes("chunk"))
  const end = events.at(-1)
  assert.ok(end?.kind === "end")
  assert.deepEqual(end.run.output, { square: 49 })
  await assert.rejects(client.task("square").call({ n: -3 }), (error) => isMillraceError(error) && error.code === "MR1201")
  // @ts-expect-error there is no such task
  await assert.rejects(client.task("sqare").call({ n: 1 }), (error) => isMillraceError(error) && error.code === "MR1022")
  // @ts-expect-error the input is another
  await assert.rejects(client.task("square").send({ m: 1 }), (error) => isMillraceError(error) && error.code === "MR1023")
})

test("in the process of a node, a task is called as a function", async () => {
  assert.deepEqual(await square.call({ n: 12 }), { square: 144 })
  const handles = await square.sendMany([{ n: 1 }, { n: 2 }])
  assert.deepEqual(await Promise.all(handles.map((handle) => handle.result())), [{ square: 1 }, { square: 4 }])
  await assert.rejects(square.call({ n: -5 }), /negative: -5/)
})

test("in the process of a node, a handle does what the client does with an id", async () => {
  const client = connect(node.url)
  const handle = await square.send({ n: 3, wait: 5_000 })
  let details = await handle.run()
  while (details.progress === undefined) details = await handle.run()
  assert.deepEqual([details.id, details.status, details.progress, details.attempt, details.key], [handle.id, "running", { waits: 5_000 }, 1, "3"])
  assert.deepEqual((await client.run(handle.id)).progress, { waits: 5_000 })
  await handle.cancel()
  await assert.rejects(handle.result(), { code: "MR1207" })
  const { status, error, attempts, enqueuedAt } = await handle.run()
  const told = await client.run(handle.id)
  assert.deepEqual([status, error?.code, attempts.length, enqueuedAt.toISOString()], [told.status, told.problem?.code, told.attempts.length, told.enqueuedAt])
  await client.pause("square")
  await handle.retry()
  await assert.rejects(handle.retry(), { code: "MR1032" })
  await handle.cancel()
  await client.resume("square")
})

test("the trace of a caller reaches the task's code", async () => {
  const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
  const answer = await post("/v1/tasks/other/runs", '{"trace":true}', { prefer: "wait=10", traceparent, tracestate: "rojo=1, congo=2" })
  assert.equal(await answer.json(), `${traceparent} rojo=1,congo=2`)
  const shown = (await (await fetch(node.url + (answer.headers.get("location") ?? ""))).json()) as RunReply
  assert.deepEqual([shown.traceparent, shown.tracestate], [traceparent, "rojo=1,congo=2"])
  const records = await post("/v1/events/happened", '{"kind":"grown","n":90}', { traceparent, tracestate: "rojo=1" })
  assert.equal(records.status, 200)
  const found = async (): Promise<RunReply | undefined> => (await connect(node.url).runs({ task: "square", key: "90" })).runs[0]
  let run = await found()
  for (; run === undefined; run = await found()) await new Promise((next) => setImmediate(next))
  assert.deepEqual([run.traceparent, run.tracestate], [traceparent, "rojo=1"])
})

test("runs are found page by page over all tasks, newest first", async () => {
  const client = connect(node.url)
  await client.task("other").call({ trace: false })
  const all: RunReply[] = []
  let page: RunList = { runs: [] }
  do {
    page = await client.runs({ limit: 400, ...(page.cursor === undefined ? {} : { cursor: page.cursor }) })
    all.push(...page.runs)
  } while (page.cursor !== undefined)
  assert.equal(new Set(all.map(({ id }) => id)).size, all.length)
  const counts = (await client.tasks()).flatMap(({ counts: each }) => Object.values(each)).reduce((sum, count) => sum + count, 0)
  assert.equal(all.length, counts)
  const times = all.map(({ enqueuedAt }) => enqueuedAt)
  assert.deepEqual(times, times.toSorted().toReversed())
  const negative = await client.runs({ task: "square", status: "failed", q: "negative: -5" })
  assert.deepEqual(negative.runs.map(({ input }) => input), [{ n: -5 }])
  const enqueuedAt = negative.runs.at(0)?.enqueuedAt ?? ""
  assert.deepEqual((await client.runs({ task: "square", q: "negative: -5", until: enqueuedAt })).runs, [])
})

test("a paused task waits, a failed run begins again, a cancelled one ends", async () => {
  const client = connect(node.url)
  await client.pause("square")
  const id = await client.task("square").send({ n: 6 })
  assert.equal((await client.run(id)).status, "waiting")
  await client.cancel(id)
  const { status, problem } = await client.run(id)
  assert.deepEqual([status, problem?.code], ["cancelled", "MR1207"])
  await client.resume("square")
  await client.retry(id)
  for await (const event of client.followRun(id)) if (event.kind === "end") assert.equal(event.run.status, "succeeded")
  // MR1032: what is past is refused, not confirmed.
  await assert.rejects(client.cancel(id), { code: "MR1032", message: `Run ${id} has succeeded; there is nothing left to cancel.` })
  await assert.rejects(client.retry(id), { code: "MR1032", message: /has succeeded; only one that failed, expired or was cancelled begins again/ })
})

test("all runs that a filter finds are cancelled, or begin again, and whoever asks is told how many", async (t) => {
  const client = connect(node.url)
  const env = { env: { MILLRACE_URL: node.url } }
  await client.pause("square")
  t.after(() => client.resume("square"))
  const ids = await client.task("square").sendMany(Array.from({ length: 3_000 }, (_, i) => ({ n: 1_000 + (i % 2), bulk: i })))
  assert.deepEqual(await client.cancelAll({ task: "square", status: "waiting", key: "1001" }), { count: 1_500, done: true })
  assert.equal((await millrace(["task", "cancel", "--task", "square", "--key", "1000", "--q", '"bulk":1000'], env)).out, "1 run is cancelled.\n")
  assert.equal((await millrace(["task", "cancel", "--task", "square", "--key", "1000"], env)).out, "1499 runs are cancelled.\n")
  assert.deepEqual(new Set((await Promise.all(ids.slice(0, 10).map((id) => client.run(id)))).map(({ status }) => status)), new Set(["cancelled"]))
  assert.equal((await millrace(["task", "retry", "--task", "square", "--status", "cancelled", "--key", "1001"], env)).out, "1500 runs begin again.\n")
  assert.deepEqual(await client.cancelAll({ task: "square", key: "1001", since: "2100-01-01T00:00:00Z" }), { count: 0, done: true })
  assert.deepEqual(await client.cancelAll({ task: "square", key: "1001" }), { count: 1_500, done: true })
  // The same filter in a list.
  const { enqueuedAt } = await client.run(ids[1] ?? "")
  // The newest goes first.
  const { finishedAt = "" } = await client.run(ids.at(-1) ?? "")
  const when = { since: enqueuedAt, until: "2100-01-01", endedSince: finishedAt, endedUntil: "2100-01-01T00:00:00Z" }
  const [cancelled] = (await client.runs({ task: "square", status: "cancelled", key: "1001", ...when, limit: 1 })).runs
  assert.equal(cancelled?.status, "cancelled")
  assert.deepEqual((await client.runs({ task: "square", key: "1001", endedUntil: enqueuedAt })).runs, [])
  assert.deepEqual(await client.retryAll({ task: "square", status: "cancelled", key: "1001", ...when, endedUntil: enqueuedAt }), { count: 0, done: true })
  const times = ["--since", when.since, "--until", when.until, "--ended-since", when.endedSince, "--ended-until", when.endedUntil]
  assert.match((await millrace(["task", "list", "--task", "square", "--key", "1001", ...times, "--limit", "1"], env)).out, /cancelled/)
  assert.equal((await millrace(["task", "retry", "--task", "square", "--key", "1001", ...times], env)).out, "1500 runs begin again.\n")
  assert.deepEqual(await client.cancelAll({ task: "square", key: "1001", until: enqueuedAt }), { count: 0, done: true })
  assert.equal((await millrace(["task", "cancel", "--task", "square", "--key", "1001", "--until", when.until], env)).out, "1500 runs are cancelled.\n")
  await assert.rejects(client.cancelAll({ task: "sqare" }), { code: "MR1022" })
  const wrong = await post("/v1/runs/cancel", '{"task":"square","status":"failed"}')
  assert.deepEqual([wrong.status, ((await wrong.json()) as { readonly detail: string }).detail], [400, 'The filter must hold "status": one of delayed, waiting, running.'])
})

test("openapi.json describes each task, and what is answered fits its schemas", async () => {
  type Document = { readonly paths: Record<string, { readonly post?: { readonly operationId: string } }> }
  const document = (await (await fetch(`${node.url}/v1/openapi.json`)).json()) as Document
  assert.deepEqual((await new Validator().validate(document)).errors ?? [], [])
  assert.equal(document.paths["/v1/tasks/square/runs"]?.post?.operationId, "callTask.square")
  const ajv = new Ajv2020({ strict: false, validateFormats: false })
  ajv.addSchema({ ...document, $id: "openapi.json" })
  for (const [schema, answer] of [
    ["TaskList", fetch(`${node.url}/v1/tasks`)],
    ["Task", fetch(`${node.url}/v1/tasks/report`)],
    ["Task", fetch(`${node.url}/v1/tasks/square`)],
    ["RunList", fetch(`${node.url}/v1/runs`)],
    ["Run", fetch(`${node.url}/v1/runs/square-0`)],
    ["EnqueueReply", post("/v1/tasks/square/runs", '{"n":1}')],
    ["EnqueueAllReply", post("/v1/tasks/square/runs", '{"n":1}', { "content-type": "application/x-ndjson" })],
    ["task.square.output", post("/v1/tasks/square/runs", '{"n":1}', { prefer: "wait=10" })],
    ["CommandReply", post("/v1/tasks/square/resume", "")],
    ["RunTally", post("/v1/runs/retry", '{"task":"square","q":"nowhere"}')],
    ["Problem", post("/v1/tasks/square/runs", '{"n":-1}', { prefer: "wait=10" })],
  ] as const) {
    const check = ajv.compile({ $ref: `openapi.json#/components/schemas/${schema}` })
    assert.ok(check(await (await answer).json()), `${schema}: ${ajv.errorsText(check.errors)}`)
  }
})

test("when a schedule makes its next run is told over HTTP, on the command line and in the metrics", async () => {
  const year = new Date().getUTCFullYear()
  const next = (time: string): string => [year, year + 1].map((each) => `${each}-01-01T${time}:00.000Z`).find((at) => Date.parse(at) > Date.now()) ?? ""
  const [berlin, utc] = [next("06:00"), next("06:30")]
  const { cron } = (await (await fetch(`${node.url}/v1/tasks/report`)).json()) as TaskReply
  assert.deepEqual(cron, [
    { expression: "0 7 1 1 *", timeZone: "Europe/Berlin", nextAt: berlin },
    { expression: "0 7 1 1 *", timeZone: "Europe/Berlin", nextAt: berlin },
    { expression: "30 6 1 1 *", timeZone: "UTC", nextAt: utc },
  ])
  const env = { env: { MILLRACE_URL: node.url } }
  assert.match((await millrace(["task", "list"], env)).out, new RegExp(`^report +(0 +)+${berlin}$`, "m"))
  const { out } = await millrace(["task", "show", "report"], env)
  assert.match(out, new RegExp(`^cron      0 7 1 1 \\* Europe/Berlin, next ${berlin}\ncron .*\ncron      30 6 1 1 \\* UTC, next ${utc}$`, "m"))
  assert.deepEqual((JSON.parse((await millrace(["task", "show", "report", "--json"], env)).out) as TaskReply).cron, cron)
  assert.match((await millrace(["task", "show", "reports"], env)).err, /MR1024/)
  const metrics = (await (await fetch(`${node.url}/metrics`)).text()).split("\n").filter((line) => line.startsWith("millrace_task_cron_next"))
  assert.deepEqual(metrics, [
    `millrace_task_cron_next_timestamp_seconds{task="report",cron="0 7 1 1 * Europe/Berlin"} ${Date.parse(berlin) / 1000}`,
    `millrace_task_cron_next_timestamp_seconds{task="report",cron="30 6 1 1 * UTC"} ${Date.parse(utc) / 1000}`,
  ])
})

test("metrics tell of each task", async () => {
  const text = await (await fetch(`${node.url}/metrics`)).text()
  assert.match(text, /^millrace_task_runs\{task="square",status="running"\} \d+$/m)
  assert.match(text, /^millrace_task_outcomes_total\{task="square",outcome="succeeded"\} [1-9]\d*$/m)
  const [, starts] = /^millrace_task_starts_total\{task="square"\} (\d+)$/m.exec(text) ?? []
  assert.ok(Number(starts) > 10)
  for (const name of ["start", "attempt"]) {
    const [, count] = new RegExp(`^millrace_task_${name}_seconds_count\\{task="square"\\} (\\d+)$`, "m").exec(text) ?? []
    const [, all] = new RegExp(`^millrace_task_${name}_seconds_bucket\\{task="square",le="\\+Inf"\\} (\\d+)$`, "m").exec(text) ?? []
    assert.ok(Number(count) > 10 && count === all, `${name}: ${count} ${all}`)
  }
})

test("the command line calls tasks and looks at their runs", async () => {
  const env = { env: { MILLRACE_URL: node.url } }
  const called = await millrace(["task", "call", "square", '{"n": 8}'], env)
  assert.deepEqual([called.code, JSON.parse(called.out)], [0, { square: 64 }])
  const piped = await millrace(["task", "call", "square", "--no-wait", "--json"], { ...env, stdin: '{"n": 9}' })
  const { id } = JSON.parse(piped.out) as { readonly id: string }
  const followed = await millrace(["task", "call", "square", '{"n": 2, "wait": 200}', "--follow"], env)
  assert.deepEqual([followed.code, followed.out.split("\n")[0]], [0, "waited"])
  const shown = await millrace(["task", "show", id], env)
  assert.match(shown.out, /^run +square-\d+\ntask +square\nstatus +succeeded\n/)
  const listed = await millrace(["task", "list"], env)
  assert.match(listed.out, /^task +waiting +delayed +running +succeeded +failed +cancelled +expired +next\n/)
  assert.match((await millrace(["task", "list", "--task", "square", "--status", "failed"], env)).out, /negative/)
  const failed = await millrace(["task", "call", "square", '{"n": -8}'], env)
  assert.deepEqual([failed.code, failed.err], [1, "millrace: NonRetryableError: negative: -8 [MR1201]\n"])
  const retried = await millrace(["task", "retry", "--task", "square", "--q", "negative: -8", "--json"], env)
  assert.deepEqual([retried.code, retried.out], [0, '{"count":1,"done":true}\n'])
  assert.equal((await millrace(["task", "retry", "--task", "square", "--q", "nowhere"], env)).out, "No run fits.\n")
  assert.equal((await millrace(["task", "call", "square", "{"], env)).code, 2)
  assert.equal((await millrace(["task", "retry"], env)).code, 2)
  assert.equal((await millrace(["task", "cancel", id, "--q", "9"], env)).code, 2)
  assert.match((await millrace(["task", "show", "square-77777"], env)).err, /MR1024/)
})

test("of several named runs each is cancelled that can be, and each that cannot is named", async () => {
  const env = { env: { MILLRACE_URL: node.url } }
  const client = connect(node.url)
  const ended = await client.task("square").send({ n: 1 })
  await client.task("square").call({ n: 1 })
  while ((await client.run(ended)).status !== "succeeded") await new Promise((next) => setImmediate(next))
  const later = await client.task("square").sendMany([{ n: 2 }, { n: 3 }], { delay: "1h" })
  const { code, out, err } = await millrace(["task", "cancel", ended, later[0] ?? "", "square-99999", later[1] ?? ""], env)
  assert.deepEqual([code, out], [1, later.map((id) => `${id}: cancelled\n`).join("")])
  assert.match(err, new RegExp(`^${ended}: .* has succeeded; .*\\[MR1032\\]\nsquare-99999: .*\\[MR1024\\]\n$`))
  for (const id of later) assert.equal((await client.run(id)).status, "cancelled")
  const json = await millrace(["task", "cancel", ended, "square-99999", "--json"], env)
  const said = json.out.trim().split("\n").map((line) => JSON.parse(line) as { readonly done: boolean; readonly code: string })
  assert.deepEqual([json.code, ...said.map(({ done, code: why }) => `${done} ${why}`)], [1, "false MR1032", "false MR1024"])
})

test("a list of runs that is cut says so, and goes on where it was", async () => {
  const env = { env: { MILLRACE_URL: node.url } }
  const ids = await connect(node.url).task("square").sendMany([5, 6, 7].map((n) => ({ n: n + 700_000 })))
  const seen: string[] = []
  let more: readonly string[] = []
  for (let page = 0; page < 3; page++) {
    const { out, err } = await millrace(["task", "list", "--q", '"n":70000', "--limit", "1", "--json", ...more], env)
    seen.push((JSON.parse(out) as { readonly id: string }).id)
    const cursor = /goes on with --cursor (\S+)\n$/.exec(err)?.[1]
    more = cursor === undefined ? [] : ["--cursor", cursor]
  }
  assert.deepEqual(seen, ids.toReversed())
  assert.equal((await millrace(["task", "list", "--q", '"n":70000', "--limit", "1000"], env)).err, "")
})

test("a task that is drained has no run under way, and starts none until it is resumed", async (t) => {
  const client = connect(node.url)
  const env = { env: { MILLRACE_URL: node.url } }
  t.after(() => client.resume("square"))
  const id = await client.task("square").send({ n: 41, wait: 600_000 })
  while ((await client.run(id)).status !== "running") await new Promise((next) => setImmediate(next))
  while ((await client.run(id)).logs === undefined) await new Promise((next) => setImmediate(next))
  assert.deepEqual((await client.run(id)).logs, ["squaring 41"])
  assert.match((await millrace(["task", "show", id], env)).out, /Z {2}under way\n {2}squaring 41\n$/)
  const late = await millrace(["task", "drain", "square", "--timeout", "0"], env)
  assert.equal(late.code, 1)
  assert.match(late.err, /square \(1\)/)
  const drained = millrace(["task", "drain", "square", "--json"], env)
  await client.cancel(id)
  const { code, out } = await drained
  assert.deepEqual([code, JSON.parse(out)], [0, { drained: ["square"] }])
  const next = await client.task("square").send({ n: 42 })
  assert.equal((await client.run(next)).status, "waiting")
  await client.resume("square")
  assert.deepEqual(await client.task("square").call({ n: 43 }), { square: 1849 })
})

test("an event starts the runs of the tasks that wait for it, once each", async () => {
  const before = (await connect(node.url).runs({ task: "square" })).runs[0]?.id
  const event = { specversion: "1.0", id: "1", source: "/test", type: "grown", data: { kind: "grown", n: 31 } }
  const cloud = { "content-type": "application/cloudevents+json" }
  assert.equal((await post("/v1/events/happened", JSON.stringify(event), cloud)).status, 200)
  const again = { "idempotency-key": "shrunk" }
  for (const _ of [1, 2]) assert.equal((await post("/v1/events/happened", '{"kind":"shrunk","n":30}', again)).status, 200)
  for (const _ of [1, 2]) assert.equal((await post("/v1/events/happened", '{"kind":"grown","n":32}', { "idempotency-key": "grown" })).status, 200)
  const found = async (): Promise<readonly RunReply[]> => {
    const { runs } = await connect(node.url).runs({ task: "square" })
    return runs.slice(0, runs.findIndex(({ id }) => id === before))
  }
  while ((await found()).filter(({ status }) => status === "succeeded").length < 2) await new Promise((next) => setImmediate(next))
  // Records of one stream may come to the task in any order.
  assert.deepEqual((await found()).map(({ input }) => (input as { n: number }).n).toSorted((a, b) => a - b), [31, 32])
  const unknown = await post("/v1/events/nothing", "{}")
  assert.deepEqual([unknown.status, ((await unknown.json()) as { readonly code: string }).code], [404, "MR1008"])
  assert.equal((await post("/v1/events/happened", '{"kind":"grown","n":"many"}')).status, 422)
})

test("Ctrl-C while a call is waited for ends the command quietly", async () => {
  const client = connect(node.url)
  for (const words of [[], ["--follow"]]) {
    const call = new LongRun(["task", "call", "square", '{"n":77,"wait":60000}', "--url", node.url, ...words])
    const open = async (): Promise<RunList["runs"]> => (await client.runs({ task: "square", key: "77" })).runs.filter(({ status }) => status === "running")
    let runs = await open()
    for (; runs.length === 0; runs = await open());
    assert.equal(await call.stop("SIGINT"), 130)
    assert.equal(call.err.replaceAll(/^(attempt|progress) .*\n/gm, ""), "")
    for (const { id } of runs) await client.cancel(id)
  }
})
