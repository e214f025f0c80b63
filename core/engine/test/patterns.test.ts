// Patterns against a model that tries everything.
import assert from "node:assert/strict"
import { test } from "node:test"
import { type AfterMatch, type Pattern, type PatternStart, service, stream } from "@millrace/sdk"
import { files } from "@millrace/sdk/files"
import { ByteReader } from "@millrace/model"
import fc from "fast-check"
import { begunCodec } from "../src/operators/begun.ts"
import { readTakes, recordsOf } from "../src/operators/take.ts"
import { type ModelMatch, type ModelStage, matchesOf } from "./pattern-model.ts"
import { Rig } from "./rig.ts"
import { atOnce, drive, type Turn, turns } from "./schedule.ts"

interface Event {
  readonly k: string
  readonly t: number
  readonly v: string
  readonly id: number
  /** Makes it large. */
  readonly pad?: string
}

type AnyPattern = Pattern<Event, Record<string, Event | readonly Event[]>, string, Event | readonly Event[]>

const letters = fc.constantFrom("a", "b", "c", "ab", "bc", "abc")

const stage = fc.record({
  letters,
  follows: fc.constantFrom("next" as const, "followedBy" as const, "followedBy" as const, "followedByAny" as const, "notNext" as const, "notFollowedBy" as const),
  count: fc.constantFrom([1, 1], [1, 1], [1, null], [2, 2], [1, 3], [2, null]) as fc.Arbitrary<[number, number | null]>,
  inner: fc.constantFrom("next" as const, "followedBy" as const, "followedByAny" as const),
  greedy: fc.constantFrom(false, false, true),
  until: fc.constantFrom("", "", "b", "c"),
})

const plain: Omit<ModelStage, "name" | "letters"> = { follows: "followedBy", least: 1, most: 1, optional: false, greedy: false, inner: "followedBy", until: "" }

/** Stages that a pattern may have: what is refused is left out. */
const stages: fc.Arbitrary<readonly ModelStage[]> = fc.array(stage, { minLength: 1, maxLength: 4 }).map((all) => {
  const kept: ModelStage[] = []
  for (const { letters: wanted, follows, count, inner, greedy, until } of all) {
    const before = kept.at(-1)
    const barred = before?.follows === "notNext" || before?.follows === "notFollowedBy"
    const isNot = follows === "notNext" || follows === "notFollowedBy"
    if (isNot && (barred || kept.length === 0)) continue
    if (before?.follows === "notFollowedBy" && follows === "next") continue
    const [least, most] = isNot ? [1, 1] : count
    kept.push({
      name: `s${kept.length}`,
      letters: wanted,
      follows: kept.length === 0 ? "followedBy" : follows,
      least,
      most,
      optional: false,
      greedy: greedy && most !== 1,
      inner,
      until: most === null ? until : "",
    })
  }
  if (kept.length === 0) return [{ ...plain, name: "s0", letters: "a" }]
  return whole(kept)
})

/** A last stage cannot be greedy. */
function whole(all: readonly ModelStage[]): readonly ModelStage[] {
  return all.map((each, i) => (i + 1 === all.length ? { ...each, greedy: false } : each))
}

const events: fc.Arbitrary<readonly Event[]> = fc
  .array(
    fc.record({ k: fc.constantFrom("x", "x", "y"), step: fc.integer({ min: -3, max: 5 }), v: fc.constantFrom("a", "b", "c") }),
    { maxLength: 14, size: "max" },
  )
  .map((all) => {
    let t = 1_000
    return all.map(({ step, ...event }, id) => ({ ...event, t: (t += step), id }))
  })

function written(start: PatternStart<Event>, all: readonly ModelStage[], within: number | null, skip: AfterMatch<string>): AnyPattern {
  let pattern: AnyPattern | undefined
  for (const { name, letters: wanted, follows, least, most, inner, greedy, until } of all) {
    const fits = (event: Event): boolean => wanted.includes(event.v)
    const added: unknown = pattern === undefined ? start.begin(name, fits) : pattern[follows](name, fits)
    let next = added as AnyPattern
    if (most === null) next = least === 1 ? next.oneOrMore() : next.timesOrMore(least)
    else if (most > 1) next = next.times(least, most)
    if (most !== 1 && inner === "next") next = next.consecutive()
    if (most !== 1 && inner === "followedByAny") next = next.allowCombinations()
    if (greedy) next = next.greedy()
    if (until !== "") next = next.until((event: Event): boolean => until.includes(event.v))
    pattern = next
  }
  if (within !== null) pattern = pattern?.within(within)
  return (pattern as AnyPattern).skip(skip)
}

