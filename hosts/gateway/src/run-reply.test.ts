import assert from "node:assert/strict"
import { test } from "node:test"
import type { RunReply } from "@millrace/protocol"
import { runJson } from "./run-reply.ts"
import type { NodeRun } from "./tasks.ts"

const run: NodeRun = { number: 7, task: "t", status: "delayed", key: "", priority: 0, trigger: "call", input: "1", enqueuedAt: 0, attempt: 1, attempts: [] }

const reply = (given: NodeRun): RunReply => JSON.parse(runJson(given)) as RunReply

test("a stored time that no date can say is shown as the nearest that one can", () => {
  assert.equal(reply({ ...run, dueAt: 1e17 }).dueAt, "+275760-09-13T00:00:00.000Z")
  assert.equal(reply({ ...run, scheduledAt: -1e17 }).scheduledAt, "-271821-04-20T00:00:00.000Z")
  assert.equal(reply({ ...run, startedAt: Number.NaN }).startedAt, "1970-01-01T00:00:00.000Z")
})

test("a run whose value or error cannot be shown is shown without it", () => {
  const deep = "[".repeat(200_000) + "]".repeat(200_000)
  const { input, output, id } = reply({ ...run, input: deep, output: "2" })
  assert.deepEqual([id, input, output], ["t-7", { $unshown: { length: 400_000 } }, 2])
  assert.deepEqual(reply({ ...run, input: "1", output: "{torn" }).output, { $unshown: { length: 5 } })
  let details: Record<string, unknown> = {}
  for (let i = 0; i < 200_000; i++) details = { details }
  const error = { code: "MR1201", message: "boom", details } as const
  const shown = reply({ ...run, error, attempts: [{ startedAt: 0, endedAt: 1, outcome: "failed", error }] })
  assert.deepEqual([shown.problem?.detail, shown.attempts[0]?.problem?.detail], ["boom", "boom"])
})
