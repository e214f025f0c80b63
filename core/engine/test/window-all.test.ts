// Windows over all records, against a plain grouping.
import assert from "node:assert/strict"
import { test } from "node:test"
import { collect, count, cumulating, first, hopping, last, max, mean, min, compile, service, session, stream, sum, tumbling } from "@millrace/sdk"
import { files } from "@millrace/sdk/files"
import fc from "fast-check"
import { Dice } from "./dice.ts"
import { events } from "./events.ts"
import { Rig } from "./rig.ts"
import type { Event } from "./window-model.ts"

test("a window over all records holds those of every key and partition", async () => {
  await fc.assert(
    fc.asyncProperty(events, fc.integer({ min: 1, max: 3 }), fc.boolean(), fc.integer({ min: 1, max: 9 }), async (given, partitions, keyed, cut) => {
      const settings = { partitions, time: (e: Event) => e.t, outOfOrder: 10_000 }
      const input = keyed ? stream("in", { ...settings, key: (e: Event) => e.k }) : stream<Event>("in", settings)
      const windows = input.windowAll("w", tumbling(20)).aggregate({ values: collect((e) => `${e.k} ${e.t} ${e.v}`) })
      const rig = await Rig.open(service("s", [windows.to(files("results"))]))
      rig.produce("in", given)
      rig.end("in")
      await rig.settle([cut])
      const expected = new Map<number, string[]>()
      for (const { k, t, v } of given) {
        const start = Math.floor(t / 20) * 20
        expected.set(start, [...(expected.get(start) ?? []), `${k} ${t} ${v}`].toSorted())
      }
      const rows = (await rig.values("s/results.rows")) as { key: string; start: Date; values: string[] }[]
      assert.ok(rows.every(({ key }) => key === "all"))
      assert.deepEqual(new Map(rows.map(({ start, values }) => [Number(start), values.toSorted()])), expected)
      assert.equal(rows.length, expected.size)
    }),
    { numRuns: 200 },
  )
})

interface Shape {
  readonly hops: "hops" | "grows" | "tumbles"
  readonly lateness: number
  readonly outOfOrder: number
  readonly partitions: number
}

const shapes: fc.Arbitrary<Shape> = fc.record({
  hops: fc.constantFrom("hops", "grows", "tumbles"),
  lateness: fc.constantFrom(0, 15),
  outOfOrder: fc.oneof(fc.constant(0), fc.nat(40)),
  partitions: fc.integer({ min: 1, max: 3 }),
})

const exact = {
  n: count(),
  sum: sum((e: Event) => e.v),
  mean: mean((e: Event) => e.v),
  least: min((e: Event) => e.v),
  most: max((e: Event) => e.v),
  first: first((e: Event) => e.t),
  last: last((e: Event) => e.t),
}

/** Aggregated in parts, unless its late records are read. */
function program({ hops, lateness, outOfOrder, partitions }: Shape, way: "in parts" | "whole") {
  const input = stream("in", { partitions, key: (e: Event) => e.k, time: (e) => e.t, outOfOrder, idle: 10 })
  const windows = input
    .windowAll("w", hops === "hops" ? hopping({ size: 30, every: 10 }) : hops === "grows" ? cumulating({ size: 30, every: 10 }) : tumbling(20), { allowedLateness: lateness })
    .aggregate(exact)
  return service("s", [windows.to(files("results")), ...(way === "whole" ? [windows.late.to(files("late"))] : [])])
}

interface Row {
  readonly end: Date
  readonly pane?: string
  readonly n: number
  readonly sum: number
  readonly least: number
  readonly first: number
}

/** All that has moved is looked at, so that both ways hear of time at the same times of the clock. */
async function goOn(rig: Rig): Promise<void> {
  for (const seat of rig.seats.filter(({ stage }) => stage === "s/w.repartition")) {
    rig.tick(seat)
    while (rig.behind(seat)) await rig.take(seat)
  }
}

const afterwards = ["a", "b", "ä"].map((k): Event => ({ k, t: 100_000, v: 1 }))

/** Partitions work in an order of their own, rest, and may crash; then all is brought together. */
async function outcome(shape: Shape, way: "in parts" | "whole", given: readonly Event[], seed: number, crashes = false) {
  const rig = await Rig.open(program(shape, way))
  const dice = new Dice(seed)
  const sources = Array.from({ length: shape.partitions }, (_, i) => rig.seat("in", i))
  for (let i = 0; i < given.length; ) {
    const next = i + 1 + dice.roll(4)
    rig.produce("in", given.slice(i, next))
    i = next
    for (let turns = dice.roll(12); turns > 0; turns--) {
      const seat = sources[dice.roll(sources.length)]
      assert.ok(seat)
      rig.now += dice.roll(60)
      if (dice.roll(2) === 0) rig.tick(seat)
      if (rig.behind(seat)) await rig.take(seat, [1 + dice.roll(5), 1 + dice.roll(5)])
      if (dice.roll(3) === 0 && crashes) await rig.restart(seat)
      if (dice.roll(4) === 0) await goOn(rig)
    }
  }
  // Time goes far ahead in all partitions that have a key, so that nothing is left to be late.
  rig.produce("in", afterwards)
  for (const seat of sources) {
    while (rig.behind(seat)) await rig.take(seat)
  }
  await goOn(rig)
  rig.now += 10_000
  await goOn(rig)
  rig.end("in")
  await rig.settle()
  assert.deepEqual(await rig.deadLetters("in"), [])
  await rig.store.fold()
  for (const [partition] of sources.entries()) assert.deepEqual([...rig.store.state.buckets("s/w/partials", partition)], [])
  const rows = (await rig.values("s/results.rows")) as Row[]
  // A later result takes the place of the one before, whatever its pane.
  const newest = new Map(rows.map((row): [number, Row] => [Number(row.end), { ...row, pane: "" }]))
  return { late: rig.late()["w"] ?? 0, rows: newest, operators: rig.program.plan.stages.flatMap(({ operators }) => operators) }
}

