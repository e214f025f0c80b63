// Three queries on a real node that is killed, against the oracle; all of them, on much more: `npm run verify -- nexmark`.
import assert from "node:assert/strict"
import fs from "node:fs"
import os from "node:os"
import path from "node:path"
import { after, test } from "node:test"
import { killPrograms } from "@millrace/verify"
import { Emission } from "./emission.ts"
import { killedRun } from "./kills.ts"
import { writeNdjson } from "./ndjson.ts"
import { foundIn, judgedAs } from "./node-files.ts"
import { agrees, differenceText, NexmarkOracle } from "./oracle/oracle.ts"
import { queries } from "./queries/index.ts"

/** Against hanging; a query takes about three seconds. */
const timeout = 200_000
/** Another one each time; a run that fails is repeated with `MILLRACE_SEED=…`. */
const seed = Number(process.env["MILLRACE_SEED"] ?? Math.floor(Math.random() * 2 ** 31))
const emission = {
  events: 6_000,
  rate: 1_000,
  seed,
  outOfOrderGroup: 300,
  stragglers: { share: 0.01, by: 1_500 },
  duplicates: { share: 0.01, by: 700 },
}

after(killPrograms)

// One with a table, whose last row of each key counts; one with windows, whose every row does. Both count, so that twice is not once.
const always = ["q17", "q11"]
const others = Object.keys(queries).filter((query) => !always.includes(query))
// And another one each time.
for (const query of [...always, others[seed % others.length] ?? "q0"]) {
  test(`${query} on a node that is killed gives what the oracle has`, { timeout }, async (t) => {
    const dir = fs.mkdtempSync(path.join(os.tmpdir(), "nexmark-kills-"))
    t.after(() => fs.rmSync(dir, { recursive: true, force: true }))
    t.diagnostic(`seed ${seed}`)
    const events = path.join(dir, "events.ndjson")
    writeNdjson(events, new Emission(emission))
    const oracle = await NexmarkOracle.open(events)
    t.after(() => oracle.close())
    const log = (line: string): void => t.diagnostic(line)
    const { found } = await killedRun({ query, emission, partitions: 3, outOfOrderMs: 4_000, kills: 3, seed, dir, perRequest: 200, log })
    const difference = await oracle.compare(judgedAs(query), found)
    assert.ok(agrees(difference), differenceText(difference))
    // In the few seconds of these events some find nothing.
    if (always.includes(query)) assert.ok(difference.expected > 0)
  })
}

test("what a node has written is read as the last row of each key, and a row too many or too few is seen", async (t) => {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), "nexmark-files-"))
  t.after(() => fs.rmSync(dir, { recursive: true, force: true }))
  const events = path.join(dir, "events.ndjson")
  writeNdjson(events, new Emission({ events: 2_000, rate: 1_000, seed: 1 }))
  const oracle = await NexmarkOracle.open(events)
  t.after(() => oracle.close())
  const rows = await oracle.rows("q17")
  const line = (row: object | undefined, i: number): string => `${JSON.stringify({ key: String(i), row }, (_, value: unknown) => (typeof value === "bigint" ? Number(value) : value))}\n`
  const write = (number: number, lines: readonly string[]): void => {
    fs.mkdirSync(path.join(dir, "out/result"), { recursive: true })
    fs.writeFileSync(path.join(dir, `out/result/part-0000-${String(number).padStart(8, "0")}.ndjson`), lines.join(""))
  }
  // Each key first with another's row, one of them taken back.
  write(0, rows.map((_, i) => line(rows[(i + 1) % rows.length], i)).concat(line({ ...rows[0], day: "never" }, rows.length)))
  write(1, rows.map(line).concat(line(undefined, rows.length)))
  const compare = () => oracle.compare("q17", foundIn("q17", path.join(dir, "out")))
  assert.ok(agrees(await compare()))
  write(2, [line(undefined, 0)])
  assert.deepEqual(({ ...(await compare()), samples: [] }), { query: "q17", found: rows.length - 1, expected: rows.length, missing: 1, surplus: 0, illegal: 0, samples: [] })
  write(2, [line(rows[1], rows.length + 1)])
  assert.equal((await compare()).surplus, 1)
})
