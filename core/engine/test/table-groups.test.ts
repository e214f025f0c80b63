// Groups of tables, whose rows change and go, against what one would work out from the rows that are left.
import assert from "node:assert/strict"
import { test } from "node:test"
import { aggregate, collect, count, distinctCount, max, mean, min, service, sum, type Table } from "@millrace/sdk"
import { files } from "@millrace/sdk/files"
import fc from "fast-check"
import { Rig } from "./rig.ts"
import { type Turn, turns } from "./schedule.ts"
import { type Event, events, folded, mapOf, order, source, stir } from "./table-model.ts"

/** The rows of a table after all events. */
async function rowsOf(table: Table<unknown>, given: readonly Event[], way: readonly Turn[], drawn: readonly number[]) {
  const rig = await Rig.open(service("s", [table.to(files("changes"))]))
  rig.produce("in", given)
  rig.end("in")
  await stir(rig, drawn, way)
  for (const { stage } of rig.seats) assert.deepEqual(await rig.deadLetters("in"), [], stage)
  return folded(await rig.records("s/changes.rows"))
}

function newest(given: readonly Event[]): Event[] {
  const rows = new Map<string, Event>()
  for (const event of given) if ((rows.get(event.k)?.t ?? Number.NEGATIVE_INFINITY) <= event.t) rows.set(event.k, event)
  return [...rows.values()].filter(({ gone }) => !gone).toSorted((a, b) => (a.k < b.k ? -1 : 1))
}

/** More keys than elsewhere, so that groups have several rows. */
const many: fc.Arbitrary<readonly Event[]> = events.chain((given) =>
  fc.array(fc.constantFrom("a", "b", "c", "d", "e", "f"), { minLength: given.length, maxLength: given.length }).map((keys) =>
    given.map((event, i) => ({ ...event, k: keys[i] as string })),
  ),
)

const partitionCount = fc.constantFrom(1, 3)
const deleted = (event: Event): boolean => event.gone

test("a group's aggregates are those of the rows that it has now, in any partition count and order", async () => {
  const values = aggregate({
    init: () => [] as number[],
    add: (acc, event: Event) => [...acc, event.v].toSorted((a, b) => a - b),
    remove: (acc, event) => acc.toSpliced(acc.indexOf(event.v), 1),
    merge: (acc, later) => [...acc, ...later],
    result: (acc) => acc,
  })
  const aggregates = {
    n: count(),
    positive: count((event: Event) => event.v > 0),
    total: sum((event: Event) => event.v),
    mean: mean((event: Event) => event.v),
    different: distinctCount((event: Event) => event.v),
    least: min((event: Event) => event.v),
    greatest: max((event: Event) => (event.v > 0 ? event.v : null)),
    kinds: collect((event: Event) => (event.v > 0 ? { id: event.id } : undefined)),
    values,
  }
  await fc.assert(
    fc.asyncProperty(many, partitionCount, turns, order, async (given, partitions, way, drawn) => {
      const grouped = source(100, partitions)
        .toTable("t", { deleted })
        .filter((event) => event.v !== 0)
        .map((event) => ({ ...event, v: event.v * 2 }))
        .groupBy((event) => event.g)
        .aggregate("by-group", aggregates)
      const rows = newest(given)
        .filter((event) => event.v !== 0)
        .map((event) => ({ ...event, v: event.v * 2 }))
      const expected = ["x", "y"].flatMap((key): [string, object][] => {
        const group = rows.filter(({ g }) => g === key)
        if (group.length === 0) return []
        const all = group.map(({ v }) => v)
        const total = all.reduce((a, b) => a + b, 0)
        const positive = group.filter(({ v }) => v > 0)
        const row = {
          key,
          n: all.length,
          positive: positive.length,
          total,
          mean: total / all.length,
          different: new Set(all).size,
          least: Math.min(...all),
          greatest: positive.length === 0 ? null : Math.max(...positive.map(({ v }) => v)),
          kinds: positive.map(({ id }) => ({ id })),
          values: all.toSorted((a, b) => a - b),
        }
        return [[key, row]]
      })
      assert.deepEqual(await rowsOf(grouped, given, way, drawn), mapOf(expected))
    }),
    { numRuns: 400 },
  )
})

