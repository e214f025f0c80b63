// A partition whose worker was brought down by what a watermark or the clock made due: one step of many is to blame.
import assert from "node:assert/strict"
import { describe, it, test } from "node:test"
import { type ErrorData, limits } from "@millrace/model"
import { type Service, service, stream } from "@millrace/sdk"
import { files } from "@millrace/sdk/files"
import { StageMachine } from "../src/machine.ts"
import { type WatchedSteps, stepName } from "../src/step-watch.ts"
import { Rig, type Seat } from "./rig.ts"

const error: ErrorData = { code: "MR1202", message: "hung", details: {} }
const keys = Array.from({ length: 50 }, (_, i) => `k${i}`)

/** Timers of one moment for all keys, by event time or by the clock; what each shows while it is at work. */
function timers(by: "event" | "clock", shown: Map<string, number>, cursor: Float64Array): Service {
  const source = stream("in", { partitions: 1, key: (event: { k: string; t: number }) => event.k, time: (event) => event.t })
  const timed = source.process("p", {
    state: () => 0,
    onRecord: ({ t }, ctx) => {
      if (t > 0) return
      if (by === "event") ctx.setTimer(5)
      else ctx.setClockTimer(5)
    },
    onTimer: (ctx) => {
      shown.set(ctx.key, cursor[2] ?? 0)
      return [{ key: ctx.key }]
    },
    onClockTimer: (ctx) => {
      shown.set(ctx.key, cursor[2] ?? 0)
      return [{ key: ctx.key }]
    },
  })
  return service("s", [timed.to(files("out"))])
}

function watch(rig: Rig, seat: Seat, cursor: Float64Array, watched: WatchedSteps | undefined, transactionBytes: number): void {
  seat.machine = new StageMachine(rig.program, "in", 0, rig.store.state, 0, cursor, { watched, transactionBytes })
}

async function opened(by: "event" | "clock"): Promise<{ rig: Rig; seat: Seat; shown: Map<string, number>; cursor: Float64Array }> {
  const shown = new Map<string, number>()
  const cursor = new Float64Array(3)
  const rig = await Rig.open(timers(by, shown, cursor))
  rig.produce("in", keys.map((k) => ({ k, t: 0 })))
  const seat = rig.seat("in")
  await rig.take(seat)
  await rig.store.fold()
  return { rig, seat, shown, cursor }
}

test("a step of what comes due has a name that is its own, and the same however transactions are cut", async () => {
  const names: Map<string, number>[] = []
  for (const bytes of [Number.POSITIVE_INFINITY, 1]) {
    const { rig, seat, shown, cursor } = await opened("event")
    watch(rig, seat, cursor, { upTo: keys.length, byClock: false, barred: new Map() }, bytes)
    rig.produce("in", [{ k: "last", t: 100 }])
    await rig.settle()
    assert.equal(shown.size, keys.length)
    names.push(shown)
    assert.equal(cursor[2], 0)
  }
  const [first, second] = names
  assert.deepEqual(first, second)
  assert.equal(new Set(first?.values()).size, keys.length)
  assert.ok([...(first?.values() ?? [])].every((name) => Number.isSafeInteger(name) && name > 0))
  assert.equal(first?.get("k7"), stepName("p", "k7", { timer: new Date(5) }))
})

describe("of many timers of one moment, the one that brought workers down is a dead letter, and no other", () => {
  for (const by of ["event", "clock"] as const) it(`by ${by}`, async () => {
    for (const bytes of [Number.POSITIVE_INFINITY, 1]) {
      const { rig, seat, shown, cursor } = await opened(by)
      const value = by === "event" ? { timer: new Date(5) } : { clockTimer: new Date(5) }
      const barred = new Map([[stepName("p", "k7", value), { error, attempts: limits.workerDeathsMax }]])
      watch(rig, seat, cursor, { upTo: by === "event" ? keys.length : -1, byClock: by === "clock", barred }, bytes)
      if (by === "event") rig.produce("in", [{ k: "last", t: 100 }])
      rig.now = 10
      await rig.settle()
      while (seat.machine.tickAt <= rig.now) rig.tick(seat)
      assert.deepEqual([...shown.keys()].toSorted(), keys.filter((key) => key !== "k7").toSorted())
      const letters = await rig.deadLetters("in")
      assert.deepEqual(letters.map(({ key, operator, attempts, error: { code } }) => [key, operator, attempts, code]), [["k7", "p", limits.workerDeathsMax, "MR1202"]])
      assert.deepEqual(letters[0]?.value, JSON.parse(JSON.stringify(value)))
      assert.equal((await rig.values("s/out.rows")).length, keys.length - 1)
    }
  })
})

test("past what was watched for, no step is shown any more", async () => {
  const { rig, seat, shown, cursor } = await opened("event")
  watch(rig, seat, cursor, { upTo: 0, byClock: false, barred: new Map() }, Number.POSITIVE_INFINITY)
  rig.produce("in", [{ k: "last", t: 1 }])
  await rig.settle()
  rig.produce("in", [{ k: "last", t: 100 }])
  await rig.settle()
  assert.deepEqual([shown.size, ...new Set(shown.values())], [keys.length, 0])
})

test("when too many steps of the clock's have brought workers down, all that are due are dead letters", async () => {
  const { rig, seat, shown, cursor } = await opened("clock")
  cursor[0] = -1
  const allByClock = { error, attempts: limits.workerDeathsMax + 1 }
  watch(rig, seat, cursor, { upTo: -1, byClock: true, barred: new Map(), allByClock }, Number.POSITIVE_INFINITY)
  rig.now = 10
  rig.tick(seat)
  assert.equal(shown.size, 0)
  assert.equal((await rig.deadLetters("in")).length, keys.length)
})
