/** Aggregates against naive computations over the same values, and against themselves in parts. */
import assert from "node:assert/strict"
import { test } from "node:test"
import { type Aggregate, isMillraceError, limits, valueBytes, valueFrom } from "@millrace/model"
import fc from "fast-check"
import { aggregate, collect, count, distinctCount, first, last, max, mean, min, sum, topN } from "../index.ts"

interface Reading {
  /** Whole numbers, so that sums are exact in any grouping. */
  readonly n: number | null | undefined
  readonly text: string
  readonly time: number
}

type Reader<Out> = (readings: readonly Reading[]) => Out

const readings = fc.array(
  fc.record({
    n: fc.oneof(fc.integer({ min: -1_000_000, max: 1_000_000 }), fc.constant(null), fc.constant(undefined)),
    text: fc.string({ maxLength: 3 }),
    time: fc.integer({ min: 0, max: 20 }),
  }, { noNullPrototype: true }),
  { maxLength: 60 },
)

const numbersOf = (of: readonly Reading[]): number[] =>
  of.flatMap(({ n }) => (n === null || n === undefined ? [] : [n]))
const totalOf = (numbers: readonly number[]): number => numbers.reduce((total, n) => total + n, 0)

/** By text and number, of equal ones by time and then by arrival. */
const inOrder = (of: readonly Reading[], sign: 1 | -1): readonly Reading[] =>
  of.toSorted((a, b) => sign * (a.text < b.text ? -1 : a.text > b.text ? 1 : (a.n ?? 0) - (b.n ?? 0)) || a.time - b.time)

/** Each aggregate beside what it must equal. */
const naive: Readonly<Record<string, readonly [Aggregate<Reading, unknown>, Reader<unknown>]>> = {
  count: [count(), (of) => of.length],
  "count where": [count((r: Reading) => r.time > 10), (of) => of.filter((r) => r.time > 10).length],
  topN: [
    topN({ n: 3, by: (r: Reading) => [r.text, r.n ?? 0] }),
    (of) => inOrder(of, -1).slice(0, 3),
  ],
  "topN ascending": [topN({ n: 5, by: (r: Reading) => [r.text, r.n ?? 0], order: "ascending" }), (of) => inOrder(of, 1).slice(0, 5)],
  sum: [sum((r: Reading) => r.n), (of) => (numbersOf(of).length === 0 ? null : totalOf(numbersOf(of)))],
  mean: [
    mean((r: Reading) => r.n),
    (of) => (numbersOf(of).length === 0 ? null : totalOf(numbersOf(of)) / numbersOf(of).length),
  ],
  min: [min((r: Reading) => r.n), (of) => numbersOf(of).toSorted((a, b) => a - b)[0] ?? null],
  max: [max((r: Reading) => r.n), (of) => numbersOf(of).toSorted((a, b) => b - a)[0] ?? null],
  "min of texts": [min((r: Reading) => r.text), (of) => of.map((r) => r.text).toSorted(byUnits)[0] ?? null],
  "max of texts": [
    max((r: Reading) => r.text),
    (of) =>
      of
        .map((r) => r.text)
        .toSorted(byUnits)
        .at(-1) ?? null,
  ],
  "max of dates": [
    max((r: Reading) => new Date(r.time)),
    (of) => (of.length === 0 ? null : new Date(Math.max(...of.map((r) => r.time)))),
  ],
  "max of bigints": [
    max((r: Reading) => BigInt(r.time)),
    (of) => (of.length === 0 ? null : BigInt(Math.max(...of.map((r) => r.time)))),
  ],
  first: [
    first((r: Reading) => r.n),
    (of) => sortedByTime(of).find((r) => r.n !== null && r.n !== undefined)?.n ?? null,
  ],
  last: [
    last((r: Reading) => r.n),
    (of) => sortedByTime(of).findLast((r) => r.n !== null && r.n !== undefined)?.n ?? null,
  ],
  collect: [collect((r: Reading) => r.n), numbersOf],
  distinctCount: [distinctCount((r: Reading) => r.n), (of) => new Set(numbersOf(of)).size],
  custom: [
    aggregate({
      init: () => ({ texts: new Map<string, number>() }),
      add: (acc, r: Reading, time) => {
        acc.texts.set(r.text, (acc.texts.get(r.text) ?? 0) + time)
        return acc
      },
      merge: (acc, later) => {
        for (const [text, time] of later.texts) acc.texts.set(text, (acc.texts.get(text) ?? 0) + time)
        return acc
      },
      result: ({ texts }) => [...texts].toSorted(([a], [b]) => byUnits(a, b)),
    }),
    (of) => {
      const texts = [...new Set(of.map((r) => r.text))].toSorted(byUnits)
      return texts.map((text) => [text, totalOf(of.filter((r) => r.text === text).map((r) => r.time))])
    },
  ],
}

