// Batches, retries, splits, ages, lanes: what AWS says of event source mappings of Kinesis, on a clock that a test moves.
import assert from "node:assert/strict"
import { test } from "node:test"
import { limits } from "@millrace/model"
import { keyHash } from "./key-hash.ts"
import { MappingRig, done, failed } from "../../test/mapping-rig.ts"

const hour = 3_600_000

test("a batch holds at most batchSize records, in their order, and what there is goes at once", () => {
  const rig: MappingRig = new MappingRig({ batchSize: 10 })
  rig.fill(25)
  rig.advance(0)
  assert.deepEqual(
    rig.offsets.map(({ length }) => length),
    [10, 10, 5],
  )
  assert.deepEqual(
    rig.offsets.flat(),
    Array.from({ length: 25 }, (_, i) => i),
  )
})

test("a batch waits for what is in the log already, however little one read brings", () => {
  const rig = new MappingRig({ batchSize: 10 })
  rig.page = 3
  rig.fill(25)
  rig.advance(0)
  assert.deepEqual(
    rig.offsets.map(({ length }) => length),
    [10, 10, 5],
  )
})

test("a batch ends before its event would grow past 6 MB", () => {
  const rig: MappingRig = new MappingRig({ batchSize: 10_000 })
  rig.fill(9, { bytes: 1_000_000 })
  rig.advance(0)
  assert.deepEqual(
    rig.offsets.map(({ length }) => length),
    [6, 3],
  )
})

test("with a batching window a batch waits until it is full or the window has passed", () => {
  const rig: MappingRig = new MappingRig({ batchSize: 10, batchingWindowMs: 5_000 })
  rig.fill(3)
  rig.advance(4_999)
  assert.equal(rig.invocations.length, 0)
  rig.advance(1)
  assert.deepEqual(rig.offsets, [[0, 1, 2]])
  rig.fill(10)
  rig.advance(0)
  assert.equal(rig.offsets[1]?.length, 10, "full")
  rig.fill(6, { bytes: 1_200_000 })
  rig.advance(0)
  assert.equal(rig.offsets[2]?.length, 5, "6 MB")
})

test("an empty batch is never sent", () => {
  const rig: MappingRig = new MappingRig({ batchingWindowMs: 1_000 })
  rig.fill(5, { passes: false })
  rig.advance(hour)
  assert.deepEqual(rig.invocations, [])
  assert.equal(rig.machine.position, 5)
})

test("what a filter has dropped counts as processed", () => {
  const rig: MappingRig = new MappingRig({ batchSize: 2 })
  rig.fill(2)
  rig.fill(3, { passes: false })
  rig.fill(1)
  rig.advance(0)
  assert.deepEqual(rig.offsets, [[0, 1], [5]])
  assert.equal(rig.machine.position, 6)
  assert.equal(rig.machine.figures.filteredOut, 3)
  assert.equal(rig.machine.figures.polled, 6)
})

test("a batch that fails is invoked retries + 1 times, then given up", () => {
  const rig: MappingRig = new MappingRig({ batchSize: 3, maximumRetryAttempts: 1 }, ({ offsets }) => (offsets.includes(1) ? failed : done))
  rig.fill(4)
  rig.advance(hour)
  assert.deepEqual(rig.offsets, [[0, 1, 2], [0, 1, 2], [3]])
  const [discard] = rig.discards
  assert.equal(rig.discards.length, 1)
  assert.deepEqual([discard?.condition, discard?.attempts, discard?.error], ["RetryAttemptsExhausted", 2, "Unhandled"])
  assert.deepEqual(discard?.offsets, [0, 1, 2])
})

test("with no retries a batch is invoked once", () => {
  const rig: MappingRig = new MappingRig({ maximumRetryAttempts: 0 }, () => failed)
  rig.fill(2)
  rig.advance(hour)
  assert.deepEqual(rig.offsets, [[0, 1]])
  assert.equal(rig.discards[0]?.attempts, 1)
})

test("waits between retries double from a second to a minute", () => {
  const rig: MappingRig = new MappingRig({}, () => failed)
  rig.fill(1)
  rig.advance(5 * 60_000)
  const waits = rig.invocations.slice(1).map(({ at }, i) => at - (rig.invocations[i]?.at ?? 0))
  assert.deepEqual(waits.slice(0, 8), [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000])
})

