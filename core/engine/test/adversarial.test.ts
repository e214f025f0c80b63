// What breaks if X happens in order Y: user code at its worst, and the machine at the edges of its values.
import assert from "node:assert/strict"
import { test } from "node:test"
import { entryKind, limits, MillraceError } from "@millrace/model"
import { aggregate, collect, count, service, stream, type StreamSettings, sum, tumbling } from "@millrace/sdk"
import { files } from "@millrace/sdk/files"
import type { DeadLetter, Poison } from "../src/index.ts"
import { StageMachine } from "../src/machine.ts"
import { Rig } from "./rig.ts"

interface Event {
  readonly k: string
  /** Event time in ms. */
  readonly t: number
  v: number
}

function source(settings: StreamSettings = {}) {
  return stream("in", { partitions: 1, ...settings, key: (event: Event) => event.k, time: (event) => event.t })
}

/** Values by number, a millisecond apart. */
function numbered(...values: readonly number[]): Event[] {
  return values.map((v, t) => ({ k: "a", t, v }))
}

function failures(letters: readonly DeadLetter[]): (readonly [unknown, string, number])[] {
  return letters.map(({ value, error, attempts }) => [value, error.code, attempts])
}

test("half a record that could not be written never reaches the log", async () => {
  const bad = source().map((event) => (event.v < 0 ? { before: "written first", bad: () => event } : { good: event.v }))
  const moved = bad.keyBy((each) => ("good" in each ? "good" : "bad"))
  for (const outlet of [
    bad.to(files("out")),
    moved.window("w", tumbling(10)).aggregate({ n: count() }).to(files("out")),
  ]) {
    const rig = await Rig.open(service("s", [outlet]))
    // The bad one first: then the block holds half a record and counts none.
    rig.produce("in", numbered(-1, 1, -2, 2))
    await rig.settle()
    const internal = rig.program.plan.streams.find(({ role }) => role === "repartition" || role === "sink")
    assert.ok(internal)
    assert.deepEqual(await rig.values(internal.name), [{ good: 1 }, { good: 2 }])
    assert.deepEqual(
      failures(await rig.deadLetters("in")).map(([, code]) => code),
      ["MR1201", "MR1201"],
    )
  }
})

test("state that cannot be stored costs the record that made it, and nothing else", async () => {
  const summed = source().process("p", {
    state: (): { sum: number; extra?: unknown } => ({ sum: 0 }),
    *onRecord({ v }, ctx) {
      ctx.state.sum += v
      if (v < 0) ctx.state.extra = v === -1 ? () => v : Promise.resolve(v)
      yield { v, sum: ctx.state.sum }
    },
  })
  const rig = await Rig.open(service("s", [summed.to(files("out"))]))
  rig.produce("in", numbered(1, -1, 10, -2, 100))
  await rig.take(rig.seat("in"))
  assert.deepEqual(await rig.values("s/out.rows"), [
    { v: 1, sum: 1 },
    { v: 10, sum: 11 },
    { v: 100, sum: 111 },
  ])
  assert.deepEqual(failures(await rig.deadLetters("in")), [
    [{ k: "a", t: 1, v: -1 }, "MR1201", 3],
    [{ k: "a", t: 3, v: -2 }, "MR1201", 3],
  ])
  await rig.restart(rig.seat("in"))
  rig.produce("in", [{ k: "a", t: 9, v: 1_000 }])
  await rig.settle()
  assert.deepEqual((await rig.values("s/out.rows")).at(-1), { v: 1_000, sum: 1_111 })
})