test("aggregated in parts, windows over all records have the results, and count the late ones, of windows that see each record", async () => {
  let late = 0
  await fc.assert(
    fc.asyncProperty(shapes, events, fc.integer(), async (shape, given, seed) => {
      const inParts = await outcome(shape, "in parts", given, seed)
      const whole = await outcome(shape, "whole", given, seed)
      assert.ok(inParts.operators.some(({ kind }) => kind === "partials"))
      assert.ok(!whole.operators.some(({ kind }) => kind === "partials"))
      assert.deepEqual(inParts.rows, whole.rows)
      assert.equal(inParts.late, whole.late)
      late += whole.late
    }),
    { numRuns: 400 },
  )
  assert.ok(late > 100, "some were late")
})

// A partition that has crashed says anew how far it is as it rests: then others may wait a moment longer (W50) than for one that sends all at once.
test("aggregated in parts, each record is in exactly one result of windows over all records, or counted as late, wherever it crashes", async () => {
  await fc.assert(
    fc.asyncProperty(shapes, events, fc.integer(), async (shape, given, seed) => {
      const all = [...given, ...afterwards]
      const { rows, late } = await outcome({ ...shape, hops: "tumbles" }, "in parts", given, seed, true)
      const counted = [...rows.values()].reduce((sum, { n }) => sum + n, 0)
      assert.equal(counted + late, all.length)
      if (late > 0) return
      const expected = new Map<number, Event[]>()
      for (const event of all) {
        const start = Math.floor(event.t / 20) * 20
        expected.set(start, [...(expected.get(start) ?? []), event])
      }
      for (const [end, { n, sum: total, least, first: earliest }] of rows) {
        const mine = expected.get(Number(end) - 20) as Event[]
        assert.deepEqual([n, total], [mine.length, mine.reduce((sum, { v }) => sum + v, 0)])
        assert.deepEqual([least, earliest], [Math.min(...mine.map(({ v }) => v)), Math.min(...mine.map(({ t }) => t))])
      }
      assert.equal(rows.size, expected.size)
    }),
    { numRuns: 400 },
  )
})

test("a partition that rests hands on its parts first, so a window that others close has its records", async () => {
  const rig = await Rig.open(program({ hops: "tumbles", lateness: 0, outOfOrder: 0, partitions: 2 }, "in parts"))
  /** A key of each partition. */
  const keys = new Map<number | undefined, string>()
  for (const k of ["a", "b", "c", "d", "e"]) keys.set(rig.send("in", [{ k, t: 1, v: 1 }]).appends[0]?.partition, k)
  const [, other] = [...keys.values()]
  assert.ok(other !== undefined)
  await rig.settle()
  rig.now += 100
  for (const seat of rig.seats) rig.tick(seat)
  rig.produce("in", [{ k: other, t: 50, v: 1 }])
  await rig.settle()
  rig.now += 2_000
  for (const seat of rig.seats) rig.tick(seat)
  await rig.settle()
  assert.deepEqual(((await rig.values("s/results.rows")) as { n: number }[]).map(({ n }) => n), [5])
  assert.deepEqual(rig.late(), {})
})

test("one value for each window and partition moves, not one for each record", async () => {
  const rig = await Rig.open(program({ hops: "tumbles", lateness: 0, outOfOrder: 5, partitions: 2 }, "in parts"))
  rig.produce("in", Array.from({ length: 500 }, (_, i): Event => ({ k: `k${i % 7}`, t: i, v: i % 10 })))
  rig.end("in")
  await rig.settle([40])
  assert.equal((await rig.records("s/w.repartition")).length, 2 * 25)
  assert.deepEqual(((await rig.values("s/results.rows")) as { n: number }[]).map(({ n }) => n), Array.from({ length: 25 }, () => 20))
})

test("what must see each record is not aggregated in parts", () => {
  const input = stream("in", { key: (e: Event) => e.k, time: (e) => e.t })
  const kindsOf = (outlet: Parameters<typeof service>[1][0]) => {
    const { plan } = compile(service("s", [outlet]))
    return plan.stages.flatMap(({ operators }) => operators.map(({ kind }) => kind))
  }
  const counted = input.windowAll("w", tumbling(20)).aggregate({ n: count() })
  assert.ok(kindsOf(counted.to(files("f"))).includes("partials"))
  assert.ok(!kindsOf(counted.late.to(files("f"))).includes("partials"))
  for (const windows of [
    input.windowAll("w", tumbling(20)).aggregate({ n: count(), all: collect((e) => e.v) }),
    input.windowAll("w", tumbling(20), { early: 5 }).aggregate({ n: count() }),
    input.windowAll("w", tumbling(20)).trigger({ every: 2 }).aggregate({ n: count() }),
    input.windowAll("w", tumbling(20), { time: "processing" }).aggregate({ n: count() }),
    input.windowAll("w", session({ gap: 5 })).aggregate({ n: count() }),
    input.keyBy(() => "all").window("w", tumbling(20)).aggregate({ n: count() }),
  ]) {
    assert.ok(!kindsOf(windows.to(files("f"))).includes("partials"))
  }
})
