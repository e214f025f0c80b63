/** What the compiler infers and refuses. The refusals are never run: that this file type-checks is the test. */
import assert from "node:assert/strict"
import { test } from "node:test"
import { type } from "arktype"
import * as v from "valibot"
import { z } from "zod"
import { day, files } from "./files.ts"
import {
  aggregate,
  calendar,
  collect,
  count,
  cumulating,
  distinctCount,
  type Duration,
  first,
  type Flow,
  global,
  hopping,
  type Keying,
  last,
  type Length,
  max,
  mean,
  min,
  type NoLength,
  type Pane,
  service,
  session,
  sliding,
  stream,
  sum,
  topN,
  tumbling,
} from "./index.ts"

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
type ValueOf<F> = F extends Flow<infer T, Keying> ? T : never
type KeyingOf<F> = F extends Flow<unknown, infer K> ? K : never

/** Compiles only for types that are the same. */
function same<A, B>(proof: Same<A, B>): void {
  assert.ok(proof)
}

interface Flight {
  origin: string
  delay: number
  date: Date
}

const zodFlights = stream("flights", {
  schema: z.object({ origin: z.string(), delay: z.number(), date: z.coerce.date<string>() }),
  key: (f) => f.origin,
  time: (f) => f.date,
})
const valibotFlights = stream("flights", {
  schema: v.object({
    origin: v.string(),
    delay: v.number(),
    date: v.pipe(v.string(), v.toDate()),
  }),
  key: (f) => f.origin,
  time: (f) => f.date,
})
const arktypeFlights = stream("flights", {
  schema: type({ origin: "string", delay: "number", date: "string.date.parse" }),
  key: (f) => f.origin,
  time: (f) => f.date,
})

test("zod, valibot and arktype give a stream the same types", () => {
  same<ValueOf<typeof zodFlights>, Flight>(true)
  same<ValueOf<typeof valibotFlights>, Flight>(true)
  same<ValueOf<typeof arktypeFlights>, Flight>(true)
  same<typeof zodFlights, typeof valibotFlights>(true)
  same<typeof zodFlights, typeof arktypeFlights>(true)
})

test("operators carry types on", () => {
  const delays = zodFlights.map((f, at) => ({ who: at.key, delay: f.delay, when: at.time }))
  same<ValueOf<typeof delays>, { who: string; delay: number; when: number }>(true)
  const known = zodFlights.map((f) => (f.delay > 0 ? f.origin : null)).filter((origin) => origin !== null)
  same<ValueOf<typeof known>, string>(true)
  const letters = known.flatMap((origin) => origin.split("")).peek((letter) => letter.length)
  same<ValueOf<typeof letters>, string>(true)
  const unkeyed = stream("plain", { schema: z.object({ who: z.string() }) })
  same<KeyingOf<typeof unkeyed>, "unkeyed">(true)
  const keyed = unkeyed.keyBy((p) => p.who)
  same<KeyingOf<typeof keyed>, "keyed">(true)
})

test("a split's branches have the types that their tests leave", () => {
  const shapes = stream<{ kind: "circle"; r: number } | { kind: "square"; side: number }>("shapes", { key: (shape) => shape.kind })
  const { circles, small, rest } = shapes.split({
    circles: (shape): shape is { kind: "circle"; r: number } => shape.kind === "circle",
    small: (shape, at) => shape.kind === "square" && shape.side < at.time,
  })
  same<ValueOf<typeof circles>, { kind: "circle"; r: number }>(true)
  same<ValueOf<typeof rest>, ValueOf<typeof shapes>>(true)
  same<KeyingOf<typeof small>, "keyed">(true)
  // @ts-expect-error it has no such branch
  assert.equal(shapes.split({ circles: () => true }).squares, undefined)
})

test("a stream without a schema has the type that it is given", () => {
  const plain = stream<{ a: number }>("plain")
  same<ValueOf<typeof plain>, { a: number }>(true)
  same<KeyingOf<typeof plain>, "unkeyed">(true)
  const keyed = stream<{ a: number }>("plain", { key: (p) => String(p.a), time: (p) => p.a })
  same<KeyingOf<typeof keyed>, "keyed">(true)
  const unknown = stream("plain")
  same<ValueOf<typeof unknown>, unknown>(true)
})