test("a failing batch stops its shard until the stream's retention has passed: 24 hours of retries", () => {
  const rig: MappingRig = new MappingRig({ batchSize: 1 }, ({ offsets }) => (offsets[0] === 0 ? failed : done))
  rig.fill(2)
  rig.advance(24 * hour - 1)
  assert.ok(rig.invocations.length > 1_400)
  assert.ok(rig.offsets.every(([offset]) => offset === 0))
  rig.advance(1)
  assert.deepEqual(rig.offsets.at(-1), [1])
  assert.equal(rig.discards[0]?.condition, "RecordAgeExceeded")
})

test("throttles do not count as retries", () => {
  let calls = 0
  const rig: MappingRig = new MappingRig({ maximumRetryAttempts: 0 }, () => (++calls <= 20 ? { kind: "throttled" } : done))
  rig.fill(1)
  rig.advance(hour)
  assert.equal(calls, 21)
  assert.deepEqual(rig.discards, [])
  assert.equal(rig.machine.figures.throttles, 20)
})

test("waits after throttles double up to five seconds", () => {
  const rig = new MappingRig({}, () => ({ kind: "throttled" }))
  rig.fill(1)
  rig.advance(30_000)
  const waits = rig.invocations.slice(1).map(({ at }, i) => at - (rig.invocations[i]?.at ?? 0))
  assert.deepEqual(waits.slice(0, 5), [1_000, 2_000, 4_000, 5_000, 5_000])
})

test("throttled records that become too old are given up", () => {
  const rig: MappingRig = new MappingRig({ maximumRecordAgeMs: 60_000 }, () => ({ kind: "throttled" }))
  rig.fill(1)
  rig.advance(hour)
  assert.equal(rig.discards[0]?.condition, "RecordAgeExceeded")
  assert.equal(rig.discards[0]?.attempts, 0)
})

test("records older than maximumRecordAge are given up before the first try, younger ones are not", () => {
  const rig: MappingRig = new MappingRig({ maximumRecordAgeMs: 60_000 })
  rig.fill(3, { time: rig.now - 60_001 })
  rig.fill(2, { time: rig.now - 60_000 })
  rig.advance(0)
  assert.deepEqual(rig.offsets, [[3, 4]])
  assert.deepEqual(
    rig.discards.map(({ offsets, condition, attempts }) => [offsets, condition, attempts]),
    [[[0, 1, 2], "RecordAgeExceeded", 0]],
  )
})

test("a record that becomes too old between retries is given up when it does", () => {
  const rig: MappingRig = new MappingRig({ maximumRecordAgeMs: 60_000 }, ({ offsets }) => (offsets.includes(0) ? failed : done))
  rig.fill(1)
  rig.advance(30_000)
  rig.fill(1)
  const start = rig.now - 30_000
  rig.advance(hour)
  assert.equal(rig.discards[0]?.at, start + 60_001)
  assert.deepEqual(rig.discards[0]?.offsets, [0])
  assert.deepEqual(rig.offsets.at(-1), [1])
})

test("that records are too old is decided once, and survives a restart", () => {
  const rig = new MappingRig({ maximumRecordAgeMs: 60_000, batchSize: 2 }, ({ offsets }) => (offsets.includes(0) ? failed : done))
  rig.takesDiscards = false
  rig.fill(2)
  rig.advance(30_000)
  rig.fill(1)
  const decided = rig.now + 30_001
  rig.advance(45_000)
  rig.restart()
  rig.takesDiscards = true
  rig.advance(10_000)
  assert.deepEqual(
    rig.discards.map(({ offsets, at }) => [offsets, at]),
    [[[0, 1], decided]],
  )
  assert.deepEqual(rig.offsets.at(-1), [2])
})

test("bisect halves a batch of an odd size with the larger half first", () => {
  const rig = new MappingRig({ bisectBatchOnFunctionError: true }, ({ offsets }) => (offsets.length === 3 ? failed : done))
  rig.fill(3)
  rig.advance(hour)
  assert.deepEqual(rig.offsets, [[0, 1, 2], [0, 1], [2]])
})