function program(all: readonly ModelStage[], within: number | null, skip: AfterMatch<string>, outOfOrder: number) {
  const input = stream<Event>("in", { partitions: 1, key: (event) => event.k, time: (event) => event.t, outOfOrder })
  const found = input.match("m", (start) => written(start, all, within, skip))
  const name = (match: object): string => {
    const lists = match as Record<string, Event | readonly Event[]>
    return all.map((each) => [lists[each.name] ?? []].flat().map(({ id }) => id).join(",")).join(";")
  }
  return service("s", [
    found.map((match) => ({ match: name(match) })).to(files("matches")),
    found.timedOut.map((match) => ({ match: name(match) })).to(files("over")),
    found.late.to(files("late")),
  ])
}

const first = ({ taken }: ModelMatch): number => taken.flat()[0] ?? -1
const last = ({ taken }: ModelMatch): number => Math.max(...taken.flat())
const size = ({ taken }: ModelMatch): number => taken.flat().length

function byStages(a: ModelMatch, b: ModelMatch): number {
  const at = a.taken.findIndex((own, i) => own.length !== b.taken[i]?.length)
  return at < 0 ? 0 : (b.taken[at]?.length ?? 0) - (a.taken[at]?.length ?? 0)
}

/** The matches that are left when each gives up what it skips: those that begin first come first, whichever is complete first. */
function skipped(all: readonly ModelMatch[], skip: AfterMatch<string>): ModelMatch[] {
  const ordered = all.toSorted((a, b) => first(a) - first(b) || a.done - b.done || size(b) - size(a) || byStages(a, b))
  if (skip === "no-skip") return ordered
  let from = 0
  const kept: ModelMatch[] = []
  for (const match of ordered) {
    if (first(match) < from) continue
    kept.push(match)
    from = skip === "to-next" ? first(match) + 1 : last(match) + 1
  }
  return kept
}

/** Of one end of time, the order of ends shows in what is skipped: those cases are left to the examples below. */
const endsByTime = (all: readonly ModelStage[]): boolean => all.at(-1)?.follows === "notFollowedBy"

const scopes = ["s/m", "s/m@records", "s/m@complete", "s/m@waiting", "s/m@ends"]

async function run(all: readonly ModelStage[], given: readonly Event[], within: number | null, skip: AfterMatch<string>, outOfOrder: number, way: readonly Turn[]): Promise<Rig> {
  const rig = await Rig.open(program(all, within, skip, outOfOrder))
  rig.produce("in", given)
  rig.end("in")
  await drive(rig, rig.seat("in"), way)
  const letters = await rig.deadLetters("in")
  // Some patterns begin more matches than may be kept; what then becomes of them is another test's.
  fc.pre(letters.every(({ error }) => error.code !== "MR1205"))
  assert.deepEqual(letters, [])
  return rig
}

/** Which matches there should be, and which records are late. */
function expectedOf(all: readonly ModelStage[], given: readonly Event[], within: number | null, skip: AfterMatch<string>, outOfOrder: number): { matches: string[]; late: Event[] } {
  const inTime: Event[] = []
  const late: Event[] = []
  let highest = Number.NEGATIVE_INFINITY
  for (const event of given) {
    highest = Math.max(highest, event.t)
    if (event.t < highest - outOfOrder) late.push(event)
    else inTime.push(event)
  }
  const matches: string[] = []
  for (const key of ["x", "y"]) {
    const own = inTime.filter(({ k }) => k === key).toSorted((a, b) => a.t - b.t)
    for (const { taken } of skipped(matchesOf(all, own, within), skip)) {
      matches.push(all.map((_, i) => (taken[i] ?? []).map((at) => own[at]?.id).join(",")).join(";"))
    }
  }
  return { matches, late }
}