test("a window that may give several results of one key says which they are, one that cannot does not", () => {
  const plain = zodFlights.window("w", session({ gap: "5m" })).aggregate({ n: count() })
  same<ValueOf<typeof plain>, { readonly key: string; readonly start: Date; readonly end: Date; readonly n: number }>(true)
  const none = zodFlights.window("w", tumbling("1h"), { allowedLateness: 0 }).aggregate({ n: count() })
  same<ValueOf<typeof none>, ValueOf<typeof plain>>(true)
  const panes = zodFlights.window("w", tumbling("1h"), { allowedLateness: "5m" }).aggregate({ n: count() })
  same<ValueOf<typeof panes>["pane"], Pane>(true)
  const lateness = "5m" as Duration
  const perhaps = zodFlights.window("w", tumbling("1h"), { allowedLateness: lateness }).aggregate({ n: count() })
  same<ValueOf<typeof perhaps>["pane"], Pane | undefined>(true)
  const early = zodFlights.window("w", session({ gap: "5m" }), { early: "10s" }).aggregate({ n: count() })
  same<ValueOf<typeof early>["pane"], Pane>(true)
  const clocked = zodFlights.window("w", calendar("day"), { time: "processing" }).aggregate({ n: count() })
  same<ValueOf<typeof clocked>, ValueOf<typeof plain>>(true)
  same<typeof panes.late, Flow<Flight, "keyed">>(true)
})

test("a global window's result has no bounds, and its trigger knows the records and its own state", () => {
  const hundreds = zodFlights.window("w", global({ every: 100 })).aggregate({ n: count() })
  same<ValueOf<typeof hundreds>, { readonly key: string; readonly n: number }>(true)
  const custom = zodFlights
    .window(
      "w",
      global({
        trigger: {
          state: () => ({ late: 0 }),
          onRecord(flight, ctx) {
            same<typeof flight, Flight>(true)
            same<typeof ctx.state, { late: number }>(true)
            return flight.delay > 15 && ctx.state.late++ > 3 ? "fire" : "continue"
          },
          onTime: (ctx) => (ctx.state.late > 0 ? "fire-and-purge" : undefined),
        },
      }),
      { time: "processing" },
    )
    .aggregate({ worst: max((f) => f.delay) })
  same<ValueOf<typeof custom>["worst"], number>(true)
  const sliding1h = zodFlights.window("w", sliding({ size: "1h" })).aggregate({ n: count() })
  same<ValueOf<typeof sliding1h>, { readonly key: string; readonly start: Date; readonly end: Date; readonly n: number }>(true)
  assert.ok(custom)
})

test("a trigger of a window with bounds knows them, the records and its own state, and results say why they come", () => {
  const hundreds = zodFlights.window("w", tumbling("1h")).trigger({ every: 100, keep: true }).aggregate({ n: count() })
  same<ValueOf<typeof hundreds>, { readonly key: string; readonly start: Date; readonly end: Date; readonly pane: Pane; readonly n: number }>(true)
  const custom = zodFlights
    .window("w", calendar("day"), { allowedLateness: "1h" })
    .trigger({
      state: () => ({ late: 0 }),
      onRecord(flight, ctx) {
        same<typeof flight, Flight>(true)
        same<typeof ctx.state, { late: number }>(true)
        ctx.setTimer(ctx.end - ctx.start)
        return flight.delay > 15 && ctx.state.late++ > 3 ? "fire" : "continue"
      },
      onTime: (ctx) => (ctx.state.late > 0 ? "fire-and-purge" : undefined),
    })
    .aggregate({ worst: max((f) => f.delay) })
  same<ValueOf<typeof custom>["pane"], Pane>(true)
})

test("a length that the compiler cannot know is taken", () => {
  const minutes = 5 as number
  tumbling(`${minutes}m`)
  tumbling(minutes * 60_000)
  hopping({ size: "1h", every: `${minutes}m`, offset: "0s" })
  const given = "5m" as Duration
  assert.equal(session({ gap: given }).gap, "5m")
  assert.equal(tumbling(given).size, tumbling({ size: given }).size)
  assert.equal(hopping({ size: given, every: given }).every, sliding({ size: given }).size)
  same<Length<"-1h">, NoLength>(true)
  same<Length<"1h">, "1h">(true)
  same<Length<Duration>, Duration>(true)
})

test("a trigger of sessions knows what it makes of two states", () => {
  const visits = zodFlights
    .window("w", session({ gap: "1h" }))
    .trigger({
      state: () => ({ late: 0 }),
      onRecord(flight, ctx) {
        same<typeof flight, Flight>(true)
        return ctx.state.late++ > 3 ? "fire" : "continue"
      },
      merge(earlier, later) {
        same<typeof later, { late: number }>(true)
        return { late: earlier.late + later.late }
      },
    })
    .aggregate({ n: count() })
  same<ValueOf<typeof visits>["pane"], Pane>(true)
  const stateless = zodFlights.window("w", session({ gap: "1h" })).trigger({ onRecord: (flight) => (flight.delay > 15 ? "fire" : "continue") })
  assert.ok(stateless)
  const counted = zodFlights.windowAll("w", session({ gap: "1h" })).trigger({ every: 5, keep: true })
  assert.ok(counted)
})

