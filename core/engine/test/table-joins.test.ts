// Joins with tables against what one would work out by hand.
import assert from "node:assert/strict"
import { test } from "node:test"
import type { Change, JoinType } from "@millrace/model"
import { keepMap, service, side, stream } from "@millrace/sdk"
import { files } from "@millrace/sdk/files"
import fc from "fast-check"
import { type Found, Rig } from "./rig.ts"
import { drive, type Turn, turns } from "./schedule.ts"

interface Event {
  readonly side: "left" | "right"
  readonly k: string
  readonly t: number
  /** The key that a left row names; null: none. */
  readonly on: string | null
  readonly gone: boolean
  readonly id: number
}

const events: fc.Arbitrary<readonly Event[]> = fc
  .array(
    fc.record({
      side: fc.constantFrom("left" as const, "right" as const),
      k: fc.constantFrom("a", "b", "c"),
      on: fc.constantFrom("a", "b", "c", null),
      step: fc.integer({ min: -5, max: 9 }),
      gone: fc.integer({ min: 0, max: 4 }).map((n) => n === 0),
    }),
    { maxLength: 30, size: "max" },
  )
  .map((all) => {
    let t = 1_000
    return all.map(({ step, ...event }, id) => ({ ...event, t: (t += step), id }))
  })

const pair = (left: Event | undefined, right: Event | undefined): { pair: string } => ({ pair: `${left?.id ?? "-"}+${right?.id ?? "-"}` })

const order = fc.array(fc.nat(40), { minLength: 1, maxLength: 12 })

/** Lets seats take turns as drawn, until none is behind. */
async function stir(rig: Rig, drawn: readonly number[], way: readonly Turn[]): Promise<void> {
  for (let i = 0; ; i++) {
    const waiting = rig.seats.filter((seat) => rig.behind(seat))
    const seat = waiting[(drawn.at(i % drawn.length) ?? 0) % Math.max(1, waiting.length)]
    if (seat === undefined) return
    const { cut, room, crash } = way.at(i % way.length) as Turn
    rig.room = room
    await rig.take(seat, cut)
    if (crash) await rig.restart(seat)
  }
}

function streams(leftParts: number, rightParts: number) {
  const options = { key: (event: Event) => event.k, time: (event: Event) => event.t, outOfOrder: "1h" } as const
  return {
    left: stream<Event>("left", { ...options, partitions: leftParts }),
    right: stream<Event>("right", { ...options, partitions: rightParts }),
  }
}

function produce(rig: Rig, given: readonly Event[]): void {
  for (const side of ["left", "right"] as const) {
    rig.produce(side, given.filter((event) => event.side === side))
    rig.end(side)
  }
}

/** The newest row of each key that is not deleted. */
function newest(given: readonly Event[], side: Event["side"]): Map<string, Event> {
  const rows = new Map<string, Event>()
  for (const event of given) if (event.side === side && (rows.get(event.k)?.t ?? Number.NEGATIVE_INFINITY) <= event.t) rows.set(event.k, event)
  return new Map([...rows].filter(([, event]) => !event.gone))
}

function folded(found: readonly Found[]): Map<string, unknown> {
  const rows = new Map<string, unknown>()
  for (const { value } of found) {
    const change = value as Change<unknown>
    assert.deepEqual(change.old, rows.get(change.key), `the change of ${change.key} begins where the last one ended`)
    if (change.new === undefined) rows.delete(change.key)
    else rows.set(change.key, change.new)
  }
  return new Map([...rows].toSorted(([a], [b]) => (a < b ? -1 : 1)))
}

const sorted = <V>(rows: Map<string, V>): Map<string, V> => new Map([...rows].toSorted(([a], [b]) => (a < b ? -1 : 1)))

test("two tables joined by key have the rows that their rows give, in any order of arrival", async () => {
  await fc.assert(
    fc.asyncProperty(events, fc.constantFrom<JoinType>("inner", "left", "right", "outer"), fc.constantFrom(1, 3), fc.constantFrom(1, 2), turns, order, async (given, type, leftParts, rightParts, way, drawn) => {
      const { left, right } = streams(leftParts, rightParts)
      const deleted = (event: Event): boolean => event.gone
      const joined = left.toTable("l", { deleted }).join("j", right.toTable("r", { deleted }), { type }, pair)
      const rig = await Rig.open(service("s", [joined.changes().to(files("changes"))]))
      produce(rig, given)
      await stir(rig, drawn, way)
      const lefts = newest(given, "left")
      const rights = newest(given, "right")
      const expected = new Map<string, unknown>()
      for (const key of new Set([...lefts.keys(), ...rights.keys()])) {
        const [l, r] = [lefts.get(key), rights.get(key)]
        if (l === undefined && type !== "right" && type !== "outer") continue
        if (r === undefined && type !== "left" && type !== "outer") continue
        expected.set(key, pair(l, r))
      }
      assert.deepEqual(folded(await rig.records("s/changes.rows")), sorted(expected))
    }),
    { numRuns: 300 },
  )
})

