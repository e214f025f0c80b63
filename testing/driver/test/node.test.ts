// The driver gives what a node gives: worker threads, a journal on the disk, files in a directory.
import assert from "node:assert/strict"
import fs from "node:fs"
import os from "node:os"
import path from "node:path"
import { type TestContext, test } from "node:test"
import { setImmediate as turn } from "node:timers/promises"
import { type Node, startNode } from "@millrace/runtime"
import fc from "fast-check"
import { type TestService, testService } from "../src/index.ts"
import { byShopFile, fraud, lateFile, paid, payments, quiet, spentFile, ten } from "./fraud.ts"

type Paid = ReturnType<typeof paid>

const now = ten + 7_200_000
const home = fs.existsSync("/dev/shm") ? "/dev/shm" : os.tmpdir()

/** Payments every few seconds, none too late for its window at its source. */
const inTime = fc
  .array(
    fc.record({
      card: fc.integer({ min: 1, max: 9 }).map((n) => `card ${n}`),
      stepSeconds: fc.integer({ min: 0, max: 120 }),
      backSeconds: fc.integer({ min: 0, max: 29 }),
      amount: fc.integer({ min: 0, max: 50 }),
      shop: fc.constantFrom("kiosk", "bar", "market"),
    }),
    { minLength: 1, maxLength: 120 },
  )
  .map((steps) => {
    let seconds = 30
    return steps.map(({ card, stepSeconds, backSeconds, amount, shop }) => {
      seconds += stepSeconds
      return paid(card, (seconds - backSeconds) / 60, amount, shop)
    })
  })

/** Payments in any order, some that cannot be processed. */
const wild = fc.array(
  fc
    .record({
      card: fc.integer({ min: 1, max: 9 }).map((n) => `card ${n}`),
      minutes: fc.integer({ min: 0, max: 90 }),
      amount: fc.integer({ min: -1, max: 20 }),
    })
    .map(({ card, minutes, amount }) => paid(card, minutes, amount)),
  { minLength: 1, maxLength: 80 },
)

async function openNode(t: TestContext, dir: string, workers: number): Promise<Node> {
  const silent = { info: () => undefined, warn: () => undefined, error: () => undefined }
  const files = [new URL("fraud.ts", import.meta.url).pathname]
  const node = await startNode({ files, dataDir: path.join(dir, "data"), log: silent, workers, clock: () => now, bounds: { careMs: 10 } })
  t.after(() => node.close().catch(() => undefined))
  return node
}

async function idle(node: Node): Promise<void> {
  const from = performance.now()
  while (!node.status().idle) {
    assert.ok(performance.now() - from < 20_000, `the node did not come to rest: ${JSON.stringify(node.status())}`)
    await turn()
  }
}

async function ingest(node: Node, records: readonly Paid[]): Promise<void> {
  for (let from = 0; from < records.length; from += 17) {
    const lines = records.slice(from, from + 17).map((record) => JSON.stringify(record))
    await node.ingest({ stream: payments.name, format: "ndjson", body: new TextEncoder().encode(lines.join("\n")) })
  }
}

/** The records of a node's stream, partition by partition, without the offsets, which depend on how it was cut. */
async function recordsOf(node: Node, stream: string): Promise<unknown[]> {
  const { partitions } = node.streams.find(({ name }) => name === stream) ?? assert.fail(`no stream ${stream}`)
  const found: unknown[] = []
  for (let partition = 0; partition < partitions; partition++) {
    const offsets = new Map([[partition, 0]])
    const { records } = await node.read(stream, partition, { kind: "offsets", offsets }, 10_000)
    for (const { key, time, value } of records) found.push({ partition, key, time, value: JSON.parse(value) as unknown })
  }
  return found
}

function recordsIn(run: TestService, stream: string): unknown[] {
  return run
    .records(stream)
    .toSorted((a, b) => a.partition - b.partition || a.offset - b.offset)
    .map(({ partition, key, time, value }) => ({ partition, key, time, value: JSON.parse(JSON.stringify(value)) as unknown }))
}