test("whatever user code throws, its record becomes a dead letter that says what it can", async () => {
  const { proxy, revoke } = Proxy.revocable({}, {})
  revoke()
  const thrown: unknown[] = [
    new Error("plain"),
    null,
    undefined,
    "text",
    Symbol("s"),
    Object.create(null),
    proxy,
    { [Symbol.for("millrace.error")]: true },
    new MillraceError("MR1205", "full", { stack: 10n }),
    Object.defineProperty(new Error("x"), "stack", {
      get() {
        throw new Error("no stack")
      },
    }),
  ]
  const rig = await Rig.open(
    service("s", [
      source()
        .map(({ v }) => {
          if (v >= 0) throw thrown[v]
          return { v }
        })
        .to(files("out")),
    ]),
  )
  rig.produce("in", numbered(-1, ...thrown.keys(), -2))
  await rig.settle()
  const letters = await rig.deadLetters("in")
  assert.deepEqual(
    letters.map(({ value }) => (value as Event).v),
    [...thrown.keys()],
  )
  assert.equal(letters[0]?.error.message, "Error: plain")
  assert.deepEqual([letters[8]?.error.code, letters[8]?.error.message], ["MR1205", "full"])
  assert.deepEqual(await rig.values("s/out.rows"), [{ v: -1 }, { v: -2 }])
})

test("a function that changes the value in hand does it once, however often its batch is run", async () => {
  const doubled = source().map((event) => {
    event.v *= 2
    if (event.v === 14) throw new Error("seven")
    return event
  })
  const rig = await Rig.open(service("s", [doubled.to(files("out"))]))
  rig.produce("in", numbered(1, 2, 7, 3))
  await rig.settle()
  assert.deepEqual(
    ((await rig.values("s/out.rows")) as Event[]).map(({ v }) => v),
    [2, 4, 6],
  )
  // The dead letter holds the record as it came: it can be sent again.
  assert.deepEqual(
    (await rig.deadLetters("in")).map(({ value }) => (value as Event).v),
    [7],
  )
})

test("records from intake that are changed in place are decoded anew too", async () => {
  const doubled = source().map((event) => {
    event.v *= 2
    if (event.v === 14) throw new Error("seven")
    return event
  })
  const rig = await Rig.open(service("s", [doubled.to(files("out"))]))
  const { batches } = rig.send("in", numbered(1, 2, 7, 3))
  rig.apply(rig.seat("in"), batches)
  assert.deepEqual(
    ((await rig.values("s/out.rows")) as Event[]).map(({ v }) => v),
    [2, 4, 6],
  )
  assert.deepEqual(
    (await rig.deadLetters("in")).map(({ value }) => (value as Event).v),
    [7],
  )
})

test("what a window hands on does not change when the window goes on", async () => {
  const windowed = source()
    .window("w", tumbling(10), { allowedLateness: 100 })
    .aggregate({ all: collect(({ v }) => v) })
  const kept = windowed.process("p", {
    state: (): { last: readonly number[] } => ({ last: [] }),
    *onRecord({ all }, ctx) {
      yield { last: [...ctx.state.last] }
      ctx.state.last = all
    },
  })
  const outcomes: unknown[] = []
  for (const crash of [false, true]) {
    const rig = await Rig.open(service("s", [kept.to(files("out"))]))
    rig.produce("in", [
      { k: "a", t: 1, v: 1 },
      { k: "a", t: 20, v: 2 },
      { k: "a", t: 2, v: 3 },
      { k: "a", t: 3, v: 4 },
    ])
    for (const seat of rig.seats) {
      while (rig.behind(seat)) {
        await rig.take(seat, [1])
        if (crash) await rig.restart(seat)
      }
    }
    outcomes.push(await rig.values("s/out.rows"))
  }
  assert.deepEqual(outcomes[0], [{ last: [] }, { last: [1] }, { last: [1, 3] }])
  assert.deepEqual(outcomes[1], outcomes[0])
})