/** Records, by number, and rows that the matches in the making of a key hold in rows of their own. */
async function heldInRows(rig: Rig): Promise<{ records: number; rows: number }> {
  await rig.store.fold()
  const rows = rig.store.state.buckets("s/m@records", 0).flatMap((bucket) => [...rig.store.state.entries("s/m@records", 0, bucket)])
  return { records: rows.reduce((sum, [, bytes]) => sum + recordsOf(readTakes(new ByteReader(bytes))), 0), rows: rows.length }
}

async function heldInAll(rig: Rig): Promise<number> {
  const { records } = await heldInRows(rig)
  const cells = [...rig.store.state.entries("s/m", 0, 0)]
  return records + cells.reduce((sum, [, bytes]) => sum + recordsOf(begunCodec.read(new ByteReader(bytes)).tail), 0)
}

const matchNames = async (rig: Rig): Promise<string[]> => ((await rig.values("s/matches.rows")) as { match: string }[]).map(({ match }) => match)

test("a pattern finds exactly the matches that trying everything finds, in any order of arrival within the bound", async () => {
  await fc.assert(
    fc.asyncProperty(stages, events, fc.constantFrom(null, 4, 9, 30), fc.constantFrom("no-skip" as const, "to-next" as const, "past-last" as const), fc.constantFrom(0, 5, 100), turns, async (all, given, within, skip, outOfOrder, way) => {
      fc.pre(!endsByTime(all) || (within !== null && skip === "no-skip"))
      const rig = await run(all, given, within, skip, outOfOrder, way)
      const { matches: expected, late } = expectedOf(all, given, within, skip, outOfOrder)
      assert.deepEqual((await matchNames(rig)).toSorted(), expected.toSorted())
      assert.deepEqual(await rig.values("s/late.rows"), late)
      if (within !== null) {
        await rig.store.fold()
        for (const scope of scopes) assert.deepEqual(rig.store.state.buckets(scope, 0), [])
      }
    }),
    { numRuns: 1_000 },
  )
})

test("any batch cut and any crash give the same bytes of matches and of those out of time", async () => {
  await fc.assert(
    fc.asyncProperty(stages, events, fc.constantFrom(4, 9), turns, async (all, given, within, way) => {
      const bytes: Uint8Array[][] = []
      for (const path of [atOnce, way]) {
        const rig = await run(all, given, within, "no-skip", 5, path)
        bytes.push([await rig.bytes("s/matches.rows"), await rig.bytes("s/over.rows")])
      }
      assert.deepEqual(bytes[1], bytes[0])
    }),
    { numRuns: 300 },
  )
})

async function examples(text: string, define: (start: PatternStart<Event>) => Pattern<Event, never, never, never>): Promise<string[]> {
  const input = stream<Event>("in", { partitions: 1, key: (event) => event.k, time: (event) => event.t })
  const found = input.match("m", define)
  const name = (match: object): { match: string } => ({
    match: Object.entries(match as Record<string, Event | readonly Event[]>)
      .map(([stageName, taken]) => `${stageName}:${[taken].flat().map(({ id }) => id).join("")}`)
      .join(" "),
  })
  const rig = await Rig.open(service("s", [found.map(name).to(files("matches")), found.timedOut.map(name).to(files("over"))]))
  rig.produce("in", Array.from(text).map((v, id) => ({ k: "x", t: id, v, id })))
  rig.end("in")
  await rig.settle()
  const over = ((await rig.values("s/over.rows")) as { match: string }[]).map(({ match }) => `over ${match}`)
  return [...(await matchNames(rig)), ...over]
}

const is = (v: string) => (event: Event) => event.v === v
type Defined = Pattern<Event, never, never, never>

test("a greedy stage takes all that it can, an optional one need not", async () => {
  assert.deepEqual(await examples("aaab", (p) => p.begin("a", is("a")).oneOrMore().greedy().next("b", is("b")).skip("past-last") as unknown as Defined), ["a:012 b:3"])
  assert.deepEqual(await examples("aab", (p) => p.begin("a", is("a")).oneOrMore().next("b", is("b")) as unknown as Defined), ["a:01 b:2", "a:1 b:2"])
  assert.deepEqual(
    await examples("axb ab", (p) => p.begin("a", is("a")).next("x", is("x")).optional().next("b", is("b")) as unknown as Defined),
    ["a:0 x:1 b:2", "a:4 b:5"],
  )
  assert.deepEqual(await examples("ab", (p) => p.begin("a", is("a")).followedBy("c", is("c")).optional() as unknown as Defined), ["a:0"])
})