/** Names and texts of a node's files. */
function filesIn(dir: string): Map<string, string[]> {
  const out = path.join(dir, "out")
  const names = fs.readdirSync(out, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".ndjson"))
  return new Map(names.toSorted().map((name) => [name, fs.readFileSync(path.join(out, name), "utf8").trim().split("\n")]))
}

/** The files of the driver, as the node names and writes them. */
function filesOf(run: TestService): Map<string, string[]> {
  const sinks = [["spent", spentFile], ["late", lateFile], ["by-shop", byShopFile]] as const
  const files = sinks.flatMap(([sink, outlet]) =>
    run.files<unknown>(outlet).map(({ partition, number, rows }): [string, string[]] => {
      const name = `${sink}/part-${String(partition).padStart(4, "0")}-${String(number).padStart(8, "0")}.ndjson`
      return [name, rows.map((row) => JSON.stringify(row))]
    }),
  )
  return new Map(files.toSorted(([a], [b]) => (a < b ? -1 : 1)))
}

/** Of a dead letter, what does not depend on the machine. */
function lasting(letters: unknown[]): unknown[] {
  return letters.map((letter) => {
    const { partition, value } = letter as { partition: number; value: { error: { message: string } } }
    return { partition, value: { ...value, error: value.error.message } }
  })
}

async function compare(t: TestContext, records: readonly Paid[], how: How): Promise<void> {
  const dir = fs.mkdtempSync(path.join(home, "millrace-driver-"))
  t.after(() => fs.rmSync(dir, { recursive: true, force: true }))
  const { seed, workers, restarts, all } = how
  const half = Math.floor(records.length / 2)
  let node = await openNode(t, dir, workers)
  await ingest(node, records.slice(0, half))
  if (restarts) {
    await node.close()
    node = await openNode(t, dir, workers)
  }
  await ingest(node, records.slice(half))
  await node.end(payments.name)
  await idle(node)

  const run = await testService(fraud, { now, ...(seed === undefined ? {} : { seed }) })
  // As many requests as the node got: records without a key would be spread by them.
  await run.send(payments, records.slice(0, half))
  if (restarts) await run.crash()
  await run.send(payments, records.slice(half))
  await run.end(payments)

  for (const stream of [payments, quiet]) assert.deepEqual(recordsIn(run, stream.name), await recordsOf(node, stream.name))
  const letters = `${payments.name}.dead-letter`
  assert.deepEqual(lasting(recordsIn(run, letters)), lasting(await recordsOf(node, letters)))
  const ofNode = filesIn(dir)
  const ofDriver = filesOf(run)
  if (!all) for (const files of [ofNode, ofDriver]) for (const name of files.keys()) if (name.startsWith("by-shop/")) files.delete(name)
  assert.ok(ofNode.size > 0)
  assert.deepEqual(ofDriver, ofNode)
  await node.close()
}

interface How {
  readonly seed: number | undefined
  readonly workers: number
  readonly restarts: boolean
  /** Whether all files must be the same: what is late by another key depends on who came first. */
  readonly all: boolean
}

// A node takes its time to start: a failure is told with its seed, and not shrunk.
const way = fc.record({ seed: fc.option(fc.integer(), { nil: undefined }), workers: fc.constantFrom(1, 3), restarts: fc.boolean() })

test("the driver gives what a node gives, to the byte of each file", async (t) => {
  await fc.assert(
    fc.asyncProperty(inTime, way, (records, how) => compare(t, records, { ...how, all: true })),
    { numRuns: 6, endOnFailure: true },
  )
})

test("the driver gives what a node gives when much is late and some cannot be processed", async (t) => {
  await fc.assert(
    fc.asyncProperty(wild, way, (records, how) => compare(t, records, { ...how, all: false })),
    { numRuns: 6, endOnFailure: true },
  )
})
