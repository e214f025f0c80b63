// Joins of two flows against a model that looks at all pairs.
import assert from "node:assert/strict"
import { test } from "node:test"
import { calendar, hopping, service, stream, tumbling } from "@millrace/sdk"
import { files } from "@millrace/sdk/files"
import type { JoinType } from "@millrace/model"
import fc from "fast-check"
import { Rig } from "./rig.ts"
import { drive, type Turn, turns } from "./schedule.ts"

interface Event {
  readonly side: "left" | "right"
  readonly k: string
  readonly t: number
  readonly id: number
}

interface Rule {
  readonly outOfOrder: number
  readonly type: JoinType
  readonly before: number
  readonly after: number
}

const types: readonly JoinType[] = ["inner", "left", "right", "outer"]
const rule: fc.Arbitrary<Rule> = fc.record({
  outOfOrder: fc.constantFrom(0, 5, 1_000),
  type: fc.constantFrom(...types),
  before: fc.constantFrom(0, 1, 7, 3_000),
  after: fc.constantFrom(0, 2, 10, 1_500),
})

function events(stepMost: number): fc.Arbitrary<readonly Event[]> {
  return fc
    .array(
      fc.record({
        side: fc.constantFrom("left" as const, "right" as const),
        k: fc.constantFrom("a", "b", "\u{1f600}"),
        step: fc.integer({ min: -stepMost, max: stepMost * 2 }),
      }),
      { maxLength: 24, size: "max" },
    )
    .map((all) => {
      let t = 10_000
      return all.map(({ side, k, step }, id) => ({ side, k, t: (t += step), id }))
    })
}

const someEvents = fc.oneof(events(4), events(2_000))

interface Found {
  readonly pair: string
  readonly time: number
}

const lettered = (left: Event | undefined, right: Event | undefined): string => `${left?.id ?? "-"}+${right?.id ?? "-"}`

function sorted(found: readonly Found[]): Found[] {
  return found.toSorted((a, b) => (a.pair < b.pair ? -1 : a.pair > b.pair ? 1 : a.time - b.time))
}

/** All pairs within the bound, and who has none, of those that are not late. */
function joined(given: readonly Event[], { type, before, after }: Rule): Found[] {
  const found: Found[] = []
  const withPartner = new Set<Event>()
  for (const left of given) {
    for (const right of given) {
      if (left.side !== "left" || right.side !== "right" || left.k !== right.k) continue
      if (right.t < left.t - before || right.t > left.t + after) continue
      found.push({ pair: lettered(left, right), time: Math.max(left.t, right.t) })
      withPartner.add(left).add(right)
    }
  }
  for (const each of given) {
    if (withPartner.has(each)) continue
    if (each.side === "left" && (type === "left" || type === "outer")) found.push({ pair: lettered(each, undefined), time: each.t + after })
    if (each.side === "right" && (type === "right" || type === "outer")) found.push({ pair: lettered(undefined, each), time: each.t + before })
  }
  return sorted(found)
}

/** Splits into those in time and those behind the watermark of one partition. */
function byLateness(given: readonly Event[], outOfOrder: number): { readonly inTime: Event[]; readonly late: Event[] } {
  let highest = Number.NEGATIVE_INFINITY
  const inTime: Event[] = []
  const late: Event[] = []
  for (const event of given) {
    highest = Math.max(highest, event.t)
    if (event.t < highest - outOfOrder) late.push(event)
    else inTime.push(event)
  }
  return { inTime, late }
}

function oneStream({ outOfOrder, type, before, after }: Rule) {
  const all = stream<Event>("in", { partitions: 1, key: (event) => event.k, time: (event) => event.t, outOfOrder })
  const left = all.filter((event) => event.side === "left")
  const right = all.filter((event) => event.side === "right")
  const pairs = left.join("j", right, { within: { before, after }, type }, (l, r) => ({ pair: lettered(l, r) }))
  return service("s", [pairs.to(files("pairs")), pairs.late.map(({ side, value }) => ({ side, id: value.id })).to(files("late"))])
}

async function pairsOf(rig: Rig): Promise<Found[]> {
  return sorted((await rig.records("s/pairs.rows")).map(({ value, time }) => ({ pair: (value as Found).pair, time })))
}

