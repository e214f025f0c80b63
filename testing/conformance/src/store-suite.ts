/** What every store does, whatever it is made of. */
import assert from "node:assert/strict"
import { describe, it } from "node:test"
import type { OnLost, Store, Stretch } from "@millrace/engine"
import { isMillraceError } from "@millrace/model"
import { storeHistories } from "./store-histories.ts"
import { append, bucketOf, type Change, changes, commit, type Lines, linesOf, readLines, stateOf } from "./store-model.ts"
import type { StorePlace } from "./store-place.ts"

const lines = (stream: string, partition: number, ...texts: readonly string[]): Lines => ({ stream, partition, lines: texts })
const change = (entries: Change["entries"], more: Partial<Change> = {}): Change => ({ scope: "s", partition: 0, bucket: 0, entries, ...more })
const numbers = (from: number, to: number): string[] => Array.from({ length: to - from }, (_, i) => `line ${from + i}`)

const neverLost: OnLost = (sequence, reason) => {
  throw new Error(`commit ${sequence} was lost`, { cause: reason })
}

/** Registers the tests of the Store port for one implementation. */
export function storeSuite(name: string, newPlace: () => StorePlace): void {
  /** Runs a test with a store, and a clock that the test owns. */
  const using = (test: (store: Store, place: StorePlace, clock: { now: number }) => Promise<void>) => async (): Promise<void> => {
    const place = newPlace()
    const clock = { now: 1000 }
    const store = await place.open({ now: () => clock.now, onLost: neverLost })
    try {
      await test(store, place, clock)
      await store.close()
    } finally {
      await place.remove()
    }
  }
  const reopened = async (store: Store, place: StorePlace): Promise<Store> => {
    await store.close()
    return await place.open({ now: () => 1000, onLost: neverLost })
  }

  describe(`the store: ${name}`, () => {
    describe("appending", () => {
      it("numbers commits from 0 without gaps", using(async (store) => {
        for (let i = 0; i < 5; i++) assert.equal(store.append(commit([lines("a", 0, "x")])).sequence, i)
        await store.durable(4)
        assert.equal(store.durableSequence, 5)
      }))

      it("gives each entry of a stream and partition the next offset", using(async (store) => {
        assert.deepEqual(store.append(commit([lines("a", 0, "0", "1"), lines("a", 1, "0"), lines("b", 0, "0")])).bases, [0, 0, 0])
        assert.deepEqual(store.append(commit([lines("b", 0, "1"), lines("a", 1, "1"), lines("a", 0, "2")])).bases, [1, 1, 2])
        await store.durable(1)
        assert.deepEqual(await readLines(store, "a", 0, 0, 1e6), ["0", "1", "2"])
        assert.deepEqual(await readLines(store, "a", 1, 0, 1e6), ["0", "1"])
        assert.deepEqual(await readLines(store, "b", 0, 0, 1e6), ["0", "1"])
      }))

      it("appends twice to a partition within one commit, in order", using(async (store) => {
        assert.deepEqual(store.append(commit([lines("a", 0, "0", "1"), lines("a", 0, "2")])).bases, [0, 2])
        assert.deepEqual(await readLines(store, "a", 0, 0, 1e6), ["0", "1", "2"])
      }))

      it("takes no offset for an append of no entries", using(async (store) => {
        assert.deepEqual(store.append(commit([lines("a", 0), lines("a", 0, "0"), lines("a", 0)])).bases, [0, 0, 1])
        await store.durable(0)
        assert.deepEqual(await readLines(store, "a", 0, 0, 1e6), ["0"])
        assert.deepEqual(store.extent("a", 0), { first: 0, durable: 1, next: 1 })
      }))

      it("takes a commit of nothing", using(async (store) => {
        assert.deepEqual(store.append(commit([])), { sequence: 0, bases: [] })
        await store.durable(0)
        await store.fold()
        assert.equal(store.durableSequence, 1)
      }))

      it("resolves durable for each commit and refuses one that was never appended", using(async (store) => {
        for (let i = 0; i < 3; i++) store.append(commit([lines("a", 0, "x")]))
        await Promise.all([store.durable(2), store.durable(0), store.durable(1)])
        await store.durable(0)
        assert.equal(store.queuedBytes, 0)
        await assert.rejects(store.durable(3))
      }))

      it("keeps large and small blocks of one commit apart", using(async (store) => {
        const texts = ["s", "L".repeat(50_000), "m".repeat(5_000), "t"]
        store.append(commit(texts.map((text, i) => lines("a", i, text))))
        await store.durable(0)
        for (const [i, text] of texts.entries()) assert.deepEqual(await readLines(store, "a", i, 0, 10), [text])
      }))

      it("takes no more commits once closed", async () => {
        const place = newPlace()
        const store = await place.open({ now: () => 0, onLost: neverLost })
        await store.close()
        assert.throws(() => store.append(commit([])))
        await place.remove()
      })
    })

    describe("reading", () => {
      it("finds every entry once and in order, from any offset and in pieces of any size", using(async (store) => {
        const all = numbers(0, 60)
        for (let at = 0; at < 60; ) {
          const size = 1 + (at % 7)
          const { sequence } = store.append(commit([lines("a", 3, ...all.slice(at, at + size)), lines("other", 3, "noise", "noise")]))
          if (at % 3 === 0) await store.durable(sequence)
          at += size
        }
        const { next } = store.extent("a", 3)
        assert.equal(next, 60)
        for (const bytesMost of [0, 1, 30, 100, 333, 1000, 1e6]) {
          for (let from = 0; from <= next; from++) assert.deepEqual(await readLines(store, "a", 3, from, bytesMost), all.slice(from, next))
        }
      }))

      it("shows what is appended and not yet durable", using(async (store) => {
        store.append(commit([lines("a", 0, "0")]))
        await store.durable(0)
        const { sequence } = store.append(commit([lines("a", 0, "1", "2")]))
        assert.deepEqual(await readLines(store, "a", 0, 2, 1e6), ["2"])
        await store.durable(sequence)
        assert.deepEqual(await readLines(store, "a", 0, 0, 1e6), ["0", "1", "2"])
      }))

      it("gives nothing at the end, beyond it, and for a stream that was never written", using(async (store) => {
        store.append(commit([lines("a", 0, "0")]))
        assert.deepEqual(await store.read("a", 0, 1, 100), [])
        assert.deepEqual(await store.read("a", 0, 9, 100), [])
        assert.deepEqual(await store.read("a", 1, 0, 100), [])
        assert.deepEqual(await store.read("b", 0, 0, 100), [])
        assert.deepEqual(store.extent("b", 0), { first: 0, durable: 0, next: 0 })
      }))

      it("hands out blocks that the reader may change", using(async (store) => {
        store.append(commit([lines("a", 0, "0")]))
        for (let i = 0; i < 2; i++) {
          const [slice] = await store.read("a", 0, 0, 100)
          assert.ok(slice)
          assert.deepEqual(linesOf(slice.block), ["0"])
          assert.equal(slice.block.byteLength, slice.block.buffer.byteLength, "a block can be transferred")
          slice.block.fill(0xff)
          await store.durable(0)
        }
      }))

      it("reads while others append", using(async (store) => {
        const reading: Array<Promise<string[]>> = []
        for (let i = 0; i < 30; i++) {
          store.append(commit([lines("a", 0, `line ${i}`)]))
          reading.push(readLines(store, "a", 0, 0, 40))
          if (i % 4 === 0) await store.durable(i)
        }
        for (const [i, read] of reading.entries()) assert.deepEqual((await read).slice(0, i + 1), numbers(0, i + 1))
      }))
    })

    describe("state", () => {
      it("is seen after the fold, not before", using(async (store) => {
        const { sequence } = store.append(commit([], change([["k", "1"]])))
        await store.durable(sequence)
        assert.deepEqual(stateOf(store, "s", 0), [])
        await store.fold()
        assert.deepEqual(stateOf(store, "s", 0), [[0, [["k", "1"]]]])
      }))

      it("keeps the last value of a key, and none of a deleted one", using(async (store) => {
        store.append(commit([], change([["a", "1"], ["b", "1"], ["c", "1"]])))
        store.append(commit([], change([["a", "22"], ["b", undefined]])))
        store.append(commit([], change([["a", "3"], ["d", "1"], ["d", undefined], ["c", ""]])))
        await store.durable(2)
        await store.fold()
        assert.deepEqual(stateOf(store, "s", 0), [[0, [["a", "3"], ["c", ""]]]])
        store.append(commit([], change([["a", undefined], ["b", "4"], ["never", undefined]])))
        await store.durable(3)
        await store.fold()
        assert.deepEqual(stateOf(store, "s", 0), [[0, [["b", "4"], ["c", ""]]]])
      }))

      it("clears a bucket before the changes that come with it, and no other bucket", using(async (store) => {
        store.append(commit([], change([["a", "1"], ["b", "1"]]), change([["a", "1"]], { bucket: 1 })))
        await store.durable(0)
        await store.fold()
        store.append(commit([], change([["z", "0"]]), change([["b", "2"], ["c", "2"]], { cleared: true }), change([["d", "3"]])))
        await store.durable(1)
        await store.fold()
        assert.deepEqual(stateOf(store, "s", 0), [[0, [["b", "2"], ["c", "2"], ["d", "3"]]], [1, [["a", "1"]]]])
        store.append(commit([], change([], { cleared: true })))
        await store.durable(2)
        await store.fold()
        assert.deepEqual(stateOf(store, "s", 0), [[1, [["a", "1"]]]])
      }))

      it("lists buckets in the order of their numbers", using(async (store) => {
        const buckets = [5, -5, 0, 1e300, -1e300, 0.5, -0.5, 2 ** 53, 256, 255, Infinity, -Infinity, Number.MIN_VALUE]
        store.append(commit([], ...buckets.map((bucket) => change([["k", String(bucket)]], { bucket }))))
        await store.durable(0)
        await store.fold()
        const ordered = buckets.toSorted((a, b) => (a < b ? -1 : 1))
        assert.deepEqual(stateOf(store, "s", 0), ordered.map((bucket) => [bucket, [["k", String(bucket)]]]))
      }))

      it("takes 0 and -0 for one bucket", using(async (store) => {
        store.append(commit([], change([["k", "1"]], { bucket: 0 }), change([["l", "2"]], { bucket: -0 })))
        await store.durable(0)
        await store.fold()
        assert.deepEqual(store.state.buckets("s", 0).map((bucket) => bucket + 0), [0])
        assert.deepEqual(bucketOf(store, "s", 0, -0), [["k", "1"], ["l", "2"]])
      }))

      it("lists keys by their bytes, whatever they are", using(async (store) => {
        const keys = ["", "a", "a\0", "a\0b", "aa", "b", "é", "日本", "\u{1F600}", "\uFFFD", "z".repeat(256), "__proto__", "0", "-1"]
        store.append(commit([], change(keys.map((key) => [key, `of ${key}`]))))
        await store.durable(0)
        await store.fold()
        const ordered = keys.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
        assert.deepEqual(bucketOf(store, "s", 0, 0), ordered.map((key) => [key, `of ${key}`]))
      }))

      it("keeps scopes and partitions apart, also where one name begins like another", using(async (store) => {
        const places = ["s", "st", "s/t", "é"].flatMap((scope) => [0, 1, 255, 256, 1023].map((partition) => ({ scope, partition })))
        store.append(commit([], ...places.map((at) => change([["k", JSON.stringify(at)]], at))))
        await store.durable(0)
        await store.fold()
        for (const at of places) assert.deepEqual(stateOf(store, at.scope, at.partition), [[0, [["k", JSON.stringify(at)]]]])
        store.append(commit([], change([], { scope: "s", partition: 255, cleared: true })))
        await store.durable(1)
        await store.fold()
        for (const at of places) assert.equal(stateOf(store, at.scope, at.partition).length, at.scope === "s" && at.partition === 255 ? 0 : 1)
      }))

      it("applies the sections of a commit in order", using(async (store) => {
        store.append({ appends: [], state: [changes(change([["k", "1"]])), changes(change([["k", "2"]]))] })
        await store.durable(0)
        await store.fold()
        assert.deepEqual(bucketOf(store, "s", 0, 0), [["k", "2"]])
      }))

      it("is the same after a fold of nothing new", using(async (store) => {
        await store.fold()
        store.append(commit([], change([["k", "1"]])))
        await store.durable(0)
        assert.ok(store.unfoldedBytes > 0)
        await Promise.all([store.fold(), store.fold()])
        await store.fold()
        assert.equal(store.unfoldedBytes, 0)
        assert.deepEqual(stateOf(store, "s", 0), [[0, [["k", "1"]]]])
      }))

      it("can be read bucket within bucket", using(async (store) => {
        store.append(commit([], change([["a", "1"], ["b", "2"]]), change([["c", "3"]], { bucket: 1 })))
        await store.durable(0)
        await store.fold()
        const seen: string[] = []
        for (const [outer] of store.state.entries("s", 0, 0)) {
          for (const bucket of store.state.buckets("s", 0)) for (const [inner] of store.state.entries("s", 0, bucket)) seen.push(outer + inner)
        }
        assert.deepEqual(seen, ["aa", "ab", "ac", "ba", "bb", "bc"])
      }))
    })

    describe("sweeping", () => {
      /** 60 commits of one entry each, 10 ms apart. */
      const fill = async (store: Store, clock: { now: number }): Promise<void> => {
        for (let i = 0; i < 60; i++) {
          clock.now = 1000 + i * 10
          await store.durable(store.append({ appends: [append(lines("a", 0, `line ${i}`))], state: [changes(change([["k", `${i}`.padEnd(100)]]))] }).sequence)
        }
      }

      it("deletes what is not wanted and says so when it is asked for", using(async (store, _, clock) => {
        await fill(store, clock)
        await store.fold()
        assert.ok((await store.sweep(() => false)) > 0)
        const { first, durable, next } = store.extent("a", 0)
        assert.ok(first > 0)
        assert.deepEqual([durable, next], [60, 60])
        assert.deepEqual(await readLines(store, "a", 0, first, 100), numbers(first, 60))
        await assert.rejects(store.read("a", 0, first - 1, 100), (error) => isMillraceError(error) && error.code === "MR1014" && error.message.includes(`${first}`))
        assert.deepEqual(bucketOf(store, "s", 0, 0), [["k", "59".padEnd(100)]])
      }))

      it("keeps all from the first wanted stretch on", using(async (store, _, clock) => {
        await fill(store, clock)
        await store.fold()
        await store.sweep(({ end }) => end > 30)
        const { first } = store.extent("a", 0)
        assert.ok(first <= 30)
        assert.deepEqual(await readLines(store, "a", 0, first, 100), numbers(first, 60))
        assert.equal(await store.sweep(({ end }) => end > first), 0)
      }))

      it("tells when the last entry of a stretch was appended", using(async (store, _, clock) => {
        await fill(store, clock)
        await store.fold()
        const stretches: Stretch[] = []
        await store.sweep((stretch) => {
          stretches.push(stretch)
          return false
        })
        assert.ok(stretches.length > 0)
        for (const { stream, partition, end, appendedAt } of stretches) {
          assert.deepEqual([stream, partition], ["a", 0])
          assert.equal(appendedAt, 1000 + (end - 1) * 10)
        }
      }))

      it("never deletes what is not folded", using(async (store, _, clock) => {
        await fill(store, clock)
        assert.equal(await store.sweep(() => false), 0)
        assert.deepEqual(await readLines(store, "a", 0, 0, 100), numbers(0, 60))
      }))

      it("keeps counting where it was", using(async (store, _, clock) => {
        await fill(store, clock)
        await store.fold()
        await store.sweep(() => false)
        assert.deepEqual(store.append(commit([lines("a", 0, "line 60")])), { sequence: 60, bases: [60] })
      }))
    })

    describe("opening again", () => {
      const skip = newPlace().survives ? false : "nothing of it survives its closing"

      it("finds entries, offsets, sequence and state", { skip }, using(async (store, place) => {
        for (let i = 0; i < 20; i++) store.append(commit([lines("a", i % 3, `line ${i}`), lines("b", 0, `b ${i}`)], change([[`k${i % 4}`, `${i}`]])))
        const again = await reopened(store, place)
        assert.equal(again.durableSequence, 20)
        assert.equal(again.unfoldedBytes, 0)
        assert.deepEqual(again.extent("a", 2), { first: 0, durable: 6, next: 6 })
        assert.deepEqual(await readLines(again, "b", 0, 0, 64), Array.from({ length: 20 }, (_, i) => `b ${i}`))
        assert.deepEqual(stateOf(again, "s", 0), [[0, [["k0", "16"], ["k1", "17"], ["k2", "18"], ["k3", "19"]]]])
        assert.deepEqual(again.append(commit([lines("a", 2, "new")])), { sequence: 20, bases: [6] })
        await again.close()
      }))

      it("remembers the end of a stream whose entries are all deleted", { skip }, using(async (store, place) => {
        store.append(commit([lines("gone", 2, "0", "1", "2")]))
        for (let i = 0; i < 60; i++) await store.durable(store.append(commit([lines("a", 0, `line ${i}`.padEnd(100))])).sequence)
        await store.fold()
        await store.sweep(() => false)
        assert.deepEqual(store.extent("gone", 2), { first: 3, durable: 3, next: 3 })
        const again = await reopened(store, place)
        assert.deepEqual(again.extent("gone", 2), { first: 3, durable: 3, next: 3 })
        await assert.rejects(again.read("gone", 2, 0, 100), (error) => isMillraceError(error) && error.code === "MR1014")
        assert.deepEqual(again.append(commit([lines("gone", 2, "3")])).bases, [3])
        assert.deepEqual(await readLines(again, "gone", 2, 3, 100), ["3"])
        await again.close()
      }))

      it("finds an empty store empty, and again", { skip }, using(async (store, place) => {
        const again = await reopened(store, place)
        assert.equal(again.durableSequence, 0)
        const third = await reopened(again, place)
        assert.deepEqual(third.append(commit([lines("a", 0, "0")])), { sequence: 0, bases: [0] })
        await third.close()
      }))
    })

    storeHistories(newPlace)
  })
}
