import assert from "node:assert/strict"
import { test } from "node:test"
import { limits } from "@millrace/model"
import { Culprits } from "./culprits.ts"
import type { WorkerEnd } from "./worker-handle.ts"

const error = { code: "MR1202" as const, message: "hung", details: {} }

function end(facts: Partial<WorkerEnd>): WorkerEnd {
  return { error, kind: "stage", job: 0, record: -1, step: 0, operator: 0, ...facts }
}

test("the first death at an entry has its seat watched; the second of the same record bars it", () => {
  assert.deepEqual(new Culprits().told, { poison: [], lost: [], watched: undefined })
  const culprits = new Culprits()
  culprits.blame(end({ record: 7 }))
  assert.deepEqual(culprits.told.watched, { upTo: 7, byClock: false, barred: new Map(), allByClock: undefined })
  assert.deepEqual(culprits.told.poison, [])
  culprits.blame(end({ record: 7 }))
  assert.deepEqual(culprits.told.poison, [[7, { error, attempts: 2 }]])
  culprits.committed(7, 0)
  assert.equal(culprits.told.poison.length, 1)
  culprits.committed(8, 1)
  assert.deepEqual([culprits.told.poison, culprits.told.watched], [[], undefined])
})

test("a step that has ended two workers is barred, and its entry is not to blame", () => {
  const culprits = new Culprits()
  culprits.blame(end({ record: 7 }))
  culprits.blame(end({ record: 7, step: 99 }))
  assert.deepEqual(culprits.told.watched?.barred, new Map())
  culprits.blame(end({ record: 7, step: 99 }))
  assert.deepEqual(culprits.told.watched?.barred, new Map([[99, { error, attempts: 2 }]]))
  assert.deepEqual(culprits.told.poison, [])
  culprits.committed(8, 1)
  assert.equal(culprits.told.watched, undefined)
})

test("a step of the clock's is barred until its dead letter is there, whatever records come meanwhile", () => {
  const culprits = new Culprits()
  culprits.blame(end({}))
  assert.deepEqual(culprits.told.watched, { upTo: -1, byClock: true, barred: new Map(), allByClock: undefined })
  culprits.blame(end({ step: 99 }))
  // A dead letter of another.
  culprits.committed(100, 1)
  culprits.blame(end({ step: 99 }))
  culprits.committed(200, 0)
  assert.equal(culprits.told.watched?.barred.has(99), true)
  culprits.committed(200, 1)
  assert.equal(culprits.told.watched, undefined)
})

test("when too many steps of one entry, or of the clock, are to blame, all of them are", () => {
  for (const record of [7, -1]) {
    const culprits = new Culprits()
    for (let step = 1; step <= limits.stepsBarredMax + 1; step++) {
      assert.deepEqual([culprits.told.poison, culprits.told.watched?.allByClock], [[], undefined])
      for (let i = 0; i < limits.workerDeathsMax; i++) culprits.blame(end({ record, step }))
    }
    const all = { error, attempts: limits.workerDeathsMax + 1 }
    if (record < 0) assert.deepEqual(culprits.told.watched?.allByClock, all)
    else assert.deepEqual(culprits.told.poison, [[7, all]])
  }
})

test("steps that have ended a worker once each are kept in a bounded number", () => {
  const culprits = new Culprits()
  culprits.blame(end({ step: 1_000 }))
  for (let step = 1; step <= 2 * limits.stepsBarredMax; step++) culprits.blame(end({ step }))
  culprits.blame(end({ step: 1_000 }))
  assert.deepEqual(culprits.told.watched?.barred, new Map())
})

test("a call that has ended two workers is not made again, until its seat goes back to what is stored", () => {
  const culprits = new Culprits()
  for (let i = 0; i < limits.workerDeathsMax; i++) culprits.blame(end({ kind: "call", operator: 3, record: 12 }))
  assert.deepEqual(culprits.told, { poison: [], lost: [[3, 12, { error, attempts: 2 }]], watched: undefined })
  culprits.clear()
  assert.deepEqual(culprits.told.lost, [])
})
