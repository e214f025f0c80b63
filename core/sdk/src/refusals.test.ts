/** Everything that definitions refuse, each with its code, its place and its mend. */
import assert from "node:assert/strict"
import { test } from "node:test"
import { type ErrorCode, isMillraceError } from "@millrace/model"
import * as v from "valibot"
import { z } from "zod"
import { type FilesOptions, files } from "./files.ts"
import {
  aggregate,
  type Aggregate,
  calendar,
  count,
  cumulating,
  type AlignedWindow,
  type Duration,
  type ErrorClass,
  global,
  hopping,
  type HoppingOptions,
  keepCounter,
  keepReduced,
  mean,
  service,
  session,
  type SessionOptions,
  type SessionWindow,
  sliding,
  stream,
  task,
  type StreamSettings,
  topN,
  tumbling,
  type TumblingOptions,
  type WindowShape,
} from "./index.ts"

interface Row {
  readonly who: string
  readonly n: number
}

const rows = stream<Row>("rows", { key: (row) => row.who })

function refused(code: ErrorCode, says: RegExp, define: () => unknown): void {
  assert.throws(define, (error: unknown) => {
    assert.ok(isMillraceError(error), String(error))
    assert.equal(error.code, code, error.message)
    assert.match(error.message, says)
    return true
  })
}

/** What JavaScript lets through and TypeScript would not. */
function loose<T>(thing: unknown): T {
  return thing as T
}

test("a stream refuses settings that are not valid, naming itself", () => {
  const refusals: [RegExp, StreamSettings][] = [
    [/^stream "x", partitions: 0 is not a whole number from 1 to 1024\.$/, { partitions: 0 }],
    [/^stream "x", partitions: 1025 /, { partitions: 1025 }],
    [/^stream "x", partitions: 1\.5 /, { partitions: 1.5 }],
    [/^stream "x", outOfOrder: "-1s" is not a duration/, { outOfOrder: "-1s" }],
    [/^stream "x", outOfOrder: "soon" is not a duration/, { outOfOrder: loose("soon") }],
    [/^stream "x", retention: null must|^stream "x", retention: /, { retention: Number.NaN }],
    [/^stream "x", ahead: -1 /, { ahead: -1 }],
    [/^stream "x", ahead: 0\.5 must be whole milliseconds\.$/, { ahead: 0.5 }],
    [/^stream "x", retention: 1000000000001 must be at most /, { retention: 1e12 + 1 }],
    [/^stream "x", idle: "0s" must be at least 1 ms\.$/, { idle: "0s" }],
    [/^stream "x": there is no option "outOfOder"; there are schema, key, /, loose({ outOfOder: "1s" })],
    [/^stream "x", schema: expected a Standard Schema/, loose({ schema: {} })],
    [/^stream "x", key: expected a function, got string\.$/, loose({ key: "who" })],
    [/^stream "x", time: expected a function, got null\.$/, loose({ time: null })],
    [/^stream "x": the options must be an object/, loose(null)],
  ]
  for (const [says, options] of refusals) refused("MR1101", says, () => stream("x", options))
})

test("a name is 1 to 128 letters, digits and .-_, and begins with none of .-", () => {
  for (const name of [
    "",
    ".",
    "..",
    "../up",
    "-x",
    "a b",
    "a/b",
    "ä",
    "x".repeat(129),
    loose<string>(7),
    loose<string>(undefined),
  ]) {
    refused("MR1101", /is not a name/, () => stream(name))
    refused("MR1101", /is not a name/, () => rows.window(name, tumbling("1h")))
    refused("MR1101", /is not a name/, () => rows.process(name, { state: () => 0, onRecord: () => [] }))
    refused("MR1101", /is not a name/, () => files(name))
    refused("MR1101", /is not a name/, () => service(name, []))
  }
  for (const name of ["x", "_x", "7", "a.b-c_D", "x".repeat(128)]) assert.equal(stream(name).name, name)
})

test("a stream cannot take the name of a dead-letter stream", () => {
  refused("MR1101", /names that end in \.dead-letter/, () => stream("x.dead-letter"))
})

