// Folding: on a thread of its own, seen by readers elsewhere, and what a damaged or missing state store does.
import assert from "node:assert/strict"
import fs from "node:fs"
import path from "node:path"
import { describe, it } from "node:test"
import { Worker } from "node:worker_threads"
import { crc32 } from "node:zlib"
import { type Change, commit, stateOf } from "@millrace/conformance"
import { isMillraceError, limits } from "@millrace/model"
import fc from "fast-check"
import { assertPrefix, live, open, segments } from "../test/history.ts"
import { scratch } from "../test/scratch.ts"
import { ChangedState } from "./changed-state.ts"
import { fold, type FoldJob } from "./fold.ts"
import { FoldThread } from "./fold-thread.ts"
import { segmentHeaderBytes } from "./frame.ts"
import { inspectDirectory } from "./inspect.ts"
import { bucketPrefix, prefixEnd, readBucket } from "./state-key.ts"
import { openStateDatabase, openStateReader, readCheckpoint } from "./state-store.ts"
import { sealed, unsealed } from "./state-value.ts"

const many = (value: string, bytes: number): Change => {
  const entries = Array.from(
    { length: 200 },
    (_, i) => [`k${String(i).padStart(3, "0")}`, value.padEnd(bytes / 200, ".")] as const,
  )
  return { scope: "s", partition: 0, bucket: 0, entries }
}

/** The segments of a directory, with where they end. */
function extents(dir: string): FoldJob["segments"] {
  return segments(dir).map((file) => ({ base: Number.parseInt(path.basename(file), 10), bytes: fs.statSync(file).size }))
}