test("an aggregate whose result throws costs that result alone, and the window is closed", async () => {
  const touchy = aggregate({
    init: () => 0,
    add: (acc, event: Event) => acc + event.v,
    merge: (acc, later) => acc + later,
    result: (acc) => {
      if (acc < 0) throw new Error("negative")
      return acc
    },
  })
  const rig = await Rig.open(
    service("s", [source().window("w", tumbling(10)).aggregate({ n: count(), sum: touchy }).to(files("out"))]),
  )
  rig.produce("in", [
    { k: "b", t: 1, v: -1 },
    { k: "a", t: 1, v: 1 },
    { k: "c", t: 1, v: 2 },
    { k: "a", t: 10, v: 0 },
    { k: "a", t: 20, v: 0 },
  ])
  await rig.settle()
  assert.deepEqual(
    ((await rig.values("s/out.rows")) as { key: string; sum: number }[]).map(({ key, sum: total }) => [key, total]),
    [
      ["a", 1],
      ["c", 2],
      ["a", 0],
    ],
  )
  const [letter, ...more] = await rig.deadLetters("in")
  assert.deepEqual(more, [])
  assert.deepEqual([letter?.operator, letter?.key, letter?.offset, letter?.attempts], ["w", "b", 3, 3])
  assert.deepEqual(letter?.value, {
    key: "b",
    start: "1970-01-01T00:00:00.000Z",
    end: "1970-01-01T00:00:00.010Z",
    n: 1,
  })
})

test("a record that fails still moves the watermark", async () => {
  const failing = source().map((event) => {
    if (event.v < 0) throw new Error("negative")
    return event
  })
  const rig = await Rig.open(
    service("s", [failing.window("w", tumbling(10)).aggregate({ n: count() }).to(files("out"))]),
  )
  rig.produce("in", [
    { k: "a", t: 1, v: 1 },
    { k: "a", t: 10, v: -1 },
  ])
  await rig.settle()
  assert.deepEqual([rig.seat("in").machine.watermark, (await rig.values("s/out.rows")).length], [10, 1])
})

test("an entry that cannot be decoded is a dead letter as it is, and still moves the watermark", async () => {
  const rig = await Rig.open(
    service("s", [source().window("w", tumbling(10)).aggregate({ n: count() }).to(files("out"))]),
  )
  rig.produce("in", [{ k: "a", t: 1, v: 1 }])
  rig.append("in", 0, (block) => block.record("a", 25, new TextEncoder().encode("{torn")))
  rig.produce("in", [{ k: "a", t: 3, v: 1 }])
  await rig.settle()
  const [letter] = await rig.deadLetters("in")
  assert.deepEqual(
    [letter?.value, letter?.operator, letter?.error.code, letter?.offset, letter?.key],
    ["{torn", "decode", "MR1001", 1, "a"],
  )
  assert.deepEqual(
    [rig.seat("in").machine.watermark, rig.late(), (await rig.values("s/out.rows")).length],
    [25, { w: 1 }, 1],
  )
})

test("a damaged value between two stages is a dead letter and holds nothing up", async () => {
  const moved = source()
    .keyBy(({ k }) => `${k}!`)
    .window("w", tumbling(10))
    .aggregate({ n: count() })
  const rig = await Rig.open(service("s", [moved.to(files("out"))]))
  rig.append("s/w.repartition", 0, (block) => block.record("a!", 1, Uint8Array.of(200, 1, 2)))
  rig.append("s/w.repartition", 0, (block) => block.record("a!", 1, Uint8Array.of(8, 255, 255, 255)))
  rig.produce("in", numbered(1))
  rig.end("in")
  await rig.settle()
  assert.equal((await rig.deadLetters("in")).length, 2)
  assert.equal((await rig.values("s/out.rows")).length, 1)
})

test("what an attempt that failed counted and decided is forgotten with it", async () => {
  const windowed = source().window("w", tumbling(10)).aggregate({ n: count() })
  const late = windowed.late.map((event) => {
    if (event.v < 0) throw new Error("negative")
    return event
  })
  const rig = await Rig.open(
    service("s", [
      windowed.to(files("out")),
      windowed.late.to(files("all-late", { roll: { size: 1 } })),
      late.to(files("late")),
    ]),
  )
  rig.produce("in", [
    { k: "a", t: 20, v: 1 },
    { k: "a", t: 1, v: -1 },
    { k: "a", t: 2, v: 1 },
  ])
  await rig.settle()
  assert.deepEqual(rig.late(), { w: 1 })
  assert.deepEqual(
    rig.files("all-late").map(({ number, from, to }) => [number, from, to]),
    [[0, 0, 1]],
  )
  assert.equal((await rig.values("s/all-late.rows")).length, 1)
})