test("bisect halves a failing batch until the bad record is alone, and splits do not count as retries", () => {
  const rig: MappingRig = new MappingRig({ batchSize: 8, maximumRetryAttempts: 1, bisectBatchOnFunctionError: true }, ({ offsets }) =>
    offsets.includes(5) ? failed : done,
  )
  rig.fill(10)
  rig.advance(hour)
  assert.deepEqual(rig.offsets, [[0, 1, 2, 3, 4, 5, 6, 7], [0, 1, 2, 3], [4, 5, 6, 7], [4, 5], [4], [5], [5], [6, 7], [8, 9]])
  assert.deepEqual(
    rig.discards.map(({ offsets, attempts }) => [offsets, attempts]),
    [[[5], 2]],
  )
})

test("waits begin anew at a split, so a bad record that comes first is alone after a second for each", () => {
  const rig: MappingRig = new MappingRig({ batchSize: 100, maximumRetryAttempts: 2, bisectBatchOnFunctionError: true }, ({ offsets }) =>
    offsets.includes(0) ? failed : done,
  )
  rig.fill(100)
  rig.advance(hour)
  const bad = rig.invocations.filter(({ offsets }) => offsets.includes(0))
  assert.deepEqual(
    bad.map(({ offsets }) => offsets.length),
    [100, 50, 25, 13, 7, 4, 2, 1, 1, 1],
  )
  const waits = bad.slice(1).map(({ at }, i) => at - (bad[i]?.at ?? 0))
  assert.deepEqual(waits, [1_000, 1_000, 1_000, 1_000, 1_000, 1_000, 1_000, 1_000, 2_000], "seven splits, then the retries of the record alone")
})

test("after a split the next batches have the configured size again", () => {
  let isBad = true
  const rig: MappingRig = new MappingRig({ batchSize: 4, bisectBatchOnFunctionError: true }, () => {
    if (!isBad) return done
    isBad = false
    return failed
  })
  rig.fill(8)
  rig.advance(hour)
  assert.deepEqual(rig.offsets, [
    [0, 1, 2, 3],
    [0, 1],
    [2, 3],
    [4, 5, 6, 7],
  ])
})

test("a partial failure keeps what is before it and retries from it, later successes too", () => {
  const rig: MappingRig = new MappingRig({ batchSize: 5 }, ({ offsets }) => (offsets[0] === 0 ? { kind: "partial", index: 2 } : done))
  rig.fill(5)
  rig.advance(hour)
  assert.deepEqual(rig.offsets, [
    [0, 1, 2, 3, 4],
    [2, 3, 4],
  ])
  assert.equal(rig.machine.position, 5)
})

test("partial failures count as retries, and what is left of the batch is given up", () => {
  const rig: MappingRig = new MappingRig({ batchSize: 5, maximumRetryAttempts: 2 }, ({ offsets }) =>
    offsets.includes(3) ? { kind: "partial", index: offsets.indexOf(3) } : done,
  )
  rig.fill(6)
  rig.advance(hour)
  assert.deepEqual(rig.offsets, [[0, 1, 2, 3, 4], [3, 4], [3, 4], [5]])
  assert.deepEqual(
    rig.discards.map(({ offsets, attempts, error }) => [offsets, attempts, error]),
    [[[3, 4], 3, null]],
  )
})

test("with bisect a partial failure splits exactly there, retries only the rest, and does not count", () => {
  const rig: MappingRig = new MappingRig({ batchSize: 6, maximumRetryAttempts: 0, bisectBatchOnFunctionError: true }, ({ offsets }) => {
    if (offsets.length === 6) return { kind: "partial", index: 4 }
    return done
  })
  rig.fill(6)
  rig.advance(hour)
  assert.deepEqual(rig.offsets, [
    [0, 1, 2, 3, 4, 5],
    [4, 5],
  ])
  assert.deepEqual(rig.discards, [])
})

test("with bisect a partial failure at the first record splits nothing off, so it counts", () => {
  const rig = new MappingRig({ maximumRetryAttempts: 1, bisectBatchOnFunctionError: true }, () => ({ kind: "partial", index: 0 }))
  rig.fill(3)
  rig.advance(hour)
  assert.deepEqual(rig.offsets, [
    [0, 1, 2],
    [0, 1, 2],
  ])
  assert.equal(rig.discards[0]?.attempts, 2)
})

