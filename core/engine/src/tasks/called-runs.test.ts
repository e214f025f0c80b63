import assert from "node:assert/strict"
import { test } from "node:test"
import { CalledRuns } from "./called-runs.ts"
import type { WaitingRun } from "./waits.ts"

const top: WaitingRun = { id: "top-1", task: "top", key: "", lease: 7 }
const because = (id: string, why: string) => ({ id, reason: `It was cancelled, as run top-1, which had called it, ${why}.` })

test("what is called while its caller is cut off is cancelled as soon as it is known", () => {
  const calls = new CalledRuns()
  const call = calls.begin(top, false)
  assert.deepEqual(calls.aborted("top", 7, "cancelled"), [])
  assert.deepEqual(calls.become(call, "leaf-3"), because("leaf-3", "was cancelled"))
  calls.end(call)
  assert.ok(calls.isEmpty)
})

test("what has an idempotency key is its run's, anything else its attempt's; what another has joined goes on", () => {
  const calls = new CalledRuns()
  const begun = (id: string, isKeyed: boolean) => assert.equal(calls.become(calls.begin(top, isKeyed), id), undefined)
  begun("leaf-1", false)
  begun("leaf-2", true)
  begun("leaf-3", true)
  begun("leaf-4", true)
  assert.deepEqual([calls.aborted("top", 6, "timed-out"), calls.aborted("other", 7, "timed-out"), calls.aborted("top", 7, "superseded")], [[], [], []])
  assert.deepEqual(calls.aborted("top", 7, "timed-out"), [because("leaf-1", "took too long")])
  // Its further attempt joins one, somebody else the next.
  calls.joined("leaf-3")
  calls.joinedBy({ ...top, lease: 8 }, "leaf-3")
  calls.joined("leaf-4")
  calls.joinedBy({ ...top, id: "top-2", lease: 9 }, "leaf-4")
  assert.deepEqual(calls.ended("top-1", "failed"), [because("leaf-2", "has failed"), because("leaf-3", "has failed")])
  assert.ok(calls.isEmpty)
})

test("code that ends by itself leaves alone what it has called", () => {
  const calls = new CalledRuns()
  calls.become(calls.begin(top, false), "leaf-1")
  calls.become(calls.begin(top, true), "leaf-2")
  assert.deepEqual(calls.ended("top-1", "succeeded"), [])
  calls.over("top-1")
  assert.ok(calls.isEmpty)
  assert.deepEqual(calls.ended("top-1", "failed"), [])
  assert.deepEqual(calls.aborted("top", 7, "cancelled"), [])
})
