// Asynchronous calls in real worker threads, to a real HTTP server that is slow, fails, or never answers.
import assert from "node:assert/strict"
import { spawn } from "node:child_process"
import { once } from "node:events"
import http from "node:http"
import type { AddressInfo } from "node:net"
import path from "node:path"
import { type TestContext, it } from "node:test"
import { setEnvironmentData } from "node:worker_threads"
import type { DeadLetter } from "@millrace/engine"
import { limits } from "@millrace/model"
import { figure, hanging, idle, openNode, scratch, send, serviceFile, until, valuesOf } from "../test/bench.ts"
import type { Answered, Ask, Fault } from "../test/services/asks.ts"

/**
 * A server that answers as the test says: with a status after so many ms, or never.
 *
 * @param timeout - of a call; where none is to time out, a slow machine must not make it do so
 */
async function serve(t: TestContext, answer: (id: number) => { readonly status?: number; readonly afterMs?: number } | "never", timeout: "1m" | "2s" = "1m") {
  const asked: number[] = []
  const server = http.createServer((request, response) => {
    const id = Number(request.url?.slice(1))
    asked.push(id)
    const says = answer(id)
    if (says === "never") return
    const { status = 200, afterMs = 0 } = says
    setTimeout(() => response.writeHead(status).end(`answer ${id}`), afterMs)
  })
  server.listen(0, "127.0.0.1")
  await once(server, "listening")
  process.env["MILLRACE_TEST_PORT"] = String((server.address() as AddressInfo).port)
  process.env["MILLRACE_TEST_TIMEOUT"] = timeout
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  return asked
}

function asksOf(from: number, count: number): Ask[] {
  return Array.from({ length: count }, (_, i) => ({ id: from + i, key: `k${(from + i) % 7}` }))
}

function byId(a: { readonly id: number }, b: { readonly id: number }): number {
  return a.id - b.id
}

function answersTo(asks: readonly Ask[]): Answered[] {
  return asks.map(({ id, key }) => ({ id, key, answer: `answer ${id}` }))
}

it("answers that are slow, wrong or never come hold up nobody, and each record comes to one end", async (t) => {
  await serve(t, (id) => (id % 20 === 3 ? "never" : id % 20 === 4 ? { status: 503 } : { afterMs: (id * 7) % 40 }), "2s")
  const { node } = await openNode(t, ["asks", "parcels"])
  const asks = asksOf(0, 300)
  await Promise.all([send(node, "asks", asks.slice(0, 150)), send(node, "asks", asks.slice(150))])
  await send(node, "parcels", [{ id: "p" }])
  await until("the other service goes on", () => node.samples().some(({ name, values }) => name === "millrace_stage_records_total" && values.some(({ labels, value }) => labels["stage"] === "parcels" && value === 1)))
  await node.end("asks")
  await idle(node)
  const good = asks.filter(({ id }) => id % 20 !== 3 && id % 20 !== 4)
  assert.deepEqual((await valuesOf<Answered>(node, "answers")).toSorted(byId), answersTo(good))
  const letters = await valuesOf<DeadLetter>(node, "asks.dead-letter")
  const ends = letters.map(({ value, error, attempts, operator }) => [(value as Ask).id, error.code, attempts, operator] as const)
  const wanted = asks.filter(({ id }) => id % 20 === 3 || id % 20 === 4).map(({ id }) => [id, id % 20 === 3 ? "MR1202" : "MR1201", 2, "ask"] as const)
  assert.deepEqual(ends.toSorted(([a], [b]) => a - b), wanted)
  const counts = await valuesOf<{ n: number }>(node, "counts")
  assert.equal(counts.reduce((sum, { n }) => sum + n, 0), good.length)
  assert.equal(figure(node, "millrace_stage_late_records_total"), 0)
})