test("until ends a greedy stage", async () => {
  const greedyUntil = (p: PatternStart<Event>): unknown => p.begin("a", is("a")).oneOrMore().greedy().until(is("u")).followedBy("b", is("b"))
  assert.deepEqual(await examples("aauab", (p) => greedyUntil(p) as Defined), ["a:01 b:4", "a:1 b:4", "a:3 b:4"])
  assert.deepEqual(
    await examples("saauab", (p) => p.begin("s", is("s")).followedBy("a", is("a")).oneOrMore().until(is("u")).greedy().followedBy("b", is("b")) as unknown as Defined),
    ["s:0 a:12 b:5"],
  )
})

test("until ends a stage, and what is out of time is told with what it had", async () => {
  assert.deepEqual(
    await examples("aacab", (p) => p.begin("a", is("a")).oneOrMore().until(is("c")).followedBy("b", is("b")).skip("past-last") as unknown as Defined),
    ["a:01 b:4"],
  )
  assert.deepEqual(await examples("axxxb", (p) => p.begin("a", is("a")).followedBy("b", is("b")).within(3) as unknown as Defined), ["over a:0"])
  assert.deepEqual(
    await examples("a..a.b", (p) => p.begin("a", is("a")).notFollowedBy("no", is("b")).within(3) as unknown as Defined),
    ["a:0", "over a:3"].slice(0, 1),
  )
})

/** Stages of one record each, and at most one that takes several: of long inputs, patterns with more find more than can be tried. */
const plainStages: fc.Arbitrary<readonly ModelStage[]> = stages
  .map((all) => whole(all.slice(0, 3)).map((each) => ({ ...each, inner: each.inner === "followedByAny" ? ("followedBy" as const) : each.inner })))
  .filter((all) => all.filter(({ follows, most }) => follows === "followedByAny" || most !== 1).length <= 1)

const pad = fc.constantFrom("", "p".repeat(700), "p".repeat(5_000))

const longEvents: fc.Arbitrary<readonly Event[]> = fc
  .array(fc.record({ k: fc.constantFrom("x", "x", "x", "y"), step: fc.integer({ min: 0, max: 2 }), v: fc.constantFrom("a", "b", "c"), pad }), { minLength: 30, maxLength: 70, size: "max" })
  .map((all) => {
    let t = 1_000
    return all.map(({ step, ...event }, id) => ({ ...event, t: (t += step), id }))
  })

test("matches in the making that fill rows are found as if all lay together, and are let go of, whatever crashes", async () => {
  let rows = 0
  await fc.assert(
    fc.asyncProperty(plainStages, longEvents, fc.constantFrom(null, 9, 30), fc.constantFrom("no-skip" as const, "to-next" as const, "past-last" as const), turns, async (all, given, within, skip, way) => {
      fc.pre(!endsByTime(all) || (within !== null && skip === "no-skip"))
      const rig = await run(all, given, within, skip, 0, way)
      assert.deepEqual((await matchNames(rig)).toSorted(), expectedOf(all, given, within, skip, 0).matches.toSorted())
      const plain = await run(all, given, within, skip, 0, atOnce)
      for (const stream of ["s/matches.rows", "s/over.rows"]) assert.deepEqual(await rig.bytes(stream), await plain.bytes(stream))
      rows += (await heldInRows(rig)).rows
      if (within !== null) for (const scope of scopes) assert.deepEqual(rig.store.state.buckets(scope, 0), [])
    }),
    { numRuns: 150 },
  )
  // Otherwise nothing of this was tested.
  assert.ok(rows > 0)
})

