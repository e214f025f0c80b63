// What a process keeps, against plain maps that forget by the rule.
import assert from "node:assert/strict"
import { test } from "node:test"
import { keepCounter, keepList, keepMap, keepReduced, keepValue, service, side, stream } from "@millrace/sdk"
import { files } from "@millrace/sdk/files"
import fc from "fast-check"
import { Rig } from "./rig.ts"
import { atOnce, drive, turns } from "./schedule.ts"

type Command =
  | { readonly do: "value" | "list" | "reduce" | "count"; readonly n: number }
  | { readonly do: "map"; readonly m: string; readonly n: number }
  | { readonly do: "delete"; readonly m: string }
  | { readonly do: "look" | "clear-list" | "clear-map" | "clear" | "throw" }

interface Order {
  readonly k: string
  readonly t: number
  readonly commands: readonly Command[]
}

const command: fc.Arbitrary<Command> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constantFrom("value" as const, "list" as const, "reduce" as const, "count" as const), n: fc.integer({ min: 1, max: 9 }) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant("map" as const), m: fc.constantFrom("x", "y", "|"), n: fc.nat(9) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("delete" as const), m: fc.constantFrom("x", "y") }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constantFrom("look" as const, "clear-list" as const, "clear-map" as const, "clear" as const) }) },
  { weight: 1, arbitrary: fc.constant({ do: "throw" as const }) },
)

const orders: fc.Arbitrary<readonly Order[]> = fc
  .array(
    fc.record({ k: fc.constantFrom("a", "b"), step: fc.integer({ min: -1_000, max: 3_000 }), commands: fc.array(command, { maxLength: 4 }) }),
    { maxLength: 20, size: "max" },
  )
  .map((all) => {
    let t = 100_000
    return all.map(({ step, ...order }) => ({ ...order, t: (t += step) }))
  })

interface Seen {
  readonly key: string
  readonly value: number | null
  readonly list: readonly number[]
  readonly map: readonly (readonly [string, number])[]
  readonly count: number
  readonly reduced: number | null
}

function program(outOfOrder: number, ttl: number | undefined) {
  const options = ttl === undefined ? {} : { ttl }
  const input = stream<Order>("in", { partitions: 1, key: (order) => order.k, time: (order) => order.t, outOfOrder })
  const processed = input.process("p", {
    state: () => null,
    keeps: {
      value: keepValue<number>(options),
      list: keepList<number>(options),
      map: keepMap<string, number>(options),
      count: keepCounter(options),
      reduced: keepReduced((a: number, b: number) => a * 2 + b, options),
    },
    sides: { looks: side<Seen>() },
    onRecord({ commands }, ctx) {
      const { value, list, map, count, reduced } = ctx.keeps
      for (const each of commands) {
        if (each.do === "value") value.set(each.n)
        if (each.do === "list") list.push(each.n)
        if (each.do === "map") map.set(each.m, each.n)
        if (each.do === "delete") map.delete(each.m)
        if (each.do === "count") count.add(each.n)
        if (each.do === "reduce") reduced.add(each.n)
        if (each.do === "clear-list") list.clear()
        if (each.do === "clear-map") map.clear()
        if (each.do === "clear") ctx.clear()
        if (each.do === "look") {
          assert.equal(list.length, [...list].length)
          ctx.side("looks", {
            key: ctx.key,
            value: value.get() ?? null,
            list: [...list],
            map: [...map.entries()].toSorted(([a], [b]) => (a < b ? -1 : 1)),
            count: count.value,
            reduced: reduced.get() ?? null,
          })
        }
        if (each.do === "throw") throw new Error("told to")
      }
    },
  })
  return service("s", [processed.sides.looks.to(files("looks"))])
}

interface Part {
  readonly n: number
  readonly at: number
}

