/**
 * One query over many events, in a process of its own, so that its memory is its own: takes a `QueryRun` as JSON, as in
 * `run.ts '{"query":"q5","emission":{"events":1000000}}'`, and prints what it took as one line of JSON. Rows are counted
 * and dropped (a blackhole sink) unless a file is named.
 */
import fs from "node:fs"
import os from "node:os"
import path from "node:path"
import { BlockCursor, entryKind } from "@millrace/model"
import { type Outlet, service, stream } from "millrace"
import { Emission } from "./emission.ts"
import { type NexmarkEvent, timeOf } from "./events.ts"
import { Mill } from "./mill.ts"
import { isOutlet, queries } from "./queries/index.ts"
import type { QueryRun } from "./run-query.ts"
import { nexmark } from "./streams.ts"

/** What a run took. */
export interface RunReport {
  readonly query: string
  readonly events: number
  readonly rows: number
  readonly seconds: number
  readonly cpuSeconds: number
  readonly peakBytes: number
  readonly transactions: number
}

/** Events of one partition that make one transaction. */
const perBatch = 4_096
/** Bytes of NDJSON that make one request. */
const perRequest = 1 << 20

const given = JSON.parse(process.argv[2] ?? "{}") as QueryRun
const { query, emission, partitions = 4 } = given
const input = nexmark({ partitions, ...(given.outOfOrderMs === undefined ? {} : { outOfOrder: given.outOfOrderMs }) })
const answer = queries[query]?.(input)
if (answer === undefined) throw new Error(`there is no query ${query}; there are ${Object.keys(queries).join(", ")}`)

const newline = Uint8Array.of(10)
let rows = 0
const file = given.to === undefined ? undefined : fs.openSync(given.to, "w")
const dir = fs.mkdtempSync(path.join(os.tmpdir(), "nexmark-run-"))
const mill = await Mill.open(service("nexmark", [outlet()]), { dir, now: Date.UTC(2030, 0), onOutput })
let events = 0
const cpu = process.cpuUsage()
const started = performance.now()
await (given.from === undefined ? generate() : read(given.from))
await mill.end()
const seconds = (performance.now() - started) / 1000
const { user, system } = process.cpuUsage(cpu)
const report: RunReport = {
  query,
  events,
  rows,
  seconds,
  cpuSeconds: (user + system) / 1e6,
  peakBytes: process.resourceUsage().maxRSS * 1024,
  transactions: mill.transactions,
}
if (mill.deadLetters + mill.late > 0) throw new Error(`${mill.deadLetters} dead letters, ${mill.late} late records`)
await mill.close()
fs.rmSync(dir, { recursive: true, force: true })
console.log(JSON.stringify(report))

function outlet(): Outlet {
  if (isOutlet(answer)) return answer
  if (file !== undefined) return answer.to(stream<object>("result"))
  return answer.filter(() => rows++ < 0).to(stream<object>("blackhole"))
}

/** The generator as a source that can be replayed: decoded events, under offsets of their own. */
async function generate(): Promise<void> {
  const source = new Emission(emission)
  for (let partition = 0; ; partition = (partition + 1) % partitions) {
    const values = source.take(perBatch)
    if (values.length === 0) return
    events += values.length
    mill.feed(input.events.name, partition, values, values.map(timeOf), noKeys(values))
    await mill.settle()
  }
}

/** NDJSON through the intake, which logs it. */
async function read(from: string): Promise<void> {
  const ends = "\n".charCodeAt(0)
  let rest: Buffer = Buffer.alloc(0)
  for await (const chunk of fs.createReadStream(from, { highWaterMark: perRequest })) {
    const bytes = rest.length === 0 ? (chunk as Buffer) : Buffer.concat([rest, chunk as Buffer])
    const end = bytes.lastIndexOf(ends) + 1
    rest = Buffer.from(bytes.subarray(end))
    events += mill.take(input.events.name, bytes.subarray(0, end))
    await mill.settle()
  }
}

function noKeys(values: readonly NexmarkEvent[]): string[] {
  return Array.from(values, () => "")
}

/** Rows of JSON as they lie in a stream's block. */
function onOutput(_: unknown, block: Uint8Array): void {
  if (file === undefined) return
  const cursor = new BlockCursor(block)
  const lines: Uint8Array[] = []
  while (cursor.next()) {
    if (cursor.kind !== entryKind.record) continue
    rows++
    lines.push(block.subarray(cursor.valueStart, cursor.valueEnd), newline)
  }
  fs.writeSync(file, Buffer.concat(lines))
}