test("a window's reduce has the type of its records", () => {
  const worst = zodFlights.window("w", session({ gap: "1h" }), { early: "1m" }).reduce((high, flight) => (flight.delay > high.delay ? flight : high))
  same<ValueOf<typeof worst>["value"], Flight>(true)
  same<ValueOf<typeof worst>["pane"], Pane>(true)
  // @ts-expect-error what it makes of two flights is a flight
  zodFlights.window("w", tumbling("1h")).reduce((high, flight) => high.delay + flight.delay)
})

test("the top of a window is a list of its records", () => {
  const worst = zodFlights.window("w", tumbling("1h")).aggregate({ worst: topN({ n: 3, by: (f) => [f.delay, f.date] }) })
  same<ValueOf<typeof worst>["worst"], readonly Flight[]>(true)
  // @ts-expect-error an object has no rank
  zodFlights.window("w", tumbling("1h")).aggregate({ worst: topN({ n: 3, by: (f) => ({ delay: f.delay }) }) })
})

test("windows over all records need no key and have the types of windows by key", () => {
  const unkeyed = stream<Flight>("unkeyed")
  const all = unkeyed.windowAll("w", tumbling("1h")).aggregate({ n: count() })
  same<ValueOf<typeof all>, { readonly key: string; readonly start: Date; readonly end: Date; readonly n: number }>(true)
  same<typeof all.late, Flow<Flight, "keyed">>(true)
  const early = unkeyed.windowAll("w", calendar("day"), { early: "1h" }).aggregate({ worst: max((f) => f.delay) })
  same<ValueOf<typeof early>["pane"], Pane>(true)
  const everything = unkeyed.windowAll("w", global({ every: 10 })).aggregate({ n: count() })
  same<ValueOf<typeof everything>, { readonly key: string; readonly n: number }>(true)
})

test("a sum is of numbers, a maximum of what has an order", () => {
  const hourly = zodFlights.window("hourly", tumbling("1h"))
  // @ts-expect-error a text is no number
  hourly.aggregate({ total: sum((f) => f.origin) })
  // @ts-expect-error a date is no number
  hourly.aggregate({ middle: mean((f) => f.date) })
  // @ts-expect-error an object has no order
  hourly.aggregate({ most: max((f) => ({ delay: f.delay })) })
})

test("a window's result has the types of its aggregates", () => {
  const hourly = zodFlights.window("hourly", tumbling("1h")).aggregate({
    flights: count(),
    delayed: count((f) => f.delay > 15),
    total: sum((f) => f.delay),
    mean: mean((f) => f.delay),
    worst: max((f) => f.delay),
    earliest: min((f) => f.date),
    opening: first((f) => f.origin),
    closing: last((f) => f),
    delays: collect((f) => f.delay),
    origins: distinctCount((f) => f.origin),
    spread: aggregate({
      init: () => ({ low: 0, high: 0 }),
      add: ({ low, high }, f: Flight) => ({ low: Math.min(low, f.delay), high: Math.max(high, f.delay) }),
      merge: (a, b) => ({ low: Math.min(a.low, b.low), high: Math.max(a.high, b.high) }),
      result: ({ low, high }) => high - low,
    }),
  })
  type Expected = {
    readonly key: string
    readonly start: Date
    readonly end: Date
    readonly flights: number
    readonly delayed: number
    readonly total: number
    readonly mean: number
    readonly worst: number
    readonly earliest: Date
    readonly opening: string
    readonly closing: Flight
    readonly delays: readonly number[]
    readonly origins: number
    readonly spread: number
  }
  same<ValueOf<typeof hourly>, Expected>(true)
  same<ValueOf<typeof hourly.late>, Flight>(true)
})

test("aggregates of values that may be missing may be null", () => {
  const readings = stream("readings", {
    schema: z.object({ room: z.string(), heat: z.number().nullable(), note: z.string().optional() }),
    key: (r) => r.room,
  })
  const result = readings.window("w", hopping({ size: "5m", every: "1m" })).aggregate({
    total: sum((r) => r.heat),
    mean: mean((r) => r.heat),
    least: min((r) => r.note),
    latest: last((r) => r.heat),
    all: collect((r) => r.heat),
  })
  type Expected = {
    readonly key: string
    readonly start: Date
    readonly end: Date
    readonly total: number | null
    readonly mean: number | null
    readonly least: string | null
    readonly latest: number | null
    readonly all: readonly number[]
  }
  same<ValueOf<typeof result>, Expected>(true)
})