/** What is seen, by the plainest rule: a part is there for less than its time to live after it was written. */
function seenOf(given: readonly Order[], outOfOrder: number, ttl: number): Seen[] {
  interface Kept {
    value?: Part
    list: Part[]
    map: Map<string, Part>
    count?: Part
    reduced?: Part
  }
  let all = new Map<string, Kept>()
  const seen: Seen[] = []
  let watermark = Number.NEGATIVE_INFINITY
  for (const { k, t, commands } of given) {
    watermark = Math.max(watermark, t - outOfOrder)
    const now = Math.max(t, watermark)
    const before = structuredClone(all)
    const told = seen.length
    const alive = (part: Part | undefined): part is Part => part !== undefined && part.at + ttl > now
    for (const each of commands) {
      const kept: Kept = all.get(k) ?? { list: [], map: new Map<string, Part>() }
      all.set(k, kept)
      if (each.do === "value") kept.value = { n: each.n, at: now }
      if (each.do === "list") kept.list.push({ n: each.n, at: now })
      if (each.do === "map") kept.map.set(each.m, { n: each.n, at: now })
      if (each.do === "delete") kept.map.delete(each.m)
      if (each.do === "count") kept.count = { n: (alive(kept.count) ? kept.count.n : 0) + each.n, at: now }
      if (each.do === "reduce") kept.reduced = { n: alive(kept.reduced) ? kept.reduced.n * 2 + each.n : each.n, at: now }
      if (each.do === "clear-list") kept.list = []
      if (each.do === "clear-map") kept.map.clear()
      if (each.do === "clear") all.delete(k)
      if (each.do === "look") {
        seen.push({
          key: k,
          value: alive(kept.value) ? kept.value.n : null,
          list: kept.list.filter(alive).map(({ n }) => n),
          map: [...kept.map].flatMap(([m, part]) => (alive(part) ? [[m, part.n] as const] : [])).toSorted(([a], [b]) => (a < b ? -1 : 1)),
          count: alive(kept.count) ? kept.count.n : 0,
          reduced: alive(kept.reduced) ? kept.reduced.n : null,
        })
      }
      if (each.do === "throw") {
        all = before
        seen.length = told
        break
      }
    }
  }
  return seen
}

test("what a process keeps is there for its time to live and not longer, whatever throws, crashes, or is cut", async () => {
  await fc.assert(
    fc.asyncProperty(orders, fc.constantFrom(0, 1_500), fc.constantFrom(undefined, 1, 900, 5_000), turns, async (given, outOfOrder, ttl, way) => {
      const bytes: Uint8Array[] = []
      for (const path of [atOnce, way]) {
        const rig = await Rig.open(program(outOfOrder, ttl))
        rig.produce("in", given)
        rig.end("in")
        await drive(rig, rig.seat("in"), path)
        assert.deepEqual(await rig.values("s/looks.rows"), seenOf(given, outOfOrder, ttl ?? Number.POSITIVE_INFINITY))
        for (const { error } of await rig.deadLetters("in")) assert.equal(error.message, "Error: told to")
        bytes.push(await rig.bytes("s/looks.rows"))
        if (ttl === undefined) continue
        await rig.store.fold()
        assert.deepEqual([rig.store.state.buckets("s/p@keeps", 0), rig.store.state.buckets("s/p@ends", 0)], [[], []])
      }
      assert.deepEqual(bytes[1], bytes[0])
    }),
    { numRuns: 500 },
  )
})

test("timers by the clock and things kept by the clock are over when the clock says so, and not before", async () => {
  const input = stream<{ k: string; t: number }>("in", { partitions: 1, key: ({ k }) => k, time: ({ t }) => t })
  const processed = input.process("p", {
    state: () => ({ n: 0 }),
    keeps: { seen: keepCounter({ ttl: "10s", ttlBy: "processing" }) },
    *onRecord(_, ctx) {
      ctx.setClockTimer(ctx.now + 5_000)
      ctx.state.n++
      yield { key: ctx.key, seen: ctx.keeps.seen.add() }
    },
    *onClockTimer(ctx) {
      yield { key: ctx.key, seen: -ctx.state.n }
    },
  })
  const rig = await Rig.open(service("s", [processed.to(files("out"))]), 1_000_000)
  const seat = rig.seat("in")
  const says = async () => ((await rig.values("s/out.rows")) as { seen: number }[]).map(({ seen }) => seen)
  rig.produce("in", [{ k: "a", t: 1 }])
  await rig.settle()
  assert.equal(seat.machine.tickAt, 1_005_000)
  rig.now = 1_004_999
  assert.equal(rig.tick(seat), undefined)
  await rig.restart(seat)
  rig.now = 1_005_000
  rig.tick(seat)
  assert.deepEqual(await says(), [1, -1])
  rig.now = 1_009_999
  rig.produce("in", [{ k: "a", t: 2 }])
  await rig.settle()
  rig.now = 1_019_999
  rig.produce("in", [{ k: "a", t: 3 }])
  await rig.settle()
  assert.deepEqual(await says(), [1, -1, 2, 1], "ten seconds after it was last written it begins anew")
  rig.now = 1_100_000
  rig.tick(seat)
  await rig.store.fold()
  assert.deepEqual(rig.store.state.buckets("s/p@keeps", 0), [])
})
