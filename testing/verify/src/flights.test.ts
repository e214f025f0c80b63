// The flights example from end to end, as its users run it, against the oracle.
import assert from "node:assert/strict"
import fs from "node:fs"
import os from "node:os"
import path from "node:path"
import { after, before, test } from "node:test"
import { differingFiles, fileHashes } from "./file-hashes.ts"
import { differenceText, flightsDifferences, flightsFilesIn } from "./flights-difference.ts"
import { flightsParquet } from "./flights-file.ts"
import { FlightsOracle } from "./flights-oracle.ts"
import { killPrograms, Program, type ProgramEvent, programs } from "./program.ts"

const limit = 60_000
/** Against hanging; each takes some seconds. */
const timeout = 200_000
let directory: string
let oracle: FlightsOracle

before(async () => {
  directory = fs.mkdtempSync(path.join(os.tmpdir(), "millrace-flights-"))
  oracle = await FlightsOracle.open(flightsParquet, { limit })
})

after(() => {
  killPrograms()
  oracle.close()
  fs.rmSync(directory, { recursive: true, force: true })
})

interface Finished {
  readonly events: readonly ProgramEvent[]
  readonly code: number | null
  readonly err: string
}

const words = (dir: string, ...more: readonly string[]): string[] => [
  "--once",
  "--json",
  "--dir",
  dir,
  "--port",
  "0",
  "--limit",
  String(limit),
  ...more,
]

async function finished(program: Program): Promise<Finished> {
  const events: ProgramEvent[] = []
  for (let event = await program.next(); event !== undefined; event = await program.next()) events.push(event)
  return { events, code: await program.exitCode(), err: program.err }
}

const named = ({ events }: Finished, name: string): ProgramEvent => {
  const event = events.find((each) => each.event === name)
  assert.ok(event !== undefined, `no ${name}`)
  return event
}

async function assertAgrees(dir: string): Promise<void> {
  const differences = await flightsDifferences(oracle, flightsFilesIn(path.join(dir, "out")))
  assert.deepEqual(differences.map(differenceText), [
    `hourly delays: all ${oracle.counts.hours} rows agree`,
    `late flights: all ${oracle.counts.late} rows agree`,
  ])
}

test(
  "the flights example agrees with the oracle in every row, and running it again changes nothing",
  { timeout },
  async () => {
    const dir = path.join(directory, "whole")
    const first = await finished(new Program(programs.flights, words(dir)))
    assert.equal(first.code, 0, first.err)
    await assertAgrees(dir)

    const result = named(first, "result")
    const { hours, onTime, late } = oracle.counts
    assert.deepEqual(
      { hours: result["hours"], onTime: result["onTime"], late: result["late"] },
      { hours, onTime, late },
    )
    assert.equal(onTime + late, limit)
    const worst = result["worst"] as readonly {
      readonly origin: string
      readonly start: number
      readonly meanDelay: number
    }[]
    assert.deepEqual(
      worst.map(({ origin, start, meanDelay }) => ({ origin, start, meanDelay })),
      (await oracle.worstHours(10)).map(({ origin, start, meanDelay }) => ({
        origin,
        start: start.getTime(),
        meanDelay,
      })),
    )

    const hashes = fileHashes(path.join(dir, "out"))
    const again = await finished(new Program(programs.flights, words(dir)))
    assert.equal(again.code, 0, again.err)
    assert.deepEqual(
      again.events.map(({ event }) => event),
      ["ready", "known", "result"],
    )
    assert.deepEqual(named(again, "result")["worst"], result["worst"])
    assert.deepEqual(differingFiles(hashes, fileHashes(path.join(dir, "out"))), [])

    const other = await finished(new Program(programs.flights, [...words(dir), "--limit", "10"]))
    assert.equal(other.code, 1)
    assert.match(other.err, /holds another replay.*--dir/)
  },
)

test("an interrupted replay goes on where it stopped", { timeout }, async () => {
  const dir = path.join(directory, "interrupted")
  const program = new Program(programs.flights, words(dir, "--batch", "500"))
  for (let requests = 0; requests < 40;) requests = (await program.until("acknowledged"))["requests"] as number
  await program.stop("SIGTERM")
  assert.equal(await program.exitCode(), 0, program.err)

  const second = await finished(new Program(programs.flights, words(dir, "--batch", "500")))
  assert.equal(second.code, 0, second.err)
  await assertAgrees(dir)
})

test("a wrong option of the example is a wrong use, with its help", async () => {
  const { code, err } = await finished(new Program(programs.flights, ["--twice"]))
  assert.equal(code, 2)
  assert.match(err, /'--twice'.*Usage: npm start/s)
})

test("a port in use is named, with the mend (MR1403)", async () => {
  const holder = new Program(programs.millrace, [
    "start",
    "--data",
    path.join(directory, "holder"),
    "--port",
    "0",
    "--json",
  ])
  try {
    const { port } = new URL((await holder.until("ready"))["url"] as string)
    const { code, err } = await finished(
      new Program(programs.flights, [...words(path.join(directory, "second")), "--port", port]),
    )
    assert.equal(code, 1)
    assert.match(err, new RegExp(`^flights: Port ${port} of 127\\.0\\.0\\.1 is in use .*--port.* \\[MR1403\\]$`, "m"))
  } finally {
    await holder.stop("SIGTERM")
  }
})