test("a process infers its state and what it gives", () => {
  const given = zodFlights.process("changes", {
    state: () => ({ last: 0 }),
    *onRecord(f, ctx) {
      same<typeof ctx.state, { last: number }>(true)
      if (f.delay > ctx.state.last) yield { rise: f.delay - ctx.state.last }
      ctx.state.last = f.delay
      ctx.setTimer(ctx.time + 1000)
    },
    onTimer(ctx) {
      return ctx.watermark > 0 ? [ctx.key] : undefined
    },
  })
  same<ValueOf<typeof given>, string | { rise: number }>(true)
})

export function refused(): void {
  const schema = z.object({ origin: z.string(), delay: z.number(), date: z.coerce.date() })
  // @ts-expect-error the field is not in the schema
  stream("a", { schema, key: (f) => f.orign })
  // @ts-expect-error a key is a string
  stream("a", { schema, key: (f) => f.delay })
  // @ts-expect-error a boolean is no event time
  stream("a", { schema, time: (f) => f.delay > 0 })
  // @ts-expect-error "2 hours" is no duration
  stream("a", { schema, outOfOrder: "2 hours" })
  // @ts-expect-error the option is misspelt
  stream("a", { schema, outOfOder: "2h" })
  // @ts-expect-error JSON cannot carry a Date: z.coerce.date() takes what it can
  stream("a", { schema: z.object({ at: z.date() }) })
  // @ts-expect-error a key of a stream without a schema is a string
  stream<{ a: number }>("a", { key: (value) => value.a })

  // @ts-expect-error a window needs a key
  stream("a", { schema }).window("w", tumbling("1h"))
  // @ts-expect-error the option is misspelt
  zodFlights.window("w", tumbling("1h"), { allowedLatenes: "1s" })
  // @ts-expect-error by the clock no record is late
  zodFlights.window("w", tumbling("1h"), { time: "processing", allowedLateness: "5m" })
  // @ts-expect-error there is no such unit
  zodFlights.window("w", calendar("decade"))
  // @ts-expect-error a sliding window gives one result and takes nothing after it
  zodFlights.window("w", sliding({ size: "1h" }), { allowedLateness: "5m" })
  // @ts-expect-error what a trigger says is the result that there is
  zodFlights.window("w", global({ every: 10 }), { early: "5m" })
  // @ts-expect-error by time or by rows, not by both
  sliding({ size: "1h", rows: 5 })
  // @ts-expect-error nothing would make it fire
  global({})
  // @ts-expect-error a trigger looks at records
  global({ trigger: { onTime: () => "fire" } })
  // @ts-expect-error a trigger of other records
  zodFlights.window("w", global({ trigger: { onRecord: (value: { other: number }) => (value.other > 1 ? "fire" : "purge") } }))
  // @ts-expect-error no such decision
  zodFlights.window("w", global({ trigger: { onRecord: () => "stop" } }))
  // @ts-expect-error nothing would make it fire
  zodFlights.window("w", tumbling("1h")).trigger({})
  // @ts-expect-error a trigger looks at records
  zodFlights.window("w", tumbling("1h")).trigger({ onTime: () => "fire" })
  // @ts-expect-error by count or by code, not by both
  zodFlights.window("w", tumbling("1h")).trigger({ every: 5, onRecord: () => "fire" })
  // @ts-expect-error no such decision
  zodFlights.window("w", tumbling("1h")).trigger({ onRecord: () => "stop" })
  // @ts-expect-error sessions merge: the trigger must say what becomes of its state
  zodFlights.window("w", session({ gap: "1s" })).trigger({ state: () => 0, onRecord: () => "fire" })
  // @ts-expect-error the state of two sessions is a state
  zodFlights.window("w", session({ gap: "1s" })).trigger({ state: () => 0, onRecord: () => "fire", merge: (a, b) => `${a}${b}` })
  // @ts-expect-error tumbling windows do not merge
  zodFlights.window("w", tumbling("1s")).trigger({ state: () => 0, onRecord: () => "fire", merge: (a: number) => a })
  // @ts-expect-error a global window's trigger is a part of it
  zodFlights.window("w", global({ every: 5 })).trigger({ every: 5 })
  // @ts-expect-error a window is longer than nothing
  tumbling("-1h")
  // @ts-expect-error nor is this one
  tumbling("0s")
  // @ts-expect-error nor this one
  tumbling({ size: "0d", offset: "1h" })
  // @ts-expect-error nor this one
  tumbling(-5)
  // @ts-expect-error windows that begin all the time
  hopping({ size: "1h", every: "0s" })
  // @ts-expect-error a negative length
  hopping({ size: "-1h", every: "1m" })
  // @ts-expect-error steps of nothing
  cumulating({ size: "1d", every: "0h" })
  // @ts-expect-error a gap of nothing
  session({ gap: 0 })
  // @ts-expect-error a negative gap
  session({ gap: "-5m" })
  // @ts-expect-error a window of nothing
  sliding({ size: "0ms" })
  // @ts-expect-error "an hour" is no duration
  tumbling("an hour")
  // @ts-expect-error sessions have a gap
  zodFlights.window("w", session({ size: "1s" }))
  // @ts-expect-error sessions of two flows cannot be joined
  zodFlights.join("j", zodFlights, { window: session({ gap: "1s" }) }, () => 0)
  // @ts-expect-error a process needs a key
  stream("a", { schema }).process("p", { state: () => 0, onRecord: () => undefined })
  // @ts-expect-error a new key is a string
  zodFlights.keyBy((f) => f.delay)
  // @ts-expect-error so does the test of a branch
  zodFlights.split({ late: (f) => f.delay })
  // @ts-expect-error the rest is there without being asked for
  zodFlights.split({ rest: () => true })
  // @ts-expect-error filter answers true or false
  zodFlights.filter((f) => f.delay)

  const window = zodFlights.window("w", tumbling("1h"))
  // @ts-expect-error the field is not in the schema
  window.aggregate({ n: mean((f) => f.dely) })
  // @ts-expect-error a mean is of numbers
  window.aggregate({ n: mean((f) => f.origin) })
  // @ts-expect-error results have a key already
  window.aggregate({ key: count() })
  // @ts-expect-error the aggregate is of other values
  window.aggregate({ n: sum((p: { amount: number }) => p.amount) })
  // @ts-expect-error the aggregate needs more than these values have
  window.aggregate({ n: sum((p: Flight & { more: number }) => p.more) })

  // @ts-expect-error rows have no such column
  zodFlights.to(files("f", { partitionBy: ["destination"] }))
  // @ts-expect-error the day of a column that is no Date
  zodFlights.to(files("f", { partitionBy: [day("origin")] }))
  // @ts-expect-error a row is an object
  zodFlights.map((f) => f.delay).to(files("f"))
  // @ts-expect-error a row is not a list
  zodFlights.map((f) => [f.delay]).to(files("f"))
  // @ts-expect-error the stream takes other values
  zodFlights.map((f) => ({ who: f.origin })).to(zodFlights)
  // @ts-expect-error the stream takes its schema's input, where the date is a text
  zodFlights.to(valibotFlights)
  // @ts-expect-error a flow that goes nowhere is no part of a service
  service("s", [zodFlights.map((f) => f.delay)])
  // @ts-expect-error the state is a number
  zodFlights.process("p", { state: () => 0, onRecord: (_, ctx) => void ctx.state.length })
}

test("an asynchronous call gives what its promise gives, and a lookup knows whether it may have found nothing", () => {
  const scored = zodFlights.mapAsync("scored", async (f, { signal, attempt }) => ({ origin: f.origin, attempt, over: signal.aborted }))
  same<ValueOf<typeof scored>, { origin: string; attempt: number; over: boolean }>(true)
  same<KeyingOf<typeof scored>, "keyed">(true)
  const sync = zodFlights.mapAsync("sync", (f) => f.delay)
  same<ValueOf<typeof sync>, number>(true)
  const load = async (keys: readonly string[]): Promise<Map<string, { city: string }>> => new Map(keys.map((key) => [key, { city: key }]))
  const inner = zodFlights.lookup("inner", { key: (f) => f.origin, load }, (f, airport) => airport.city)
  same<ValueOf<typeof inner>, string>(true)
  const left = zodFlights.lookup("left", { key: (f) => f.origin, load, type: "left" }, (_, airport) => airport)
  same<ValueOf<typeof left>, { city: string } | undefined>(true)
  // @ts-expect-error of a left lookup, there may be none
  zodFlights.lookup("left", { key: (f) => f.origin, load, type: "left" }, (_, airport) => airport.city)
})