test("an interval join gives each pair within the bound once, those without a partner when none can come, and the late ones as late", async () => {
  await fc.assert(
    fc.asyncProperty(rule, someEvents, turns, async (each, given, way) => {
      const rig = await Rig.open(oneStream(each))
      rig.produce("in", given)
      rig.end("in")
      await drive(rig, rig.seat("in"), way)
      const { inTime, late } = byLateness(given, each.outOfOrder)
      assert.deepEqual(await pairsOf(rig), joined(inTime, each))
      assert.deepEqual(await rig.values("s/late.rows"), late.map(({ side, id }) => ({ side, id })))
      assert.equal(rig.late()["j"] ?? 0, late.length)
      assert.deepEqual(await rig.deadLetters("in"), [])
      // K3: nothing is kept once the input has ended.
      await rig.store.fold()
      for (const scope of ["s/j@left", "s/j@right", "s/j@left-lonely", "s/j@right-lonely"]) assert.deepEqual(rig.store.state.buckets(scope, 0), [])
    }),
    { numRuns: 500 },
  )
})

test("any batch cut and any crash give the same bytes from a join", async () => {
  await fc.assert(
    fc.asyncProperty(rule, someEvents, turns, async (each, given, way) => {
      const bytes: Uint8Array[] = []
      const whole: readonly Turn[] = [{ cut: [1_000], room: Number.POSITIVE_INFINITY, crash: false }]
      for (const path of [whole, way]) {
        const rig = await Rig.open(oneStream(each))
        rig.produce("in", given)
        rig.end("in")
        await drive(rig, rig.seat("in"), path)
        bytes.push(await rig.bytes("s/pairs.rows"))
      }
      assert.deepEqual(bytes[1], bytes[0])
    }),
    { numRuns: 300 },
  )
})

/** Two streams, each with partitions of its own; which gets its turn is drawn. */
async function twoStreams(rig: Rig, order: readonly number[], way: readonly Turn[]): Promise<void> {
  for (let i = 0; rig.seats.some((seat) => rig.behind(seat)); i++) {
    const waiting = rig.seats.filter((seat) => rig.behind(seat))
    const seat = waiting[(order.at(i % order.length) ?? 0) % waiting.length]
    const { cut, room, crash } = way.at(i % way.length) as Turn
    if (seat === undefined) return
    rig.room = room
    await rig.take(seat, cut)
    if (crash) await rig.restart(seat)
  }
}

const order = fc.array(fc.nat(40), { minLength: 1, maxLength: 12 })

test("two streams of any partition counts are joined alike, in whichever order their partitions come", async () => {
  await fc.assert(
    fc.asyncProperty(rule, someEvents, turns, order, fc.constantFrom(1, 2, 3), fc.constantFrom(1, 4), async (each, given, way, drawn, leftParts, rightParts) => {
      const { type, before, after } = each
      const options = { key: (event: Event) => event.k, time: (event: Event) => event.t, outOfOrder: "1h" } as const
      const left = stream<Event>("left", { ...options, partitions: leftParts })
      const right = stream<Event>("right", { ...options, partitions: rightParts })
      const pairs = left.join("j", right, { within: { before, after }, type }, (l, r) => ({ pair: lettered(l, r) }))
      const rig = await Rig.open(service("s", [pairs.to(files("pairs"))]))
      for (const side of ["left", "right"] as const) {
        rig.produce(side, given.filter((event) => event.side === side))
        rig.end(side)
      }
      await twoStreams(rig, drawn, way)
      assert.deepEqual(await pairsOf(rig), joined(given, each))
    }),
    { numRuns: 200 },
  )
})

test("a join without a bound gives every pair of a key once, whenever its records come", async () => {
  await fc.assert(
    fc.asyncProperty(someEvents, turns, order, async (given, way, drawn) => {
      const options = { key: (event: Event) => event.k, time: (event: Event) => event.t } as const
      const left = stream<Event>("left", { ...options, partitions: 2 })
      const right = stream<Event>("right", { ...options, partitions: 3 })
      const pairs = left.join("j", right, {}, (l, r) => ({ pair: lettered(l, r) }))
      const rig = await Rig.open(service("s", [pairs.to(files("pairs")), pairs.late.to(files("late"))]))
      for (const side of ["left", "right"] as const) rig.produce(side, given.filter((event) => event.side === side))
      await twoStreams(rig, drawn, way)
      const every = joined(given, { outOfOrder: 0, type: "inner", before: 1e9, after: 1e9 })
      assert.deepEqual((await pairsOf(rig)).map(({ pair }) => pair), every.map(({ pair }) => pair))
      assert.deepEqual(await rig.values("s/late.rows"), [])
    }),
    { numRuns: 200 },
  )
})

