import assert from "node:assert/strict"
import { test } from "node:test"
import { entryKind, limits, partitionOf } from "@millrace/model"
import { count, hopping, service, stream, type StreamSettings, sum, tumbling } from "@millrace/sdk"
import { files } from "@millrace/sdk/files"
import { decodeBlock } from "../src/machine.ts"
import { Rig } from "./rig.ts"

interface Event {
  readonly k: string
  /** Event time in ms. */
  readonly t: number
  readonly v?: number
}

function source(name: string, settings: StreamSettings = {}) {
  return stream(name, { partitions: 1, ...settings, key: (event: Event) => event.k, time: (event) => event.t })
}

/** Event times of a window's results and its late records, as one hour would be ten. */
async function hours(outOfOrder: number, lateness: number, times: readonly number[]) {
  const windowed = source("in", { outOfOrder })
    .window("w", tumbling(10), { allowedLateness: lateness })
    .aggregate({ n: count() })
  const rig = await Rig.open(service("s", [windowed.to(files("results")), windowed.late.to(files("late"))]))
  rig.produce(
    "in",
    times.map((t) => ({ k: "a", t })),
  )
  await rig.settle()
  const results = (await rig.values("s/results.rows")) as { start: Date; end: Date; n: number }[]
  return {
    results: results.map(({ start, end, n }) => [start.getTime(), end.getTime(), n]),
    late: ((await rig.values("s/late.rows")) as Event[]).map(({ t }) => t),
    watermark: rig.seat("in").machine.watermark,
  }
}

test("the watermark is the highest event time so far minus outOfOrder, however records are ordered", async () => {
  assert.equal((await hours(3, 0, [5, 20, 7, 19])).watermark, 17)
  assert.equal((await hours(0, 0, [-5])).watermark, -5)
  assert.equal((await hours(0, 0, [])).watermark, -Infinity)
})

test("a window is closed once its end is at or before the watermark, and not before", async () => {
  assert.deepEqual((await hours(3, 0, [1, 12])).results, [])
  assert.deepEqual((await hours(3, 0, [1, 13])).results, [[0, 10, 1]])
})

test("a record is late when its window is closed as it arrives, and only then", async () => {
  // The watermark is at 9 when 2 comes, at 10 when 3 and 9 come.
  assert.deepEqual(await hours(3, 0, [1, 12, 2, 13, 3, 9, 10]), { results: [[0, 10, 2]], late: [3, 9], watermark: 10 })
})

test("the record that moves the watermark is not late by its own doing", async () => {
  assert.deepEqual((await hours(0, 0, [0, 10, 20, 30])).late, [])
})

test("a result's event time is the last millisecond of its window", async () => {
  const windowed = source("in").window("w", tumbling(10)).aggregate({ n: count() })
  const rig = await Rig.open(service("s", [windowed.to(files("results"))]))
  rig.produce("in", [
    { k: "a", t: 3 },
    { k: "a", t: 40 },
  ])
  await rig.settle()
  assert.deepEqual(
    (await rig.records("s/results.rows")).map(({ key, time }) => [key, time]),
    [["a", 9]],
  )
})

test("within the allowed lateness a window gives a refined result at once for each late record, then it is gone", async () => {
  // Watermark 12 at the second record; 4 is late within 5, and at 16 the window [0, 10) is gone for good.
  assert.deepEqual(await hours(0, 5, [1, 12, 4, 5, 14, 6, 15, 7]), {
    results: [
      [0, 10, 1],
      [0, 10, 2],
      [0, 10, 3],
      [0, 10, 4],
    ],
    late: [7],
    watermark: 15,
  })
})

test("a late record within the allowed lateness makes a window that had no record before", async () => {
  assert.deepEqual(await hours(0, 5, [12, 4]), { results: [[0, 10, 1]], late: [], watermark: 12 })
})

test("a record is late for a hopping window only when all of its windows are closed", async () => {
  const windowed = source("in")
    .window("w", hopping({ size: 10, every: 5 }))
    .aggregate({ n: count() })
  const rig = await Rig.open(service("s", [windowed.to(files("results")), windowed.late.to(files("late"))]))
  // At watermark 10, [0, 10) is closed: 7 still counts in [5, 15). 3 belonged to [-5, 5) and [0, 10): late.
  rig.produce("in", [
    { k: "a", t: 2 },
    { k: "a", t: 10 },
    { k: "a", t: 7 },
    { k: "a", t: 3 },
    { k: "a", t: 100 },
  ])
  await rig.settle()
  const results = (await rig.values("s/results.rows")) as { start: Date; n: number }[]
  assert.deepEqual(
    results.map(({ start, n }) => [start.getTime(), n]),
    [
      [-5, 1],
      [0, 1],
      [5, 2],
      [10, 1],
    ],
  )
  assert.deepEqual(await rig.values("s/late.rows"), [{ k: "a", t: 3 }])
  assert.deepEqual(rig.late(), { w: 1 })
})

