// Windows whose values are made one, against a plain reduction of the records of each window.
import assert from "node:assert/strict"
import { test } from "node:test"
import { collect, service, session, stream, tumbling } from "@millrace/sdk"
import { files } from "@millrace/sdk/files"
import fc from "fast-check"
import { events } from "./events.ts"
import { Rig } from "./rig.ts"
import { drive, turns } from "./schedule.ts"
import type { Event } from "./window-model.ts"

const highest = (high: Event, event: Event): Event => (event.v > high.v || (event.v === high.v && event.t > high.t) ? event : high)

test("a window's reduce is its records made one, in windows that merge, too, however input is cut and wherever it crashes", async () => {
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(tumbling(30), session({ gap: 9 })), fc.nat(40), events, turns, async (shape, outOfOrder, given, way) => {
      const input = stream("in", { partitions: 1, key: (e: Event) => e.k, time: (e) => e.t, outOfOrder })
      const rig = await Rig.open(
        service("s", [
          input.window("w", shape, { allowedLateness: 20 }).reduce(highest).to(files("reduced")),
          input.window("all", shape, { allowedLateness: 20 }).aggregate({ of: collect((e) => e) }).to(files("all")),
        ]),
      )
      rig.produce("in", given)
      rig.end("in")
      await drive(rig, rig.seat("in"), way)
      const all = (await rig.values("s/all.rows")) as { of: readonly Event[] }[]
      assert.deepEqual(await rig.values("s/reduced.rows"), all.map(({ of, ...bounds }) => ({ ...bounds, value: of.reduce(highest) })))
      assert.deepEqual(await rig.deadLetters("in"), [])
    }),
    { numRuns: 300 },
  )
})