test("a window refuses shapes that are not valid, naming itself", () => {
  // As the compiler does not know them: it refuses those that it knows.
  const nothing: Duration = loose("0s")
  const none = 0 as Duration
  const negative: Duration = loose(-5)
  const refusals: [RegExp, WindowShape][] = [
    [/^window "w", size: "0s" must be at least 1 ms\.$/, tumbling(nothing)],
    [/^window "w", size: -5 is not a duration/, tumbling(negative)],
    [/^window "w", offset: "-1h" is not a duration/, tumbling({ size: "1h", offset: "-1h" })],
    [/^window "w", every: 0 must be at least 1 ms\.$/, hopping({ size: "1h", every: none })],
    [/^window "w": every \(7200000 ms\) is longer than size/, hopping({ size: "1h", every: "2h" })],
    [/^window "w": size \(3600000 ms\) is no multiple of every \(2100000 ms\)\. Make size a multiple/, cumulating({ size: "1h", every: "35m" })],
    [/^window "w": every \(7200000 ms\) is longer than size/, cumulating({ size: "1h", every: "2h" })],
    [/^window "w": each record would belong to 1001 windows; at most 1000/, hopping({ size: 1001, every: 1 })],
    [/^window "w", gap: "0s" must be at least 1 ms\.$/, session({ gap: nothing })],
    [/^window "w", gap: undefined is not a duration/, loose({ kind: "session" })],
    [/^window "w": "decade" is no calendar unit; there are day, week, month, quarter, year\.$/, calendar(loose("decade"))],
    [/^window "w", timeZone: "Europe\/Berlinn" is no time zone that this runtime knows/, calendar("day", { timeZone: "Europe/Berlinn" })],
    [/^window "w", firstWeekday: 0 is not a whole number from 1 to 7/, calendar("week", { firstWeekday: 0 })],
    [/^window "w", offset: "24h" must be less than a day/, calendar("day", { offset: "24h" })],
    [/^window "w": a sliding window has a size, such as "1h", or a number of rows: give one of both/, sliding(loose({}))],
    [/^window "w": a sliding window has a size/, sliding(loose({ size: "1h", rows: 2 }))],
    [/^window "w", rows: 1001 is not a whole number from 1 to 1000/, sliding({ rows: 1001 })],
    [/^window "w", size: "0s" must be at least 1 ms\.$/, sliding({ size: nothing })],
    [/^window "w": nothing would ever make it give a result/, global(loose({}))],
    [/^window "w": only one of both can decide/, global(loose({ every: 2, trigger: { onRecord: () => "fire" } }))],
    [/^window "w", every: 0 is not a whole number from 1/, global({ every: 0 })],
    [/^window "w": a trigger without onRecord can never fire/, global(loose({ trigger: { onTime: () => "fire" } }))],
    [/^window "w", trigger.onTime: expected a function/, global(loose({ trigger: { onRecord: () => "fire", onTime: 5 } }))],
    [/^window "w", trigger: there is no option "onEvent"/, global(loose({ trigger: { onEvent: () => "fire" } }))],
    [/^window "w": keep goes with every/, global(loose({ trigger: { onRecord: () => "fire" }, keep: true }))],
    [/^window "w": give a shape/, loose("1h")],
    [/^window "w": give a shape/, loose(undefined)],
  ]
  for (const [says, shape] of refusals) refused("MR1101", says, () => rows.window("w", loose<SessionWindow>(shape)))
  const daily = rows.window("w", tumbling("1d"))
  refused("MR1101", /^window "w": a trigger without onRecord can never fire/, () => daily.trigger(loose<{ every: number }>({})))
  refused("MR1101", /^window "w", every: 0 is not a whole number from 1/, () => daily.trigger({ every: 0 }))
  refused("MR1101", /^window "w", trigger: there is no option "onTime"/, () => daily.trigger(loose<{ every: number }>({ every: 5, onTime: () => "fire" })))
  refused("MR1101", /^window "w": either early or a trigger decides when results come ahead of the end/, () =>
    rows.window("w", tumbling("1d"), { early: "1h" }).trigger({ every: 5 }),
  )
  refused("MR1101", /^window "w": a sliding window takes no trigger of its own; tumbling, hopping, calendar and session windows do/, () =>
    rows.window("w", loose<AlignedWindow>(sliding({ rows: 2 }))).trigger({ every: 5 }),
  )
  const sessions = rows.window("w", session({ gap: "1h" }))
  refused("MR1101", /^window "w": sessions merge, and this trigger does not say what becomes of its state then\. Give it merge/, () =>
    sessions.trigger(loose<{ every: number }>({ state: () => 0, onRecord: () => "fire" })),
  )
  refused("MR1101", /^window "w", trigger\.merge: expected a function/, () => sessions.trigger(loose<{ every: number }>({ onRecord: () => "fire", merge: 5 })))
  refused("MR1101", /^window "w": a trigger without onRecord can never fire/, () => sessions.trigger(loose<{ every: number }>({ merge: () => 0 })))
  refused("MR1101", /^windowAll: "a b" is not a name/, () => rows.windowAll("a b", tumbling("1d")))
  refused("MR1101", /^window "w", allowedLateness: "-1s" is not/, () =>
    rows.window("w", tumbling("1h"), { allowedLateness: "-1s" }),
  )
  refused("MR1101", /^window "w": there is no option "lateness"/, () =>
    rows.window("w", tumbling("1h"), loose({ lateness: "1s" })),
  )
  refused("MR1101", /^window "w", early: "0s" must be at least 1 ms\.$/, () => rows.window("w", tumbling("1h"), { early: "0s" }))
  refused("MR1101", /^window "w", time: "clock" is neither "event" nor "processing"/, () =>
    rows.window("w", tumbling("1h"), loose({ time: "clock" })),
  )
  refused("MR1101", /^window "w": by processing time no record is late; leave allowedLateness away/, () =>
    rows.window("w", tumbling("1h"), loose({ time: "processing", allowedLateness: "1s" })),
  )
  refused("MR1101", /^window "w": there is no option "early"; there are time/, () =>
    rows.window("w", sliding({ rows: 2 }), loose({ early: "1s" })),
  )
  refused("MR1101", /^window "w": there is no option "allowedLateness"; there are time/, () =>
    rows.window("w", global({ every: 2 }), loose({ allowedLateness: "1s" })),
  )
  refused("MR1101", /^calendar: there is no option "zone"/, () => calendar("day", loose({ zone: "UTC" })))
  refused("MR1101", /^tumbling: there is no option "every"/, () => tumbling(loose<TumblingOptions>({ size: "1h", every: "1h" })))
  refused("MR1101", /^hopping: the options must be an object/, () => hopping(loose<HoppingOptions>("1h")))
  refused("MR1101", /^session: there is no option "size"/, () => session(loose<SessionOptions>({ size: "1h" })))
  refused("MR1101", /^join "j", window: give a shape/, () =>
    rows.join("j", rows, { window: loose(session({ gap: "1h" })) }, () => 0),
  )
  assert.doesNotThrow(() => rows.window("w", hopping({ size: 1000, every: 1 })))
  assert.doesNotThrow(() => rows.window("w", hopping({ size: "7s", every: "2s" })), "every need not divide size")
})