test("results come in the order of their windows' ends, within one window in the order of the keys, before the record that closed them", async () => {
  const input = source("in")
  const windowed = input.window("w", tumbling(10)).aggregate({ n: count() })
  const out = stream("out", { partitions: 1, key: (said: { said: string }) => said.said })
  const rig = await Rig.open(
    service("s", [
      windowed.map(({ key, end }) => ({ said: `${key} ${end.getTime()}` })).to(out),
      input
        .filter(({ t }) => t >= 50)
        .map(({ t }) => ({ said: `record ${t}` }))
        .to(out),
    ]),
  )
  rig.produce("in", [
    { k: "b", t: 15 },
    { k: "ä", t: 15 },
    { k: "a", t: 15 },
    { k: "B", t: 15 },
    { k: "b", t: 25 },
    { k: "x", t: 50 },
  ])
  await rig.settle()
  const said = ((await rig.values("out")) as { said: string }[]).map((each) => each.said)
  assert.deepEqual(said, ["B 20", "a 20", "b 20", "ä 20", "b 30", "record 50"])
})

test("the end of a source closes every window, fires every timer and decides every file", async () => {
  const input = source("in", { outOfOrder: 1_000 })
  const rig = await Rig.open(
    service("s", [
      input.window("w", tumbling(10), { allowedLateness: 50 }).aggregate({ n: count() }).to(files("results")),
      input
        .process("p", {
          state: () => 0,
          onRecord: (_, ctx) => ctx.setTimer(1e12),
          onTimer: (ctx) => [{ at: ctx.time }],
        })
        .to(files("timers")),
    ]),
  )
  rig.produce("in", [
    { k: "a", t: 3 },
    { k: "a", t: 300 },
  ])
  rig.end("in")
  await rig.settle([1])
  const { machine, transactions } = rig.seat("in")
  assert.deepEqual([machine.watermark, transactions.at(-1)?.ended, transactions[0]?.ended], [Infinity, true, false])
  assert.equal((await rig.values("s/results.rows")).length, 2)
  assert.deepEqual(await rig.values("s/timers.rows"), [{ at: 1e12 }])
  assert.deepEqual(
    rig.files("results").map(({ from, to }) => [from, to]),
    [[0, 2]],
  )
  // Nothing is kept of windows and timers that are over: only the process's state and the stage's progress.
  await rig.store.fold()
  assert.deepEqual(rig.store.state.buckets("s/w", 0), [])
  assert.deepEqual(rig.store.state.buckets("s/p@timers", 0), [])
  assert.deepEqual(rig.store.state.buckets("s/p", 0), [0])
})

test("what comes after the end is late, and its rows are in a file of their own once the clock has run", async () => {
  const windowed = source("in").window("w", tumbling(10)).aggregate({ n: count() })
  const rig = await Rig.open(
    service("s", [
      windowed.to(files("results")),
      windowed.late.to(files("late", { roll: { every: 100, watermark: 5 } })),
    ]),
  )
  rig.produce("in", [{ k: "a", t: 3 }])
  rig.end("in")
  await rig.settle()
  rig.produce("in", [{ k: "a", t: 70_000_000 }])
  await rig.settle()
  assert.deepEqual([await rig.values("s/late.rows"), rig.files("late")], [[{ k: "a", t: 70_000_000 }], []])
  rig.now += 100
  rig.tick(rig.seat("in"))
  assert.deepEqual(
    rig.files("late").map(({ from, to }) => [from, to]),
    [[0, 1]],
  )
})

test("a batch that was consumed before is skipped, as a whole or in part", async () => {
  const rig = await Rig.open(service("s", [source("in").to(files("out"))]))
  rig.produce("in", [
    { k: "a", t: 1 },
    { k: "a", t: 2 },
    { k: "a", t: 3 },
  ])
  const seat = rig.seat("in")
  const [whole] = await rig.batches(seat)
  assert.ok(whole)
  await rig.take(seat, [2])
  const again = rig.apply(seat, [whole, whole])
  assert.deepEqual([again.records, again.consumed], [1, 3])
  assert.deepEqual(
    ((await rig.values("s/out.rows")) as Event[]).map(({ t }) => t),
    [1, 2, 3],
  )
})

test("a gap in the input is a broken invariant, not a dead letter", async () => {
  const rig = await Rig.open(service("s", [source("in").to(files("out"))]))
  const seat = rig.seat("in")
  rig.produce("in", [{ k: "a", t: 1 }])
  const [batch] = await rig.batches(seat)
  assert.ok(batch)
  assert.throws(() => seat.machine.apply([{ ...batch, base: 5 }], 0), /a batch begins at 5, but 0 is next/)
})