test("waits begin anew whenever a batch gets further", () => {
  const rig = new MappingRig({}, ({ offsets }) => (offsets.length > 1 ? { kind: "partial", index: 1 } : done))
  rig.fill(5)
  rig.advance(hour)
  const waits = rig.invocations.slice(1).map(({ at }, i) => at - (rig.invocations[i]?.at ?? 0))
  assert.deepEqual(waits, [1_000, 1_000, 1_000, 1_000])
})

test("lanes keep the order of their keys and run beside each other; a failing one stops no other", () => {
  const rig: MappingRig = new MappingRig({ batchSize: 1, parallelizationFactor: 4 }, ({ offsets }) => (rig.log[offsets[0] ?? 0]?.key === "k0" ? failed : done))
  for (let i = 0; i < 40; i++) rig.put([`k${i % 8}`])
  rig.advance(0)
  const bad = new Set(rig.invocations.filter(({ offsets }) => rig.log[offsets[0] ?? 0]?.key === "k0").map(({ offsets }) => offsets[0]))
  assert.deepEqual([...bad], [0], "the failing key's later records wait")
  for (const key of ["k1", "k2", "k3"]) {
    const seen = rig.offsets.flat().filter((offset) => rig.log[offset]?.key === key)
    assert.deepEqual(seen, seen.toSorted((a, b) => a - b))
  }
  assert.ok(new Set(rig.offsets.flat()).size >= 25, "lanes without the failing key are done")
})

test("as many batches of a shard are under way as it has lanes, one of each", () => {
  const rig: MappingRig = new MappingRig({ batchSize: 2, parallelizationFactor: 3 }, () => undefined)
  rig.fill(60)
  rig.settle()
  assert.equal(rig.machine.busy, 3)
  const [first] = rig.invocations
  rig.answer(first?.id ?? 0, done)
  assert.equal(rig.machine.busy, 3)
  assert.equal(rig.invocations.length, 4)
})

test("a lane that is stuck does not keep others from reading on, nor does it hold what they read", () => {
  const keyOf = (offset: number | undefined): string => rig.log[offset ?? 0]?.key ?? ""
  const good = ["a", "b", "c", "d"].find((key) => keyHash(key) % 2 !== keyHash("bad") % 2) ?? ""
  const rig: MappingRig = new MappingRig({ batchSize: 10, parallelizationFactor: 2 }, ({ offsets }) => (keyOf(offsets[0]) === "bad" ? failed : done))
  const count = 20 * limits.mappingReadAheadRecordsMax
  for (let i = 0; i < count; i++) rig.put([i % 2 === 0 ? "bad" : good])
  rig.advance(0)
  assert.equal(rig.offsets.flat().filter((offset) => keyOf(offset) === good).length, count / 2)
  assert.ok(rig.machine.known <= limits.mappingReadAheadRecordsMax, `${rig.machine.known} records are known`)
  // One batch gets through, so that the lane has room again, far behind the other one.
  let through = 1
  rig.handler = ({ offsets }) => (keyOf(offsets[0]) === "bad" && through-- <= 0 ? failed : done)
  rig.advance(60_000)
  rig.put([good, "bad", good, "bad"])
  rig.advance(0)
  rig.handler = () => done
  rig.advance(hour)
  assert.equal(rig.machine.position, count + 4)
  const first = rig.offsets.flat().filter((offset) => keyOf(offset) === "bad")
  assert.deepEqual(
    [...new Set(first)],
    [...Array.from({ length: count / 2 }, (_, i) => 2 * i), count + 1, count + 3],
  )
})

test("after a restart each lane goes on where it was, and repeats nothing that was kept", () => {
  const rig: MappingRig = new MappingRig({ batchSize: 1, parallelizationFactor: 4 }, ({ offsets }) => (rig.log[offsets[0] ?? 0]?.key === "k0" ? failed : done))
  for (let i = 0; i < 40; i++) rig.put([`k${i % 8}`])
  rig.advance(0)
  const before = new Set(rig.offsets.flat())
  rig.restart()
  rig.invocations.length = 0
  rig.handler = () => done
  rig.advance(hour)
  const again = rig.offsets.flat().filter((offset) => before.has(offset))
  assert.deepEqual(again, [0])
  assert.equal(rig.machine.position, 40)
})

