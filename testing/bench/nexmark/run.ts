/**
 * One query over many events, in a process of its own, so that its memory is its own: takes a `QueryRun` as JSON, as in
 * `run.ts '{"query":"q5","emission":{"events":1000000}}'`, and prints a `RunReport` as one line of JSON. Rows are
 * counted and dropped (a blackhole sink) unless a file is named; those of a query with a sink of its own go there.
 */
import fs from "node:fs"
import os from "node:os"
import path from "node:path"
import { type Outlet, service, stream } from "millrace"
import { clockAt } from "./clock.ts"
import { Emission } from "./emission.ts"
import { type NexmarkEvent, timeOf } from "./events.ts"
import { Mill } from "./mill.ts"
import { isOutlet, isTable, queries } from "./queries/index.ts"
import { RowFile } from "./row-file.ts"
import { perBatch, type QueryRun, type RunReport } from "./run-query.ts"
import { nexmark, sideRows } from "./streams.ts"

/** Bytes of NDJSON that make one request. */
const perRequest = 1 << 20

const given = JSON.parse(process.argv[2] ?? "{}") as QueryRun
const { query, emission, partitions = 4, outOfOrderMs } = given
const input = nexmark({ partitions, ...(outOfOrderMs === undefined ? {} : { outOfOrder: outOfOrderMs }) })
const build = queries[query]
if (build === undefined) throw new Error(`there is no query ${query}; there are ${Object.keys(queries).join(", ")}`)

const answer = build(input)
let rows = 0
const file =
  given.to === undefined || isOutlet(answer) ? undefined : new RowFile(given.to, isTable(answer) ? "table" : "rows")
const dir = fs.mkdtempSync(path.join(os.tmpdir(), "nexmark-run-"))
const app = service("nexmark", [outlet()])
const mill = await Mill.open(app, {
  dir: path.join(dir, "data"),
  now: Date.UTC(2030, 0),
  out: (isOutlet(answer) ? given.to : undefined) ?? path.join(dir, "out"),
  onOutput: (block) => file?.take(block),
})
if (mill.reads(input.side.name)) {
  const side = sideRows()
  mill.feed(
    input.side.name,
    0,
    side,
    side.map(() => 0),
    side.map(({ key }) => String(key)),
  )
  await mill.settle()
}
let events = 0
let ownBytes = 0
let sampledAt = 0
const cpu = process.cpuUsage()
const started = performance.now()
await (given.from === undefined ? generate() : read(given.from))
await mill.end()
const seconds = (performance.now() - started) / 1000
const { user, system } = process.cpuUsage(cpu)
const report: RunReport = {
  query,
  events,
  rows: file?.close() ?? rows,
  seconds,
  cpuSeconds: (user + system) / 1e6,
  peakBytes: process.resourceUsage().maxRSS * 1024,
  ownBytes,
  transactions: mill.transactions,
}
if (mill.deadLetters + mill.late > 0) throw new Error(`${mill.deadLetters} dead letters, ${mill.late} late records`)
await mill.close()
fs.rmSync(dir, { recursive: true, force: true })
console.log(JSON.stringify(report))

function outlet(): Outlet {
  if (isOutlet(answer)) return answer
  const flow = isTable(answer) ? answer.changes() : answer
  if (file === undefined) return flow.filter(() => rows++ < 0).to(stream<object>("blackhole"))
  if (!isTable(answer)) return answer.to(stream<object>("result"))
  // Under the row's key, so that the last of each key is the table.
  return answer
    .changes()
    .map(({ key, new: row }) => ({ key, row }))
    .to(stream<{ key: string; row: object | undefined }>("table", { key: ({ key }) => key }))
}

/** The generator as a source that can be replayed: decoded events, under offsets of their own. */
async function generate(): Promise<void> {
  const source = new Emission(emission)
  for (let batch = 0; ; batch++) {
    if (query === "q12") await mill.tick(clockAt(batch))
    const partition = batch % partitions
    const values = source.take(perBatch)
    if (values.length === 0) return
    events += values.length
    mill.feed(input.events.name, partition, values, values.map(timeOf), noKeys(values))
    await mill.settle()
    sample()
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
    sample()
  }
}

/** Looks at the memory now and then. */
function sample(): void {
  const now = performance.now()
  if (now - sampledAt < 50) return
  sampledAt = now
  const kilobytes = /^RssAnon:\s+(\d+)/m.exec(fs.readFileSync("/proc/self/status", "utf8"))?.[1] ?? 0
  ownBytes = Math.max(ownBytes, Number(kilobytes) * 1024)
}

function noKeys(values: readonly NexmarkEvent[]): string[] {
  return Array.from(values, () => "")
}