test("the offset of the record in hand is shown before its code runs", async () => {
  const cursor = new Float64Array([-1])
  const shown: unknown[] = []
  const seen = source("in")
    .peek(({ t }) => shown.push([t, cursor[0]]))
    .process("p", {
      state: () => 0,
      onRecord: (event, ctx) => ctx.setTimer(event.t + 5),
      onTimer: (ctx) => void shown.push(["timer", ctx.time, cursor[0]]),
    })
  const rig = await Rig.open(service("s", [seen.to(files("out"))]))
  rig.produce("in", [
    { k: "a", t: 1 },
    { k: "a", t: 2 },
    { k: "a", t: 7 },
  ])
  const seat = rig.seat("in")
  const { StageMachine } = await import("../src/machine.ts")
  seat.machine = new StageMachine(rig.program, "in", 0, rig.store.state, 0, cursor)
  await rig.take(seat)
  assert.deepEqual(shown, [
    [1, 0],
    [2, 1],
    ["timer", 6, 2],
    ["timer", 7, 2],
    [7, 2],
  ])
})

test("a derived stream is keyed and timed by its own definition, and its watermark is the writing stages'", async () => {
  const out = stream("out", {
    partitions: 3,
    key: (each: { who: string; at: number }) => each.who,
    time: (each) => each.at,
  })
  const left = source("left", { partitions: 2, outOfOrder: 1 })
  const right = source("right", { partitions: 2 })
  const shaped = (from: typeof left) => from.map(({ k, t }) => ({ who: k.toUpperCase(), at: t - 1 }))
  const rig = await Rig.open(service("s", [shaped(left).to(out), shaped(right).to(out), out.to(files("kept"))]))
  rig.produce("left", [
    { k: "a", t: 50 },
    { k: "b", t: 50 },
    { k: "c", t: 50 },
  ])
  rig.produce("right", [
    { k: "a", t: 30 },
    { k: "b", t: 30 },
    { k: "c", t: 30 },
  ])
  await rig.settle()
  const records = await rig.records("out")
  assert.deepEqual(records.map(({ key, time }) => `${key} ${time}`).toSorted(), [
    "A 29",
    "A 49",
    "B 29",
    "B 49",
    "C 29",
    "C 49",
  ])
  // Each of the four upstream partitions has spoken; the least of them counts.
  for (const partition of [0, 1, 2]) assert.equal(rig.seat("out", partition).machine.watermark, 30)
  rig.end("right")
  await rig.settle()
  for (const partition of [0, 1, 2]) assert.equal(rig.seat("out", partition).machine.watermark, 49)
})

test("a record goes on after the watermark under which it was produced", async () => {
  const moved = source("in", { outOfOrder: 2 })
    .keyBy(({ v }) => String(v))
    .window("w", tumbling(10))
    .aggregate({ n: count() })
  const rig = await Rig.open(service("s", [moved.to(files("out"))]))
  rig.produce("in", [
    { k: "a", t: 5, v: 1 },
    { k: "a", t: 9, v: 2 },
    { k: "a", t: 8, v: 1 },
  ])
  await rig.take(rig.seat("in"))
  const [append] = rig.seat("in").transactions.flatMap(({ appends }) => appends)
  assert.ok(append)
  const stream = rig.program.plan.streams.find(({ role }) => role === "repartition")
  assert.ok(stream)
  const { kinds, times } = decodeBlock(append.block, 0, 0, stream, undefined)
  const { record, mark } = entryKind
  assert.deepEqual(
    kinds?.map((kind, i) => [kind, times[i]]),
    [
      [mark, 3],
      [record, 5],
      [mark, 7],
      [record, 9],
      [record, 8],
    ],
  )
})

test("a partition whose input lies in the log is behind, not idle", async () => {
  const moved = source("in", { partitions: 2, idle: 1_000 })
    .keyBy(({ v }) => String(v))
    .window("w", tumbling(10))
    .aggregate({ n: sum(({ v }) => v ?? 0) })
  const rig = await Rig.open(service("s", [moved.to(files("out"))]), 5_000)
  const behind = rig.seat("in", partitionOf("b", 2))
  rig.produce("in", [{ k: "b", t: 1, v: 1 }])
  await rig.settle()
  assert.equal(behind.machine.tickAt, 6_000)
  assert.equal(behind.machine.tick(9_000, true), undefined)
  // The time is counted anew from there.
  assert.equal(behind.machine.tickAt, 10_000)
  assert.equal(behind.machine.tick(9_999), undefined)
  assert.ok(behind.machine.tick(10_000))
})

