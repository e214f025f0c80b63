import assert from "node:assert/strict"
import { test } from "node:test"
import { type ErrorData, limits } from "@millrace/model"
import { blamed, noteAttempt, quoted } from "./past-attempts.ts"
import type { AttemptFacts, Run } from "./run.ts"

const error: ErrorData = { code: "MR1202", message: "held its worker", details: {} }

function attempt(outcome: AttemptFacts["outcome"], logs?: readonly string[]): AttemptFacts {
  return { startedAt: 1, endedAt: 2, outcome, ...(logs === undefined ? {} : { logs }) }
}

test("of a run's attempts the newest are kept, and one that told nothing has no lines", () => {
  const run = { startedAt: 7, attempts: [] as readonly AttemptFacts[] } as Run
  for (let i = 0; i <= limits.attemptsKeptMax; i++) noteAttempt(run, 10 + i, "failed", i === 0 ? undefined : error, i === 1 ? ["a line"] : [])
  assert.equal(run.attempts.length, limits.attemptsKeptMax)
  assert.deepEqual(run.attempts[0], { startedAt: 7, endedAt: 11, outcome: "failed", error, logs: ["a line"] })
  assert.deepEqual(run.attempts.at(-1), { startedAt: 7, endedAt: 10 + limits.attemptsKeptMax, outcome: "failed", error })
})

test("only an attempt that took too long is blamed for holding its worker, and only the newest", () => {
  assert.equal(blamed([], error), undefined)
  assert.equal(blamed([attempt("timed-out"), attempt("failed")], error), undefined)
  assert.deepEqual(blamed([attempt("timed-out"), attempt("timed-out")], error), [attempt("timed-out"), { ...attempt("timed-out"), error }])
})

test("the lines of an aborted attempt go to the newest of which nothing is known", () => {
  assert.equal(quoted([attempt("failed"), attempt("cancelled", [])], ["late"]), undefined)
  assert.deepEqual(quoted([attempt("cancelled"), attempt("timed-out"), attempt("lost")], ["late"]), [attempt("cancelled"), attempt("timed-out", ["late"]), attempt("lost")])
})
