import assert from "node:assert/strict"
import { test } from "node:test"
import fc from "fast-check"
import { evenShards, hashKeyMax, hashOf, Placing, type Shard } from "./shard.ts"

/** Splits open shards, each at a hash key within it. */
function split(shards: readonly Shard[], cuts: readonly (readonly [which: number, at: bigint])[]): readonly Shard[] {
  let all = [...shards]
  for (const [which, at] of cuts) {
    const open = all.filter(({ end }) => end === undefined)
    const shard = open[which % open.length]
    if (shard === undefined) continue
    if (shard.from === shard.to) continue
    const border = shard.from + (at % (shard.to - shard.from)) + 1n
    all = all.map((each) => (each === shard ? { ...each, end: 5 } : each))
    const made = { begin: 0, openedAt: 1, parent: shard.partition }
    all.push({ ...made, partition: all.length, from: shard.from, to: border - 1n })
    all.push({ ...made, partition: all.length, from: border, to: shard.to })
  }
  return all
}

test("the open shard that takes a key is the one whose hash keys hold its MD5, beside borders too", () => {
  const cuts = fc.array(fc.tuple(fc.nat(20), fc.bigInt({ min: 0n, max: hashKeyMax })), { minLength: 1, maxLength: 12 })
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 5 }), cuts, fc.array(fc.string({ minLength: 1 }), { maxLength: 30 }), (count, cutAt, keys) => {
      const shards = split(evenShards(count, 0, () => 0), cutAt)
      // A shard that begins at the very hash of a key, and one that ends there.
      const exact = keys.slice(0, 2).reduce((all, key) => splitAt(all, hashOf(key)), shards)
      const placing = new Placing(exact)
      for (const key of keys) {
        const hash = hashOf(key)
        const shard = exact.find(({ from, to, end }) => end === undefined && from <= hash && hash <= to)
        assert.equal(placing.ofKey(key), shard?.partition)
        assert.equal(placing.everOfKey(key)[0], shard?.partition)
        assert.ok(placing.open.includes(placing.ofKey(key)))
      }
    }),
  )
})

function splitAt(shards: readonly Shard[], at: bigint): readonly Shard[] {
  const shard = shards.find(({ from, to, end }) => end === undefined && from < at && at <= to)
  if (shard === undefined) return shards
  const closed = shards.map((each) => (each === shard ? { ...each, end: 5 } : each))
  const made = { begin: 0, openedAt: 1, parent: shard.partition }
  return [...closed, { ...made, partition: closed.length, from: shard.from, to: at - 1n }, { ...made, partition: closed.length + 1, from: at, to: shard.to }]
}