test("a partition without input is left out of the watermark after the idle time, until it speaks again", async () => {
  const moved = source("in", { partitions: 2, idle: 1_000 })
    .keyBy(({ v }) => String(v))
    .window("w", tumbling(10))
    .aggregate({ n: sum(({ v }) => v ?? 0) })
  const rig = await Rig.open(service("s", [moved.to(files("out"))]), 5_000)
  const sleeper = rig.seat("in", partitionOf("b", 2))
  assert.notEqual(partitionOf("a", 2), sleeper.partition)
  rig.produce("in", [
    { k: "a", t: 1, v: 1 },
    { k: "b", t: 1, v: 1 },
  ])
  await rig.settle()
  const after = (): number[] => rig.seats.filter(({ stage }) => stage !== "in").map(({ machine }) => machine.watermark)
  assert.deepEqual(after(), [1, 1])
  rig.now = 5_400
  rig.produce("in", [{ k: "a", t: 40, v: 1 }])
  await rig.settle()
  assert.deepEqual(after(), [1, 1])
  assert.equal(sleeper.machine.tickAt, 6_000)
  rig.now = 5_999
  assert.equal(rig.tick(sleeper), undefined)
  rig.now = 6_000
  assert.ok(rig.tick(sleeper))
  await rig.settle()
  assert.deepEqual(after(), [40, 40])
  assert.equal((await rig.values("s/out.rows")).length, 1)
  // Said once: nothing more is due, also after a crash.
  assert.equal(sleeper.machine.tickAt, Infinity)
  await rig.restart(sleeper)
  assert.equal(sleeper.machine.tickAt, Infinity)
  // It wakes, holds back again, and what has been reached stays.
  rig.produce("in", [{ k: "b", t: 45, v: 1 }])
  await rig.settle()
  rig.produce("in", [{ k: "a", t: 90, v: 1 }])
  await rig.settle()
  assert.deepEqual(after(), [45, 45])
})

test("a woken partition whose watermark stands still says that it is back before its record", async () => {
  const moved = source("in", { partitions: 2, idle: 10 })
    .keyBy(({ v }) => String(v))
    .window("w", tumbling(10))
    .aggregate({ n: count() })
  const rig = await Rig.open(service("s", [moved.to(files("out"))]))
  rig.produce("in", [
    { k: "a", t: 8, v: 1 },
    { k: "b", t: 9, v: 1 },
  ])
  await rig.settle()
  const sleeper = rig.seats.find(({ stage, machine }) => stage === "in" && machine.watermark === 8)
  assert.ok(sleeper)
  rig.now = 10
  rig.tick(sleeper)
  await rig.settle()
  rig.produce("in", [{ k: "a", t: 7, v: 1 }])
  const { appends } = await rig.take(sleeper)
  for (const { block } of appends) {
    const stream = rig.program.plan.streams.find(({ role }) => role === "repartition")
    assert.ok(stream)
    const { kinds, times } = decodeBlock(block, 0, 0, stream, undefined)
    assert.deepEqual([kinds?.[0], times[0]], [entryKind.mark, 8])
  }
})

test("a seat that never had input lets the others go on after the idle time", async () => {
  const moved = source("in", { partitions: 4, idle: 10 })
    .keyBy(({ k }) => `${k}!`)
    .window("w", tumbling(10))
    .aggregate({ n: count() })
  const rig = await Rig.open(service("s", [moved.to(files("out"))]))
  rig.produce("in", [
    { k: "a", t: 1 },
    { k: "a", t: 100 },
  ])
  await rig.settle()
  assert.deepEqual(await rig.values("s/out.rows"), [])
  rig.now = 10
  for (const seat of rig.seats) rig.tick(seat)
  rig.produce("in", [{ k: "a", t: 101 }])
  await rig.settle()
  assert.equal((await rig.values("s/out.rows")).length, 1)
})

test("a record too large for the next stage is a dead letter", async () => {
  const huge = source("in").map(({ k, t }) => ({ k, t, pad: "x".repeat(limits.recordBytesMax) }))
  const out = stream("out", { partitions: 1, key: (each: Event) => each.k })
  const window = huge
    .keyBy(({ k }) => k)
    .window("w", tumbling(10))
    .aggregate({ n: count() })
  for (const outlet of [huge.to(out), window.to(files("kept"))]) {
    const rig = await Rig.open(service("s", [outlet]))
    rig.produce("in", [{ k: "a", t: 1 }])
    await rig.settle()
    assert.deepEqual(
      (await rig.deadLetters("in")).map(({ error }) => error.code),
      ["MR1013"],
    )
  }
})
