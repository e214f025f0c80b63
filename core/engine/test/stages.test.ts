import assert from "node:assert/strict"
import { test } from "node:test"
import { count, distinctCount, hopping, max, min, service, stream, sum, tumbling } from "@millrace/sdk"
import { files } from "@millrace/sdk/files"
import fc from "fast-check"
import { Dice } from "./dice.ts"
import { Rig, type Seat } from "./rig.ts"

interface Trip {
  readonly id: number
  readonly from: string
  readonly to: string
  /** Event time in ms. */
  readonly t: number
  readonly v: number
}

interface Region {
  readonly region: string
  readonly at: number
  readonly total: number
}

/** Stages behind stages: changed keys, a derived stream with other partitions, windows, a process with timers. */
function program(partitions: number, outOfOrder: number) {
  const trips = stream("trips", { partitions, key: (trip: Trip) => trip.from, time: (trip) => trip.t, outOfOrder })
  const departures = trips
    .window("departures", tumbling(10))
    .aggregate({ n: count(), total: sum((trip) => trip.v), low: min((trip) => trip.v), high: max((trip) => trip.v) })
  const arrivals = trips
    .filter((trip) => trip.v !== 0)
    .keyBy((trip) => trip.to)
    .window("arrivals", hopping({ size: 20, every: 5 }))
    .aggregate({ n: count(), total: sum((trip) => trip.v), origins: distinctCount((trip) => trip.from) })
  const regions = stream("regions", {
    partitions: 1 + (partitions % 3),
    key: (each: Region) => each.region,
    time: (each) => each.at,
  })
  const regional = departures
    .keyBy((each) => each.key.slice(0, 1))
    .window("regional", tumbling(40))
    .aggregate({ total: sum((each) => each.total), windows: count() })
  const fifties = trips
    .keyBy((trip) => trip.to)
    .process("fifties", {
      // Sums by the end of their fifty; kept until the end has come.
      state: () => new Map<number, number>(),
      onRecord(trip, ctx) {
        const end = Math.ceil((trip.t + 1) / 50) * 50
        ctx.state.set(end, (ctx.state.get(end) ?? 0) + trip.v)
        ctx.setTimer(end)
      },
      *onTimer(ctx) {
        yield { key: ctx.key, at: ctx.time, total: ctx.state.get(ctx.time) }
        ctx.state.delete(ctx.time)
        if (ctx.state.size === 0) ctx.clear()
      },
    })
  return service("s", [
    departures.to(files("departures")),
    arrivals.to(files("arrivals")),
    regional.map((each) => ({ region: each.key, at: each.end.getTime() - 1, total: each.total })).to(regions),
    regions
      .window("regions-again", tumbling(80))
      .aggregate({ n: count(), total: sum((each) => each.total) })
      .to(files("regions-again")),
    fifties.to(files("fifties")),
  ])
}

const sinks = ["departures", "arrivals", "regions-again", "fifties"] as const
type Results = Record<(typeof sinks)[number], string[]>

/** Lets a random seat take a random batch and perhaps crash, until none is behind. */
async function stir(rig: Rig, dice: Dice, crashes: boolean): Promise<void> {
  for (;;) {
    const behind: Seat[] = rig.seats.filter((seat) => rig.behind(seat))
    const seat = behind[dice.roll(Math.max(1, behind.length))]
    if (seat === undefined) return
    await rig.take(seat, [1 + dice.roll(12), 1 + dice.roll(4)])
    if (crashes && dice.roll(4) === 0) await rig.restart(seat)
  }
}

async function outcome(
  partitions: number,
  trips: readonly Trip[],
  outOfOrder: number,
  seed: number,
  crashes: boolean,
): Promise<Results> {
  const rig = await Rig.open(program(partitions, outOfOrder))
  const dice = new Dice(seed)
  for (let i = 0; i < trips.length;) {
    const next = i + 1 + dice.roll(10)
    rig.produce("trips", trips.slice(i, next))
    if (dice.roll(2) === 0) await stir(rig, dice, crashes)
    i = next
  }
  rig.end("trips")
  await stir(rig, dice, crashes)
  assert.deepEqual(rig.late(), {})
  assert.deepEqual(await rig.deadLetters("trips"), [])
  for (const { machine, transactions } of rig.seats) {
    assert.equal(machine.watermark, Infinity)
    assert.equal(transactions.at(-1)?.ended, true)
  }
  const results: Record<string, string[]> = {}
  for (const name of sinks)
    results[name] = ((await rig.values(`s/${name}.rows`)) as object[]).map((row) => JSON.stringify(row)).toSorted()
  return results as Results
}