const shapes = [
  { size: 10, every: 10 },
  { size: 10, every: 4 },
  { size: 1_000, every: 1_000 },
]

test("a window join pairs what lies in one window when it closes, in the order of keys, those without a partner too", async () => {
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...types), fc.constantFrom(...shapes), fc.constantFrom(0, 20), someEvents, turns, async (type, { size, every }, outOfOrder, given, way) => {
      const all = stream<Event>("in", { partitions: 1, key: (event) => event.k, time: (event) => event.t, outOfOrder })
      const left = all.filter((event) => event.side === "left")
      const right = all.filter((event) => event.side === "right")
      const window = size === every ? tumbling(size) : hopping({ size, every })
      const pairs = left.join("j", right, { window, type }, (l, r) => ({ pair: lettered(l, r) }))
      const rig = await Rig.open(service("s", [pairs.to(files("pairs")), pairs.late.map(({ value }) => ({ id: value.id })).to(files("late"))]))
      rig.produce("in", given)
      rig.end("in")
      await drive(rig, rig.seat("in"), way)
      const expected: Found[] = []
      const late: number[] = []
      const windows = new Map<string, Event[]>()
      let watermark = Number.NEGATIVE_INFINITY
      for (const event of given) {
        watermark = Math.max(watermark, event.t - outOfOrder)
        let taken = false
        for (let start = Math.floor(event.t / every) * every; start + size > event.t; start -= every) {
          if (start + size <= watermark) continue
          taken = true
          const name = `${start} ${event.k}`
          windows.set(name, [...(windows.get(name) ?? []), event])
        }
        if (!taken) late.push(event.id)
      }
      for (const [name, members] of windows) {
        const time = Number.parseInt(name, 10) + size - 1
        const wide = joined(members.map((event) => ({ ...event, t: 0 })), { outOfOrder: 0, type, before: 0, after: 0 })
        for (const { pair } of wide) expected.push({ pair, time })
      }
      assert.deepEqual(await pairsOf(rig), sorted(expected))
      assert.deepEqual(await rig.values("s/late.rows"), late.map((id) => ({ id })))
      const records = await rig.records("s/pairs.rows")
      const ordered = records.map(({ time, key }) => `${String(time).padStart(12, "0")} ${Buffer.from(key, "utf8").toString("hex")}`)
      assert.deepEqual(ordered, ordered.toSorted())
    }),
    { numRuns: 400 },
  )
})

test("a window join follows a calendar", async () => {
  const all = stream<Event>("in", { partitions: 1, key: (event) => event.k, time: (event) => event.t, outOfOrder: "30d" })
  const left = all.filter((event) => event.side === "left")
  const right = all.filter((event) => event.side === "right")
  const window = calendar("day", { timeZone: "Europe/Berlin" })
  const pairs = left.join("j", right, { window, type: "outer" }, (l, r) => ({ pair: lettered(l, r) }))
  const rig = await Rig.open(service("s", [pairs.to(files("pairs"))]), Date.UTC(2027, 0))
  const at = (side: Event["side"], id: number, time: string): Event => ({ side, k: "a", id, t: Date.parse(time) })
  // The 25th of October has 25 hours there, from 22:00Z to 23:00Z.
  rig.produce("in", [at("left", 1, "2026-10-24T22:00Z"), at("right", 2, "2026-10-25T22:59Z"), at("right", 3, "2026-10-25T23:00Z")])
  rig.end("in")
  await rig.settle()
  assert.deepEqual(await pairsOf(rig), [
    { pair: "-+3", time: Date.parse("2026-10-26T23:00Z") - 1 },
    { pair: "1+2", time: Date.parse("2026-10-25T23:00Z") - 1 },
  ])
})
