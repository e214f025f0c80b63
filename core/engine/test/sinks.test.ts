import assert from "node:assert/strict"
import { test } from "node:test"
import { entryOverheadBytes, valueBytes } from "@millrace/model"
import { count, service, stream, tumbling } from "@millrace/sdk"
import { files } from "@millrace/sdk/files"
import fc from "fast-check"
import type { SealFile } from "../src/index.ts"
import { Rig } from "./rig.ts"
import { atOnce, drive, turn } from "./schedule.ts"

interface Event {
  readonly k: string
  /** Event time in ms. */
  readonly t: number
  readonly pad: string
  readonly boom: boolean
}

interface Roll {
  readonly size: number
  readonly every: number
  readonly watermark: number
}

const never = 1e12
const roll: fc.Arbitrary<Roll> = fc.record({
  size: fc.oneof(fc.constant(1_073_741_824), fc.integer({ min: 1, max: 600 })),
  every: fc.oneof(fc.constant(never), fc.integer({ min: 1, max: 50 })),
  watermark: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 40 })),
})

function events(booms: boolean): fc.Arbitrary<readonly Event[]> {
  return fc
    .array(
      fc.record({
        k: fc.constantFrom("a", "b"),
        step: fc.integer({ min: -15, max: 20 }),
        pad: fc.string({ maxLength: 60 }),
        boom: booms ? fc.boolean() : fc.constant(false),
      }),
      { maxLength: 30, size: "max" },
    )
    .map((steps) => {
      let at = -30
      return steps.map(({ k, step, pad, boom }) => {
        at += step
        return { k, t: at, pad, boom }
      })
    })
}

/** Records as they come to one sink, windows of them to another. */
function program(each: Roll) {
  const input = stream("in", { partitions: 1, key: (event: Event) => event.k, time: (event) => event.t, outOfOrder: 5 })
  const sound = input.map((event) => {
    if (event.boom) throw new Error("told to")
    return event
  })
  return service("s", [
    sound.to(files("plain", { roll: each })),
    sound
      .window("w", tumbling(7))
      .aggregate({ n: count() })
      .to(files("windows", { roll: each })),
  ])
}

/** Files follow each other without gap or overlap, none is empty, and no row that does not exist is in one. */
function checkRow(decided: readonly SealFile[], rows: number): void {
  let next = 0
  for (const [i, { number, from, to, partition }] of decided.entries()) {
    assert.deepEqual([number, from, partition], [i, next, 0])
    assert.ok(to > from)
    next = to
  }
  assert.ok(next <= rows)
}

test("files follow each other without gap or overlap, for any roll settings, cut, crash, clock and fault", async () => {
  const step = fc.record({ turn, wait: fc.nat(20), tick: fc.boolean() })
  await fc.assert(
    fc.asyncProperty(
      roll,
      events(true),
      fc.array(step, { minLength: 1, maxLength: 10 }),
      async (each, given, steps) => {
        const rig = await Rig.open(program(each))
        const seat = rig.seat("in")
        rig.produce("in", given)
        rig.end("in")
        for (let i = 0; rig.behind(seat); i++) {
          const { turn: way, wait, tick } = steps.at(i % steps.length) as (typeof steps)[number]
          rig.now += wait
          if (tick) rig.tick(seat)
          await rig.take(seat, way.cut)
          if (way.crash) await rig.restart(seat)
          for (const name of ["plain", "windows"])
            checkRow(rig.files(name), (await rig.records(`s/${name}.rows`)).length)
        }
        // The end closes every file, and every row is in one.
        for (const name of ["plain", "windows"]) {
          const rows = await rig.records(`s/${name}.rows`)
          assert.equal(rig.files(name).at(-1)?.to ?? 0, rows.length)
          assert.deepEqual(
            rows.map(({ offset }) => offset),
            [...rows.keys()],
          )
        }
      },
    ),
    { numRuns: 250 },
  )
})