test("aggregates cannot be named like the window's own fields", () => {
  const window = rows.window("w", tumbling("1h"))
  for (const name of ["key", "start", "end", "pane", "__proto__"]) {
    refused("MR1101", /^window "w": an aggregate cannot be named/, () =>
      window.aggregate(loose<never>(Object.fromEntries([[name, count()]]))),
    )
  }
  refused("MR1101", /^window "w": "n" is not an aggregate/, () =>
    window.aggregate({ n: loose<Aggregate<Row, number>>(count) }),
  )
  refused("MR1101", /^window "w": aggregate takes an object/, () => window.aggregate(loose<never>(undefined)))
  refused("MR1101", /^window "w": there is nothing to aggregate/, () => window.aggregate({}))
  refused("MR1101", /^aggregate "a": there is nothing to aggregate/, () => rows.aggregate("a", {}))
})

test("operators and aggregates take functions", () => {
  refused("MR1101", /^map: expected a function, got string/, () => rows.map(loose("n")))
  refused("MR1101", /^filter: expected a function/, () => rows.filter(loose(true)))
  refused("MR1101", /^flatMap: expected a function/, () => rows.flatMap(loose([])))
  refused("MR1101", /^split, large: expected a function, got number/, () => rows.split(loose<{ readonly large: () => boolean }>({ large: 5 })))
  refused("MR1101", /^split: "rest" is the branch of what passes no test; give this one another name/, () => rows.split(loose<{ readonly large: () => boolean }>({ rest: () => true })))
  refused("MR1101", /^split: there is no branch; give a test for each/, () => rows.split({}))
  refused("MR1101", /^split: "a b" is not a name/, () => rows.split({ "a b": () => true }))
  refused("MR1101", /^split: expected an object/, () => rows.split(loose<{ readonly large: () => boolean }>(undefined)))
  refused("MR1101", /^peek: expected a function/, () => rows.peek(loose(undefined)))
  refused("MR1101", /^keyBy: expected a function/, () => rows.keyBy(loose("who")))
  refused("MR1101", /^mean: expected a function/, () => mean(loose<never>("n")))
  refused("MR1101", /^count: expected a function/, () => count(loose<never>("n")))
  refused("MR1101", /^aggregate, merge: expected a function, got undefined/, () =>
    aggregate(loose<never>({ init: () => 0, add: () => 0, result: () => 0 })),
  )
  refused("MR1101", /^process "p", state: expected a function/, () =>
    rows.process("p", loose<never>({ onRecord: () => [] })),
  )
  refused("MR1101", /^process "p", onTimer: expected a function/, () =>
    rows.process("p", loose<never>({ state: () => 0, onRecord: () => [], onTimer: 1 })),
  )
  refused("MR1101", /^process "p": there is no option "onTick"/, () =>
    rows.process("p", loose<never>({ state: () => 0, onRecord: () => [], onTick: () => [] })),
  )
  refused("MR1101", /^to: give a stream, or a sink/, () => rows.to(loose<never>("out")))
  refused("MR1101", /^to: give a stream, or a sink/, () => rows.to(loose<never>(undefined)))
  refused("MR1101", /^topN, n: 0 is not a whole number from 1 to 1000/, () => topN({ n: 0, by: (row: Row) => row.n }))
  refused("MR1101", /^topN, order: "up" is neither/, () => topN({ n: 1, by: (row: Row) => row.n, order: loose("up") }))
  refused("MR1101", /^topN, by: expected a function/, () => topN({ n: 1, by: loose<() => number>(1) }))
})