for (const fault of ["hang", "hang after", "exit after", "throw later", "reject later"] satisfies Fault[]) {
  it(`a call that brings its worker down (${fault}) becomes a dead letter, those beside it count once`, async (t) => {
    await serve(t, () => ({ afterMs: 5 }))
    const { node } = await openNode(t, ["asks"], { workers: 1, bounds: fault.startsWith("hang") ? hanging : {} })
    const good = asksOf(0, 60)
    const bad: Ask = { id: 1_000, key: "k3", fault }
    await send(node, "asks", [...good.slice(0, 30), bad, ...good.slice(30)])
    await idle(node)
    assert.deepEqual((await valuesOf<Answered>(node, "answers")).toSorted(byId), answersTo(good))
    const letters = await valuesOf<DeadLetter>(node, "asks.dead-letter")
    assert.deepEqual(letters.map(({ value, operator, attempts }) => [value, operator, attempts]), [[bad, "ask", limits.workerDeathsMax]])
    assert.equal(figure(node, "millrace_workers_replaced_total"), limits.workerDeathsMax)
  })
}

it("a stage whose calls get no answers stops taking input and says so, and goes on when there are answers", async (t) => {
  let answers = false
  await serve(t, () => (answers ? {} : "never"), "2s")
  const calls = new Int32Array(new SharedArrayBuffer(8))
  setEnvironmentData("calls", calls)
  t.after(() => setEnvironmentData("calls", undefined))
  const { node } = await openNode(t, ["asks"])
  const asks = asksOf(0, 400)
  await send(node, "asks", asks)
  await until("both partitions are full", () => figure(node, "millrace_stage_held") === 2)
  assert.equal(figure(node, "millrace_stage_calls_pending"), 100)
  const most = Atomics.load(calls, 1)
  assert.ok(most >= 20 && most <= 40, `${most} calls at once`)
  answers = true
  await idle(node)
  const answered = (await valuesOf<Answered>(node, "answers")).map(({ id }) => id)
  const dead = (await valuesOf<DeadLetter>(node, "asks.dead-letter")).map(({ value }) => (value as Ask).id)
  assert.deepEqual([...answered, ...dead].toSorted((a, b) => a - b), asks.map(({ id }) => id))
  assert.equal(figure(node, "millrace_stage_held"), 0)
})

it("a worker with a call under way is not idle, and ends when it has its answer", async (t) => {
  await serve(t, () => ({ afterMs: 300 }))
  const { node } = await openNode(t, ["asks"], { bounds: { workerIdleMs: 20 } })
  await send(node, "asks", asksOf(0, 3))
  await until("the answers are there", () => figure(node, "millrace_stage_calls_pending") === 0 && node.status().idle)
  await until("the workers have ended", () => figure(node, "millrace_workers") === 0)
  assert.equal((await valuesOf<Answered>(node, "answers")).length, 3)
  assert.equal(figure(node, "millrace_workers_replaced_total"), 0)
})

it("a node that is killed in the middle of its calls makes them again, and each answer counts once", async (t) => {
  const dir = scratch(t)
  let killAt = 0
  let child: ReturnType<typeof spawn> | undefined
  const asked = await serve(t, (id) => {
    if (asked.length === killAt) child?.kill("SIGKILL")
    return { afterMs: (id * 7) % 30 }
  })
  const script = path.join(import.meta.dirname, "../test/crash-asking.ts")
  for (const requests of [40, 333, 170]) {
    killAt = asked.length + requests
    child = spawn(process.execPath, ["--conditions=@millrace/source", script, dir, serviceFile("asks"), "0", "1500"], { stdio: ["ignore", "ignore", "inherit"] })
    const [, signal] = (await once(child, "exit")) as [number | null, string | null]
    assert.equal(signal, "SIGKILL")
  }
  const { node } = await openNode(t, ["asks"], { dir, bounds: { handlerMsMax: 10_000 } })
  for (let id = 0; id < 1_500; id += 50) await send(node, "asks", asksOf(id, 50), `from-${id}`)
  await node.end("asks")
  await idle(node)
  const asks = asksOf(0, 1_500)
  assert.deepEqual((await valuesOf<Answered>(node, "answers")).toSorted(byId), answersTo(asks))
  assert.deepEqual(await valuesOf<DeadLetter>(node, "asks.dead-letter"), [])
  assert.equal((await valuesOf<{ n: number }>(node, "counts")).reduce((sum, { n }) => sum + n, 0), asks.length)
  assert.ok(asked.length > asks.length, "some calls were made again")
})
