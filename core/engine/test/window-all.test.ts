// Windows over all records, against a plain grouping.
import assert from "node:assert/strict"
import { test } from "node:test"
import { collect, service, stream, tumbling } from "@millrace/sdk"
import { files } from "@millrace/sdk/files"
import fc from "fast-check"
import { events } from "./events.ts"
import { Rig } from "./rig.ts"
import type { Event } from "./window-model.ts"

test("a window over all records holds those of every key and partition", async () => {
  await fc.assert(
    fc.asyncProperty(events, fc.integer({ min: 1, max: 3 }), fc.boolean(), fc.integer({ min: 1, max: 9 }), async (given, partitions, keyed, cut) => {
      const settings = { partitions, time: (e: Event) => e.t, outOfOrder: 10_000 }
      const input = keyed ? stream("in", { ...settings, key: (e: Event) => e.k }) : stream<Event>("in", settings)
      const windows = input.windowAll("w", tumbling(20)).aggregate({ values: collect((e) => `${e.k} ${e.t} ${e.v}`) })
      const rig = await Rig.open(service("s", [windows.to(files("results"))]))
      rig.produce("in", given)
      rig.end("in")
      await rig.settle([cut])
      const expected = new Map<number, string[]>()
      for (const { k, t, v } of given) {
        const start = Math.floor(t / 20) * 20
        expected.set(start, [...(expected.get(start) ?? []), `${k} ${t} ${v}`].toSorted())
      }
      const rows = (await rig.values("s/results.rows")) as { key: string; start: Date; values: string[] }[]
      assert.ok(rows.every(({ key }) => key === "all"))
      assert.deepEqual(new Map(rows.map(({ start, values }) => [Number(start), values.toSorted()])), expected)
      assert.equal(rows.length, expected.size)
    }),
    { numRuns: 200 },
  )
})
