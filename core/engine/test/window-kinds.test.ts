// Windows of every kind behind a repartition: many partitions, work in any order, a moving clock, idle partitions, crashes.
import assert from "node:assert/strict"
import { test } from "node:test"
import { calendar, collect, type Flow, global, hopping, type Outlet, service, session, sliding, stream, tumbling } from "@millrace/sdk"
import { files } from "@millrace/sdk/files"
import fc from "fast-check"
import { Dice } from "./dice.ts"
import { Rig } from "./rig.ts"

interface Trip {
  readonly id: number
  readonly from: string
  readonly to: string
  /** Event time in ms. */
  readonly t: number
}

interface Row {
  readonly key: string
  readonly start?: Date
  readonly end?: Date
  readonly pane?: string
  readonly ids: readonly number[]
}

const hour = 3_600_000
const ids = { ids: collect((trip: Trip) => trip.id) }

/** A kind of window, and which records each of its last results stands for. */
interface Kind {
  readonly windows: (trips: Flow<Trip, "keyed">) => { readonly results: Outlet; readonly late: Outlet }
  readonly own?: (row: Row) => readonly number[]
}

const ends = (results: Flow<object, "keyed">, late: Flow<Trip, "keyed">) => ({ results: results.to(files("results")), late: late.to(files("late")) })

const sessions: Kind = {
  windows: (trips) => {
    const windows = trips.window("w", session({ gap: 6 * hour }), { early: 2 * hour, allowedLateness: 4 * hour }).aggregate(ids)
    return ends(windows, windows.late)
  },
}

const kinds: Readonly<Record<string, Kind>> = {
  "tumbling windows, early and late": {
    windows: (trips) => {
      const windows = trips.window("w", tumbling(10 * hour), { early: 2 * hour, allowedLateness: 4 * hour }).aggregate(ids)
      return ends(windows, windows.late)
    },
  },
  "calendar windows, early": {
    windows: (trips) => {
      const windows = trips.window("w", calendar("day", { timeZone: "Europe/Berlin" }), { early: 5 * hour }).aggregate(ids)
      return ends(windows, windows.late)
    },
  },
  "sessions, early and late": sessions,
  "windows by the clock, early": {
    windows: (trips) => {
      const windows = trips.window("w", tumbling(50), { time: "processing", early: 20 }).aggregate(ids)
      return ends(windows, windows.late)
    },
  },
  "sessions by the clock": {
    windows: (trips) => {
      const windows = trips.window("w", session({ gap: 30 }), { time: "processing" }).aggregate(ids)
      return ends(windows, windows.late)
    },
  },
  "sliding windows by rows": {
    windows: (trips) => {
      const windows = trips.window("w", sliding({ rows: 3 })).aggregate(ids)
      return ends(windows, windows.late)
    },
    own: ({ ids: all }: Row) => all.slice(-1),
  },
  "tumbling windows with a trigger": {
    windows: (trips) => {
      const windows = trips.window("w", tumbling(10 * hour), { allowedLateness: 4 * hour }).trigger({ every: 2, keep: true }).aggregate(ids)
      return ends(windows, windows.late)
    },
  },
  "global windows by count": {
    windows: (trips) => {
      const windows = trips.window("w", global({ every: 3 })).aggregate(ids)
      return ends(windows, windows.late)
    },
  },
}

const place = fc.constantFrom("A", "B", "C", "D")
const trips: fc.Arbitrary<readonly Trip[]> = fc
  .array(fc.record({ from: place, to: place, step: fc.integer({ min: -8, max: 10 }) }), { maxLength: 60, size: "max" })
  .map((all) => {
    let at = Date.UTC(2026, 9, 23)
    return all.map(({ step, ...trip }, id) => ({ id, ...trip, t: (at += step * hour) }))
  })

/** Lets seats work in any order, with the clock moving and crashes, then ends the input. */
async function run({ windows }: Kind, given: readonly Trip[], partitions: number, outOfOrder: number, seed: number): Promise<Rig> {
  const input = stream("trips", { partitions, key: (trip: Trip) => trip.from, time: (trip) => trip.t, outOfOrder, idle: 50 })
  const { results, late } = windows(input.keyBy((trip) => trip.to))
  const rig = await Rig.open(service("s", [results, late]), Date.UTC(2026, 11))
  const dice = new Dice(seed)
  for (let i = 0; i < given.length; ) {
    const next = i + 1 + dice.roll(8)
    rig.produce("trips", given.slice(i, next))
    i = next
    for (let turns = dice.roll(6); turns > 0; turns--) {
      const seat = rig.seats[dice.roll(rig.seats.length)]
      assert.ok(seat)
      rig.now += dice.roll(40)
      rig.room = dice.roll(2) === 0 ? 1 : Number.POSITIVE_INFINITY
      if (dice.roll(2) === 0) rig.tick(seat)
      if (rig.behind(seat)) await rig.take(seat, [1 + dice.roll(5), 1 + dice.roll(5)])
      if (dice.roll(3) === 0) await rig.restart(seat)
    }
  }
  rig.end("trips")
  await rig.settle()
  assert.deepEqual(await rig.deadLetters("trips"), [])
  return rig
}

