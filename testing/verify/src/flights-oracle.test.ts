import assert from "node:assert/strict"
import { createHash } from "node:crypto"
import fs from "node:fs"
import os from "node:os"
import path from "node:path"
import { after, before, test } from "node:test"
import { literal } from "./duckdb.ts"
import { agrees, flightsDifferences, flightsFilesIn } from "./flights-difference.ts"
import { flightsParquet } from "./flights-file.ts"
import { FlightsOracle } from "./flights-oracle.ts"

const limit = 20_000
const hourMs = 3_600_000
let oracle: FlightsOracle
let directory: string

before(async () => {
  oracle = await FlightsOracle.open(flightsParquet, { limit })
  directory = fs.mkdtempSync(path.join(os.tmpdir(), "millrace-oracle-"))
})

after(() => {
  oracle.close()
  fs.rmSync(directory, { recursive: true })
})

interface Flight {
  readonly date: number
  readonly delay: number
  readonly origin: string
}

test("the SQL oracle and a naive model agree on a slice", async () => {
  const { hours, late } = naiveModel(await flightsInFileOrder())
  const expected = await oracle.database.rows(`
    SELECT origin, start_ms::DOUBLE AS start, flights, delay_sum AS sum, worst
    FROM expected_hours ORDER BY origin, start`)
  assert.deepEqual(
    expected.map((row) => ({ ...(row as object) })),
    hours,
  )
  assert.equal(oracle.counts.late, late)
  assert.ok(late > 100, "the slice has late flights")
})

test("on-time and late flights make up all flights", () => {
  assert.equal(oracle.counts.onTime + oracle.counts.late, limit)
})

test("a slice written to a file gives the same expectation as the limit", async () => {
  const file = path.join(directory, "slice.parquet")
  await oracle.writeSlice(file)
  const slice = await FlightsOracle.open(file)
  assert.deepEqual(slice.counts, oracle.counts)
  assert.deepEqual(await slice.worstHours(10), await oracle.worstHours(10))
  slice.close()
})

test("files that hold what is expected show no difference", async () => {
  const out = await written("agreeing")
  const differences = await flightsDifferences(oracle, flightsFilesIn(out))
  assert.deepEqual(
    differences.map(({ missing, unexpected, examples }) => ({ missing, unexpected, examples })),
    [
      { missing: 0, unexpected: 0, examples: [] },
      { missing: 0, unexpected: 0, examples: [] },
    ],
  )
  assert.ok(agrees(differences))
})

test("a lost, a doubled and an altered row are each found", async () => {
  const lost = await differencesOf(
    "lost",
    "WHERE NOT (origin = 'ATL' AND flights = (SELECT max(flights) FROM expected_hours WHERE origin = 'ATL'))",
  )
  assert.ok(lost.missing >= 1 && lost.unexpected === 0, "lost")
  const doubled = await differencesOf(
    "doubled",
    "UNION ALL (SELECT * FROM expected_hours ORDER BY origin, start_ms LIMIT 1)",
  )
  assert.deepEqual([doubled.missing, doubled.unexpected], [0, 1])
  const mean = await differencesOf("mean", "", "delay_sum / flights + 1e-6")
  assert.equal(mean.missing, mean.expected)
  const rounding = await differencesOf("rounding", "", "delay_sum / flights * (1 + 1e-12)")
  assert.deepEqual([rounding.missing, rounding.unexpected], [0, 0])
})

test("absent files are missing rows, not an error", async () => {
  const [hours, late] = await flightsDifferences(oracle, flightsFilesIn(path.join(directory, "nowhere")))
  assert.equal(hours.missing, oracle.counts.hours)
  assert.equal(late.missing, oracle.counts.late)
})

test("a late flight with another member than was sent is refused", async () => {
  const out = path.join(directory, "extra")
  fs.mkdirSync(path.join(out, "late-flights"), { recursive: true })
  fs.writeFileSync(
    path.join(out, "late-flights/part-0-0.ndjson"),
    '{"date":"2001-01-01T00:00:00.000Z","delay":1,"surprise":2}\n',
  )
  await assert.rejects(flightsDifferences(oracle, flightsFilesIn(out)), /not a flight as it was sent/)
})

/** The rows of the slice in the order of the source file. */
function flightsInFileOrder(): Promise<Flight[]> {
  return oracle.database.rows<Flight>(
    "SELECT epoch_ms(date)::DOUBLE AS date, delay::DOUBLE AS delay, origin FROM ordered ORDER BY row_number",
  )
}

/** The rules read aloud: one flight after the other, nothing clever. */
function naiveModel(flights: readonly Flight[]): { hours: unknown[]; late: number } {
  const replayed = flights.toSorted((a, b) => a.date + a.delay * 60_000 - (b.date + b.delay * 60_000))
  const highest = new Map<number, number>()
  const hours = new Map<string, { origin: string; start: number; flights: number; sum: number; worst: number }>()
  let late = 0
  for (const { date, delay, origin } of replayed) {
    const partition = Number(BigInt(`0x${createHash("md5").update(origin).digest("hex")}`) / (2n ** 128n / 8n))
    highest.set(partition, Math.max(highest.get(partition) ?? -Infinity, date))
    const watermark = (highest.get(partition) as number) - 2 * hourMs
    const start = date - (date % hourMs)
    if (start + hourMs <= watermark) {
      late++
      continue
    }
    const id = `${origin} ${start}`
    const hour = hours.get(id) ?? { origin, start, flights: 0, sum: 0, worst: -Infinity }
    hour.flights++
    hour.sum += delay
    hour.worst = Math.max(hour.worst, delay)
    hours.set(id, hour)
  }
  const sorted = [...hours.values()].toSorted((a, b) =>
    a.origin < b.origin ? -1 : a.origin > b.origin ? 1 : a.start - b.start,
  )
  return { hours: sorted, late }
}

/** Writes the expectation itself as output files, the hours bent by an SQL suffix or another mean. */
async function written(name: string, suffix = "", mean = "delay_sum / flights"): Promise<string> {
  const out = path.join(directory, name)
  fs.mkdirSync(path.join(out, "hourly-delays"), { recursive: true })
  fs.mkdirSync(path.join(out, "late-flights"), { recursive: true })
  await oracle.database.run(`
    COPY (SELECT origin, make_timestamp_ms(start_ms) AS start, make_timestamp_ms(end_ms) AS "end", flights,
                 ${mean} AS "meanDelay", worst AS "worstDelay"
          FROM (SELECT * FROM expected_hours ${suffix}))
    TO ${literal(`${out}/hourly-delays/part-0-0.parquet`)} (FORMAT parquet)`)
  await oracle.database.run(`COPY expected_late TO ${literal(`${out}/late-flights/part-0-0.ndjson`)} (FORMAT json)`)
  return out
}

async function differencesOf(
  name: string,
  suffix: string,
  mean?: string,
): Promise<{ expected: number; missing: number; unexpected: number }> {
  const [hours] = await flightsDifferences(oracle, flightsFilesIn(await written(name, suffix, mean)))
  return hours
}