function byUnits(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

/** Stable: of equal times the first to arrive comes first. */
function sortedByTime(of: readonly Reading[]): Reading[] {
  return of.toSorted((a, b) => a.time - b.time)
}

/** Slots begin somewhere in the array, as other aggregates lie before them. */
const at = 3

function accumulated(of: Aggregate<Reading, unknown>, values: readonly Reading[]): unknown[] {
  const acc: unknown[] = Array.from({ length: at + of.slots + 1 }, () => "not mine")
  of.init(acc, at)
  for (const value of values) of.add(acc, at, value, value.time)
  return acc
}

for (const [name, [of, expected]] of Object.entries(naive)) {
  test(`${name} equals the naive computation`, () => {
    fc.assert(
      fc.property(readings, (values) => {
        assert.deepEqual(of.result(accumulated(of, values), at), expected(values))
      }),
    )
  })

  test(`${name} gives the same in any grouping, merged`, () => {
    fc.assert(
      fc.property(fc.array(readings, { minLength: 1, maxLength: 5 }), (groups) => {
        const merged = accumulated(of, [])
        for (const group of groups) of.merge(merged, at, accumulated(of, group))
        assert.deepEqual(of.result(merged, at), expected(groups.flat()))
      }),
    )
  })

  test(`${name} touches only its own slots`, () => {
    fc.assert(
      fc.property(readings, (values) => {
        const acc = accumulated(of, values)
        of.merge(acc, at, accumulated(of, values))
        of.result(acc, at)
        assert.deepEqual([...acc.slice(0, at), acc[at + of.slots]], ["not mine", "not mine", "not mine", "not mine"])
      }),
    )
  })

  test(`${name} goes on from its stored form`, () => {
    fc.assert(
      fc.property(readings, readings, (before, after) => {
        const acc = valueFrom(valueBytes(accumulated(of, before))) as unknown[]
        for (const value of after) of.add(acc, at, value, value.time)
        assert.deepEqual(of.result(acc, at), expected([...before, ...after]))
      }),
    )
  })

  test(`${name} says whether it changes its slots in place`, () => {
    fc.assert(
      fc.property(readings, readings, (before, after) => {
        const acc = accumulated(of, before)
        const copy = acc.slice()
        const kept = structuredClone(copy)
        for (const value of after) of.add(acc, at, value, value.time)
        if (!of.mutable) assert.deepEqual(copy, kept)
      }),
    )
  })
}

test("NaN spreads through sum, mean, min and max, whenever it comes", () => {
  for (const each of [sum((n: number) => n), mean((n: number) => n), min((n: number) => n), max((n: number) => n)]) {
    for (const values of [[Number.NaN], [Number.NaN, 1], [1, Number.NaN, 2], [2, 1, Number.NaN]]) {
      const acc: unknown[] = []
      each.init(acc, 0)
      for (const value of values) each.add(acc, 0, value, 0)
      assert.ok(Number.isNaN(each.result(acc, 0)), `${each.kind} of ${values.join(", ")}`)
    }
  }
  const acc: unknown[] = []
  const latest = max((time: number) => new Date(time))
  latest.init(acc, 0)
  for (const time of [1, Number.NaN, 2]) latest.add(acc, 0, time, 0)
  assert.ok(Number.isNaN(latest.result(acc, 0).getTime()), "an invalid date")
})

test("collect and distinctCount refuse more than their limit and keep what they have", () => {
  const full = (error: unknown): boolean =>
    isMillraceError(error) && error.code === "MR1205" && /Make the window shorter/.test(error.message)
  for (const each of [collect((n: number) => n), distinctCount((n: number) => n)]) {
    const acc: unknown[] = []
    each.init(acc, 0)
    for (let n = 0; n < limits.collectItemsMax; n++) each.add(acc, 0, n, 0)
    assert.throws(() => each.add(acc, 0, -1, 0), full)
    const one: unknown[] = []
    each.init(one, 0)
    each.add(one, 0, -1, 0)
    assert.throws(() => each.merge(acc, 0, one), full)
    assert.equal(valueBytes(each.result(acc, 0)).length > 0, true)
  }
  const acc: unknown[] = []
  const distinct = distinctCount((n: number) => n)
  distinct.init(acc, 0)
  for (let n = 0; n < limits.collectItemsMax; n++) distinct.add(acc, 0, n, 0)
  distinct.add(acc, 0, 7, 0)
  assert.equal(distinct.result(acc, 0), limits.collectItemsMax, "a value that is there already is taken")
})

test("distinctCount refuses objects, which would never be equal", () => {
  const each = distinctCount((date: Date) => date as unknown as number)
  const acc: unknown[] = []
  each.init(acc, 0)
  assert.throws(
    () => each.add(acc, 0, new Date(0), 0),
    (error) => isMillraceError(error) && error.code === "MR1201",
  )
})

test("sum and mean refuse what is no number, min and max what has no order with the others", () => {
  const refused = (of: Aggregate<unknown, unknown>, values: readonly unknown[], says: RegExp): void => {
    const acc: unknown[] = []
    of.init(acc, 0)
    const last = values.length - 1
    for (const value of values.slice(0, last)) of.add(acc, 0, value, 0)
    const before = of.result(acc, 0)
    assert.throws(() => of.add(acc, 0, values[last], 0), (error) => isMillraceError(error) && error.code === "MR1201" && says.test(error.message))
    assert.deepEqual(of.result(acc, 0), before)
  }
  const same = (value: unknown): never => value as never
  for (const each of [sum(same), mean(same)]) {
    for (const value of ["5", {}, [1], true, 1n, new Date(0)]) refused(each, [3, value], /^(sum|mean) takes numbers and was given a value of type/)
  }
  for (const each of [min(same), max(same)]) {
    for (const values of [[3, "5"], ["5", 3], [new Date(0), 3], [3, new Date(0)], ["a", true]]) refused(each, values, /^(min|max) was given a value of type .* and of type .*no order/)
    for (const value of [{}, [1], () => 1, Symbol("s")]) for (const values of [[value], [3, value], [new Date(0), value]]) refused(each, values, /no order/)
  }
  const mixed = max((n: number | bigint) => n)
  const acc: unknown[] = []
  mixed.init(acc, 0)
  for (const n of [1, 3n, 2]) mixed.add(acc, 0, n, 0)
  assert.equal(mixed.result(acc, 0), 3n)
})