test("a foreign key is followed through every change of it and of the row it names, in any order of arrival", async () => {
  await fc.assert(
    fc.asyncProperty(events, fc.constantFrom("inner" as const, "left" as const), fc.constantFrom(1, 3), fc.constantFrom(1, 2), turns, order, async (given, type, leftParts, rightParts, way, drawn) => {
      const { left, right } = streams(leftParts, rightParts)
      const deleted = (event: Event): boolean => event.gone
      const joined = left.toTable("l", { deleted }).join("j", right.toTable("r", { deleted }), { type, on: (event) => event.on }, pair)
      const rig = await Rig.open(service("s", [joined.changes().to(files("changes"))]))
      produce(rig, given)
      await stir(rig, drawn, way)
      const rights = newest(given, "right")
      const expected = new Map<string, unknown>()
      for (const [key, l] of newest(given, "left")) {
        const r = l.on === null ? undefined : rights.get(l.on)
        if (r !== undefined || type === "left") expected.set(key, pair(l, r))
      }
      assert.deepEqual(folded(await rig.records("s/changes.rows")), sorted(expected))
    }),
    { numRuns: 400 },
  )
})

/** Both sides from one partition, so that the order of arrival is known. */
function oneStream(outOfOrder: number) {
  const all = stream<Event>("in", { partitions: 1, key: (event) => event.k, time: (event) => event.t, outOfOrder })
  return { left: all.filter((event) => event.side === "left"), right: all.filter((event) => event.side === "right") }
}

async function run(outlets: Parameters<typeof service>[1], given: readonly Event[], way: readonly Turn[]): Promise<Rig> {
  const rig = await Rig.open(service("s", outlets))
  rig.produce("in", given)
  rig.end("in")
  await drive(rig, rig.seat("in"), way)
  assert.deepEqual(await rig.deadLetters("in"), [])
  return rig
}

test("a record joined with a table gets the row that is there when it comes", async () => {
  await fc.assert(
    fc.asyncProperty(events, fc.constantFrom("inner" as const, "left" as const), turns, async (given, type, way) => {
      const { left, right } = oneStream(1_000)
      const table = right.toTable("r", { deleted: (event) => event.gone })
      const rig = await run([left.join("j", table, { type }, pair).to(files("out"))], given, way)
      const expected: unknown[] = []
      const before: Event[] = []
      for (const event of given) {
        before.push(event)
        if (event.side === "right") continue
        const row = newest(before, "right").get(event.k)
        if (row !== undefined || type === "left") expected.push(pair(event, row))
      }
      assert.deepEqual(await rig.values("s/out.rows"), expected)
    }),
    { numRuns: 300 },
  )
})

test("a record joined as of its event time gets the version that was valid then, whenever either came; old versions are forgotten", async () => {
  await fc.assert(
    fc.asyncProperty(events, fc.constantFrom("inner" as const, "left" as const), fc.constantFrom(0, 6, 1_000), turns, async (given, type, outOfOrder, way) => {
      const { left, right } = oneStream(outOfOrder)
      const joined = left.joinAsOf("j", right, { type, deleted: (event) => event.gone }, pair)
      const rig = await run([joined.to(files("out")), joined.late.to(files("late"))], given, way)
      const expected: { time: number; pair: string }[] = []
      const late: Event[] = []
      let highest = Number.NEGATIVE_INFINITY
      for (const [i, event] of given.entries()) {
        highest = Math.max(highest, event.t)
        if (event.side === "right") continue
        if (event.t < highest - outOfOrder) {
          late.push(event)
          continue
        }
        // Versions that come before the watermark has passed the record's time are heard.
        let seen = highest
        const heard = given.filter((other, at) => {
          if (at > i) seen = Math.max(seen, other.t)
          return other.side === "right" && other.k === event.k && other.t <= event.t && (at < i || seen - outOfOrder <= event.t)
        })
        let valid: Event | undefined
        for (const version of heard) if (valid === undefined || version.t >= valid.t) valid = version
        if (valid?.gone === true) valid = undefined
        if (valid !== undefined || type === "left") expected.push({ time: event.t, ...pair(event, valid) })
      }
      const byPair = (a: { pair: string }, b: { pair: string }): number => (a.pair < b.pair ? -1 : 1)
      const found = (await rig.records("s/out.rows")).map(({ time, value }) => ({ time, pair: (value as { pair: string }).pair }))
      assert.deepEqual(found.toSorted(byPair), expected.toSorted(byPair))
      assert.deepEqual(await rig.values("s/late.rows"), late)
      await rig.store.fold()
      assert.deepEqual(rig.store.state.buckets("s/j@waiting", 0), [])
      for (const key of ["a", "b", "c"]) {
        const kept = [...rig.store.state.entries("s/j@versions", 0, 0)].filter(([name]) => name.startsWith(`${key}\u0000`))
        const times = new Set(given.filter((event) => event.side === "right" && event.k === key).map(({ t }) => t))
        assert.ok(kept.length <= times.size)
      }
    }),
    { numRuns: 400 },
  )
})

