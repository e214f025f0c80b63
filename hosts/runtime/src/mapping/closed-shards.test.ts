// Closed shards whose records a filter drops: they are over, stay over, and their children go on.
import assert from "node:assert/strict"
import { test } from "node:test"
import { BlockWriter, type Shard, evenShards, factsText, newFacts } from "@millrace/model"
import { MappingBench } from "../../test/mapping-bench.ts"

/** A shard in two, as a split leaves them: the parent ends at `end`. */
function inTwo(bench: MappingBench, end: number): (shards: readonly Shard[]) => readonly Shard[] {
  return (shards) => {
    const parent = shards[0] ?? assert.fail("no shard")
    const { from, to } = parent
    const middle = (from + to) / 2n
    const openedAt = bench.clock.now() + 1_000
    return [
      { ...parent, end, closedAt: openedAt },
      { partition: 1, from, to: middle, begin: 0, openedAt, parent: 0 },
      { partition: 2, from: middle + 1n, to, begin: 0, openedAt, parent: 0 },
    ]
  }
}

const onlyA = { filters: ['{"data":{"key":[{"prefix":"a"}]}}'] } as const

test("a shard whose filter drops everything is over when it is split, and after a restart; its children's records arrive", async (t) => {
  const bench = new MappingBench(t)
  await bench.open(onlyA)
  await bench.put(["b1", "b2", "b3"])
  await bench.reshard("orders", inTwo(bench, 3))
  await bench.put(["a1"], { partition: 1 })
  assert.deepEqual(bench.keys, [["a1"]])
  assert.equal(bench.mappings.status()[0]?.figures.polled, 4, "each record is looked at once")
  for (const cleanly of [false, true]) {
    await bench.restart(onlyA, cleanly)
    assert.equal(bench.mappings.neededFrom("orders", 0), 3, "that it is over was kept")
    assert.equal(bench.mappings.status()[0]?.figures.polled, 0, "nothing of it is read again")
  }
  await bench.put(["a2"], { partition: 2 })
  assert.deepEqual(bench.keys, [["a1"], ["a2"]])
})

test("a node killed behind what its filter has dropped goes on with the children of the shard", async (t) => {
  const bench = new MappingBench(t)
  await bench.open(onlyA)
  await bench.put(["b1", "b2"])
  bench.mappings.halt()
  const shards = inTwo(bench, 2)(evenShards(1, bench.clock.now(), () => 0))
  bench.stream("orders", shards.length)
  bench.facts.set("orders", factsText(newFacts(bench.clock.now(), { shards })))
  await bench.restart(onlyA, false)
  await bench.put(["a1"], { partition: 1 })
  assert.deepEqual(bench.keys, [["a1"]])
})

test("a shard whose filter drops its tail is over when it is split, and after a restart", async (t) => {
  const bench = new MappingBench(t)
  await bench.open(onlyA)
  await bench.put(["a1", "b1", "b2"])
  await bench.put(["b3"])
  await bench.reshard("orders", inTwo(bench, 4))
  await bench.put(["a2"], { partition: 2 })
  await bench.restart(onlyA, false)
  await bench.put(["a3"], { partition: 1 })
  assert.deepEqual(bench.keys, [["a1"], ["a2"], ["a3"]])
})

test("a closed shard whose window was open when its mapping gave up windows is over", async (t) => {
  const bench = new MappingBench(t)
  bench.answering = () => ({ state: {} })
  await bench.open({ tumblingWindowMs: 60_000 })
  await bench.put(["a1"])
  await bench.mappings.stop()
  const shards = inTwo(bench, 1)(evenShards(1, bench.clock.now(), () => 0))
  bench.stream("orders", shards.length)
  bench.facts.set("orders", factsText(newFacts(bench.clock.now(), { shards })))
  await bench.restart()
  await bench.put(["a2"], { partition: 1 })
  assert.deepEqual(bench.keys, [["a1"], ["a2"]])
})

test("a backlog that a filter drops leaves the process a turn between two reads, however fast the log answers", async (t) => {
  const bench = new MappingBench(t)
  await bench.open({ ...onlyA, enabled: false })
  await bench.put(Array.from({ length: 20 }, () => "b"))
  const writer = new BlockWriter()
  writer.record("b", bench.clock.now(), Buffer.from('{"key":"b"}'), "")
  const block = writer.take()
  let turn = 0
  const reads: number[] = []
  bench.store.read = async (_stream, _partition, from) => {
    reads.push(turn)
    return [{ base: from, count: 1, block }]
  }
  const count = (): void => {
    turn++
    if (turn < 1_000) setImmediate(count)
  }
  setImmediate(count)
  await bench.mappings.enable(bench.mappings.status()[0]?.uuid ?? "", true)
  await bench.rest()
  assert.equal(reads.length, 20)
  assert.equal(new Set(reads).size, 20, "each in a turn of its own")
})