test("a file sink refuses settings that are not valid, naming itself", () => {
  const refusals: [RegExp, FilesOptions<readonly []>][] = [
    [/^files "f", format: "xlsx" is none of parquet, ndjson, ndjson\.gz, csv\.$/, loose({ format: "xlsx" })],
    [/^files "f", to: "" is neither/, { to: "" }],
    [/^files "f", to: "s3:\/\/" is neither/, { to: "s3://" }],
    [/^files "f", partitionBy: 7 is neither a column/, loose({ partitionBy: [7] })],
    [/^files "f", partitionBy: "" is neither a column/, loose({ partitionBy: [""] })],
    [/^files "f", partitionBy: .* is neither a column/, loose({ partitionBy: [{ column: "at", by: "week" }] })],
    [/^files "f", partitionBy: .* is neither a column/, loose({ partitionBy: [{ column: "at", by: "toString" }] })],
    [
      /^files "f", partitionBy: the path would hold "at_day" twice\./,
      loose({ partitionBy: ["at_day", { column: "at", by: "day" }] }),
    ],
    [/^files "f", roll size: "0B" is not|^files "f", roll size: 0 is not/, { roll: { size: "0B" } }],
    [/^files "f", roll size: 2147483648 is not a whole number from 1 to 1073741824/, { roll: { size: "2GB" } }],
    [/^files "f", roll size: "big" is not a size/, { roll: { size: loose("big") } }],
    [/^files "f", roll every: "0s" must be at least 1 ms/, { roll: { every: "0s" } }],
    [/^files "f", roll: there is no option "rows"/, { roll: loose({ rows: 5 }) }],
    [/^files "f": there is no option "path"/, loose({ path: "out" })],
  ]
  for (const [says, options] of refusals) refused("MR1101", says, () => files("f", options))
})