test("while the clock stands still, any batch cut and any crash decide the same files", async () => {
  await fc.assert(
    fc.asyncProperty(roll, events(true), fc.array(turn, { minLength: 1 }), async (each, given, way) => {
      const decided: SealFile[][] = []
      for (const turns of [atOnce, way]) {
        const rig = await Rig.open(program(each))
        rig.produce("in", given)
        rig.end("in")
        await drive(rig, rig.seat("in"), turns)
        decided.push([...rig.files("plain"), ...rig.files("windows")])
      }
      assert.deepEqual(decided[1], decided[0])
    }),
    { numRuns: 250 },
  )
})

test("a file is full at its size, when the watermark passes a multiple, and at the end: the plainest model decides the same", async () => {
  await fc.assert(
    fc.asyncProperty(
      roll,
      events(false),
      fc.array(turn, { minLength: 1 }),
      async ({ size, watermark: multiple }, given, way) => {
        const rig = await Rig.open(program({ size, every: never, watermark: multiple }))
        rig.produce("in", given)
        await drive(rig, rig.seat("in"), way)
        const decided: (readonly [number, number])[] = []
        let [from, bytes, due] = [0, 0, Infinity]
        const seal = (to: number): void => {
          decided.push([from, to])
          from = to
          bytes = 0
          due = Infinity
        }
        for (const [i, event] of given.entries()) {
          const watermark = Math.max(...given.slice(0, i + 1).map(({ t }) => t)) - 5
          if (watermark >= due) seal(i)
          if (from === i && multiple > 0) due = (Math.floor(watermark / multiple) + 1) * multiple
          bytes += entryOverheadBytes + event.k.length + valueBytes(event).length
          if (bytes >= size) seal(i + 1)
        }
        assert.deepEqual(
          rig.files("plain").map(({ from: begin, to }) => [begin, to]),
          decided,
        )
        rig.end("in")
        await drive(rig, rig.seat("in"), way)
        if (from < given.length) seal(given.length)
        assert.deepEqual(
          rig.files("plain").map(({ from: begin, to }) => [begin, to]),
          decided,
        )
      },
    ),
    { numRuns: 250 },
  )
})

test("once the watermark has passed a multiple, all results of windows that ended by then are in decided files", async () => {
  await fc.assert(
    fc.asyncProperty(roll, events(true), fc.array(turn, { minLength: 1 }), async (each, given, way) => {
      const rig = await Rig.open(program({ ...each, every: never, watermark: Math.max(1, each.watermark) }))
      const multiple = Math.max(1, each.watermark)
      rig.produce("in", given)
      const seat = rig.seat("in")
      for (let i = 0; rig.behind(seat); i++) {
        await rig.take(seat, way[i % way.length]?.cut)
        const passed = Math.floor(seat.machine.watermark / multiple) * multiple
        const to = rig.files("windows").at(-1)?.to ?? 0
        for (const { offset, time } of await rig.records("s/windows.rows")) {
          assert.ok(
            time >= passed || offset < to,
            `the result at ${offset}, of ${time}, is in no file though the watermark has passed ${passed}`,
          )
        }
      }
    }),
    { numRuns: 150 },
  )
})

test("a file whose first row is old enough is decided by the clock, without input", async () => {
  const rig = await Rig.open(program({ size: 1_000_000, every: 100, watermark: 0 }), 1_000)
  const seat = rig.seat("in")
  rig.produce("in", [{ k: "a", t: 0, pad: "", boom: false }])
  const { tickAt } = await rig.take(seat)
  assert.equal(tickAt, 1_100)
  rig.now = 1_099
  assert.equal(rig.tick(seat), undefined)
  await rig.restart(seat)
  assert.equal(seat.machine.tickAt, 1_100)
  rig.now = 1_100
  assert.deepEqual(rig.tick(seat)?.effects, [{ kind: "seal", sink: "plain", partition: 0, number: 0, from: 0, to: 1 }])
  assert.equal(seat.machine.tickAt, Infinity)
  assert.equal(rig.tick(seat), undefined)
})
