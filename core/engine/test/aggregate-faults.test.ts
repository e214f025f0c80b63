// Values that an aggregate cannot take.
import assert from "node:assert/strict"
import { test } from "node:test"
import { count, global, max, mean, service, session, sliding, stream, sum, tumbling } from "@millrace/sdk"
import { files } from "@millrace/sdk/files"
import type { DeadLetter } from "../src/index.ts"
import { Rig } from "./rig.ts"

interface Payment {
  readonly k: string
  readonly t: number
  readonly v: unknown
}

const given: readonly Payment[] = [5, 3, "4", {}, null, 1].map((v, t) => ({ k: "x", t, v }))
const input = stream("in", { partitions: 1, key: (payment: Payment) => payment.k, time: (payment) => payment.t })
const amount = (payment: Payment): number => payment.v as number

const aggregates = { n: count(), total: sum(amount), mean: mean(amount) }
const flows = {
  tumbling: input.window("w", tumbling(100)).aggregate(aggregates),
  session: input.window("w", session({ gap: 50 })).aggregate(aggregates),
  sliding: input.window("w", sliding({ size: 100 })).aggregate(aggregates),
  global: input.window("w", global({ every: 4 })).aggregate(aggregates),
  all: input.windowAll("w", tumbling(100)).aggregate(aggregates),
  running: input.aggregate("w", aggregates).toStream(),
  groups: input
    .keyBy((payment) => String(payment.t))
    .toTable("rows")
    .groupBy(() => "x")
    .aggregate("w", aggregates)
    .toStream(),
}

for (const [name, flow] of Object.entries(flows)) {
  test(`a text and an object are no part of a sum: their records are dead letters that name operator and aggregate (${name})`, async () => {
    const rig = await Rig.open(service("s", [flow.to(files("out"))]))
    rig.produce("in", given)
    rig.end("in")
    await rig.settle()
    const names = new Set(rig.program.plan.stages.map(({ deadLetters }) => deadLetters))
    const letters = (await Promise.all([...names].map((stream) => rig.values(stream)))).flat() as DeadLetter[]
    assert.deepEqual(letters.map(({ error }) => error.code), ["MR1201", "MR1201"])
    assert.match(letters[0]?.error.message ?? "", /^operator "w", total: sum takes numbers and was given a value of type string\./)
    assert.match(letters[1]?.error.message ?? "", /^operator "w", total: sum takes numbers and was given a value of type object\./)
    const rows = (await rig.values("s/out.rows")) as Record<string, unknown>[]
    const { n, total, mean: middle } = rows.at(-1) as Record<string, unknown>
    assert.deepEqual({ n, total, middle }, { n: 4, total: 9, middle: 3 })
  })
}

test("the greatest of a number and a text is a dead letter that names operator and aggregate", async () => {
  const greatest = input.window("w", tumbling(100)).aggregate({ most: max(amount) })
  const rig = await Rig.open(service("s", [greatest.to(files("out"))]))
  rig.produce("in", given.slice(0, 3))
  rig.end("in")
  await rig.settle()
  assert.match((await rig.deadLetters("in"))[0]?.error.message ?? "", /^operator "w", most: max was given a value of type string and of type number/)
  assert.deepEqual(((await rig.values("s/out.rows")) as { most: unknown }[]).map(({ most }) => most), [5])
})
