import assert from "node:assert/strict"
import { test } from "node:test"
import { count, service, stream, sum, tumbling } from "@millrace/sdk"
import { Rig } from "./rig.ts"

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
