// Tables against what one would work out by hand over the whole history.
import assert from "node:assert/strict"
import { test } from "node:test"
import { count, distinctCount, mean, service, sum, type Table } from "@millrace/sdk"
import { files } from "@millrace/sdk/files"
import fc from "fast-check"
import { Rig } from "./rig.ts"
import { atOnce, drive, type Turn, turns } from "./schedule.ts"
import { type Event, events, folded, mapOf, outOfOrder, source } from "./table-model.ts"

/** The rows of a table after all events, along two ways that must give the same bytes. */
async function rowsOf(make: (from: ReturnType<typeof source>) => Table<unknown>, given: readonly Event[], most: number, way: readonly Turn[], ends = true) {
  const bytes: Uint8Array[] = []
  let rows = new Map<string, unknown>()
  for (const path of [atOnce, way]) {
    const rig = await Rig.open(service("s", [make(source(most)).changes().to(files("changes"))]))
    rig.produce("in", given)
    if (ends) rig.end("in")
    await drive(rig, rig.seat("in"), path)
    assert.deepEqual(await rig.deadLetters("in"), [])
    bytes.push(await rig.bytes("s/changes.rows"))
    rows = folded(await rig.records("s/changes.rows"))
  }
  assert.deepEqual(bytes[1], bytes[0])
  return rows
}

test("a table holds the newest value of each key by event time, also where deletions and older values come late", async () => {
  await fc.assert(
    fc.asyncProperty(events, outOfOrder, turns, async (given, most, way) => {
      const rows = await rowsOf((from) => from.toTable("t", { deleted: (event) => event.gone }), given, most, way)
      const newest = new Map<string, Event>()
      let watermark = Number.NEGATIVE_INFINITY
      for (const event of given) {
        watermark = Math.max(watermark, event.t - most)
        const before = newest.get(event.k)
        // The mark of a deletion goes once nothing older is expected.
        if (before !== undefined && before.gone && before.t <= watermark) newest.delete(event.k)
        if ((newest.get(event.k)?.t ?? Number.NEGATIVE_INFINITY) <= event.t) newest.set(event.k, event)
      }
      assert.deepEqual(rows, mapOf([...newest].filter(([, event]) => !event.gone)))
    }),
    { numRuns: 500 },
  )
})

test("reduce makes each key's values one, in the order in which they come", async () => {
  await fc.assert(
    fc.asyncProperty(events, turns, async (given, way) => {
      const rows = await rowsOf((from) => from.reduce("r", (row, event) => ({ ...event, v: row.v * 2 - event.v })), given, 0, way)
      const expected = new Map<string, Event>()
      for (const event of given) {
        const row = expected.get(event.k)
        expected.set(event.k, row === undefined ? event : { ...event, v: row.v * 2 - event.v })
      }
      assert.deepEqual(rows, mapOf(expected))
    }),
    { numRuns: 200 },
  )
})

function aggregated(key: string, all: readonly Event[]): object {
  const values = all.map(({ v }) => v)
  const total = values.reduce((a, b) => a + b, 0)
  return { key, n: all.length, positive: values.filter((v) => v > 0).length, total, mean: total / all.length, different: new Set(values).size }
}

const aggregates = {
  n: count(),
  positive: count((event: Event) => event.v > 0),
  total: sum((event: Event) => event.v),
  mean: mean((event: Event) => event.v),
  different: distinctCount((event: Event) => event.v),
}

test("running aggregates are those of all records of a key so far", async () => {
  await fc.assert(
    fc.asyncProperty(events, outOfOrder, turns, async (given, most, way) => {
      const rows = await rowsOf((from) => from.aggregate("a", aggregates), given, most, way)
      const keys = [...new Set(given.map(({ k }) => k))]
      assert.deepEqual(rows, mapOf(keys.map((key) => [key, aggregated(key, given.filter(({ k }) => k === key))])))
    }),
    { numRuns: 300 },
  )
})

/** More than share a cell: of numbers and of texts that look like them, of all records and of some. */
const distincts = Object.fromEntries(
  Array.from({ length: 70 }, (_, i) => {
    const of = ({ v, id }: Event): string | number | null => (id % (1 + (i % 5)) === 0 ? (i % 3 === 0 ? String(v) : v % (2 + (i % 7))) : null)
    return [`d${i}`, { of, aggregate: distinctCount(of) }] as const
  }),
)

test("distinct counts of many aggregates over the same members are each its own", async () => {
  await fc.assert(
    fc.asyncProperty(events, turns, async (given, way) => {
      const rows = await rowsOf((from) => from.aggregate("a", Object.fromEntries(Object.entries(distincts).map(([name, { aggregate }]) => [name, aggregate]))), given, 0, way)
      const expected = new Map<string, object>()
      for (const { k } of given) {
        const mine = given.filter((event) => event.k === k)
        const counts = Object.entries(distincts).map(([name, { of }]) => [name, new Set(mine.map(of).filter((member) => member !== null)).size])
        expected.set(k, { key: k, ...Object.fromEntries(counts) })
      }
      assert.deepEqual(rows, mapOf(expected))
    }),
    { numRuns: 100 },
  )
})

test("topN is the beginning of the sorted records of a key", async () => {
  await fc.assert(
    fc.asyncProperty(events, fc.integer({ min: 1, max: 5 }), fc.constantFrom("ascending" as const, "descending" as const), turns, async (given, n, order, way) => {
      const rows = await rowsOf((from) => from.topN("top", { n, order, by: (event) => [event.v, event.g] }), given, 0, way)
      const keys = [...new Set(given.map(({ k }) => k))]
      const sign = order === "ascending" ? 1 : -1
      const before = (a: Event, b: Event): number => sign * (a.v - b.v || (a.g < b.g ? -1 : a.g > b.g ? 1 : 0)) || a.t - b.t || a.id - b.id
      assert.deepEqual(rows, mapOf(keys.map((key) => [key, given.filter(({ k }) => k === key).toSorted(before).slice(0, n)])))
    }),
    { numRuns: 300 },
  )
})

