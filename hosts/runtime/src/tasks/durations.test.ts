import assert from "node:assert/strict"
import { test } from "node:test"
import { Durations } from "./durations.ts"

test("durations are counted in each bucket whose bound they do not pass", () => {
  const durations = new Durations()
  for (const ms of [0, 1, 1.1, 400, 90_000_000]) durations.add(ms)
  const values = durations.values({ task: "t" })
  const counts = new Map(values.map(({ labels, value, part }) => [part === "bucket" ? labels["le"] : part, value]))
  assert.deepEqual(
    ["0.001", "0.0025", "0.25", "0.5", "86400", "+Inf", "count"].map((name) => counts.get(name)),
    [2, 3, 3, 4, 4, 5, 5],
  )
  assert.ok(Math.abs((counts.get("sum") ?? 0) - 90_000.4021) < 1e-6)
  assert.deepEqual(values.at(-1), { labels: { task: "t" }, value: 5, part: "count" })
})
