import assert from "node:assert/strict"
import { test } from "node:test"
import { limits } from "@millrace/model"
import { Silence, isGivenUp } from "./silence.ts"

const { attemptGraceMs, attemptLookMs } = limits
const nothing = { blockedMs: 10_000, abortedAt: [], deadlines: [] }

test("a thread is silent from the ping to its answer, and not while it lies idle or nobody lets it run", () => {
  const silence = new Silence()
  assert.equal(silence.ms(100, 0), undefined)
  silence.ask(1_000, 400)
  assert.equal(silence.ms(3_000, 400), 2_000)
  // The machine was busy with others: its loop lay idle, with the ping before it.
  assert.equal(silence.ms(3_000, 2_300), 100)
  // A thread that has closed its port lies idle and never answers.
  assert.deepEqual([silence.ms(4_000, 3_400), silence.ms(301_000, 300_400)], [100, 10_000])
  silence.answered()
  assert.equal(silence.ms(9_000, 400), undefined)
})

test("a silent thread is given up after its time", () => {
  assert.deepEqual([9_999, 10_000].map((ms) => isGivenUp(ms, 50_000, nothing)), [false, true])
})

test("a silent thread with a call in it that was aborted is given up after the grace that such a call has", () => {
  const at = (silentMs: number, agoMs: number): boolean => isGivenUp(silentMs, 50_000, { ...nothing, abortedAt: [50_000 - agoMs] })
  assert.deepEqual([at(attemptGraceMs, attemptGraceMs), at(attemptGraceMs - 1, attemptGraceMs), at(attemptGraceMs, attemptGraceMs - 1)], [true, false, false])
})

test("a silent thread is given up before a neighbour is late through it, and not for one that has time", () => {
  const at = (silentMs: number, leftMs: number): boolean => isGivenUp(silentMs, 50_000, { ...nothing, deadlines: [90_000, 50_000 + leftMs] })
  assert.deepEqual([at(attemptLookMs, 2 * attemptLookMs), at(attemptLookMs, -1), at(attemptLookMs - 1, 1), at(attemptLookMs, 2 * attemptLookMs + 1)], [true, true, false, false])
})
