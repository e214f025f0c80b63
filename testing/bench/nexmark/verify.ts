/**
 * `npm run verify -- nexmark [--events N] [--kills N] [--seeds N] [--seed-events N] [--history in-order|out-of-order] [--seed N] [QUERY…]`:
 * every query against the oracle: on a real node that takes its events over HTTP and is killed again and again, out of order, with stragglers and
 * duplicates; and on the engine and the journal alone over several seeds, in and out of order. `npm test` does the same on little.
 */
import fs from "node:fs"
import os from "node:os"
import path from "node:path"
import { parseArgs } from "node:util"
import { writeClocks } from "./clock.ts"
import { Emission, type EmissionOptions } from "./emission.ts"
import { killedRun } from "./kills.ts"
import { writeNdjson } from "./ndjson.ts"
import { judgedAs } from "./node-files.ts"
import { agrees, type Difference, differenceText, NexmarkOracle } from "./oracle/oracle.ts"
import { queries } from "./queries/index.ts"
import { perBatch, rowsIn, runQuery } from "./run-query.ts"

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    events: { type: "string", default: "10000000" },
    kills: { type: "string", default: "5" },
    seeds: { type: "string", default: "3" },
    "seed-events": { type: "string", default: "200000" },
    history: { type: "string", default: "both" },
    seed: { type: "string", default: String(Math.floor(Math.random() * 2 ** 31)) },
  },
})
const unknown = positionals.find((name) => !(name in queries))
if (unknown !== undefined) throw new Error(`There is no query ${unknown}; there are ${Object.keys(queries).join(", ")}.`)
const history = values.history
if (!["both", "in-order", "out-of-order"].includes(history)) throw new Error(`There is no history ${history}; there are in-order, out-of-order and both.`)
const names = Object.keys(queries).filter((name) => positionals.length === 0 || positionals.includes(name))
const seed = Number(values.seed)
const disorder = { stragglers: { share: 0.002, by: 1_500 }, duplicates: { share: 0.002, by: 700 }, outOfOrderGroup: 1_000 }
const perRequestMost = 5_000

interface History {
  readonly title: string
  readonly emission: EmissionOptions
  readonly partitions: number
  readonly outOfOrderMs: number
}

let differing = 0
console.log(`seed ${seed}`)
if (Number(values.events) > 0) await overNode()
for (let i = 0; i < Number(values.seeds); i++) {
  const events = Number(values["seed-events"])
  const inOrder: History = {
    title: `on the engine, seed ${seed + i}, in order`,
    emission: { events, rate: 10_000, seed: seed + i },
    partitions: 1,
    outOfOrderMs: 0,
  }
  const outOfOrder: History = {
    title: `on the engine, seed ${seed + i}, out of order`,
    emission: { events, rate: 1_000, seed: seed + i, ...disorder, hotBidders: 20, hotAuctions: 20 },
    partitions: 2 + i,
    outOfOrderMs: 4_000,
  }
  if (history !== "out-of-order") await overEngine(inOrder)
  if (history !== "in-order") await overEngine(outOfOrder)
}
console.log(differing === 0 ? "every query agrees with the oracle" : `${differing} results differ (seed ${seed})`)
if (differing > 0) process.exitCode = 1

/** Every query on a node that is killed. */
async function overNode(): Promise<void> {
  const kills = Number(values.kills)
  const events = Number(values.events)
  // At 1,000 events a second no two events have one millisecond, so that patterns over several partitions are well defined.
  const emission: EmissionOptions = { ...disorder, events, rate: 1_000, seed, baseTime: Date.UTC(2026, 0, 1, 23, 59) }
  const perRequest = Math.min(perRequestMost, Math.ceil(events / 50))
  console.log(`on a node: ${events} events, ${kills} kills each`)
  await withOracle(emission, async (oracle, dir) => {
    for (const [i, query] of names.entries()) {
      const place = path.join(dir, query)
      const { found, seconds } = await killedRun({ query, emission, partitions: 3, outOfOrderMs: 4_000, kills, seed: seed + i, dir: place, perRequest })
      const started = performance.now()
      tell(await oracle.compare(judgedAs(query), found), seconds, started)
      fs.rmSync(place, { recursive: true })
    }
  })
}

/** Every query in a process of its own. */
async function overEngine({ title, emission, partitions, outOfOrderMs }: History): Promise<void> {
  console.log(`${title}: ${emission.events} events`)
  await withOracle(emission, async (oracle, dir) => {
    for (const query of names) {
      const to = path.join(dir, `${query}.ndjson`)
      const { seconds } = await runQuery({ query, emission, partitions, outOfOrderMs, to })
      const started = performance.now()
      tell(await oracle.compare(query, rowsIn(query, to)), seconds, started)
      fs.rmSync(to, { recursive: true })
    }
  })
}

async function withOracle(emission: EmissionOptions, use: (oracle: NexmarkOracle, dir: string) => Promise<void>): Promise<void> {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), "nexmark-verify-"))
  try {
    const file = path.join(dir, "events.ndjson")
    const clocks = path.join(dir, "clocks.ndjson")
    writeNdjson(file, new Emission(emission))
    writeClocks(clocks, new Emission(emission), perBatch)
    const oracle = await NexmarkOracle.open(file, { file: path.join(dir, "oracle.duckdb"), clocks })
    fs.rmSync(file)
    await use(oracle, dir)
    oracle.close()
  } finally {
    fs.rmSync(dir, { recursive: true, force: true })
  }
}

function tell(difference: Difference, seconds: number, comparing: number): void {
  if (!agrees(difference)) differing++
  const compared = ((performance.now() - comparing) / 1000).toFixed(1)
  console.log(`  ${differenceText(difference)}; ${seconds.toFixed(1)} s, compared in ${compared} s`)
}
