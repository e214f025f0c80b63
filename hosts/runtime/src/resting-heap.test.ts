import assert from "node:assert/strict"
import { test } from "node:test"
import { limits } from "@millrace/model"
import { RestingHeap } from "./resting-heap.ts"

test("a thread gives its garbage back once it rests, and not while it works", () => {
  const thread = { busy: 0, bytes: 20_000_000, needed: 20_000_000, collected: 0 }
  const heap = new RestingHeap({
    busyShare: () => thread.busy,
    bytes: () => thread.bytes,
    collect() {
      thread.bytes = thread.needed
      thread.collected++
    },
  })
  const after = (busy: number, bytes: number): number => {
    Object.assign(thread, { busy, bytes })
    heap.look()
    return thread.collected
  }
  assert.equal(after(0, 20_000_000 + limits.garbageBytesMax - 1), 0, "so little is not worth it")
  assert.equal(after(0.5, 500_000_000), 0, "it works")
  assert.equal(after(0, 500_000_000), 1, "it rests")
  assert.equal(after(0, 20_000_000), 1)
  // What is in use is no garbage.
  thread.needed = 300_000_000
  assert.equal(after(0, 310_000_000), 2)
  assert.equal(after(0, 310_000_000), 2, "what could not go is not tried again")
})