test("a service takes outlets and streams", () => {
  refused("MR1101", /^service "s": give an array of outlets/, () => service("s", loose<[]>(rows.to(files("f")))))
  refused("MR1101", /^service "s": part 1 is not an outlet/, () =>
    service("s", [rows.to(files("f")), loose(rows.map((row) => row))]),
  )
  refused("MR1101", /^service "s": part 0 is not an outlet/, () => service("s", [loose(undefined)]))
})

test("two operators with one name are refused", () => {
  const a = rows.window("same", tumbling("1h")).aggregate({ n: count() })
  const b = rows.process("same", { state: () => 0, onRecord: () => [{}] })
  refused(
    "MR1102",
    /^service "s": two definitions, a window and a process, are both named "same"\. .* rename one\./,
    () => service("s", [a.to(files("fa")), b.to(files("fb"))]),
  )
})

test("a window and the sink of its results may have one name", () => {
  const a = rows.window("same", tumbling("1h")).aggregate({ n: count() })
  assert.doesNotThrow(() => service("s", [a.to(files("same"))]))
})

test("two sinks with one name are refused", () => {
  refused("MR1102", /both named "f"/, () => service("s", [rows.to(files("f")), rows.to(files("f", { format: "csv" }))]))
})

test("two streams with one name are refused", () => {
  const other = stream<Row>("rows", { key: (row) => row.who })
  refused("MR1102", /two different streams are both named "rows"/, () =>
    service("s", [rows.to(files("a")), other.to(files("b"))]),
  )
  refused("MR1102", /two different streams are both named "rows"/, () => service("s", [rows.to(other)]))
})

test("a stateful operator on records without a key is refused", () => {
  const unkeyed = stream<Row>("unkeyed")
  const window = loose<typeof rows>(unkeyed).window("w", tumbling("1h")).aggregate({ n: count() })
  refused(
    "MR1103",
    /^service "s": the window "w" reads records that have no key\. Give its stream a key, or put \.keyBy/,
    () => service("s", [window.to(files("f"))]),
  )
  const process = loose<typeof rows>(unkeyed.map((row) => row)).process("p", { state: () => 0, onRecord: () => [{}] })
  refused("MR1103", /the process "p" reads records that have no key/, () => service("s", [process.to(files("f"))]))
  const answer = task("answer", { run: (row: Row) => row })
  const unlike = (name: string, left: typeof rows, right: typeof rows) => left.join(name, right, { within: "10m" }, (row) => row).to(files("f"))
  const outputs = loose<typeof rows>(answer.output)
  refused("MR1103", /the join "j" reads records that have no key on its right side, from stream "answer.output"\. Give that stream a key, or put \.keyBy/, () =>
    service("s", [unlike("j", rows, outputs)]),
  )
  refused("MR1103", /no key on its left side, from stream "answer.output"\./, () => service("s", [unlike("j", outputs, rows)]))
  refused("MR1103", /no key on its right side, from stream "unkeyed"\./, () => service("s", [unlike("j", rows, loose(unkeyed.map((row) => row)))]))
  assert.doesNotThrow(() => service("s", [unkeyed.to(files("f"))]), "what keeps nothing needs no key")
})

test("a sink fed by two flows is refused", () => {
  const out = files("out")
  refused("MR1103", /^service "s": the sink "out" is fed by two flows\. Send both to one stream/, () =>
    service("s", [rows.to(out), rows.filter((row) => row.n > 0).to(out)]),
  )
  const other = stream<Row>("other", { key: (row) => row.who })
  refused("MR1103", /the sink "out" is fed by two flows/, () => service("s", [rows.to(out), other.to(out)]))
})

