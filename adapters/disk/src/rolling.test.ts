// Segments that fill and are closed while others are written.
import assert from "node:assert/strict"
import { it } from "node:test"
import { commit } from "@millrace/conformance"
import { scratch } from "../test/scratch.ts"
import { openDiskStore } from "./index.ts"

it("a segment is closed only when no later sync of it runs", async (t) => {
  const lost: unknown[] = []
  const onLost = (_: number, reason: Error): void => void lost.push(reason)
  const store = await openDiskStore({ dir: scratch(t), now: () => 0, segmentBytes: 300, syncMs: 1, tailBytes: 0, onLost })
  // Several commits a millisecond: syncs fall due while segments are made and closed.
  for (let i = 0; i < 1500; i++) {
    const { sequence } = store.append(commit([{ stream: "a", partition: 0, lines: [`${i}`] }]))
    await store.durable(sequence)
  }
  assert.deepEqual(lost, [])
  assert.equal(store.extent("a", 0).durable, 1500)
  await store.close()
})
