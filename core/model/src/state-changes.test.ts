import assert from "node:assert/strict"
import { test } from "node:test"
import fc from "fast-check"
import { utf8Text } from "./bytes.ts"
import { readStateChanges, StateChangesCursor, StateChangesWriter } from "./state-changes.ts"

interface Bucket {
  readonly scope: string
  readonly partition: number
  readonly bucket: number
  readonly cleared: boolean
  readonly entries: ReadonlyArray<readonly [key: string, value: Uint8Array | undefined]>
}

const key = fc.oneof(fc.string(), fc.string({ unit: "grapheme", maxLength: 80 })).map((each) => each.toWellFormed())
const bucket: fc.Arbitrary<Bucket> = fc.record(
  {
    scope: key,
    partition: fc.nat(1023),
    bucket: fc.oneof(fc.double({ noNaN: true }), fc.integer()),
    cleared: fc.boolean(),
    entries: fc.array(fc.tuple(key, fc.option(fc.uint8Array({ maxLength: 100 }), { nil: undefined })), {
      maxLength: 8,
    }),
  },
  { noNullPrototype: true },
)

function write(to: StateChangesWriter, { scope, partition, bucket: id, cleared, entries }: Bucket): void {
  to.beginBucket(scope, partition, id, cleared)
  for (const [name, value] of entries) {
    if (value === undefined) to.remove(name)
    else {
      const bytes = to.beginValue(name)
      const from = bytes.length
      bytes.bytes(value)
      to.endValue(from)
    }
  }
  to.endBucket()
}

test("state changes are read back as they were written, in order", () => {
  fc.assert(
    fc.property(fc.array(bucket, { maxLength: 8 }), (buckets) => {
      const writer = new StateChangesWriter()
      for (const each of buckets) write(writer, each)
      const bytes = writer.take()
      assert.equal(writer.length, 0)
      assert.deepEqual([...readStateChanges(bytes)], buckets)
    }),
  )
})

test("a cursor walks the same changes without making anything of them", () => {
  fc.assert(
    fc.property(fc.array(bucket, { maxLength: 8 }), (buckets) => {
      const writer = new StateChangesWriter()
      for (const each of buckets) write(writer, each)
      const bytes = writer.take()
      const cursor = new StateChangesCursor(bytes)
      const found: Bucket[] = []
      while (cursor.nextBucket()) {
        const { scope, partition, bucket: id, cleared } = cursor
        const entries: (readonly [string, Uint8Array | undefined])[] = []
        while (cursor.nextKey()) {
          const { keyStart, keyEnd, valueStart, valueEnd, deleted } = cursor
          assert.ok(!deleted || valueStart === valueEnd)
          entries.push([utf8Text(bytes, keyStart, keyEnd), deleted ? undefined : bytes.slice(valueStart, valueEnd)])
        }
        found.push({ scope, partition, bucket: id, cleared, entries })
      }
      assert.deepEqual(found, buckets)
    }),
  )
})