/** The same from all trips at once: group and sum. */
function plainly(trips: readonly Trip[]): Results {
  const total = (of: readonly { readonly v: number }[]): number => of.reduce((all, { v }) => all + v, 0)
  const grouped = <T>(
    of: readonly T[],
    keysOf: (item: T) => readonly (readonly [string, number])[],
  ): (readonly [string, number, T[]])[] => {
    const groups = new Map<string, readonly [string, number, T[]]>()
    for (const item of of) {
      for (const [key, start] of keysOf(item)) {
        const name = `${key} ${start}`
        const group = groups.get(name) ?? [key, start, []]
        groups.set(name, group)
        group[2].push(item)
      }
    }
    return [...groups.values()]
  }
  const floor = (t: number, size: number): number => Math.floor(t / size) * size
  const bounds = (key: string, start: number, size: number): object => ({
    key,
    start: new Date(start),
    end: new Date(start + size),
  })
  const departures = grouped(trips, ({ from, t }) => [[from, floor(t, 10)]]).map(([key, start, of]) => {
    const values = of.map(({ v }) => v)
    return { key, start, n: of.length, total: total(of), low: Math.min(...values), high: Math.max(...values) }
  })
  const arrivals = grouped(
    trips.filter(({ v }) => v !== 0),
    ({ to, t }) => [0, 5, 10, 15].map((back) => [to, floor(t, 5) - back] as const),
  )
  const regional = grouped(departures, ({ key, start }) => [[key.slice(0, 1), floor(start + 9, 40)]]).map(
    ([region, start, of]) => ({
      region,
      at: start + 39,
      v: of.reduce((all, each) => all + each.total, 0),
    }),
  )
  const again = grouped(regional, ({ region, at }) => [[region, floor(at, 80)]])
  const ends = grouped(trips, ({ to, t }) => [[to, Math.ceil((t + 1) / 50) * 50]])
  const lines = (rows: readonly object[]): string[] => rows.map((row) => JSON.stringify(row)).toSorted()
  return {
    departures: lines(departures.map(({ key, start, ...rest }) => ({ ...bounds(key, start, 10), ...rest }))),
    arrivals: lines(
      arrivals.map(([key, start, of]) => ({
        ...bounds(key, start, 20),
        n: of.length,
        total: total(of),
        origins: new Set(of.map(({ from }) => from)).size,
      })),
    ),
    "regions-again": lines(
      again.map(([key, start, of]) => ({ ...bounds(key, start, 80), n: of.length, total: total(of) })),
    ),
    fifties: lines(ends.map(([key, at, of]) => ({ key, at, total: total(of) }))),
  }
}

const places = fc.constantFrom("A1", "A2", "B1", "C1", "Ü1")
const outOfOrder = 25
/** In order but for less than `outOfOrder`, so that nothing is late. */
const trips: fc.Arbitrary<readonly Trip[]> = fc
  .array(
    fc.record({
      from: places,
      to: places,
      step: fc.nat(9),
      back: fc.nat(outOfOrder - 1),
      v: fc.integer({ min: -5, max: 5 }),
    }),
    { maxLength: 60, size: "max" },
  )
  .map((all) => {
    let at = 0
    return all.map(({ step, back, ...trip }, id) => {
      at += step
      return { id, ...trip, t: at - back }
    })
  })

test("when nothing is late, any partition count, batch cut, order of work and crash give what a plain grouping gives", async () => {
  await fc.assert(
    fc.asyncProperty(
      trips,
      fc.constantFrom(1, 2, 3, 8),
      fc.integer(),
      fc.boolean(),
      async (given, partitions, seed, crashes) => {
        assert.deepEqual(await outcome(partitions, given, outOfOrder, seed, crashes), plainly(given))
      },
    ),
    { numRuns: 300 },
  )
})

test("partition counts 1, 2, 3 and 8 give one result", async () => {
  await fc.assert(
    fc.asyncProperty(trips, fc.integer(), async (given, seed) => {
      const [one, ...others] = await Promise.all(
        [1, 2, 3, 8].map((partitions) => outcome(partitions, given, outOfOrder, seed + partitions, true)),
      )
      for (const other of others) assert.deepEqual(other, one)
    }),
    { numRuns: 40 },
  )
})
