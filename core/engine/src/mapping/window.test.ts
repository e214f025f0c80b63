// Tumbling windows of a mapping: state from batch to batch, the last invocation, and what ends a window early.
import assert from "node:assert/strict"
import { test } from "node:test"
import { limits } from "@millrace/model"
import { type Handler, MappingRig, failed } from "../../test/mapping-rig.ts"
import { isPast } from "./checkpoint.ts"

const minute = 60_000

/** Counts records in its state. */
const counts: Handler = ({ offsets, window }) => {
  const { n = 0 } = JSON.parse(window?.state ?? "{}") as { n?: number }
  return { kind: "done", state: JSON.stringify({ n: n + offsets.length }) }
}

function open(handler: Handler = counts): MappingRig {
  const rig = new MappingRig({ batchSize: 2, tumblingWindowMs: minute }, handler)
  // The start of a window.
  rig.now = Math.ceil(rig.now / minute) * minute
  return rig
}

test("batches of a window carry its state, and a last invocation without records gets the whole", () => {
  const rig = open()
  const start = rig.now
  rig.fill(3)
  rig.advance(2 * minute)
  assert.deepEqual(
    rig.invocations.map(({ offsets, window }) => [offsets, window?.start, window?.end, window?.state, window?.isFinal, window?.isEarly]),
    [
      [[0, 1], start, start + minute, "{}", false, false],
      [[2], start, start + minute, '{"n":2}', false, false],
      [[], start, start + minute, '{"n":3}', true, false],
    ],
  )
})

test("a batch never holds records of two windows, and a later record closes the window before it", () => {
  const rig = open()
  rig.fill(1)
  rig.fill(2, { time: rig.now + minute })
  rig.settle()
  assert.deepEqual(
    rig.invocations.map(({ offsets, window }) => [offsets, window?.isFinal, window?.state]),
    [
      [[0], false, "{}"],
      [[], true, '{"n":1}'],
      [[1, 2], false, "{}"],
    ],
  )
})

test("a record with an earlier time than its window belongs to the window that is open: nothing is late", () => {
  const rig = open()
  const start = rig.now
  rig.fill(1, { time: start + minute })
  rig.fill(1, { time: start })
  rig.advance(3 * minute)
  assert.deepEqual(
    rig.invocations.map(({ offsets, window }) => [offsets, window?.start]),
    [
      [[0, 1], start + minute],
      [[], start + minute],
    ],
  )
})

test("a window whose state grows past 1 MB ends early, and what follows begins with an empty state", () => {
  const large = JSON.stringify({ text: "x".repeat(limits.mappingStateBytesMax) })
  const rig = open(({ offsets, window }) => ({ kind: "done", state: offsets[0] === 0 && window?.isFinal === false ? large : '{"n":1}' }))
  const start = rig.now
  rig.fill(3)
  rig.advance(2 * minute)
  assert.deepEqual(
    rig.invocations.map(({ offsets, window }) => [offsets, window?.start, window?.isFinal, window?.isEarly, window?.state.length]),
    [
      [[0, 1], start, false, false, 2],
      [[], start, true, true, large.length],
      [[2], start, false, false, 2],
      [[], start, true, false, 7],
    ],
  )
})

test("a last invocation that fails is repeated until it succeeds, and its shard waits", () => {
  let fails = 30
  const rig = open((invocation) => (invocation.window?.isFinal === true && fails-- > 0 ? failed : counts(invocation)))
  rig.fill(1)
  rig.advance(minute + 5_000)
  rig.fill(1)
  rig.advance(10 * minute)
  assert.ok(rig.invocations.length > 5)
  assert.ok(rig.invocations.slice(1).every(({ window, offsets }) => window?.isFinal === true && offsets.length === 0))
  rig.advance(60 * minute)
  assert.ok(rig.offsets.some(([offset]) => offset === 1))
})

test("a window's state survives a restart", () => {
  const rig = open()
  rig.fill(2)
  rig.settle()
  rig.restart()
  rig.fill(1)
  rig.advance(2 * minute)
  assert.equal(rig.invocations.at(-1)?.window?.state, '{"n":3}')
  assert.deepEqual(rig.offsets, [[0, 1], [2], []])
})

test("a batch that is given up leaves the window's state as it was", () => {
  const rig = new MappingRig({ batchSize: 1, tumblingWindowMs: minute, maximumRetryAttempts: 0 }, (invocation) =>
    invocation.offsets[0] === 1 ? failed : counts(invocation),
  )
  rig.fill(3)
  rig.advance(10 * minute)
  assert.equal(rig.invocations.at(-1)?.window?.state, '{"n":2}')
  assert.equal(rig.discards.length, 1)
})

test("a closed shard closes its window at once", () => {
  const rig = open()
  rig.fill(1)
  rig.settle()
  rig.close()
  assert.equal(rig.invocations.at(-1)?.window?.isFinal, true)
  assert.equal(rig.machine.isOver, true)
})

test("the state of a partial failure counts for what was done", () => {
  let calls = 0
  const rig = open((invocation) => (calls++ === 0 ? { kind: "partial", index: 1, state: '{"n":1}' } : counts(invocation)))
  rig.fill(2)
  rig.advance(3 * minute)
  assert.equal(rig.invocations.at(-1)?.window?.state, '{"n":2}')
})

test("a window waits a second for records that are on their way when it ends by the clock", () => {
  const rig = open()
  const start = rig.now
  rig.fill(1)
  rig.advance(minute + 500)
  rig.fill(1, { time: start + minute - 1 })
  rig.advance(minute)
  assert.deepEqual(rig.offsets, [[0], [1], []])
  assert.equal(rig.invocations.at(-1)?.window?.state, '{"n":2}')
})

test("what comes after its window is closed belongs to the next one", () => {
  const rig = open()
  const start = rig.now
  rig.fill(1)
  rig.advance(minute + 5_000)
  rig.fill(1, { time: start })
  rig.settle()
  assert.equal(rig.invocations.at(-1)?.window?.start, start + minute)
})

test("a closed shard with an open window is not done", () => {
  const lanes = [{ position: 5, pieces: [] }]
  assert.equal(isPast({ lanes }, 5), true)
  assert.equal(isPast({ lanes, window: { start: 0, state: "{}", early: false } }, 5), false)
})