/** What holds in the end: the last result of each window, without what was taken back. */
async function held(rig: Rig): Promise<readonly Row[]> {
  const rows = new Map<string, Row>()
  for (const [i, row] of ((await rig.values("s/results.rows")) as Row[]).entries()) {
    const name = row.pane === undefined ? `${i}` : `${row.key} ${row.start?.getTime()} ${row.end?.getTime()}`
    if (row.pane === "retracted") rows.delete(name)
    else rows.set(name, row)
  }
  return [...rows.values()]
}

test("with windows of every kind, every record is in exactly one place, over any partitions, with late records, idle partitions and crashes", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...Object.entries(kinds)),
      trips,
      fc.constantFrom(1, 2, 5),
      fc.constantFrom(0, 5 * hour),
      fc.integer(),
      async ([, kind], given, partitions, outOfOrder, seed) => {
        const { own = (row: Row) => row.ids } = kind
        const rig = await run(kind, given, partitions, outOfOrder, seed)
        const rows = await held(rig)
        for (const { key, ids: all } of rows) for (const id of all) assert.equal(given[id]?.to, key)
        const late = ((await rig.values("s/late.rows")) as Trip[]).map(({ id }) => id)
        assert.deepEqual([...rows.flatMap(own), ...late].toSorted((a, b) => a - b), given.map(({ id }) => id))
        assert.equal(rig.late()["w"] ?? 0, late.length)
      },
    ),
    { numRuns: 800 },
  )
})

/** Kinds whose results, when nothing is late, do not depend on the order in which records come. */
const ordered: Readonly<Record<string, { readonly kind: Kind; readonly expected: (mine: readonly Trip[]) => readonly (readonly Trip[])[] }>> = {
  "hopping windows": {
    kind: {
      windows: (all) => {
        const windows = all.window("w", hopping({ size: 10 * hour, every: 5 * hour }), { early: 3 * hour }).aggregate(ids)
        return ends(windows, windows.late)
      },
    },
    expected: (mine) => {
      const starts = new Set(mine.flatMap(({ t }) => [Math.floor(t / (5 * hour)) * 5 * hour, Math.floor(t / (5 * hour)) * 5 * hour - 5 * hour]))
      return [...starts].map((start) => mine.filter(({ t }) => t >= start && t < start + 10 * hour))
    },
  },
  sessions: {
    kind: sessions,
    expected: (mine) => {
      const found: Trip[][] = []
      for (const trip of mine) {
        const before = found.at(-1)
        if (before !== undefined && trip.t - (before.at(-1)?.t ?? 0) < 6 * hour) before.push(trip)
        else found.push([trip])
      }
      return found
    },
  },
  "sliding windows by size": {
    kind: {
      windows: (all) => {
        const windows = all.window("w", sliding({ size: 12 * hour })).aggregate(ids)
        return ends(windows, windows.late)
      },
    },
    expected: (mine) => [...new Set(mine.map(({ t }) => t))].map((end) => mine.filter(({ t }) => t > end - 12 * hour && t <= end)),
  },
}

test("when nothing is late, windows over any partitions, in any order of work and with crashes are those of a plain grouping", async () => {
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...Object.entries(ordered)), trips, fc.constantFrom(1, 2, 5), fc.integer(), async ([, { kind, expected }], given, partitions, seed) => {
      const rig = await run(kind, given, partitions, 1_000 * hour, seed)
      const byKey = Map.groupBy(given.toSorted((a, b) => a.t - b.t), ({ to }) => to)
      const wanted = [...byKey.values()].flatMap((mine) => expected(mine).filter((window) => window.length > 0))
      const names = (windows: readonly (readonly number[])[]): string[] => windows.map((all) => all.toSorted((a, b) => a - b).join(" ")).toSorted((a, b) => (a < b ? -1 : 1))
      const found = (await held(rig)).map((row) => row.ids)
      assert.deepEqual(names(found), names(wanted.map((window) => window.map(({ id }) => id))))
    }),
    { numRuns: 400 },
  )
})
