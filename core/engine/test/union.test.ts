import assert from "node:assert/strict"
import { test } from "node:test"
import { collect, count, service, stream, sum, tumbling } from "@millrace/sdk"
import fc from "fast-check"
import { Dice } from "./dice.ts"
import { events } from "./events.ts"
import { Rig } from "./rig.ts"
import type { Event } from "./window-model.ts"

interface Payment {
  readonly card: string
  readonly amount: number
  readonly at: number
}

const options = { key: (p: Payment) => p.card, time: (p: Payment) => p.at }

test("flows of two streams meet by key in one window, which closes when both have passed its end", async () => {
  const cards = stream("cards", { ...options, partitions: 3 })
  const transfers = stream("transfers", { ...options, partitions: 2 })
  const results = stream<{ key: string; n: number; total: number }>("results", { partitions: 1 })
  const rig = await Rig.open(
    service("s", [
      cards
        .union("all", transfers)
        .window("w", tumbling(100))
        .aggregate({ n: count(), total: sum((p) => p.amount) })
        .map(({ key, n, total }) => ({ key, n, total }))
        .to(results),
    ]),
  )
  rig.produce("cards", [
    { card: "a", amount: 1, at: 10 },
    { card: "b", amount: 2, at: 20 },
  ])
  rig.produce("transfers", [{ card: "a", amount: 10, at: 30 }])
  rig.end("cards")
  await rig.settle()
  assert.deepEqual(await rig.values("results"), [], "transfers may still bring something")
  rig.produce("transfers", [{ card: "b", amount: 20, at: 40 }])
  rig.end("transfers")
  await rig.settle()
  const values = (await rig.values("results")) as { key: string }[]
  assert.deepEqual(
    values.toSorted((a, b) => (a.key < b.key ? -1 : 1)),
    [
      { key: "a", n: 2, total: 11 },
      { key: "b", n: 2, total: 22 },
    ],
  )
})

test("flows of one stage are united where they are", async () => {
  const cards = stream("cards", { ...options, partitions: 1 })
  const small = cards.filter((p) => p.amount < 10)
  const large = cards.filter((p) => p.amount >= 100)
  const results = stream<number>("results", { partitions: 1 })
  const rig = await Rig.open(service("s", [small.union("ends", large).map((p) => p.amount).to(results)]))
  rig.produce("cards", [5, 50, 500].map((amount, at) => ({ card: "a", amount, at })))
  await rig.settle()
  assert.deepEqual(rig.program.plan.stages.map(({ id }) => id), ["cards"])
  assert.deepEqual(await rig.values("results"), [5, 500])
})

test("windows over a union hold the records of all its flows, over any partitions, in any order of work and with crashes", async () => {
  const partitions = fc.integer({ min: 1, max: 3 })
  await fc.assert(
    fc.asyncProperty(events, events, partitions, partitions, fc.boolean(), fc.integer(), async (some, others, left, right, moved, seed) => {
      const settings = { key: (e: Event) => e.k, time: (e: Event) => e.t, outOfOrder: 10_000 }
      const one = stream("one", { ...settings, partitions: left })
      const other = stream("other", { ...settings, partitions: right })
      const results = stream<{ start: number; key: string; values: readonly string[] }>("results", { partitions: 1 })
      const united = (moved ? one.keyBy((e) => e.k) : one).map((e) => `one ${e.t} ${e.v}`).union("both", other.map((e) => `other ${e.t} ${e.v}`))
      const windows = united.window("w", tumbling(20)).aggregate({ values: collect((value) => value) })
      const rig = await Rig.open(service("s", [windows.map(({ key, start, values }) => ({ key, start: Number(start), values })).to(results)]))
      rig.produce("one", some)
      rig.produce("other", others)
      rig.end("one")
      rig.end("other")
      const dice = new Dice(seed)
      for (let turns = 60; turns > 0; turns--) {
        const seat = rig.seats[dice.roll(rig.seats.length)]
        assert.ok(seat)
        if (rig.behind(seat)) await rig.take(seat, [1 + dice.roll(9), 1 + dice.roll(9)])
        if (dice.roll(4) === 0) await rig.restart(seat)
      }
      await rig.settle()
      const expected = new Map<string, string[]>()
      for (const [name, all] of Object.entries({ one: some, other: others })) {
        for (const { k, t, v } of all) {
          const window = `${k} ${Math.floor(t / 20) * 20}`
          expected.set(window, [...(expected.get(window) ?? []), `${name} ${t} ${v}`].toSorted())
        }
      }
      const rows = (await rig.values("results")) as { start: number; key: string; values: string[] }[]
      assert.equal(rows.length, expected.size)
      assert.deepEqual(new Map(rows.map(({ key, start, values }) => [`${key} ${start}`, values.toSorted()])), expected)
    }),
    { numRuns: 200 },
  )
})
