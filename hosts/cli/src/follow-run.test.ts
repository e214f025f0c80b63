// Runs as those see them who begin to follow them late, or come back.
import assert from "node:assert/strict"
import { after, before, test } from "node:test"
import { millrace } from "../test/cli.ts"
import { type Served, serve } from "../test/served.ts"
import { connect, type RunEvent } from "./client.ts"
import type { RunningNode } from "./node.ts"

const text = `
import { service, task } from "millrace"
const gate = task("gate", { run: () => 0 })
const tell = task("tell", {
  retry: { attempts: 2, backoff: { first: 1 } },
  async run({ waits, fails }, ctx) {
    ctx.progress({ of: 2 })
    ctx.stream("a")
    if (waits) await gate.call(null)
    if (fails && ctx.attempt === 1) throw new Error("as told")
    ctx.stream("b")
    return "done"
  },
})
const much = task("much", {
  run(_, ctx) {
    for (let i = 0; i < 40; i++) ctx.stream(String(i).padEnd(100_000, "."))
  },
})
export default service("telling", [gate, tell, much])
`

let place: Served
let node: RunningNode

before(async () => {
  place = await serve({ "service.ts": text })
  node = place.node
})

after(() => place.close())

const client = (): ReturnType<typeof connect> => connect(node.url)

/** A run of it that has ended. */
async function ended(name: string, input: unknown): Promise<string> {
  const id = await client().task(name).send(input)
  while ((await client().run(id)).finishedAt === undefined) await new Promise((next) => setImmediate(next))
  return id
}

function said(event: RunEvent): unknown {
  if (event.kind === "run" || event.kind === "end") return `${event.kind} ${event.run.status}`
  return event.kind === "attempt" ? event.attempt : event.kind === "missed" ? `missed ${event.count}` : event.value
}

async function followed(id: string): Promise<readonly unknown[]> {
  const all: unknown[] = []
  for await (const event of client().followRun(id)) all.push(said(event))
  return all
}

test("whoever begins to follow a run that has ended hears all that it has told, then its end", async () => {
  const once = await ended("tell", {})
  assert.deepEqual(await followed(once), ["run succeeded", 1, { of: 2 }, "a", "b", "end succeeded"])
  const twice = await ended("tell", { fails: true })
  assert.deepEqual(await followed(twice), ["run succeeded", 1, { of: 2 }, "a", 2, { of: 2 }, "a", "b", "end succeeded"])
})

test("the command line prints what a run tells, however early it does", async () => {
  const { code, out, err } = await millrace(["task", "call", "tell", "{}", "--follow"], { env: { MILLRACE_URL: node.url } })
  assert.deepEqual([code, out, err], [0, 'a\nb\n"done"\n', 'attempt 1\nprogress {"of":2}\n'])
})

test("whoever comes back to a run with Last-Event-ID hears what it has told since then, and nothing twice", async () => {
  await client().pause("gate")
  const id = await client().task("tell").send({ waits: true })
  const live = (headers: Readonly<Record<string, string>>, signal?: AbortSignal): Promise<Response> =>
    fetch(`${node.url}/v1/runs/${id}/live`, { headers, ...(signal === undefined ? {} : { signal }) })
  const broken = new AbortController()
  const first = await live({}, broken.signal)
  let heard = ""
  for await (const chunk of first.body ?? []) {
    heard += new TextDecoder().decode(chunk)
    if (heard.includes('data: "a"\n')) break
  }
  broken.abort()
  const [, last = ""] = /id: (\S+)\ndata: "a"\n/.exec(heard) ?? []
  await client().resume("gate")
  while ((await client().run(id)).finishedAt === undefined) await new Promise((next) => setImmediate(next))
  const rest = await (await live({ "last-event-id": last })).text()
  assert.deepEqual(rest.match(/(?<=^event: )\w+$/gm), ["run", "chunk", "end"])
  assert.match(rest, /^data: "b"$/m)
  // What is no place of this run's says nothing: all is told.
  const all = await (await live({ "last-event-id": "elsewhere.7" })).text()
  assert.deepEqual(all.match(/(?<=^event: )\w+$/gm), ["run", "attempt", "progress", "chunk", "chunk", "end"])
})

test("of a run that has told more than is kept, the newest is told, and how much is missing", async () => {
  const all = await followed(await ended("much", {}))
  const [, missed] = /^missed (\d+)$/.exec(String(all[1])) ?? []
  assert.ok(Number(missed) > 0)
  // 40 pieces, and the attempt before them; without the run and its end.
  assert.equal(Number(missed) + all.slice(2, -1).length, 41)
  assert.equal(String(all.at(-2)).replaceAll(".", ""), "39")
})
