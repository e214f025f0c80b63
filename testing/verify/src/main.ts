// `npm run verify [-- --flights N --kills N --crash-flights N --seed N]`: the whole example against the oracle, then as
// many crashes as asked for. Takes a few minutes; `npm test` does the same on a slice.
import fs from "node:fs"
import os from "node:os"
import path from "node:path"
import { parseArgs } from "node:util"
import { crashRun } from "./crash.ts"
import { differingFiles, fileHashes } from "./file-hashes.ts"
import { agrees, differenceText, flightsDifferences, flightsFilesIn } from "./flights-difference.ts"
import { flightsParquet } from "./flights-file.ts"
import { FlightsOracle } from "./flights-oracle.ts"
import { Program, programs } from "./program.ts"

const { values } = parseArgs({
  options: {
    flights: { type: "string" },
    kills: { type: "string", default: "20" },
    "crash-flights": { type: "string", default: "100000" },
    seed: { type: "string", default: String(Math.floor(Math.random() * 2 ** 32)) },
  },
})
const kills = Number(values.kills)
const crashFlights = Number(values["crash-flights"])
const seed = Number(values.seed)
const directory = fs.mkdtempSync(path.join(os.tmpdir(), "millrace-verify-"))

try {
  const isRight = await verifyWhole(values.flights === undefined ? undefined : Number(values.flights))
  const isStable = kills === 0 || (await verifyCrashes())
  if (!isRight || !isStable) process.exitCode = 1
} finally {
  fs.rmSync(directory, { recursive: true, force: true })
}

/** Runs the example to its end and compares every row. */
async function verifyWhole(limit: number | undefined): Promise<boolean> {
  const dir = path.join(directory, "whole")
  const words = [
    "--once",
    "--json",
    "--dir",
    dir,
    "--port",
    "0",
    ...(limit === undefined ? [] : ["--limit", String(limit)]),
  ]
  const program = new Program(programs.flights, words)
  const { figures } = (await program.until("result")) as unknown as { figures: { flights: number; seconds: number } }
  await program.exitCode()
  console.log(`flights: ${figures.flights} replayed, acknowledged after ${figures.seconds.toFixed(1)} s`)
  const started = performance.now()
  const oracle = await FlightsOracle.open(flightsParquet, limit === undefined ? {} : { limit })
  const { onTime, late, hours } = oracle.counts
  console.log(
    `oracle: ${onTime} on time + ${late} late = ${onTime + late} flights, ${hours} hours; ${seconds(started)} s`,
  )
  const isRight = await compare(oracle, path.join(dir, "out"))
  oracle.close()
  return isRight && onTime + late === (limit ?? 3_000_000)
}

async function verifyCrashes(): Promise<boolean> {
  console.log(`crashes: ${kills} kills during ${crashFlights} flights, seed ${seed}`)
  const common = { flights: crashFlights, batch: 250, seed, log: (line: string) => console.log(`  ${line}`) }
  const calm = await crashRun({ ...common, dir: path.join(directory, "calm"), kills: 0 })
  const started = performance.now()
  const shaken = await crashRun({ ...common, dir: path.join(directory, "shaken"), kills })
  const { replaying, recovering, delivering } = shaken.kills
  console.log(
    `crashes: ${replaying} while replaying, ${recovering} while recovering, ${delivering} while delivering; ` +
      `${seconds(started)} s`,
  )
  const oracle = await FlightsOracle.open(flightsParquet, { limit: crashFlights })
  const isRight = await compare(oracle, shaken.out)
  oracle.close()
  const hashes = fileHashes(calm.out)
  const differing = differingFiles(hashes, fileHashes(shaken.out))
  console.log(
    differing.length === 0
      ? `crashes: all ${hashes.size} files are byte for byte those of an undisturbed run`
      : `crashes: these files differ from an undisturbed run (seed ${seed}):\n  ${differing.join("\n  ")}`,
  )
  return isRight && differing.length === 0
}

async function compare(oracle: FlightsOracle, out: string): Promise<boolean> {
  const differences = await flightsDifferences(oracle, flightsFilesIn(out))
  for (const difference of differences) console.log(differenceText(difference))
  return agrees(differences)
}

function seconds(since: number): string {
  return ((performance.now() - since) / 1000).toFixed(1)
}
