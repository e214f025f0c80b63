/**
 * 5,000 records/s, open loop, 10 records a request: from sending a record to seeing the record derived from it on `live`,
 * both fsyncs included. The derived stream is a map; sender and reader are this process, so one clock measures.
 */
import { Agent, request } from "node:http"
import { resolve } from "node:path"
import { type Bench, percentile } from "./figures.ts"
import { newDirectory, removeDirectory, startProcess } from "./node-process.ts"

const perSecond = 5_000
const perRequest = 10
const warmUpSeconds = 3
const seconds = 15

export const latency: Bench = {
  name: "latency",
  about: "5 k records/s open loop, from sending to the derived record seen on live, fsync included",
  async run(say) {
    const dir = newDirectory()
    const node = await startProcess([resolve(import.meta.dirname, "echo.ts")], dir)
    const latencies: number[] = []
    const live = new AbortController()
    const seen = readLive(`${node.url}/v1/streams/echoes/live?from=latest`, live.signal, (sent) => {
      latencies.push(performance.now() - sent)
    })
    await seen.open
    const agent = new Agent({ keepAlive: true, maxSockets: 16, scheduling: "fifo" })
    const every = (1000 * perRequest) / perSecond
    const started = performance.now()
    let due = started
    let number = 0
    await new Promise<void>((done) => {
      const beat = (): void => {
        const now = performance.now()
        for (; due <= now; due += every) send(node.url, agent, due, number++)
        if (now - started < (warmUpSeconds + seconds) * 1000) setImmediate(beat)
        else done()
      }
      beat()
    })
    const expected = number * perRequest
    for (let waited = 0; latencies.length < expected && waited < 5000; waited += 10) await new Promise((go) => setTimeout(go, 10))
    live.abort()
    await seen.closed
    const counted = latencies.slice(perSecond * warmUpSeconds)
    await node.kill("SIGTERM")
    removeDirectory(dir)
    const p50 = percentile(counted, 0.5)
    const p99 = percentile(counted, 0.99)
    say(`${latencies.length} of ${expected} records seen; p50 ${p50.toFixed(2)} ms, p99 ${p99.toFixed(2)} ms, p99.9 ${percentile(counted, 0.999).toFixed(2)} ms`)
    const complete = latencies.length === expected ? "agrees" : "differs"
    return [
      { name: "p50", value: round(p50), unit: "ms", aim: 3, better: "lower", oracle: complete },
      { name: "p99", value: round(p99), unit: "ms", aim: 10, better: "lower", oracle: complete },
      { name: "p99.9", value: round(percentile(counted, 0.999)), unit: "ms", better: "lower", oracle: complete },
    ]
  },
}

function round(ms: number): number {
  return Math.round(ms * 100) / 100
}

/** `sent` is when the record was due, so that a sender that falls behind counts against us. */
function send(url: string, agent: Agent, sent: number, number: number): void {
  let lines = ""
  for (let i = 0; i < perRequest; i++) lines += `{"id":"k${(number * perRequest + i) % 1000}","sent":${sent}}\n`
  const post = request(`${url}/v1/streams/pings/records`, {
    method: "POST",
    agent,
    headers: { "content-type": "application/x-ndjson", "content-length": lines.length },
  })
  post.on("response", (answer) => answer.resume())
  post.end(lines)
}

function readLive(url: string, signal: AbortSignal, onSent: (sent: number) => void): { open: Promise<void>; closed: Promise<void> } {
  let opened: () => void = () => undefined
  const open = new Promise<void>((done) => {
    opened = done
  })
  const closed = (async () => {
    const answer = await fetch(url, { signal })
    opened()
    let rest = ""
    const decoder = new TextDecoder()
    try {
      for await (const chunk of answer.body ?? []) {
        const text = rest + decoder.decode(chunk as Uint8Array, { stream: true })
        const lines = text.split("\n")
        rest = lines.pop() ?? ""
        for (const line of lines) {
          const match = /"sent":([\d.]+)/.exec(line)
          if (match !== null) onSent(Number(match[1]))
        }
      }
    } catch (error) {
      if (!signal.aborted) throw error
    }
  })()
  return { open, closed }
}