/** Records of key x, one a ms, behind an open "o" that a "z" closes: matches of what lies between wait until then, or till it is out of time. */
async function behindOpen(define: (start: PatternStart<Event>) => unknown, letters: string, way: readonly Turn[]): Promise<{ matches: string[]; rows: number }> {
  const input = stream<Event>("in", { partitions: 1, key: (event) => event.k, time: (event) => event.t, outOfOrder: 0 })
  const found = input.match("m", (start) => define(start) as Defined)
  const name = found.map((match) => ({ match: Object.values(match as Record<string, Event>).map(({ id }) => id).join() }))
  const rig = await Rig.open(service("s", [name.to(files("matches"))]))
  const given = Array.from(letters, (v, id) => ({ k: "x", t: id, v, id }))
  rig.produce("in", given)
  await drive(rig, rig.seat("in"), way)
  await rig.store.fold()
  const rows = rig.store.state.buckets("s/m@complete", 0).flatMap((bucket) => [...rig.store.state.entries("s/m@complete", 0, bucket)]).length
  rig.end("in")
  await drive(rig, rig.seat("in"), way)
  assert.deepEqual(await rig.deadLetters("in"), [])
  await rig.store.fold()
  for (const scope of scopes) assert.deepEqual(rig.store.state.buckets(scope, 0), [])
  return { matches: await matchNames(rig), rows }
}

const open = (start: PatternStart<Event>) => start.begin("a", (event) => "oa".includes(event.v))
const closes = (event: Event, { a }: { a: Event }): boolean => (a.v === "o" ? event.v === "z" : event.v === "b")

test("matches that wait are given in their order, and once, however many there are and whatever crashes", async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 220 }), fc.constantFrom("z", "x".repeat(500), ""), fc.constantFrom("to-next" as const, "past-last" as const, { toLast: "b" } as const), turns, async (pairs, last, skip, way) => {
      const { matches, rows } = await behindOpen((start) => open(start).followedBy("b", closes).within(600).skip(skip), `o${"ab".repeat(pairs)}${last}`, way)
      const expected = Array.from({ length: pairs }, (_, i) => `${2 * i + 1},${2 * i + 2}`)
      if (last === "z") expected.splice(0, skip === "to-next" ? 0 : pairs, `0,${2 * pairs + 1}`)
      assert.deepEqual(matches, expected)
      const open600 = last !== "" && (last === "z" || 2 * pairs + 1 + last.length > 600)
      assert.equal(rows, open600 ? 0 : Math.floor(pairs / 64))
    }),
    { numRuns: 60 },
  )
})

test("of matches that begin alike, one that was given is not given again, whatever crashes", async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 118 }), fc.integer({ min: 0, max: 80 }), turns, async (before, after, way) => {
      // The open one is out of time with the 200th ms; those of the "a" behind it go on until their own time is over.
      const letters = `o${"x".repeat(199 - before - 80)}a${"b".repeat(before)}${"x".repeat(80)}${"b".repeat(Math.min(after, before))}`
      const { matches } = await behindOpen((start) => open(start).followedByAny("b", closes).within(200).skip({ toFirst: "a" }), letters, way)
      const at = letters.indexOf("a")
      const expected = Array.from(letters, (v, i) => (v === "b" && i < at + 200 ? [`${at},${i}`] : [])).flat()
      assert.deepEqual(matches, expected)
    }),
    { numRuns: 60 },
  )
})

test("of a key with many records, those that no match holds are let go now and then: twice as many are kept at most", async () => {
  const input = stream<Event>("in", { partitions: 1, key: (event) => event.k, time: (event) => event.t, outOfOrder: 0 })
  const flow = input.match("m", (p) => p.begin("a").followedBy("never", () => false).within(40) as unknown as Defined)
  const rig = await Rig.open(service("s", [flow.to(files("out"))]))
  for (let from = 0; from < 1_000; from += 50) {
    rig.produce("in", Array.from({ length: 50 }, (_, i) => ({ k: "x", t: from + i, v: "a", id: from + i })))
    await rig.settle()
    const kept = await heldInAll(rig)
    assert.ok(kept >= 39 && kept <= 64, `${kept} records at ${from}`)
  }
  rig.end("in")
  await rig.settle()
  await rig.store.fold()
  assert.deepEqual(rig.store.state.buckets("s/m@records", 0), [])
  assert.deepEqual(rig.store.state.buckets("s/m", 0), [])
})

