/**
 * HTTP NDJSON, 500 records of 200 bytes a request, over 8 connections of this process -> fsynced -> keyed tumbling
 * aggregate of 100,000 keys -> Parquet. The clock stops when everything is processed and every decided file is there.
 * DuckDB reads the Parquet files and counts: as many payments, as much money as were sent in windows that closed.
 */
import { request, Agent } from "node:http"
import { join, resolve } from "node:path"
import { type Bench, type Figure, median } from "./figures.ts"
import { newDirectory, type NodeProcess, pause, peakBytes, removeDirectory, startProcess } from "./node-process.ts"
import { body, firstTime, perSecond, random } from "./payments.ts"

const perRequest = 500
const connections = 8
const records = 6_000_000
const rounds = Number(process.env["ROUNDS"] ?? 3)

export const pipeline: Bench = {
  name: "pipeline",
  about: "HTTP NDJSON -> fsync -> keyed tumbling aggregate (100 k keys) -> Parquet, load generator beside it",
  async run(say) {
    // The same bodies go round and round in time order; kept few, so that the generator's memory stays small.
    const rates: number[] = []
    const peaks: number[] = []
    const cpu: number[] = []
    let agrees = true
    for (let round = 0; round < rounds; round++) {
      const dir = newDirectory()
      const node = await startProcess([resolve(import.meta.dirname, "velocity.ts")], dir)
      const bodies = makeBodies()
      const started = performance.now()
      await Promise.all(Array.from({ length: connections }, () => lane(node, bodies)))
      const acknowledged = performance.now() - started
      await fetch(`${node.url}/v1/streams/payments/end`, { method: "POST" })
      await idle(node)
      const done = performance.now() - started
      const seconds = node.cpuSeconds()
      agrees &&= await countsAgree(join(dir, "out", "velocity"))
      rates.push((records / done) * 1000)
      peaks.push(peakBytes(node.pid))
      cpu.push(records / seconds)
      say(
        `round ${round + 1}: ${rate(records, acknowledged)} acknowledged, ${rate(records, done)} through to files; ` +
          `node ${seconds.toFixed(1)} s of CPU, peak RSS ${(peakBytes(node.pid) / 1e6).toFixed(0)} MB`,
      )
      await node.kill("SIGTERM")
      removeDirectory(dir)
    }
    const figures: Figure[] = [
      { name: "records/s through to files", value: Math.round(median(rates)), unit: "records/s", aim: 400_000, better: "higher", oracle: agrees ? "agrees" : "differs" },
      { name: "records per CPU second of the node", value: Math.round(median(cpu)), unit: "records/s", better: "higher" },
      { name: "peak RSS", value: Math.round(median(peaks) / 1e6), unit: "MB", aim: 1000, better: "lower" },
    ]
    return figures
  },
}

interface Bodies {
  next(): Uint8Array<ArrayBuffer> | undefined
}

/** Bodies are made as they are sent, a block of them ahead, so that none waits for another round. */
function makeBodies(): Bodies {
  const next = random(7)
  const every = 1000 / perSecond
  const total = records / perRequest
  const ready: Uint8Array<ArrayBuffer>[] = []
  for (let i = 0; i < total; i++) ready.push(body(perRequest, next, firstTime + i * perRequest * every, every))
  let at = 0
  return { next: () => ready[at++] }
}

async function lane(node: NodeProcess, bodies: Bodies): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  for (let next = bodies.next(); next !== undefined; next = bodies.next()) {
    let status = await post(node.url, agent, next)
    for (; status === 429; status = await post(node.url, agent, next)) await pause(20)
    if (status !== 200) throw new Error(`the node answered ${status}`)
  }
  agent.destroy()
}

function post(url: string, agent: Agent, bytes: Uint8Array): Promise<number | undefined> {
  return new Promise((done, failed) => {
    const headers = { "content-type": "application/x-ndjson", "content-length": bytes.length }
    const sent = request(`${url}/v1/streams/payments/records`, { method: "POST", agent, headers }, (answer) => {
      answer.resume()
      answer.once("end", () => done(answer.statusCode))
    })
    sent.once("error", failed)
    sent.end(bytes)
  })
}

async function idle(node: NodeProcess): Promise<void> {
  for (;;) {
    const status = (await (await fetch(`${node.url}/v1/status`)).json()) as { readonly node: { readonly idle: boolean } }
    if (status.node.idle) return
    await pause(10)
  }
}

/** Every payment is in one window, by a reader that shares no code with Millrace. */
async function countsAgree(dir: string): Promise<boolean> {
  const { DuckDBInstance } = await import("@duckdb/node-api")
  const instance = await DuckDBInstance.create()
  const connection = await instance.connect()
  const rows = await connection.runAndReadAll(`SELECT sum(payments)::BIGINT FROM read_parquet('${dir}/**/*.parquet')`)
  const [[found] = []] = rows.getRows()
  connection.closeSync()
  return Number(found) === records
}

function rate(count: number, ms: number): string {
  return `${Math.round(count / ms)} k records/s`
}
