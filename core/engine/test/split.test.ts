import assert from "node:assert/strict"
import { test } from "node:test"
import { count, service, stream, tumbling } from "@millrace/sdk"
import fc from "fast-check"
import { events } from "./events.ts"
import { Rig } from "./rig.ts"
import type { Event } from "./window-model.ts"

test("a split sends each value one way: to the first branch whose test it passes, or to the rest", async () => {
  await fc.assert(
    fc.asyncProperty(events, fc.integer({ min: -9, max: 9 }), fc.integer({ min: -9, max: 9 }), async (given, low, high) => {
      const input = stream("in", { partitions: 1, key: (e: Event) => e.k, time: (e) => e.t })
      const { large, small, rest } = input.split({ large: (e) => e.v > high, small: (e, at) => e.v < low && at.key === e.k })
      const outlets = Object.entries({ large, small, rest }).map(([name, branch]) => branch.to(stream<Event>(name, { partitions: 1 })))
      const rig = await Rig.open(service("s", outlets))
      rig.produce("in", given)
      await rig.settle([5])
      assert.deepEqual(await rig.values("large"), given.filter(({ v }) => v > high))
      assert.deepEqual(await rig.values("small"), given.filter(({ v }) => v <= high && v < low))
      assert.deepEqual(await rig.values("rest"), given.filter(({ v }) => v <= high && v >= low))
      assert.equal(rig.program.plan.stages[0]?.operators.filter(({ kind }) => kind === "split").length, 1)
    }),
    { numRuns: 100 },
  )
})

test("a test that throws, or answers a promise, makes a dead letter; a branch keeps key and event time", async () => {
  const input = stream("in", { partitions: 1, key: (e: Event) => e.k, time: (e) => e.t })
  const { odd } = input.split({
    odd: (e) => {
      if (e.v === 0) throw new Error("told to")
      return e.v === 2 ? (Promise.resolve(true) as unknown as boolean) : e.v % 2 === 1
    },
  })
  const out = stream<{ key: string; n: number }>("out", { partitions: 1 })
  const rig = await Rig.open(service("s", [odd.window("w", tumbling(10)).aggregate({ n: count() }).map(({ key, n }) => ({ key, n })).to(out)]))
  rig.produce("in", [1, 0, 2, 3].map((v, t) => ({ k: "a", t, v })))
  rig.end("in")
  await rig.settle()
  assert.deepEqual(await rig.values("out"), [{ key: "a", n: 2 }])
  assert.deepEqual((await rig.deadLetters("in")).map(({ error }) => error.message), [
    "Error: told to",
    "split: a promise was returned; functions of streams are synchronous.",
  ])
})