test("with another number of lanes what was done stays done", () => {
  const rig: MappingRig = new MappingRig({ batchSize: 1, parallelizationFactor: 4 }, ({ offsets }) => (rig.log[offsets[0] ?? 0]?.key === "k0" ? failed : done))
  for (let i = 0; i < 40; i++) rig.put([`k${i % 8}`])
  rig.advance(0)
  const before = new Set(rig.offsets.flat())
  rig.handler = () => done
  for (const parallelizationFactor of [1, 3]) {
    rig.restart({ parallelizationFactor })
    rig.invocations.length = 0
    if (parallelizationFactor === 3) rig.advance(hour)
  }
  assert.deepEqual(
    rig.offsets.flat().filter((offset) => before.has(offset)),
    [0],
  )
  assert.equal(rig.machine.position, 40)
  assert.equal(rig.kept.before, undefined)
})

test("a batch that has failed keeps its borders through a restart, however little one read brings", () => {
  const rig: MappingRig = new MappingRig({ batchSize: 4 }, ({ at }) => (at === rig.now && rig.invocations.length < 3 ? failed : done))
  rig.fill(6)
  rig.settle()
  rig.page = 1
  rig.restart()
  rig.advance(hour)
  assert.deepEqual(rig.offsets.slice(0, 3), [
    [0, 1, 2, 3],
    [0, 1, 2, 3],
    [0, 1, 2, 3],
  ])
})

test("a batch that has failed goes on in smaller ones when batchSize has become smaller, with its attempts", () => {
  const rig: MappingRig = new MappingRig({ batchSize: 2_000, maximumRetryAttempts: 1 }, () => failed)
  rig.fill(2_000)
  rig.settle()
  assert.equal(rig.offsets[0]?.length, 2_000)
  rig.restart({ batchSize: 100 })
  rig.advance(hour)
  assert.equal(rig.invocations.length, 21)
  assert.ok(rig.discards.every(({ attempts, offsets }) => attempts === 2 && offsets.length === 100))
  assert.equal(rig.machine.position, 2_000)
})

test("attempts, splits and what is given up survive a restart", () => {
  const rig: MappingRig = new MappingRig({ batchSize: 4, maximumRetryAttempts: 3, bisectBatchOnFunctionError: true }, ({ offsets }) =>
    offsets.includes(2) ? failed : done,
  )
  rig.takesDiscards = false
  rig.fill(4)
  for (let i = 0; i < 20; i++) {
    rig.restart()
    rig.advance(1_000)
  }
  assert.equal(rig.offsets.filter((offsets) => offsets.length === 4).length, 1, "the split is not made again")
  assert.equal(rig.offsets.filter((offsets) => offsets.length === 1 && offsets[0] === 2).length, 4, "retries + 1 over all restarts")
  rig.restart()
  rig.takesDiscards = true
  rig.advance(0)
  assert.deepEqual(
    rig.discards.map(({ offsets, attempts, condition }) => [offsets, attempts, condition]),
    [[[2], 4, "RetryAttemptsExhausted"]],
  )
})

test("a destination that does not take it keeps the lane waiting", () => {
  const rig: MappingRig = new MappingRig({ batchSize: 1, maximumRetryAttempts: 0 }, ({ offsets }) => (offsets[0] === 0 ? failed : done))
  rig.takesDiscards = false
  rig.fill(2)
  rig.advance(hour)
  assert.deepEqual(rig.offsets, [[0]])
  assert.equal(rig.machine.position, 0)
})

test("a closed shard is over once all of it is done, without waiting for its batching window", () => {
  const rig: MappingRig = new MappingRig({ batchSize: 10, batchingWindowMs: 60_000 })
  rig.fill(3)
  rig.settle()
  assert.equal(rig.machine.isOver, false)
  rig.close()
  assert.deepEqual(rig.offsets, [[0, 1, 2]])
  assert.equal(rig.machine.isOver, true)
})

test("records that the log has let go of are passed over and counted", () => {
  const rig: MappingRig = new MappingRig({ batchSize: 10 })
  rig.fill(30)
  rig.first = 20
  rig.advance(0)
  assert.deepEqual(rig.offsets, [[20, 21, 22, 23, 24, 25, 26, 27, 28, 29]])
})

test("the age of the last record of a batch that is done is its iterator age", () => {
  const rig: MappingRig = new MappingRig({})
  rig.fill(2, { time: rig.now - 7_000 })
  rig.advance(0)
  assert.equal(rig.machine.figures.iteratorAgeMs, 7_000)
})
