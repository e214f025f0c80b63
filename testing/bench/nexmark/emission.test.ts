import assert from "node:assert/strict"
import { test } from "node:test"
import fc from "fast-check"
import { Emission, type EmissionOptions, split } from "./emission.ts"
import { type NexmarkEvent, timeOf } from "./events.ts"
import { lineOf } from "./ndjson.ts"

// At 1000 a second each event has a millisecond of its own, so its time is its number.
const base = Date.UTC(2026, 0, 1)

function numbers(options: Omit<EmissionOptions, "rate">): number[] {
  return new Emission({ rate: 1_000, ...options }).take(Infinity).map((event) => timeOf(event) - base)
}

test("events come in the order of their numbers unless something is asked for", () => {
  assert.deepEqual(numbers({ events: 5 }), [1, 2, 3, 4, 5])
})

test("a straggler comes as many events later as asked for", () => {
  const found = numbers({ events: 1_000, stragglers: { share: 0.05, by: 100 } })
  assert.deepEqual(
    found.toSorted((a, b) => a - b),
    numbers({ events: 1_000 }),
  )
  let highest = 0
  const late = found.filter((number) => {
    const straggles = number < highest
    highest = Math.max(highest, number)
    return straggles
  })
  assert.ok(late.length > 20 && late.length < 80, `${late.length} stragglers`)
  highest = 0
  for (const number of found) {
    highest = Math.max(highest, number)
    assert.ok(highest - number <= 100)
  }
})

test("a duplicate is the same event once more", () => {
  const run = new Emission({ events: 1_000, duplicates: { share: 0.1, by: 7 } }).take(Infinity).map(lineOf)
  const counts = new Map<string, number>()
  for (const line of run) counts.set(line, (counts.get(line) ?? 0) + 1)
  assert.equal(counts.size, 1_000)
  assert.equal(Math.max(...counts.values()), 2)
  assert.ok(run.length > 1_050 && run.length < 1_150, `${run.length} events`)
})

test("whatever is asked for, every event comes once or twice, and the run is the same each time", () => {
  const delayed = fc.record({ share: fc.constantFrom(0, 0.01, 0.3, 1), by: fc.integer({ min: 0, max: 400 }) })
  const options = fc.record({
    events: fc.integer({ min: 0, max: 300 }),
    seed: fc.integer(),
    outOfOrderGroup: fc.constantFrom(1, 2, 50, 1_000),
    stragglers: delayed,
    duplicates: delayed,
  })
  fc.assert(
    fc.property(options, (given) => {
      const found = numbers(given)
      assert.deepEqual(found, numbers(given))
      const plain = numbers({ events: given.events, outOfOrderGroup: given.outOfOrderGroup })
      assert.deepEqual(
        [...new Set(found)].toSorted((a, b) => a - b),
        plain.toSorted((a, b) => a - b),
      )
      const twice = found.length - plain.length
      if (given.duplicates.share === 0) assert.equal(twice, 0)
      if (given.duplicates.share === 1) assert.equal(twice, plain.length)
    }),
  )
})

test("generators that share a run have the same persons, auctions and bids as one alone, over the same span", () => {
  const options = { events: 10_003, rate: 1_000 }
  const parts = split(options, 4)
  assert.deepEqual(
    parts.map(({ events, firstEventId }) => [events, firstEventId]),
    [
      [2_500, 1],
      [2_500, 2_501],
      [2_500, 5_001],
      [2_503, 7_501],
    ],
  )
  const runs = parts.map((part) => new Emission(part).take(Infinity))
  const ids = (run: readonly NexmarkEvent[]): number[] =>
    run.flatMap((event) => (event.event_type === 1 ? [event.auction.id] : []))
  assert.deepEqual(runs.flatMap(ids), ids(new Emission(options).take(Infinity)))
  for (const run of runs) assert.deepEqual(run.slice(2_499, 2_500).map(timeOf), [base + 10_000])
})

test("taking in portions gives the run in portions", () => {
  const options = { events: 100, stragglers: { share: 0.2, by: 9 } }
  const emission = new Emission(options)
  const portions = [0, 1, 7, 500, 3].map((most) => emission.take(most))
  assert.deepEqual(
    portions.map(({ length }) => length),
    [0, 1, 7, 92, 0],
  )
  assert.deepEqual(portions.flat(), new Emission(options).take(Infinity))
})