test("distinct lets the first of its kind pass, for ever or within a time, and forgets in time", async () => {
  await fc.assert(
    fc.asyncProperty(events, outOfOrder, fc.constantFrom(undefined, 1, 5, 40), fc.boolean(), turns, async (given, most, within, byValue, way) => {
      const options = { ...(byValue ? { of: (event: Event) => event.v } : {}), ...(within === undefined ? {} : { within }) }
      const once = source(most).distinct("d", options)
      const rig = await Rig.open(service("s", [once.to(files("out")), once.late.to(files("late"))]))
      rig.produce("in", given)
      rig.end("in")
      await drive(rig, rig.seat("in"), way)
      const passed = new Map<string, number>()
      const out: Event[] = []
      const late: Event[] = []
      let watermark = Number.NEGATIVE_INFINITY
      for (const event of given) {
        watermark = Math.max(watermark, event.t - most)
        const kind = byValue ? `${event.k} ${event.v}` : event.k
        if (within !== undefined && event.t + within <= watermark) {
          late.push(event)
          continue
        }
        const before = passed.get(kind)
        // What was seen is forgotten when it stops nothing any more.
        if (before !== undefined && within !== undefined && before + within <= watermark) passed.delete(kind)
        else if (before !== undefined && event.t < before + (within ?? Number.POSITIVE_INFINITY)) continue
        passed.set(kind, event.t)
        out.push(event)
      }
      assert.deepEqual(await rig.values("s/out.rows"), out)
      assert.deepEqual(await rig.values("s/late.rows"), late)
      if (within !== undefined) {
        await rig.store.fold()
        for (const scope of ["s/d", "s/d@over"]) assert.deepEqual(rig.store.state.buckets(scope, 0), [])
      }
    }),
    { numRuns: 400 },
  )
})

test("a table keeps the oldest value of each key, of one time the one that came first", async () => {
  await fc.assert(
    fc.asyncProperty(events, outOfOrder, turns, async (given, most, way) => {
      const rows = await rowsOf((from) => from.deduplicate("d"), given, most, way)
      const oldest = new Map<string, Event>()
      for (const event of given) if (event.t < (oldest.get(event.k)?.t ?? Number.POSITIVE_INFINITY)) oldest.set(event.k, event)
      assert.deepEqual(rows, mapOf(oldest))
    }),
    { numRuns: 200 },
  )
})

test("of each group of duplicates the first or last by event time comes out, in whatever order they come", async () => {
  await fc.assert(
    fc.asyncProperty(events, outOfOrder, fc.constantFrom(1, 5, 40), fc.constantFrom("first" as const, "last" as const), turns, async (given, most, within, keep, way) => {
      const once = source(most).deduplicate("d", { keep, within })
      const bytes: Uint8Array[] = []
      for (const path of [atOnce, way]) {
        const rig = await Rig.open(service("s", [once.to(files("out")), once.late.to(files("late"))]))
        rig.produce("in", given)
        rig.end("in")
        await drive(rig, rig.seat("in"), path)
        bytes.push(await rig.bytes("s/out.rows"), await rig.bytes("s/late.rows"))
        let watermark = Number.NEGATIVE_INFINITY
        const late: Event[] = []
        const timely: Event[] = []
        for (const event of given) {
          watermark = Math.max(watermark, event.t - most)
          ;(event.t < watermark ? late : timely).push(event)
        }
        const expected: { time: number; value: Event }[] = []
        for (const key of ["a", "b", "c"]) {
          let group: { start: number; last: Event } | undefined
          const close = (): void => {
            if (keep === "last" && group !== undefined) expected.push({ time: group.start + within - 1, value: group.last })
          }
          for (const event of timely.filter(({ k }) => k === key).toSorted((a, b) => a.t - b.t)) {
            if (group !== undefined && event.t < group.start + within) group.last = event
            else {
              close()
              group = { start: event.t, last: event }
              if (keep === "first") expected.push({ time: event.t, value: event })
            }
          }
          close()
        }
        const found = (await rig.records("s/out.rows")).map(({ time, value }) => ({ time, value: value as Event }))
        const inOrder = (a: { time: number; value: Event }, b: typeof a): number => a.time - b.time || (a.value.k < b.value.k ? -1 : 1)
        assert.deepEqual(found, expected.toSorted(inOrder))
        assert.deepEqual(await rig.values("s/late.rows"), late)
        await rig.store.fold()
        for (const scope of ["s/d", "s/d@ends", "s/d@waiting"]) {
          assert.deepEqual([...rig.store.state.buckets(scope, 0)].filter((bucket) => [...rig.store.state.entries(scope, 0, bucket)].length > 0), [])
        }
      }
      assert.deepEqual(bytes.slice(2), bytes.slice(0, 2))
    }),
    { numRuns: 500 },
  )
})

test("a table that ends in a sink gives its changes", async () => {
  const rig = await Rig.open(service("s", [source(0).toTable("t", { deleted: (event) => event.gone }).to(files("out"))]))
  const event: Event = { k: "a", t: 1, g: "x", v: 1, gone: false, id: 1 }
  rig.produce("in", [event, { ...event, v: 2 }, { ...event, gone: true }])
  await rig.settle()
  const now = { ...event, v: 2 }
  assert.deepEqual(await rig.values("s/out.rows"), [
    { key: "a", old: undefined, new: event },
    { key: "a", old: event, new: now },
    { key: "a", old: now, new: undefined },
  ])
})