test("streams that form a cycle are refused", () => {
  const a = stream<Row>("a", { key: (row) => row.who })
  const b = stream<Row>("b", { key: (row) => row.who })
  refused("MR1103", /the streams form a cycle: "a" to "b" to "a"\./, () =>
    service("s", [a.to(b), b.filter((row) => row.n > 0).to(a)]),
  )
  refused("MR1103", /the streams form a cycle: "a" to "a"\./, () => service("s", [a.to(a)]))
  const hourly = b
    .keyBy((row) => row.who)
    .window("w", tumbling("1h"))
    .aggregate({ n: count() })
  refused("MR1103", /the streams form a cycle: ("a" to "b" to "a"|"b" to "a" to "b")\./, () =>
    service("s", [hourly.map((w) => ({ who: w.key, n: w.n })).to(a), a.to(b)]),
  )
})

test("a stream written from more partitions than a block can number is refused", () => {
  const target = stream<Row>("target", { key: (row) => row.who })
  const outlets = Array.from({ length: 65 }, (_, i) => stream<Row>(`in-${i}`, { partitions: 1024 }).to(target))
  refused("MR1103", /the stream "target" is written from more than 65536 partitions/, () => service("s", outlets))
  assert.doesNotThrow(() => service("s", outlets.slice(0, 64)))
})

test("a process refuses what it cannot keep, naming it", () => {
  const define = (more: object) => () => rows.process("p", { state: () => 0, onRecord: () => undefined, ...more })
  refused("MR1101", /^process "p", keeps\.seen: expected keepValue\(\)/, define({ keeps: { seen: new Map() } }))
  refused("MR1101", /^process "p", keeps\.seen, ttl: 0 must be at least 1 ms\.$/, define({ keeps: { seen: keepCounter({ ttl: 0 }) } }))
  refused("MR1101", /^process "p", keeps\.seen, ttlBy: "clock" is neither/, define({ keeps: { seen: keepCounter({ ttlBy: loose("clock") }) } }))
  refused("MR1101", /^process "p", keeps\.seen: there is no option "tll"/, define({ keeps: { seen: keepCounter(loose({ tll: 1 })) } }))
  refused("MR1101", /^process "p", sides\.out: expected side<…>\(\)\.$/, define({ sides: { out: true } }))
  refused("MR1101", /^keepReduced: expected a function/, () => keepReduced(loose<() => number>(undefined)))
})