describe("a fold", () => {
  it("too long for this thread runs on another, and every reader of the process sees it", async (t) => {
    const dir = scratch(t)
    const store = await open(dir, 1e9)
    const here = openStateReader(dir)
    const there = new Worker(new URL("../test/state-thread.ts", import.meta.url), { workerData: dir })
    const ask = (): Promise<string> =>
      new Promise((resolve, reject) => {
        there.once("message", resolve).once("error", reject)
        there.postMessage("first value")
      })
    for (const value of ["one", "two"]) {
      await store.durable(store.append(commit([], many(value, 2 * limits.foldInlineBytesMax))).sequence)
      assert.ok(store.unfoldedBytes > limits.foldInlineBytesMax)
      await store.fold()
      assert.equal(store.unfoldedBytes, 0)
      const [first] = here.entries("s", 0, 0)
      assert.equal(
        Buffer.from(first?.[1] ?? [])
          .toString()
          .slice(0, 3),
        value,
      )
      assert.equal(stateOf(store, "s", 0)[0]?.[1].length, 200)
      assert.equal((await ask()).slice(0, 3), value)
    }
    here.close()
    await there.terminate()
    await store.close()
  })

  it("after a fold on another thread writes where the one before wrote: a thread that rests reads nothing", async (t) => {
    const dir = scratch(t)
    const store = await open(dir, 1e9)
    const stateBytes = 2 * limits.foldInlineBytesMax
    for (let i = 0; i < 20; i++) {
      await store.durable(store.append(commit([], many(`${i}`, i % 4 === 3 ? stateBytes / 4 : stateBytes))).sequence)
      await store.fold()
    }
    assert.equal(stateOf(store, "s", 0)[0]?.[1][0]?.[1].slice(0, 3), "19.")
    await store.close()
    const { size } = fs.statSync(path.join(dir, "store", "data.mdb"))
    assert.ok(size < 6 * stateBytes, `${size} bytes for a state of ${stateBytes}`)
  })

  it("runs on a new thread when the one before has died", async (t) => {
    const dir = path.join(scratch(t), "data")
    fs.writeFileSync(dir, "no directory")
    const thread = new FoldThread(dir)
    const from = { sequence: 0, segment: 0, position: segmentHeaderBytes }
    await assert.rejects(thread.fold({ dir, salt: 0, from, segments: [], endSequence: 0 }))
    fs.rmSync(dir)
    fs.mkdirSync(dir)
    await live(dir, 40, false)
    const [first = ""] = segments(dir)
    const salt = fs.readFileSync(first).readUInt32LE(12)
    const { sequence } = await thread.fold({ dir, salt, from, segments: extents(dir), endSequence: 40 })
    assert.equal(sequence, 40)
    await thread.close()
    await assertPrefix(await open(dir), 40)
  })

  it("on another thread that meets damage names it and leaves the state as it was", async (t) => {
    const dir = scratch(t)
    const store = await open(dir, 1e9)
    await store.durable(store.append(commit([], many("old", 1000))).sequence)
    await store.fold()
    await store.durable(store.append(commit([], many("new", 2 * limits.foldInlineBytesMax))).sequence)
    const [segment = ""] = segments(dir)
    const bytes = fs.readFileSync(segment)
    bytes[bytes.length - 10] = 0
    fs.writeFileSync(segment, bytes)
    const error = await store.fold().catch((reason: unknown) => reason)
    assert.ok(isMillraceError(error) && error.code === "MR1302", String(error))
    assert.equal(error.details["path"], segment)
    assert.equal(stateOf(store, "s", 0)[0]?.[1][0]?.[1].slice(0, 3), "old")
    await store.close()
  })

  it("may be asked for twice at once, and while commits go on", async (t) => {
    const dir = scratch(t)
    const store = await open(dir, 5_000)
    const folds: Promise<void>[] = []
    for (let i = 0; i < 200; i++) {
      await store.durable(
        store.append(commit([], { scope: "s", partition: 0, bucket: 0, entries: [["k", `${i}`]] })).sequence,
      )
      if (i % 5 === 0) folds.push(store.fold())
    }
    await Promise.all(folds)
    await store.fold()
    assert.deepEqual(stateOf(store, "s", 0), [[0, [["k", "199"]]]])
    await store.close()
  })

  it("of more changes than fit at once is taken in consistent pieces", async (t) => {
    const dir = scratch(t)
    await live(dir, 40, false)
    const database = openStateDatabase(dir)
    const transactions = t.mock.method(database, "transactionSync")
    const salt = fs.readFileSync(segments(dir)[0] ?? "").readUInt32LE(12)
    const from = { sequence: 0, segment: 0, position: segmentHeaderBytes }
    const checkpoint = fold(database, { dir, salt, from, segments: extents(dir), endSequence: 40 }, 1)
    assert.equal(checkpoint.sequence, 40)
    assert.deepEqual(readCheckpoint(database), JSON.parse(JSON.stringify(checkpoint)))
    assert.ok(transactions.mock.callCount() > 3)
    await database.close()
    await assertPrefix(await open(dir), 40)
  })
})

describe("the state store", () => {
  it("that is gone is made again from a journal that is whole", async (t) => {
    const dir = scratch(t)
    await live(dir, 30, true)
    fs.rmSync(path.join(dir, "store"), { recursive: true })
    await assertPrefix(await open(dir), 30)
  })

  it("that is gone is reported when the journal cannot make it again", async (t) => {
    const dir = scratch(t)
    await live(dir, 30, true)
    const store = await open(dir)
    assert.ok((await store.sweep(() => false)) > 0)
    await store.close()
    fs.rmSync(path.join(dir, "store"), { recursive: true })
    const error = await open(dir).catch((reason: unknown) => reason)
    assert.ok(isMillraceError(error) && error.code === "MR1302", String(error))
  })

  it("whose beginning makes no sense or whose end is missing is reported, not opened", async (t) => {
    const dir = scratch(t)
    await live(dir, 30, true)
    const file = path.join(dir, "store", "data.mdb")
    const good = fs.readFileSync(file)
    const flipped = (at: number): Buffer => {
      const bytes = Buffer.from(good)
      bytes.writeUInt8(bytes.readUInt8(at) ^ 1, at)
      return bytes
    }
    for (const bad of [
      Buffer.alloc(good.length),
      flipped(24),
      flipped(28),
      flipped(4096 + 24),
      good.subarray(0, 8192),
      good.subarray(0, 100),
    ]) {
      fs.writeFileSync(file, bad)
      const error = await open(dir).catch((reason: unknown) => reason)
      assert.ok(isMillraceError(error) && error.code === "MR1302", String(error))
      assert.equal(error.details["path"], file)
    }
    fs.writeFileSync(file, good)
    await assertPrefix(await open(dir), 30)
  })
})

