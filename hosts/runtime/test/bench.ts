// A node in a directory of its own, for one test.
import assert from "node:assert/strict"
import fs from "node:fs"
import os from "node:os"
import path from "node:path"
import type { TestContext } from "node:test"
import { setImmediate as turn } from "node:timers/promises"
import type { Bounds } from "../src/bounds.ts"
import type { Answer } from "../src/answer.ts"
import type { Log } from "../src/log.ts"
import type { Node } from "../src/node.ts"
import type { NodeStatus } from "../src/node-status.ts"
import { type NodeOptions, startNode } from "../src/start-node.ts"

const home = fs.existsSync("/dev/shm") ? "/dev/shm" : os.tmpdir()
const services = new URL("./services/", import.meta.url)

// What nobody waits for must not fail unseen.
process.on("unhandledRejection", (reason) => {
  throw reason
})

export function serviceFile(name: string): string {
  return new URL(`${name}.ts`, services).pathname
}

/** A new directory, removed when the test ends. */
export function scratch(t: TestContext): string {
  const dir = fs.mkdtempSync(path.join(home, "millrace-node-"))
  t.after(() => fs.rmSync(dir, { recursive: true, force: true }))
  return dir
}

/** Bounds small enough that a test need not wait for them. */
export const quick: Partial<Bounds> = { careMs: 10, drainMs: 100, deliveryRetryMsMin: 20 }

/** For tests in which code hangs. Where none does, a slow machine must not make it look so. */
export const hanging: Partial<Bounds> = { handlerMsMax: 1_000, taskBlockedMsMax: 1_000 }

interface Said {
  readonly level: "info" | "warn" | "error"
  readonly facts: Readonly<Record<string, unknown>>
  readonly sentence: string
}

export interface Bench {
  readonly node: Node
  readonly dir: string
  /** All that the node has logged. */
  readonly said: readonly Said[]
}

/** Starts a node that is closed when the test ends. */
export async function openNode(
  t: TestContext,
  names: readonly string[],
  options: Partial<NodeOptions> & { readonly dir?: string } = {},
): Promise<Bench> {
  const { dir = scratch(t), bounds = {}, ...rest } = options
  const said: Said[] = []
  const say = (level: Said["level"]) => (facts: object, sentence: string) => {
    said.push({ level, facts: facts as Said["facts"], sentence })
  }
  const log: Log = { info: say("info"), warn: say("warn"), error: say("error") }
  const files = names.map(serviceFile)
  const node = await startNode({ files, dataDir: path.join(dir, "data"), log, workers: 2, bounds: { ...quick, ...bounds }, ...rest })
  t.after(() => node.close().catch(() => undefined))
  return { node, dir, said }
}

/** Sends records as one NDJSON body. */
export function send(node: Node, stream: string, records: readonly object[], idempotencyKey?: string): Promise<Answer> {
  const body = new TextEncoder().encode(records.map((record) => JSON.stringify(record)).join("\n"))
  return node.ingest({ stream, format: "ndjson", body, ...(idempotencyKey === undefined ? {} : { idempotencyKey }) })
}

/** Waits until something holds, turn by turn of the event loop; gives up after a while. */
export async function until(what: string, holds: () => boolean, msMost = 120_000): Promise<void> {
  const from = performance.now()
  while (!holds()) {
    if (performance.now() - from > msMost) assert.fail(`it did not come about: ${what}`)
    await turn()
  }
}

export interface Status extends NodeStatus {
  readonly stages: readonly StageStatus[]
}

export function statusOf(node: Node): Status {
  return node.status() as Status
}

interface StageStatus {
  readonly service: string
  readonly stage: string
  readonly partition: number
  readonly state: string
  readonly consumed: number
  readonly records: number
  readonly deadLetters: number
  readonly lagBytes: number
  readonly keys: number
  readonly watermark: string | null
  readonly ended: boolean
}

/** Waits until all input is processed and all files are delivered. */
export function idle(node: Node): Promise<void> {
  return until("the node has nothing left to do", () => node.status().idle)
}

/** All values of a stream, partition by partition. */
export async function valuesOf<Value>(node: Node, stream: string): Promise<Value[]> {
  const { partitions } = node.streams.find(({ name }) => name === stream) ?? assert.fail(`no stream ${stream}`)
  const values: Value[] = []
  for (let partition = 0; partition < partitions; partition++) {
    for (let from = 0, end = 1; from < end; ) {
      const page = await node.read(stream, partition, { kind: "offsets", offsets: new Map([[partition, from]]) }, 10_000)
      for (const { value } of page.records) values.push(JSON.parse(value) as Value)
      from = page.next
      end = page.end
    }
  }
  return values
}

/** The code of the error with which something fails. */
export async function codeOf(failing: () => unknown): Promise<string> {
  try {
    await failing()
  } catch (error) {
    return (error as { code?: string }).code ?? String(error)
  }
  return "none"
}

/** The figure of a sample, summed over its labels. */
export function figure(node: Node, name: string): number {
  const sample = node.samples().find((each) => each.name === name) ?? assert.fail(`no sample ${name}`)
  return sample.values.reduce((sum, { value }) => sum + value, 0)
}
