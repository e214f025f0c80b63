import assert from "node:assert/strict"
import { test } from "node:test"
import fc from "fast-check"
import { Departures } from "./departures.ts"
import type { FlightColumns } from "./departures.ts"

interface FlightRow {
  readonly date: Date
  readonly delay: number
  readonly distance: number
  readonly origin: string
  readonly destination: string
}

const airport = fc.constantFrom("ATL", "BOS", "DFW", "LAX", 'Q"T')
const flights = fc.array(
  fc.record({
    date: fc.integer({ min: 0, max: 600 }).map((minute) => new Date(Date.UTC(2001, 0, 1, 0, minute))),
    delay: fc.integer({ min: -1200, max: 1700 }),
    distance: fc.integer({ min: 20, max: 5000 }),
    origin: airport,
    destination: airport,
  }),
  { maxLength: 3000 },
)

test("departures come by date plus delay, ties in the order of the file", async () => {
  await fc.assert(
    fc.asyncProperty(flights, async (rows) => {
      const departures = await Departures.read(from(rows))
      const expected = rows.toSorted((a, b) => left(a) - left(b))
      assert.equal(departures.length, rows.length)
      for (const [place, row] of expected.entries()) {
        assert.equal(departures.lineAt(place), `${JSON.stringify(row)}\n`)
        assert.equal(departures.airports[departures.originAt(place)], row.origin)
      }
    }),
    { numRuns: 30 },
  )
})

test("a limit keeps the first departures", async () => {
  const rows = [flight("ATL", 30), flight("BOS", 0), flight("DFW", 10)]
  const departures = await Departures.read(from(rows), 2)
  assert.deepEqual(
    [departures.lineAt(0), departures.lineAt(1)].map((line) => (JSON.parse(line) as FlightRow).origin),
    ["BOS", "DFW"],
  )
  assert.equal(departures.length, 2)
})

function flight(origin: string, delay: number): FlightRow {
  return { date: new Date("2001-01-01T12:00:00Z"), delay, distance: 100, origin, destination: "SFO" }
}

function left({ date, delay }: FlightRow): number {
  return date.getTime() + delay * 60_000
}

/** The rows as parts of a file, of at most 700 rows each. */
async function* from(rows: readonly FlightRow[]): AsyncGenerator<FlightColumns> {
  for (let at = 0; at < rows.length; at += 700) {
    const part = rows.slice(at, at + 700)
    const columns = new Map<string, ArrayLike<unknown>>([
      ["date", Float64Array.from(part, ({ date }) => date.getTime())],
      ["delay", part.map(({ delay }) => delay)],
      ["distance", part.map(({ distance }) => distance)],
      ["origin", part.map(({ origin }) => origin)],
      ["destination", part.map(({ destination }) => destination)],
    ])
    yield { rowCount: part.length, columns }
  }
}