test("an entry that brought workers down is a dead letter unseen, and moves the watermark", async () => {
  const seen: number[] = []
  const watched = source().map((event) => {
    seen.push(event.v)
    return event
  })
  const rig = await Rig.open(
    service("s", [watched.window("w", tumbling(10)).aggregate({ n: count() }).to(files("out"))]),
  )
  rig.produce("in", [
    { k: "a", t: 1, v: 0 },
    { k: "a", t: 10, v: 1 },
    { k: "a", t: 11, v: 2 },
  ])
  const error = { code: "MR1202" as const, message: "hung", details: {} }
  const poison: Poison = new Map([[1, { error, attempts: limits.workerDeathsMax }]])
  const transaction = await rig.take(rig.seat("in"), [Infinity], poison)
  assert.deepEqual(seen, [0, 2])
  assert.deepEqual(failures(await rig.deadLetters("in")), [[{ k: "a", t: 10, v: 1 }, "MR1202", limits.workerDeathsMax]])
  assert.deepEqual([transaction.records, transaction.deadLetters, transaction.watermark], [3, 1, 11])
  assert.equal((await rig.values("s/out.rows")).length, 1)
})

test("a timer that brings workers down is a dead letter once its record alone is not to blame", async () => {
  const fired: number[] = []
  const timed = source().process("p", {
    state: () => 0,
    onRecord: ({ t }, ctx) => ctx.setTimer(t + 5),
    onTimer: (ctx) => {
      fired.push(ctx.time)
      return []
    },
  })
  const rig = await Rig.open(service("s", [timed.to(files("out"))]))
  rig.produce("in", [
    { k: "a", t: 0, v: 0 },
    { k: "a", t: 7, v: 1 },
    { k: "a", t: 30, v: 2 },
  ])
  const error = { code: "MR1202" as const, message: "hung", details: {} }
  await rig.take(rig.seat("in"), [Infinity], new Map([[1, { error, attempts: limits.workerDeathsMax + 1 }]]))
  // The timer of 5 is due when the record at offset 1 comes; the record itself has set none.
  assert.deepEqual(fired, [])
  assert.deepEqual(
    (await rig.deadLetters("in")).map(({ operator, value }) => [operator, value]),
    [
      ["p", { timer: "1970-01-01T00:00:00.005Z" }],
      ["in", { k: "a", t: 7, v: 1 }],
    ],
  )
  rig.produce("in", [{ k: "a", t: 90, v: 0 }])
  await rig.settle()
  assert.deepEqual(fired, [35])
})

test("a batch that fails after the end of its stream still decides the files", async () => {
  const failing = source().map((event) => {
    if (event.v < 0) throw new Error("negative")
    return event
  })
  const rig = await Rig.open(service("s", [failing.to(files("out"))]))
  rig.produce("in", numbered(1))
  rig.end("in")
  rig.produce("in", [{ k: "a", t: 5, v: -1 }])
  const transaction = await rig.take(rig.seat("in"), [1, 1, 1])
  assert.deepEqual([transaction.ended, transaction.effects.length, transaction.deadLetters], [true, 1, 1])
})

test("a file whose rows came before the first watermark is decided by the first one", async () => {
  const derived = stream("derived", { partitions: 1, key: (each: Event) => each.k })
  const rig = await Rig.open(
    service("s", [source().to(derived), derived.to(files("out", { roll: { watermark: 10 } }))]),
  )
  rig.append("derived", 0, (block) => block.record("a", 1, new TextEncoder().encode('{"k":"a","t":1,"v":1}')))
  const seat = rig.seat("derived")
  await rig.take(seat)
  await rig.restart(seat)
  rig.append("derived", 0, (block) => {
    block.mark(0, 25)
    block.record("a", 26, new TextEncoder().encode('{"k":"a","t":26,"v":1}'))
    block.mark(0, 29)
  })
  await rig.take(seat)
  assert.deepEqual(
    rig.files("out").map(({ from, to }) => [from, to]),
    [[0, 1]],
  )
  rig.append("derived", 0, (block) => block.mark(0, 30))
  await rig.take(seat)
  assert.deepEqual(
    rig.files("out").map(({ from, to }) => [from, to]),
    [
      [0, 1],
      [1, 2],
    ],
  )
})

