// Changes that are held back, against those that are not.
import assert from "node:assert/strict"
import { test } from "node:test"
import type { Change } from "@millrace/model"
import { service } from "@millrace/sdk"
import { files } from "@millrace/sdk/files"
import fc from "fast-check"
import { Rig } from "./rig.ts"
import { atOnce, drive, turns } from "./schedule.ts"
import { type Event, events, folded, outOfOrder, source } from "./table-model.ts"

test("held back changes add up to the same table, are exact, and one row's are at least so far apart", async () => {
  await fc.assert(
    fc.asyncProperty(events, outOfOrder, fc.constantFrom(1, 5, 30), turns, async (given, most, within, way) => {
      const bytes: Uint8Array[] = []
      for (const path of [atOnce, way]) {
        const table = source(most).toTable("t", { deleted: (event) => event.gone })
        const rig = await Rig.open(service("s", [table.to(files("all")), table.suppress("held", { within }).to(files("held"))]))
        rig.produce("in", given)
        rig.end("in")
        await drive(rig, rig.seat("in"), path)
        assert.deepEqual(await rig.deadLetters("in"), [])
        bytes.push(await rig.bytes("s/held.rows"))
        const held = await rig.records("s/held.rows")
        assert.deepEqual(folded(held), folded(await rig.records("s/all.rows")))
        const last = new Map<string, number>()
        for (const { time, value } of held) {
          const { key } = value as Change<Event>
          assert.ok(time - (last.get(key) ?? Number.NEGATIVE_INFINITY) >= within)
          last.set(key, time)
        }
        await rig.store.fold()
        for (const scope of ["s/held", "s/held@timers"]) assert.deepEqual([...rig.store.state.buckets(scope, 0)], [], scope)
      }
      assert.deepEqual(bytes[1], bytes[0])
    }),
    { numRuns: 300 },
  )
})

test("a row that comes and goes while it is held back is never told; by the clock, the clock says when", async () => {
  const base: Event = { k: "a", t: 1_000, g: "x", v: 1, gone: false, id: 1 }
  const table = source(0).toTable("t", { deleted: (event) => event.gone })
  const rig = await Rig.open(service("s", [table.suppress("held", { within: "10s", time: "processing" }).to(files("held"))]), 5_000)
  rig.produce("in", [base, { ...base, k: "b" }, { ...base, t: 1_001, gone: true }, { ...base, k: "b", t: 1_002, v: 2 }])
  await rig.settle()
  const [seat] = rig.seats
  assert.ok(seat)
  assert.equal(seat.machine.tickAt, 15_000)
  assert.deepEqual(await rig.values("s/held.rows"), [])
  rig.now = 15_000
  rig.tick(seat)
  const changes = (await rig.values("s/held.rows")) as Change<Event>[]
  assert.deepEqual(changes.map(({ key, old, new: now }) => [key, old, now?.v]), [["b", undefined, 2]])
})
