// JSON that is nested deeper than anything can walk through, at every door of a node.
import assert from "node:assert/strict"
import { after, before, test } from "node:test"
import type { Problem } from "@millrace/protocol"
import { millrace } from "../test/cli.ts"
import { type Served, serve } from "../test/served.ts"
import { connect } from "./client.ts"

const text = `
import { service, stream, task } from "millrace"
const nested = (levels) => {
  let value = 1
  for (let i = 0; i < levels; i++) value = [value]
  return value
}
const echo = task("echo", { run: (input) => input })
const give = task("give", { run: (levels) => nested(levels) })
const tell = task("tell", { run: (levels, ctx) => ctx.progress(nested(levels)) })
const points = stream("points")
export default service("deep", [echo, give, tell, points.map((p) => nested(Number(p))).to(stream("copies")), points.filter((p) => p === 20000).map(nested).to(echo)])
`

let place: Served
let url: string

before(async () => {
  place = await serve({ "service.ts": text })
  url = place.node.url
})

after(() => place.close())

const nested = (levels: number): string => "[".repeat(levels) + "]".repeat(levels)

async function post(path: string, body: string, type = "application/json"): Promise<readonly [number, Problem]> {
  const answer = await fetch(url + path, { method: "POST", headers: { "content-type": type, prefer: "wait=20" }, body })
  return [answer.status, (await answer.json()) as Problem]
}

test("an input that is nested too deep is refused at the door, and runs can be listed as before", async () => {
  const most = nested(1_000)
  assert.deepEqual(await post("/v1/tasks/echo/runs", most), [200, JSON.parse(most)])
  for (const levels of [1_001, 20_000]) {
    const [status, { code, detail }] = await post("/v1/tasks/echo/runs", nested(levels))
    assert.deepEqual([status, code], [422, "MR1034"])
    assert.match(detail, /task "echo", input: it is nested deeper than 1000 levels; give it flatter, or its inner part as text/)
  }
  for (const task of ["give", "tell"]) {
    const [, { code, detail }] = await post(`/v1/tasks/${task}/runs`, "20000")
    assert.equal(code, "MR1206")
    assert.match(detail, task === "give" ? /^task "give", output: it is nested deeper/ : /^task "tell", progress: it is nested deeper/)
  }
  const deep: unknown = JSON.parse(nested(20_000))
  await assert.rejects(connect(url).task("echo").call(deep), /task "echo", input: it is nested deeper than 1000 levels/)

  const runs = await (await fetch(`${url}/v1/runs`)).json()
  assert.deepEqual((runs as { readonly runs: readonly { readonly id: string }[] }).runs.map(({ id }) => id).toSorted(), ["echo-0", "give-0", "tell-0"])
  assert.equal((await millrace(["task", "list", "--task", "echo", "--url", url])).code, 0)
  assert.equal((await millrace(["task", "show", "echo-0", "--url", url])).code, 0)
})

test("a record that is nested too deep is refused at the door, its neighbours are taken", async () => {
  const [status, reply] = await post("/v1/streams/points/records", `${nested(1_000)}\n${nested(20_000)}\n1`, "application/x-ndjson")
  const { accepted, rejected } = reply as unknown as { readonly accepted: number; readonly rejected: readonly { readonly problem: Problem }[] }
  assert.deepEqual([status, accepted, rejected.map(({ problem }) => problem.code)], [200, 2, ["MR1034"]])
})

test("a value that a flow makes too deep becomes a dead letter that says so, be it too deep to be written at all", async () => {
  assert.equal((await post("/v1/streams/points/records", "1001\n20000", "application/x-ndjson"))[0], 200)
  const letters: string[] = []
  for await (const { record } of connect(url).live<{ readonly error: { readonly message: string } }>("points.dead-letter", { from: "earliest" })) {
    letters.push(record.value.error.message)
    if (letters.length === 2) break
  }
  for (const letter of letters) assert.match(letter, /^(stream "copies"|task "echo", input): it is nested deeper than 1000 levels/)
})
