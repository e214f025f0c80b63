import assert from "node:assert/strict"
import { createHash } from "node:crypto"
import { test } from "node:test"
import fc from "fast-check"
import { partitionOf } from "./partition.ts"

/** The rule as the Kinesis API reference words it, in whole numbers. */
function kinesisShard(key: string, shards: number): number {
  const hash = BigInt(`0x${createHash("md5").update(key, "utf8").digest("hex")}`)
  const width = 2n ** 128n / BigInt(shards)
  const shard = hash / width
  return shard >= BigInt(shards) ? shards - 1 : Number(shard)
}

const partitions = fc.integer({ min: 1, max: 1024 })
const key = fc.oneof(
  fc.string({ unit: "binary", minLength: 1, maxLength: 256 }),
  fc.string({ unit: "grapheme", minLength: 1, maxLength: 60 }),
  fc.string({ minLength: 1, maxLength: 20 }),
  // Halves of surrogate pairs, alone.
  fc
    .array(fc.integer({ min: 0xd800, max: 0xdfff }), { minLength: 1, maxLength: 4 })
    .map((units) => String.fromCharCode(...units)),
)

test("a key lands on the partition that the Kinesis rule gives it, for any key and partition count", () => {
  fc.assert(
    fc.property(key, partitions, (each, count) => {
      assert.equal(partitionOf(each, count), kinesisShard(each, count))
    }),
    { numRuns: 2_000 },
  )
})

test("every partition count agrees with the Kinesis rule on the same keys", () => {
  const keys = ["", "a", "LAX", "card-4711", "Zürich", "東京", "\u{1f600}"]
  for (let count = 1; count <= 1024; count++) {
    for (const each of keys) assert.equal(partitionOf(each, count), kinesisShard(each, count), `${each} of ${count}`)
  }
})

test("a hash beside a boundary is placed by all of its 128 bits", () => {
  // Found by search: the first 32 bits of these digests lie within one step of a multiple of 2^32 / partitions.
  const beside: (readonly [string, number])[] = []
  for (let i = 0; beside.length < 5 && i < 200_000; i++) {
    const word = createHash("md5").update(String(i)).digest().readUInt32BE(0)
    for (const count of [3, 7, 1000, 1023]) {
      const place = (word * count) / 2 ** 32
      if (Math.abs(place - Math.round(place)) < (2 * count) / 2 ** 32) beside.push([String(i), count])
    }
  }
  assert.ok(beside.length > 0)
  for (const [each, count] of beside)
    assert.equal(partitionOf(each, count), kinesisShard(each, count), `${each} of ${count}`)
})