test("a timer set anew for its own time is heard again, and one set for no time is refused", async () => {
  const timed = source().process("p", {
    state: () => ({ rounds: 0 }),
    onRecord: ({ v, t }, ctx) => ctx.setTimer(v < 0 ? NaN : t + 5),
    *onTimer(ctx) {
      yield { at: ctx.time, rounds: ++ctx.state.rounds }
      if (ctx.state.rounds < 3) ctx.setTimer(ctx.time)
    },
  })
  const rig = await Rig.open(service("s", [timed.to(files("out"))]))
  rig.produce("in", [
    { k: "a", t: 0, v: 1 },
    { k: "a", t: 1, v: -1 },
    { k: "a", t: 50, v: 1 },
  ])
  await rig.settle()
  assert.deepEqual(
    await rig.values("s/out.rows"),
    [1, 2, 3].map((rounds) => ({ at: 5, rounds })),
  )
  assert.deepEqual(
    failures(await rig.deadLetters("in")).map(([, code]) => code),
    ["MR1201"],
  )
})

test("a cleared key begins anew, with the state looked at afterwards and with the timers set afterwards", async () => {
  const timed = source().process("p", {
    state: () => ({ n: 0 }),
    *onRecord({ v, t }, ctx) {
      ctx.state.n += v
      ctx.setTimer(t + 1_000)
      if (v === 100) {
        ctx.clear()
        yield { after: ctx.state.n }
        ctx.state.n += 1
        ctx.setTimer(t + 5)
      }
    },
    onTimer: (ctx) => [{ at: ctx.time, n: ctx.state.n }],
  })
  const rig = await Rig.open(service("s", [timed.to(files("out"))]))
  rig.produce("in", [
    { k: "a", t: 0, v: 7 },
    { k: "a", t: 1, v: 100 },
    { k: "a", t: 2, v: 1 },
  ])
  rig.end("in")
  await rig.settle([1])
  assert.deepEqual(await rig.values("s/out.rows"), [{ after: 0 }, { at: 6, n: 2 }, { at: 1_002, n: 2 }])
})

test("a promise where a value is wanted is refused, not taken for true or for {}", async () => {
  const out = stream<unknown>("out", { partitions: 1 })
  const promise = (): never => Promise.resolve(true) as never
  for (const outlet of [
    source().filter(promise).to(out),
    source().map(promise).to(out),
    source().map(promise).to(files("out")),
  ]) {
    const rig = await Rig.open(service("s", [outlet]))
    rig.produce("in", numbered(1))
    await rig.settle()
    const [letter] = await rig.deadLetters("in")
    assert.equal(letter?.error.code, "MR1201")
    assert.match(letter?.error.message ?? "", /promise/)
  }
})

test("a filter keeps what is truthy", async () => {
  const kept = source().filter((({ v }: Event) => (v % 2 === 0 ? "yes" : "")) as unknown as (event: Event) => boolean)
  const rig = await Rig.open(service("s", [kept.to(files("out"))]))
  rig.produce("in", numbered(1, 2, 3, 4))
  await rig.settle()
  assert.deepEqual(
    ((await rig.values("s/out.rows")) as Event[]).map(({ v }) => v),
    [2, 4],
  )
})

