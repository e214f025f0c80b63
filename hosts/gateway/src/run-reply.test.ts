import assert from "node:assert/strict"
import { test } from "node:test"
import { runReply } from "./run-reply.ts"
import type { NodeRun } from "./tasks.ts"

const run: NodeRun = { number: 7, task: "t", status: "delayed", key: "", priority: 0, trigger: "call", input: "1", enqueuedAt: 0, attempt: 1, attempts: [] }

test("a stored time that no date can say is shown as the nearest that one can", () => {
  assert.equal(runReply({ ...run, dueAt: 1e17 }).dueAt, "+275760-09-13T00:00:00.000Z")
  assert.equal(runReply({ ...run, scheduledAt: -1e17 }).scheduledAt, "-271821-04-20T00:00:00.000Z")
  assert.equal(runReply({ ...run, startedAt: Number.NaN }).startedAt, "1970-01-01T00:00:00.000Z")
})
