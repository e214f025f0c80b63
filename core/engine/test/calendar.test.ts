// Windows that follow a calendar, against the clocks of the zone as Intl shows them.
import assert from "node:assert/strict"
import { test } from "node:test"
import { calendar, type CalendarOptions, type CalendarUnit, count, service, stream, sum } from "@millrace/sdk"
import { files } from "@millrace/sdk/files"
import fc from "fast-check"
import { Rig } from "./rig.ts"
import { atOnce, drive, type Turn, turns } from "./schedule.ts"
import type { Event } from "./window-model.ts"

interface Row {
  readonly key: string
  readonly start: Date
  readonly end: Date
  readonly n: number
}

async function rows(unit: CalendarUnit, options: CalendarOptions, given: readonly Event[], way: readonly Turn[] = atOnce): Promise<readonly Row[]> {
  const input = stream("in", { partitions: 1, key: (e: Event) => e.k, time: (e) => e.t, outOfOrder: "11000d", ahead: "3650d" })
  const windows = input.window("w", calendar(unit, options)).aggregate({ n: count(), sum: sum((e) => e.v) })
  const rig = await Rig.open(service("s", [windows.to(files("results"))]), Date.UTC(2030, 0))
  rig.produce("in", given)
  rig.end("in")
  await drive(rig, rig.seat("in"), way)
  assert.deepEqual(await rig.deadLetters("in"), [])
  return (await rig.values("s/results.rows")) as Row[]
}

/** The bounds of the window that holds an instant. */
async function boundsOf(unit: CalendarUnit, options: CalendarOptions, instant: string): Promise<readonly [string, string]> {
  const [row] = await rows(unit, options, [{ k: "a", t: Date.parse(instant), v: 1 }])
  assert.ok(row)
  return [row.start.toISOString().slice(0, 19), row.end.toISOString().slice(0, 19)]
}

const hour = 3_600_000

test("a day has 23 hours when clocks are set forward and 25 when they are set back", async () => {
  const berlin = { timeZone: "Europe/Berlin" }
  assert.deepEqual(await boundsOf("day", berlin, "2026-03-29T12:00Z"), ["2026-03-28T23:00:00", "2026-03-29T22:00:00"])
  assert.deepEqual(await boundsOf("day", berlin, "2026-10-25T12:00Z"), ["2026-10-24T22:00:00", "2026-10-25T23:00:00"])
  assert.deepEqual(await boundsOf("day", {}, "2026-10-25T12:00Z"), ["2026-10-25T00:00:00", "2026-10-26T00:00:00"])
})

test("weeks, months, quarters and years begin on their first day, in winter and in summer time", async () => {
  const zone = { timeZone: "America/New_York" }
  assert.deepEqual(await boundsOf("week", zone, "2026-11-01T12:00Z"), ["2026-10-26T04:00:00", "2026-11-02T05:00:00"])
  assert.deepEqual(await boundsOf("week", { ...zone, firstWeekday: 7 }, "2026-11-01T12:00Z"), ["2026-11-01T04:00:00", "2026-11-08T05:00:00"])
  assert.deepEqual(await boundsOf("month", zone, "2026-03-31T23:00Z"), ["2026-03-01T05:00:00", "2026-04-01T04:00:00"])
  assert.deepEqual(await boundsOf("month", zone, "2024-03-01T04:59:59Z"), ["2024-02-01T05:00:00", "2024-03-01T05:00:00"])
  assert.deepEqual(await boundsOf("quarter", zone, "2026-05-31T12:00Z"), ["2026-04-01T04:00:00", "2026-07-01T04:00:00"])
  assert.deepEqual(await boundsOf("year", zone, "2026-01-01T04:00Z"), ["2025-01-01T05:00:00", "2026-01-01T05:00:00"])
})

test("an offset is on the clocks of the zone", async () => {
  const options = { timeZone: "Europe/Berlin", offset: "6h" } as const
  assert.deepEqual(await boundsOf("day", options, "2026-03-29T03:59:59Z"), ["2026-03-28T05:00:00", "2026-03-29T04:00:00"])
  assert.deepEqual(await boundsOf("month", options, "2026-08-01T03:00Z"), ["2026-07-01T04:00:00", "2026-08-01T04:00:00"])
})

