/**
 * `npm start [-- --once]`: starts a node in this process, replays three million real flights into it over HTTP, prints
 * what came out and keeps serving.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs"
import path from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { fileURLToPath } from "node:url"
import { parseArgs } from "node:util"
import { type Client, connect } from "millrace/client"
import { readColumns } from "millrace/files"
import { startNode } from "millrace/node"
import { Departures } from "./departures.ts"
import { progressOn } from "./progress.ts"
import { replay, type ReplayFigures } from "./replay.ts"
import { resultText, whatNext } from "./report.ts"
import { readResult } from "./result.ts"

const usage = `Usage: npm start -- [options]

  --once          exit once the result is printed
  --dir DIR       where data and results go (default: .millrace/flights)
  --port PORT     port of the node (default: 7070)
  --limit N       only the first N flights to leave
  --batch N       flights of one request (default: 2000)
  --url URL       replay into a node that runs already, with the flights service, instead of starting one
  --json          print what happens as lines of JSON

Example:
  $ npm start -- --once --limit 100000
`

interface Settings {
  readonly once: boolean
  readonly dir: string
  readonly port: number
  readonly limit: number
  readonly batch: number
  readonly url: string | undefined
  readonly json: boolean
}

/** What `/v1/status` tells of the node, as far as the replay asks. */
interface NodeFacts {
  readonly idle: boolean
  readonly unready?: Trouble
  readonly outDir: string
  readonly stages: readonly { readonly service: string; readonly state: string; readonly ended: boolean }[]
  readonly sinks: readonly { readonly pending: number; readonly error?: Trouble }[]
}

interface Trouble {
  readonly code: string
  readonly message: string
}

const source = fileURLToPath(new URL("../data/flights-3m.parquet", import.meta.resolve("vega-datasets")))
/** A node that is started again is there within a second; one that is gone for two minutes is gone. */
const backoff = { attempts: 120, firstMs: 25, mostMs: 1_000 }
/** How often the node is asked whether all files are there. */
const pollMs = 100
const stop = new AbortController()
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.on(signal, () => {
    if (stop.signal.aborted) process.exit(1)
    stop.abort()
  })
}

await main().catch((error: unknown) => {
  const { message, code } = error as { readonly message: string; readonly code?: string }
  process.stderr.write(`flights: ${message}${code === undefined ? "" : ` [${code}]`}\n`)
  process.exitCode = 1
})

async function main(): Promise<void> {
  const settings = settingsFrom(process.argv.slice(2))
  if (settings === undefined) return
  if (settings.url !== undefined) {
    await run(connect(settings.url, { backoff }), settings)
    return
  }
  holdTo(settings)
  const node = await startNode({
    files: [path.join(import.meta.dirname, "service.ts")],
    dataDir: path.join(settings.dir, "data"),
    outDir: path.join(settings.dir, "out"),
    port: settings.port,
    log: "warn",
  })
  try {
    tell(
      settings,
      { event: "ready", url: node.url },
      `A node runs at ${node.url} with the service of examples/flights/src/service.ts.`,
    )
    const isDone = await run(connect(node.url, { backoff }), settings)
    if (!isDone || settings.once) return
    tell(settings, { event: "serving", url: node.url }, whatNext(node.url, settings.dir))
    if (!stop.signal.aborted)
      await new Promise((resolve) => stop.signal.addEventListener("abort", resolve, { once: true }))
  } finally {
    await node.close()
  }
}

/** Replays what is not there yet, waits for the files and prints the result. False when it was stopped on the way. */
async function run(client: Client, settings: Settings): Promise<boolean> {
  const before = await settledFacts(client)
  let figures: ReplayFigures | undefined
  if (before.stages.length > 0 && before.stages.every(({ ended }) => ended)) {
    tell(
      settings,
      { event: "known" },
      `These flights were replayed before; here is their result. To start over: rm -r ${settings.dir}`,
    )
  } else {
    tell(
      settings,
      { event: "reading", source },
      "Reading flights-3m.parquet and sorting it by the time at which each flight really left …",
    )
    const departures = await Departures.read(readColumns(source, { instants: "ms" }), settings.limit)
    const show = settings.json
      ? undefined
      : progressOn(process.stderr, departures.length, performance.now.bind(performance))
    figures = await replay(client, departures, {
      run: `flights-${departures.length}-${settings.batch}`,
      batch: settings.batch,
      now: () => performance.now(),
      onAcknowledged(flights, requests) {
        show?.(flights, "")
        if (settings.json) process.stdout.write(`${JSON.stringify({ event: "acknowledged", flights, requests })}\n`)
      },
      signal: stop.signal,
    }).catch((error: unknown) => {
      if (!stop.signal.aborted) throw error
      return undefined
    })
    if (figures === undefined || stop.signal.aborted) return stoppedEarly(settings)
    tell(
      settings,
      { event: "replayed", ...figures },
      "All flights are on the disk; ending the stream, so that its last windows close …",
    )
    await client.end("flights")
    tell(settings, { event: "ended" }, "")
  }
  const started = performance.now()
  const outDir = await delivered(client)
  if (outDir === undefined) return stoppedEarly(settings)
  const seconds = (figures?.seconds ?? 0) + (performance.now() - started) / 1000
  const result = await readResult(outDir)
  tell(settings, { event: "result", ...result, figures, seconds, outDir }, resultText(result, figures, seconds, outDir))
  return true
}