test("a match that waits for long does not keep the records of others that have ended since", async () => {
  const input = stream<Event>("in", { partitions: 1, key: (event) => event.k, time: (event) => event.t, outOfOrder: 0 })
  // The first waits for its end; each of the others is over with the record behind it.
  const flow = input.match("m", (p) => p.begin("a").next("b", is("b")).followedBy("c", is("c")) as unknown as Defined)
  const name = flow.map((match) => ({ ids: Object.values(match as Record<string, Event>).map(({ id }) => id).join() }))
  const rig = await Rig.open(service("s", [name.to(files("out"))]))
  const letters = ["a", "b", ...Array.from({ length: 1_000 }, () => "x")]
  for (let from = 0; from < letters.length; from += 50) {
    // Some fill a row alone.
    rig.produce("in", letters.slice(from, from + 50).map((v, i) => ({ k: "x", t: from + i, v, id: from + i, pad: "p".repeat(i % 7 === 0 ? 5_000 : 0) })))
    await rig.settle()
    const kept = await heldInAll(rig)
    assert.ok(kept >= 3 && kept <= 16, `${kept} records at ${from}`)
    await rig.restart(rig.seat("in"))
  }
  rig.produce("in", [{ k: "x", t: 2_000, v: "c", id: 2_000 }])
  rig.end("in")
  await rig.settle()
  assert.deepEqual(await rig.values("s/out.rows"), [{ ids: "0,1,2000" }])
})

test("who changes a match changes none that follows", async () => {
  const input = stream<Event>("in", { partitions: 1, key: (event) => event.k, time: (event) => event.t })
  const flow = input.match("m", (p) => p.begin("a", is("a")).followedByAny("b", (event, { a }) => event.v === "b" && a.v === "a"))
  const spoilt = flow.map((match) => {
    const seen = { ids: [match.a.id, match.b.id].join() }
    Object.assign(match.a, { v: "spoilt", id: -1 })
    return seen
  })
  const rig = await Rig.open(service("s", [spoilt.to(files("out"))]))
  rig.produce("in", Array.from("abbb").map((v, id) => ({ k: "x", t: id, v, id })))
  rig.end("in")
  await rig.settle()
  assert.deepEqual(((await rig.values("s/out.rows")) as { ids: string }[]).map(({ ids }) => ids), ["0,1", "0,2", "0,3"])
})

test("a condition that throws costs its record, one that promises is refused, and too many beginnings are too", async () => {
  const input = stream<Event>("in", { partitions: 1, key: (event) => event.k, time: (event) => event.t })
  const all = (define: (start: PatternStart<Event>) => Pattern<Event, never, never, never>) => Rig.open(service("s", [input.match("m", define).to(files("out"))]))
  const given = Array.from({ length: 3 }, (_, id) => ({ k: "x", t: id, v: "ab"[id % 2] ?? "a", id }))
  const failing = await all((p) => p.begin("a", (event) => { if (event.id === 1) throw new Error("no"); return true }) as unknown as Defined)
  failing.produce("in", given)
  failing.end("in")
  await failing.settle()
  assert.deepEqual((await failing.deadLetters("in")).map(({ error }) => [error.code, error.message]), [["MR1201", "Error: no"]])
  assert.equal((await failing.values("s/out.rows")).length, 2)
  const promising = await all((p) => p.begin("a", (() => Promise.resolve(true)) as never) as unknown as Defined)
  promising.produce("in", given.slice(0, 1))
  promising.end("in")
  await promising.settle()
  assert.match((await promising.deadLetters("in"))[0]?.error.message ?? "", /^match "m": a condition returned a promise/)
  const many = await all((p) => p.begin("a").followedBy("never", () => false) as unknown as Defined)
  many.produce("in", Array.from({ length: 1_003 }, (_, id) => ({ k: "x", t: id, v: "a", id })))
  many.end("in")
  await many.settle()
  assert.deepEqual((await many.deadLetters("in")).map(({ error }) => error.code), ["MR1205", "MR1205", "MR1205"])
  // The open "o" lets none go that are complete behind it: 990 more with each "b".
  const waiting = await all((p) => open(p).followedByAny("b", closes).skip("to-next") as unknown as Defined)
  waiting.produce("in", Array.from(`o${"a".repeat(990)}${"b".repeat(51)}`, (v, id) => ({ k: "x", t: id, v, id })))
  waiting.end("in")
  await waiting.settle()
  assert.deepEqual((await waiting.deadLetters("in")).map(({ error }) => error.message), [
    'match "m": more than 50000 matches of one key are complete and wait for one that began before them. Give the pattern a shorter within, ' +
      "stricter conditions, or a skip that gives up what has begun.",
  ])
})