test("a mark that is no time changes nothing", async () => {
  const rig = await Rig.open(
    service("s", [source().window("w", tumbling(10)).aggregate({ n: count() }).to(files("out"))]),
  )
  rig.produce("in", numbered(1))
  rig.append("in", 0, (block) => {
    block.mark(0, NaN)
    block.mark(0, -Infinity)
  })
  rig.produce("in", [{ k: "a", t: 30, v: 1 }])
  await rig.settle([1])
  assert.deepEqual([rig.seat("in").machine.watermark, (await rig.values("s/out.rows")).length], [30, 1])
})

test("a failing batch in a stage behind others leaves the watermarks of its upstreams as they were told", async () => {
  const moved = source({ partitions: 2 })
    .map((event) => event)
    .keyBy(({ v }) => String(Math.abs(v)))
  const failing = moved.window("w", tumbling(10)).aggregate({ n: count(), sum: sum(({ v }) => v) })
  const checked = failing.map((result) => {
    if (result.sum < 0) throw new Error("negative")
    return result
  })
  const rig = await Rig.open(service("s", [checked.to(files("out"))]))
  for (const [k, v] of [
    ["a", 1],
    ["b", -1],
    ["a", -2],
    ["b", 3],
  ] as const)
    rig.produce("in", [{ k, t: 5, v }])
  for (const k of ["a", "b"]) rig.produce("in", [{ k, t: 50, v: 9 }])
  await rig.settle()
  const seats = rig.seats.filter(({ stage }) => stage !== "in")
  assert.deepEqual(
    seats.map(({ machine }) => machine.watermark),
    [50, 50],
  )
  assert.equal((await rig.deadLetters("in")).length, 1)
  rig.end("in")
  await rig.settle()
  assert.deepEqual(
    ((await rig.values("s/out.rows")) as { key: string; sum: number }[])
      .map(({ key, sum: total }) => `${key}: ${total}`)
      .toSorted(),
    ["1: 0", "3: 3", "9: 18"],
  )
})

test("marks and idle notes are entries, so offsets count them", async () => {
  const moved = source({ partitions: 1, idle: 5 })
    .keyBy(({ k }) => k)
    .window("w", tumbling(10))
    .aggregate({ n: count() })
  const rig = await Rig.open(service("s", [moved.to(files("out"))]))
  rig.produce("in", numbered(1))
  await rig.take(rig.seat("in"))
  rig.now = 5
  rig.tick(rig.seat("in"))
  const name = "s/w.repartition"
  assert.equal(rig.store.extent(name, 0).next, 3)
  const [batch] = await rig.batches(rig.seat(name), [1])
  const [second] = await rig.batches(rig.seat(name), [3])
  assert.deepEqual([batch?.kinds, second?.kinds], [[entryKind.mark], [entryKind.mark, entryKind.record]])
})

test("a machine for a stage that the plan does not have is a broken invariant", async () => {
  const rig = await Rig.open(service("s", [source().to(files("out"))]))
  assert.throws(() => new StageMachine(rig.program, "other", 0, rig.store.state, 0), /stage other is missing/)
})

test("a record whose results outgrow a transaction, or whose state outgrows its bound, costs that record alone", async () => {
  const piece = "x".repeat(1_000_000)
  const blown = source().flatMap<string | number>((event) => (event.v === 1 ? Array.from({ length: 110 }, () => piece) : [event.v]))
  const grown = source().process("grown", {
    state: () => ({ text: "" }),
    *onRecord(event, ctx) {
      if (event.v === 1) ctx.state.text = piece.repeat(40)
      yield event.v
    },
  })
  for (const [outlet, code] of [
    [blown.map((v) => ({ v })).to(files("out")), "MR1013"],
    [grown.map((v) => ({ v })).to(files("out")), "MR1201"],
  ] as const) {
    const rig = await Rig.open(service("s", [outlet]))
    rig.produce("in", numbered(0, 1, 2))
    await rig.settle()
    assert.deepEqual(await rig.values("s/out.rows"), [{ v: 0 }, { v: 2 }])
    assert.deepEqual(failures(await rig.deadLetters("in")), [[{ k: "a", t: 1, v: 1 }, code, 3]])
  }
})