/** Waits until every window's result lies in a file, and says what holds it up. Undefined when it was told to stop. */
async function delivered(client: Client): Promise<string | undefined> {
  let said = ""
  while (!stop.signal.aborted) {
    const { idle, outDir, stages, sinks, unready } = await factsOf(client)
    if (idle && stages.every(({ ended }) => ended)) return outDir
    const trouble = unready ?? sinks.find(({ error }) => error !== undefined)?.error
    if (trouble !== undefined && trouble.message !== said) {
      process.stderr.write(`flights: waiting: ${trouble.message} [${trouble.code}]\n`)
      said = trouble.message
    }
    await sleep(pollMs)
  }
  return undefined
}

/** What is known of the stages once each has read its state: a node that has just started may still be at it. */
async function settledFacts(client: Client): Promise<NodeFacts> {
  for (;;) {
    const facts = await factsOf(client)
    const reading = facts.stages.some(({ state }) => state === "closed" || state === "seating")
    if (!reading || facts.unready !== undefined || stop.signal.aborted) return facts
    await sleep(pollMs / 10)
  }
}

async function factsOf(client: Client): Promise<NodeFacts> {
  const facts = (await client.status()).node as NodeFacts
  return { ...facts, stages: facts.stages.filter(({ service }) => service === "flights") }
}

/**
 * The idempotency keys that make a second run harmless hold for the same requests only, so a directory keeps to the
 * numbers that it began with.
 */
function holdTo({ dir, limit, batch }: Settings): void {
  const file = path.join(dir, "replay.json")
  const wanted = JSON.stringify({ limit: Number.isFinite(limit) ? limit : "all", batch })
  let found: string
  try {
    found = readFileSync(file, "utf8")
  } catch {
    mkdirSync(dir, { recursive: true })
    writeFileSync(file, wanted)
    return
  }
  if (found === wanted) return
  throw new Error(
    `${dir} holds another replay: ${found}, and this one is ${wanted}. ` +
      `Name another place with --dir, or start over: rm -r ${dir}`,
  )
}

function settingsFrom(words: readonly string[]): Settings | undefined {
  try {
    const { values } = parseArgs({
      args: [...words],
      options: {
        once: { type: "boolean", default: false },
        dir: { type: "string", default: path.join(".millrace", "flights") },
        port: { type: "string", default: "7070" },
        limit: { type: "string" },
        batch: { type: "string", default: "2000" },
        url: { type: "string" },
        json: { type: "boolean", default: false },
        help: { type: "boolean", default: false },
      },
    })
    const { once, dir, url, json } = values
    const port = Number(values.port)
    const limit = values.limit === undefined ? Infinity : Number(values.limit)
    if (!(Number.isInteger(port) && port >= 0 && port <= 65_535))
      throw new Error(`--port ${values.port} is not a port, 0 to 65535.`)
    if (!(limit >= 1)) throw new Error(`--limit ${values.limit} is not a number of flights.`)
    const batch = Number(values.batch)
    if (!(Number.isInteger(batch) && batch >= 1)) throw new Error(`--batch ${values.batch} is not a number of flights.`)
    if (!values.help) return { once, dir, port, limit, batch, url, json }
    process.stdout.write(usage)
  } catch (error) {
    process.stderr.write(`flights: ${(error as Error).message}\n\n${usage}`)
    process.exitCode = 2
  }
  return undefined
}

function stoppedEarly(settings: Settings): false {
  tell(
    settings,
    { event: "stopped" },
    "\nStopped. What was acknowledged is kept; npm start goes on where it stopped and stores nothing twice.",
  )
  return false
}

/** One event: a sentence for people, or a line of JSON for machines. */
function tell({ json }: Settings, event: object, words: string): void {
  if (json) process.stdout.write(`${JSON.stringify(event)}\n`)
  else if (words !== "") process.stdout.write(`${words}\n`)
}
