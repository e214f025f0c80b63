import assert from "node:assert/strict"
import fs from "node:fs"
import os from "node:os"
import path from "node:path"
import { after, test } from "node:test"
import { crashRun } from "./crash.ts"
import { differingFiles, fileHashes } from "./file-hashes.ts"
import { differenceText, flightsDifferences, flightsFilesIn } from "./flights-difference.ts"
import { flightsParquet } from "./flights-file.ts"
import { FlightsOracle } from "./flights-oracle.ts"
import { killPrograms } from "./program.ts"

const flights = 30_000
const kills = 20
/** Against hanging; it takes about half a minute on two cores. */
const timeout = 400_000
/** Another one each time; a run that fails is repeated with `MILLRACE_SEED=…`. */
const seed = Number(process.env["MILLRACE_SEED"] ?? Math.floor(Math.random() * 2 ** 32))

after(killPrograms)

test(
  "a node killed twenty times during a replay writes byte for byte the files of an undisturbed one",
  { timeout },
  async (t) => {
    const dir = fs.mkdtempSync(path.join(os.tmpdir(), "millrace-crash-"))
    t.after(() => fs.rmSync(dir, { recursive: true, force: true }))
    t.diagnostic(`seed ${seed}`)
    const common = { flights, batch: 250, seed, log: (line: string) => t.diagnostic(line) }
    const calm = await crashRun({ ...common, dir: path.join(dir, "calm"), kills: 0 })
    const shaken = await crashRun({ ...common, dir: path.join(dir, "shaken"), kills })
    assert.equal(shaken.kills.replaying + shaken.kills.recovering + shaken.kills.delivering, kills)

    const oracle = await FlightsOracle.open(flightsParquet, { limit: flights })
    t.after(() => oracle.close())
    for (const { out } of [calm, shaken]) {
      const differences = await flightsDifferences(oracle, flightsFilesIn(out))
      assert.deepEqual(differences.map(differenceText), [
        `hourly delays: all ${oracle.counts.hours} rows agree`,
        `late flights: all ${oracle.counts.late} rows agree`,
      ])
    }
    assert.equal(oracle.counts.onTime + oracle.counts.late, flights)
    assert.deepEqual(differingFiles(fileHashes(calm.out), fileHashes(shaken.out)), [])
  },
)
