import assert from "node:assert/strict"
import { test } from "node:test"
import type { StreamPlan } from "@millrace/model"
import { parseLiveFrom } from "./from.ts"

const three = { name: "rides", partitions: 3, format: "json" } as StreamPlan

test("a position has an offset for each partition; one from before the stream was resharded has as many as there were then", () => {
  const offsets = (text: string, stream: StreamPlan): number[] => {
    const from = parseLiveFrom(text, stream)
    return from.kind === "offsets" ? [...from.offsets.values()] : []
  }
  assert.deepEqual(offsets("1.2.3", three), [1, 2, 3])
  for (const text of ["1", "1.2", "1.2.3.4"]) assert.throws(() => offsets(text, three), { code: "MR1009" })
  const resharded = { ...three, partitions: 5, partitionsAtFirst: 3 }
  for (const text of ["1.2.3", "1.2.3.4", "1.2.3.4.5"]) assert.equal(offsets(text, resharded).join("."), text)
  for (const text of ["1.2", "1.2.3.4.5.6"]) assert.throws(() => offsets(text, resharded), { code: "MR1009" })
})
