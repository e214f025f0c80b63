/** One part of the benchmark of functions, in a process of its own: `measure.ts warm|cold`, told to its parent. */
import { join } from "node:path"
import { type Node, startNode } from "@millrace/runtime"
import { type Figure, median, percentile } from "../figures.ts"
import { newDirectory, pause, removeDirectory } from "../node-process.ts"

const warmCalls = 10_000
const coldStarts = 60

/** An event of 100 records of 200 bytes, as a mapping makes it. */
const event = JSON.stringify({ Records: Array.from({ length: 100 }, (_, i) => ({ eventID: String(i), kinesis: { data: "x".repeat(268) } })) })

function say(line: string): void {
  process.send?.(line)
}

async function inNode(measure: (node: Node) => Promise<Figure[]>): Promise<Figure[]> {
  const dir = newDirectory()
  const silent = { info: () => undefined, warn: () => undefined, error: () => undefined }
  // One instance at a time, and each goes when the next is asked for.
  const bounds = measure === cold ? { functionIdleMs: 1 } : {}
  const node = await startNode({ files: [join(import.meta.dirname, "service.ts")], dataDir: join(dir, "data"), workers: 1, log: silent, bounds })
  try {
    return await measure(node)
  } finally {
    await node.close()
    removeDirectory(dir)
  }
}

async function warm(node: Node): Promise<Figure[]> {
  const small = await latencies(node, "{}")
  const batch = await latencies(node, event)
  const micros = (values: readonly number[], p: number): number => Math.round(percentile(values, p) * 1000)
  say(`{}: p50 ${micros(small, 0.5)} us, p99 ${micros(small, 0.99)} us; 100 records: p50 ${micros(batch, 0.5)} us`)
  return [
    { name: "warm invocation beyond its handler p50", value: micros(small, 0.5), unit: "us", aim: 200, better: "lower" },
    { name: "warm invocation beyond its handler p99", value: micros(small, 0.99), unit: "us", better: "lower" },
    { name: "warm invocation, event of 100 records (35 KB) p50", value: micros(batch, 0.5), unit: "us", better: "lower" },
  ]
}

async function latencies(node: Node, payload: string): Promise<number[]> {
  const all: number[] = []
  for (let i = 0; i < warmCalls * 1.2; i++) {
    const began = performance.now()
    const { kind } = await node.functions.invoke("warm", payload)
    if (kind !== "returned") throw new Error(`an invocation was ${kind}`)
    // The first ones warm up.
    if (i >= warmCalls * 0.2) all.push(performance.now() - began)
  }
  return all
}

async function cold(node: Node): Promise<Figure[]> {
  const firstLine: number[] = []
  const answered: number[] = []
  for (let i = 0; i < coldStarts; i++) {
    const began = performance.timeOrigin + performance.now()
    const invocation = await node.functions.invoke("cold", "{}")
    if (invocation.kind !== "returned") throw new Error(`an invocation was ${invocation.kind}`)
    answered.push(performance.timeOrigin + performance.now() - began)
    firstLine.push((JSON.parse(invocation.payload) as { first: number }).first - began)
    while (node.functions.list.some(({ instances }) => instances > 0)) await pause(5)
  }
  say(`first line after ${firstLine.map((ms) => Math.round(ms)).join(", ")} ms`)
  return [
    { name: "cold start to the handler's first line p50", value: Math.round(median(firstLine) * 10) / 10, unit: "ms", aim: 60, better: "lower" },
    { name: "cold start to the answer p50", value: Math.round(median(answered) * 10) / 10, unit: "ms", better: "lower" },
  ]
}

for (const figure of await inNode(process.argv[2] === "cold" ? cold : warm)) process.send?.(figure)
process.disconnect()