test("where clocks leave a window's beginning out it begins right after the gap, where they show it twice, the first time", async () => {
  // Midnight of 2018-11-04 does not exist: 01:00 follows 23:59:59.
  assert.deepEqual(await boundsOf("day", { timeZone: "America/Sao_Paulo" }, "2018-11-04T12:00Z"), ["2018-11-04T03:00:00", "2018-11-05T02:00:00"])
  // The last hour of 2018-02-17 comes twice, midnight once.
  assert.deepEqual(await boundsOf("day", { timeZone: "America/Sao_Paulo" }, "2018-02-18T02:30Z"), ["2018-02-17T02:00:00", "2018-02-18T03:00:00"])
  // At 01:00 of 2026-11-01 it is midnight again, and the day has begun already.
  assert.deepEqual(await boundsOf("day", { timeZone: "America/Havana" }, "2026-11-01T05:30Z"), ["2026-11-01T04:00:00", "2026-11-02T05:00:00"])
})

test("a day that a zone has left out is no window", async () => {
  // Samoa went from the 29th to the 31st of December 2011.
  const apia = { timeZone: "Pacific/Apia" }
  assert.deepEqual(await boundsOf("day", apia, "2011-12-30T09:59Z"), ["2011-12-29T10:00:00", "2011-12-30T10:00:00"])
  assert.deepEqual(await boundsOf("day", apia, "2011-12-30T10:00Z"), ["2011-12-30T10:00:00", "2011-12-31T10:00:00"])
})

const zones = ["UTC", "Europe/Berlin", "America/New_York", "America/Havana", "Australia/Lord_Howe", "Asia/Kathmandu", "Africa/Casablanca", "Pacific/Apia"]

/** The local date as the zone's clocks show it, as one number in the unit. */
function labelOf(unit: CalendarUnit, format: Intl.DateTimeFormat, instant: number): string {
  const parts = Object.fromEntries(format.formatToParts(instant).map(({ type, value }) => [type, Number(value)]))
  const { year = 0, month = 0, day = 0 } = parts
  const days = Date.UTC(year, month - 1, day) / 86_400_000
  const labels = { day: days, week: Math.floor((days + 3) / 7), month: year * 12 + month, quarter: year * 4 + Math.ceil(month / 3), year }
  return String(labels[unit])
}

test("records of one window have one date on the clocks of the zone, and windows lie end to end, however input is cut and wherever it crashes", async () => {
  const units = fc.constantFrom<CalendarUnit>("day", "week", "month", "quarter", "year")
  const times = fc.array(fc.integer({ min: Date.UTC(2005, 0), max: Date.UTC(2029, 0) }), { minLength: 1, maxLength: 6 })
  // Neighbours that may lie on both sides of a change.
  const near = times.map((all) => all.flatMap((t) => [t, t + 3 * hour, t + 24 * hour, t - 170 * 24 * hour]))
  await fc.assert(
    fc.asyncProperty(units, fc.constantFrom(...zones), near, turns, async (unit, timeZone, given, way) => {
      const found = await rows(unit, { timeZone }, given.map((t) => ({ k: "a", t, v: t })), way)
      const format = new Intl.DateTimeFormat("en-US", { timeZone, year: "numeric", month: "numeric", day: "numeric" })
      const label = (instant: number): string => labelOf(unit, format, instant)
      const expected = Map.groupBy(given, label)
      assert.deepEqual(new Map(found.map(({ start, n }) => [label(start.getTime()), n])), new Map([...expected].map(([name, all]) => [name, all.length])))
      for (const { start, end } of found) {
        assert.equal(label(start.getTime()), label(end.getTime() - 1))
        assert.notEqual(label(start.getTime()), label(start.getTime() - 1))
        assert.notEqual(label(end.getTime()), label(end.getTime() - 1))
      }
    }),
    { numRuns: 300 },
  )
})
