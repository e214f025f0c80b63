// Tables as they are read from outside, from what is stored, against what their changes add up to.
import assert from "node:assert/strict"
import { test } from "node:test"
import { partitionOf } from "@millrace/model"
import { collect, count, max, service, type Table } from "@millrace/sdk"
import { files } from "@millrace/sdk/files"
import fc from "fast-check"
import { compareKeys, tablesOf } from "../src/index.ts"
import { TableReader } from "../src/machine.ts"
import { Rig } from "./rig.ts"
import { turns } from "./schedule.ts"
import { type Event, events, folded, order, source, stir } from "./table-model.ts"

const deleted = (event: Event): boolean => event.gone
/** Keys whose order as UTF-8 differs from that as UTF-16, and one that another begins with. */
const keys: readonly [string, string, string, string, string] = ["a", "ab", "b", "\uff5e", "\u{1f600}"]

const kinds: Readonly<Record<string, (input: ReturnType<typeof source>) => Table<unknown>>> = {
  toTable: (input) => input.toTable("read", { deleted }),
  reduce: (input) => input.reduce("read", (a, b) => (a.v > b.v ? a : b)),
  aggregate: (input) => input.aggregate("read", { n: count(), most: max(({ v }) => v) }),
  "aggregate of groups": (input) =>
    input
      .toTable("t", { deleted })
      .groupBy(({ k, g }) => `${k}${g}`)
      .aggregate("read", { n: count(), ids: collect(({ id }) => id), most: max(({ v }) => v) }),
  topN: (input) => input.topN("read", { n: 2, by: ({ v }) => v }),
  "topN of groups": (input) =>
    input
      .toTable("t", { deleted })
      .groupBy(({ g, k, v }) => (v % 2 === 0 ? k : g))
      .topN("read", { n: 2, by: ({ v }) => v }),
  deduplicate: (input) => input.deduplicate("read"),
  join: (input) =>
    input
      .toTable("t", { deleted })
      .join("read", input.filter(({ v }) => v > 0).toTable("u", { deleted }), { type: "outer" }, (a, b) => [a?.id, b?.id]),
  "join by a foreign key": (input) =>
    input
      .toTable("t", { deleted })
      .join("read", input.toTable("u", { deleted }), { on: ({ k, v }) => keys[(keys.indexOf(k) + 5 + v) % 5], type: "left" }, (a, b) => [a.id, b?.id]),
}

test("a table read from outside is what its changes add up to", async (t) => {
  for (const [kind, make] of Object.entries(kinds)) await t.test(kind, () => assertSame(make))
})

async function assertSame(make: (input: ReturnType<typeof source>) => Table<unknown>): Promise<void> {
  await fc.assert(
    fc.asyncProperty(events, fc.constantFrom(1, 3), turns, order, async (given, partitions, way, drawn) => {
      const rig = await Rig.open(service("s", [make(source(100, partitions)).to(files("changes"))]))
      rig.produce("in", given.map((event, i) => ({ ...event, k: keys[("abc".indexOf(event.k) + i) % 5]})))
      rig.end("in")
      await stir(rig, drawn, way)
      await rig.store.fold()
      const rows = folded(await rig.records("s/changes.rows"))
      const plan = tablesOf(rig.program.plan).find(({ name }) => name === "read")
      assert.ok(plan !== undefined)
      const found = new Map<string, unknown>()
      for (let partition = 0; partition < plan.partitions; partition++) {
        const reader = (): TableReader => new TableReader(rig.program, plan, partition, rig.store.state)
        const all = [...reader().rows()]
        assert.deepEqual(all.map(([key]) => key), all.map(([key]) => key).toSorted(compareKeys))
        for (const [i, [key, row]] of all.entries()) {
          assert.equal(partitionOf(key, plan.partitions), partition)
          assert.deepEqual(reader().get(key), row)
          assert.deepEqual([...reader().rows(key)], all.slice(i + 1))
          found.set(key, row)
        }
        assert.deepEqual([...reader().rows(keys[2])], all.filter(([key]) => compareKeys(key, keys[2]) > 0))
        assert.equal(reader().get("none"), undefined)
      }
      assert.deepEqual(found, rows)
    }),
    { numRuns: 60 },
  )
}