/** Values that are hard to tell apart, of one kind each, in ascending order. */
const hard: ReadonlyArray<ReadonlyArray<number | bigint | string | Date>> = [
  [Number.NaN, Number.NEGATIVE_INFINITY, -(2 ** 53) - 2, -2.5, -5e-324, 0, 5e-324, 1, 2 ** 53, 2 ** 53 + 2, Number.POSITIVE_INFINITY],
  [-(2n ** 70n) - 1n, -(2n ** 70n), -1n, 0n, 2n ** 53n, 2n ** 53n + 1n, 2n ** 53n + 2n, 2n ** 70n, 2n ** 70n + 1n],
  ["", "\u0000", "\u0000a", "a", "aaaaaaaaaaaaaaaa", "aaaaaaaaaaaaaaaa\u0000", "aaaaaaaaaaaaaaaab", "aaaaaaaaaaaaaaaac", "b", "\ud83d\ude00", "\uffff"],
  [new Date(-8.64e15), new Date(-1), new Date(0), new Date(8.64e15)],
]

const kindsOfHard = fc.nat(hard.length - 1)

function hardOf(kind: number, event: Event): number | bigint | string | Date {
  const values = hard[kind] ?? []
  const value = values[(event.id * 7 + event.v + 3) % values.length]
  assert.ok(value !== undefined)
  return value
}

/** Where a value is in its kind's order. */
function placeOf(kind: number, value: unknown): number {
  return (hard[kind] as readonly unknown[]).findIndex((each) => Object.is(each, value) || (value instanceof Date && (each as Date).getTime() === value.getTime()))
}

test("the least and the greatest of a group are found again when the one before has gone, of values of any kind", async () => {
  await fc.assert(
    fc.asyncProperty(many, kindsOfHard, turns, order, async (given, kind, way, drawn) => {
      const of = (event: Event): string => hardOf(kind, event) as string
      const table = source(100).toTable("t", { deleted }).groupBy(({ g }) => g).aggregate("a", { least: min(of), greatest: max(of) })
      const expected = ["x", "y"].flatMap((key): [string, object][] => {
        const group = newest(given).filter(({ g }) => g === key).map(of)
        if (group.length === 0) return []
        // NaN is the least and the greatest of all that it is among.
        const sorted = group.toSorted((a, b) => placeOf(kind, a) - placeOf(kind, b))
        const [least] = sorted
        return [[key, { key, least, greatest: Number.isNaN(least) ? least : sorted.at(-1) }]]
      })
      assert.deepEqual(await rowsOf(table, given, way, drawn), mapOf(expected))
    }),
    { numRuns: 400 },
  )
})

test("the first rows of a group are those of the rows that it has now, in any partition count and order", async () => {
  await fc.assert(
    fc.asyncProperty(many, partitionCount, kindsOfHard, fc.integer({ min: 1, max: 4 }), fc.boolean(), turns, order, async (given, partitions, kind, n, ascending, way, drawn) => {
      const by = (event: Event): [string, number] => [hardOf(kind, event) as string, event.v]
      const options = { n, by, order: ascending ? "ascending" as const : "descending" as const }
      const table = source(100, partitions).toTable("t", { deleted })
      const sign = ascending ? 1 : -1
      const before = (a: Event, b: Event): number => sign * (placeOf(kind, by(a)[0]) - placeOf(kind, by(b)[0]) || a.v - b.v)
      const tops = (rows: readonly Event[]): readonly Event[] => rows.toSorted(before).slice(0, n)
      const grouped = ["x", "y"].flatMap((key): [string, readonly Event[]][] => {
        const group = newest(given).filter(({ g }) => g === key)
        return group.length === 0 ? [] : [[key, tops(group)]]
      })
      assert.deepEqual(await rowsOf(table.groupBy(({ g }) => g).topN("top", options), given, way, drawn), mapOf(grouped))
      const all = newest(given)
      const whole: [string, readonly Event[]][] = all.length === 0 ? [] : [["all", tops(all)]]
      assert.deepEqual(await rowsOf(table.topN("top", options), given, way, drawn), mapOf(whole))
    }),
    { numRuns: 300 },
  )
})

test("a whole table has aggregates too", async () => {
  await fc.assert(
    fc.asyncProperty(many, partitionCount, turns, order, async (given, partitions, way, drawn) => {
      const table = source(100, partitions).toTable("t", { deleted }).aggregate("all-rows", { n: count(), ids: collect(({ id }) => id) })
      const rows = newest(given)
      const expected: [string, object][] = rows.length === 0 ? [] : [["all", { key: "all", n: rows.length, ids: rows.map(({ id }) => id) }]]
      assert.deepEqual(await rowsOf(table, given, way, drawn), mapOf(expected))
    }),
    { numRuns: 100 },
  )
})