test("a cron whose input does not fit its task's schema is refused where it is defined, with each fault and its path", () => {
  const input = z.object({ daily: z.boolean(), to: z.array(z.string()) })
  const unfit = { daily: "yes", to: ["a", 1] } as unknown as z.input<typeof input>
  const define = (): unknown => task("report", { input, cron: { expression: "0 7 * * 1-5", input: unfit }, run: () => null })
  refused("MR1101", /^task "report", cron, input: the task's schema refuses it: daily: .*; to\.1: /, define)
})

test("a task whose attempt may last longer than its run is refused, and so are options where a flow ends in it", () => {
  const run = async (): Promise<null> => null
  refused("MR1101", /^task "slow", timeout: an attempt of 3600000 ms would last longer than its run may, 1000 ms; /, () => task("slow", { timeout: { attempt: "1h", run: "1s" }, run }))
  task("even", { timeout: { attempt: "1s", run: "1s" }, run })
  const even = task("none", { run })
  // @ts-expect-error it takes no options
  refused("MR1101", /^to: it takes no options/, () => rows.to(even, { delay: "5m" }))
})

test("an asynchronous call that could never be made, or never end, is refused where it is defined", () => {
  const call = async (row: Row): Promise<number> => row.n
  refused("MR1101", /^mapAsync "ask", concurrency: 0 is not a whole number from 1 to 10000/, () => rows.mapAsync("ask", call, { concurrency: 0 }))
  refused("MR1101", /^mapAsync "ask", timeout: 0 must be at least 1 ms/, () => rows.mapAsync("ask", call, { timeout: 0 }))
  refused("MR1101", /^mapAsync "ask", timeout/, () => rows.mapAsync("ask", call, { timeout: Number.POSITIVE_INFINITY }))
  refused("MR1101", /^mapAsync "ask", capacity: 5 is not a whole number from 10/, () => rows.mapAsync("ask", call, { concurrency: 10, capacity: 5 }))
  refused("MR1101", /^mapAsync "ask", retry, attempts: 0/, () => rows.mapAsync("ask", call, { retry: 0 }))
  // @ts-expect-error a name is no class
  refused("MR1101", /^mapAsync "ask", retry, only, 0: expected a class of errors, such as TypeError, not "TypeError"/, () => rows.mapAsync("ask", call, { retry: { only: ["TypeError"] } }))
  const circular = undefined as unknown as ErrorClass
  const run = async (): Promise<void> => undefined
  refused("MR1101", /^task "t", retry, never, 1: expected a class .*, not undefined \(does its module import this one, in a circle\?\)/, () => task("t", { run, retry: { never: [TypeError, circular] } }))
  // @ts-expect-error a class is no list
  refused("MR1101", /^task "t", retry, never: expected a list of classes/, () => task("t", { run, retry: { never: TypeError } }))
  // @ts-expect-error an arrow function is no class
  refused("MR1101", /^task "t", retry, only, 0: expected a class .*, not function/, () => task("t", { run, retry: { only: [() => true] } }))
  // @ts-expect-error there is no such order
  refused("MR1101", /order: "sorted" is none of key, input, any/, () => rows.mapAsync("ask", call, { order: "sorted" }))
  // @ts-expect-error there is no such option
  refused("MR1101", /no option "parallel"/, () => rows.mapAsync("ask", call, { parallel: 3 }))
  // @ts-expect-error it is no function
  refused("MR1101", /^mapAsync "ask": expected a function/, () => rows.mapAsync("ask", "http://scores"))
  refused("MR1101", /is not a name/, () => rows.mapAsync("a/b", call))
})

test("a lookup that could find nothing, or remember for ever, is refused where it is defined", () => {
  const key = (row: Row): string => row.who
  const load = async (): Promise<Map<string, number>> => new Map()
  const pair = (row: Row, found: number): number => row.n + found
  refused("MR1101", /^lookup "l", batch: 0 is not/, () => rows.lookup("l", { key, load, batch: 0 }, pair))
  refused("MR1101", /^lookup "l", cache, ttl: 0 must be at least 1 ms/, () => rows.lookup("l", { key, load, cache: { ttl: 0 } }, pair))
  refused("MR1101", /^lookup "l", cache, size: 0/, () => rows.lookup("l", { key, load, cache: { ttl: "1m", size: 0 } }, pair))
  refused("MR1101", /^lookup "l", concurrency: 0/, () => rows.lookup("l", { key, load, concurrency: 0 }, pair))
  // @ts-expect-error a cache needs a time to live
  refused("MR1101", /cache, ttl/, () => rows.lookup("l", { key, load, cache: {} }, pair))
  // @ts-expect-error a lookup cannot keep what has no record
  refused("MR1101", /type: "outer" is neither "inner" nor "left"/, () => rows.lookup("l", { key, load, type: "outer" }, pair))
  // @ts-expect-error there is nothing to look for
  refused("MR1101", /key: expected a function/, () => rows.lookup("l", { load }, pair))
})

test("a schema that says that it is asynchronous is refused where it has to answer at once; one that shows it with a cron's input, too", () => {
  const known = v.objectAsync({ s: v.pipeAsync(v.string(), v.checkAsync(async () => Promise.resolve(true))) })
  refused("MR1101", /task "t", input: the schema is asynchronous/, () => task("t", { input: known, run: () => 1 }))
  refused("MR1101", /stream "t", schema: the schema is asynchronous/, () => stream("t", { schema: known }))
  const shown = z.object({ s: z.string().refine(async () => Promise.resolve(true)) })
  refused("MR1101", /task "t", cron, input: the schema of the task's input is asynchronous/, () =>
    task("t", { input: shown, cron: { expression: "0 7 * * *", input: { s: "" } }, run: () => 1 }),
  )
  assert.equal(task("t", { output: known, run: () => ({ s: "" }) }).name, "t")
})