test("a broadcast table is whole in every partition, and nobody changes its rows", async () => {
  await fc.assert(
    fc.asyncProperty(events, fc.constantFrom(1, 3), fc.constantFrom(1, 2), turns, order, async (given, leftParts, rightParts, way, drawn) => {
      const { left, right } = streams(leftParts, rightParts)
      const rules = right.toTable("rules", { deleted: (event) => event.gone })
      const checked = left.withBroadcast("checked", rules, (event, rows) => [{ id: event.id, rules: [...rows.values()].map(({ id }) => id).toSorted((a, b) => a - b) }])
      const rig = await Rig.open(service("s", [checked.to(files("out"))]))
      rig.produce("right", given.filter(({ side }) => side === "right"))
      await stir(rig, drawn, way)
      rig.produce("left", given.filter(({ side }) => side === "left"))
      await stir(rig, drawn, way)
      const ids = [...newest(given, "right").values()].map(({ id }) => id).toSorted((a, b) => a - b)
      const found = (await rig.values("s/out.rows")) as { id: number }[]
      const expected = given.filter(({ side }) => side === "left").map(({ id }) => ({ id, rules: ids }))
      assert.deepEqual(found.toSorted((a, b) => a.id - b.id), expected)
    }),
    { numRuns: 200 },
  )
  const { left, right } = oneStream(0)
  const spoiling = left.withBroadcast("spoiled", right.toTable("t"), (_, rows) => {
    for (const row of rows.values()) (row as { id: number }).id = 7
    return [{}]
  })
  const rig = await Rig.open(service("s", [spoiling.to(files("out"))]))
  const event: Event = { side: "right", k: "a", t: 1, on: null, gone: false, id: 1 }
  rig.produce("in", [event, { ...event, side: "left", id: 2 }])
  await rig.settle()
  assert.match((await rig.deadLetters("in"))[0]?.error.message ?? "", /read only/)
})

test("a process over two flows has one state for both", async () => {
  const { left, right } = oneStream(0)
  const both = left.connect(right).process("both", {
    state: () => ({ left: 0, right: 0 }),
    *onLeft(event, ctx) {
      ctx.state.left++
      yield { key: event.k, ...ctx.state }
    },
    onRight(_, ctx) {
      ctx.state.right++
    },
  })
  const base: Event = { side: "left", k: "a", t: 1, on: null, gone: false, id: 1 }
  const rig = await run([both.to(files("out"))], [base, { ...base, side: "right" }, { ...base, side: "right" }, base, { ...base, k: "b" }], [{ cut: [2], room: 1, crash: true }])
  assert.deepEqual(await rig.values("s/out.rows"), [
    { key: "a", left: 1, right: 0 },
    { key: "a", left: 2, right: 2 },
    { key: "b", left: 1, right: 0 },
  ])
})

test("a process over two flows keeps parts by themselves, has side outputs, and hears the clock", async () => {
  const { left, right } = oneStream(0)
  const both = left.connect(right).process("both", {
    state: () => 0,
    keeps: { seen: keepMap<string, number>() },
    sides: { again: side<{ id: number; k: string }>() },
    onLeft({ id, k }, ctx) {
      ctx.keeps.seen.set(String(id), id)
      ctx.setClockTimer(5_000)
      if (id === 9) ctx.side("again", { id, k })
    },
    *onRight({ id }, ctx) {
      yield { left: ctx.keeps.seen.get(String(id)) ?? null }
    },
    *onClockTimer(ctx) {
      yield { left: [...ctx.keeps.seen.entries()].length }
    },
  })
  const base: Event = { side: "left", k: "a", t: 1, on: null, gone: false, id: 9 }
  const rig = await Rig.open(service("s", [both.to(files("out")), both.sides.again.to(files("again"))]), 1_000)
  rig.produce("in", [base, { ...base, side: "right" }, { ...base, side: "right", id: 3 }])
  await rig.settle()
  rig.now = 5_000
  for (const seat of rig.seats) rig.tick(seat)
  assert.deepEqual(await rig.values("s/out.rows"), [{ left: 9 }, { left: null }, { left: 1 }])
  assert.deepEqual(await rig.values("s/again.rows"), [{ id: 9, k: "a" }])
})