describe("values of the state store", () => {
  it("a flipped bit in a value or its key is named when it is read, and by doctor", async (t) => {
    const dir = scratch(t)
    const store = await open(dir, 1e9)
    const entries: Change["entries"] = [["a short key", "a short value"], ["a long one", "long ".repeat(100)], ["nothing", ""]]
    await store.durable(store.append(commit([], { scope: "flips", partition: 3, bucket: 0, entries })).sequence)
    await store.fold()
    await store.close()
    const file = path.join(dir, "store", "data.mdb")
    const good = fs.readFileSync(file)
    // LMDB keeps key and value of an entry side by side, the value with its checksum behind.
    for (const [key = "", value = ""] of entries) {
      const at = good.indexOf(key)
      for (let i = at; i < at + key.length + value.length + 4; i++) {
        const bad = Buffer.from(good)
        bad.writeUInt8(bad.readUInt8(i) ^ (1 << (i % 8)), i)
        fs.writeFileSync(file, bad)
        const reader = openStateReader(dir)
        const error = ((): unknown => {
          try {
            return [...reader.entries("flips", 3, 0)]
          } catch (thrown) {
            return thrown
          }
        })()
        reader.close()
        assert.ok(isMillraceError(error) && error.code === "MR1302", `byte ${i - at} of ${key}`)
        assert.match(error.message, /in "flips", partition 3, does not fit its checksum/)
      }
    }
    assert.match((await inspectDirectory(dir)).damage.map(({ what }) => what).join(), /the value of "nothing"/)
    fs.writeFileSync(file, good)
    assert.deepEqual((await inspectDirectory(dir)).damage, [])
  })

  it("have the CRC-32 of key and value, by table and by zlib alike", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), fc.uint8Array({ maxLength: 300 }), (key, value) => {
        const stored = Buffer.from(sealed(key, value))
        assert.equal(stored.readUInt32LE(value.length), crc32(Buffer.concat([key, value])))
        assert.deepEqual(unsealed(key, stored), stored.subarray(0, value.length))
      }),
    )
  })
})

describe("keys of the state store", () => {
  it("sort buckets like numbers, and give them back", () => {
    const number = fc.double({ noNaN: true }).map((each) => each + 0)
    fc.assert(
      fc.property(number, number, (a, b) => {
        const [first, second] = [bucketPrefix("s", 1, a), bucketPrefix("s", 1, b)]
        assert.equal(Math.sign(Buffer.compare(first, second)), a < b ? -1 : a > b ? 1 : 0)
        assert.equal(readBucket(first, first.length - 8), a)
        assert.ok(Buffer.compare(first, prefixEnd(first)) < 0)
      }),
    )
  })

  it("refuse a scope that would run into its neighbour", () => {
    for (const scope of ["", "a\0b"]) assert.throws(() => bucketPrefix(scope, 0, 0), /scope/)
  })
})

describe("changes gathered for a fold", () => {
  it("take any number of keys, more than one table holds", async (t) => {
    const dir = scratch(t)
    const store = await open(dir, 1e9)
    const entries = Array.from({ length: 3_000 }, (_, i) => [`key ${(i * 7919) % 3001}`, `${i}`] as const)
    for (let from = 0; from < entries.length; from += 100)
      store.append(commit([], { scope: "s", partition: 0, bucket: 0, entries: entries.slice(from, from + 100) }))
    await store.durable(29)
    await store.fold()
    const sorted = entries.toSorted(([a], [b]) => (a < b ? -1 : 1))
    assert.deepEqual(stateOf(store, "s", 0), [[0, sorted.map(([key, value]) => [key, value])]])
    await store.close()
  })

  it("say when they have no room left, and always have some when empty", () => {
    const state = new ChangedState(10)
    assert.equal(state.takes(10), true)
    assert.equal(state.takes(11), true)
  })
})
