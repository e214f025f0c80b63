/** State changes become visible with a fold, bucket by bucket, key by key. */
import assert from "node:assert/strict"
import { bucketOf, change, changes, commit, stateOf } from "./store-model.ts"
import type { StateRange } from "@millrace/engine"
import type { StoreTests } from "./store-test.ts"

export const state: StoreTests = (check) => {
  check("is seen after the fold, not before", async (store) => {
    const { sequence } = store.append(commit([], change([["k", "1"]])))
    await store.durable(sequence)
    assert.deepEqual(stateOf(store, "s", 0), [])
    await store.fold()
    assert.deepEqual(stateOf(store, "s", 0), [[0, [["k", "1"]]]])
  })

  check("keeps the last value of a key, and none of a deleted one", async (store) => {
    store.append(
      commit(
        [],
        change([
          ["a", "1"],
          ["b", "1"],
          ["c", "1"],
        ]),
      ),
    )
    store.append(
      commit(
        [],
        change([
          ["a", "22"],
          ["b", undefined],
        ]),
      ),
    )
    store.append(
      commit(
        [],
        change([
          ["a", "3"],
          ["d", "1"],
          ["d", undefined],
          ["c", ""],
        ]),
      ),
    )
    await store.durable(2)
    await store.fold()
    assert.deepEqual(stateOf(store, "s", 0), [
      [
        0,
        [
          ["a", "3"],
          ["c", ""],
        ],
      ],
    ])
    store.append(
      commit(
        [],
        change([
          ["a", undefined],
          ["b", "4"],
          ["never", undefined],
        ]),
      ),
    )
    await store.durable(3)
    await store.fold()
    assert.deepEqual(stateOf(store, "s", 0), [
      [
        0,
        [
          ["b", "4"],
          ["c", ""],
        ],
      ],
    ])
  })

  check("clears a bucket before the changes that come with it, and no other bucket", async (store) => {
    store.append(
      commit(
        [],
        change([
          ["a", "1"],
          ["b", "1"],
        ]),
        change([["a", "1"]], { bucket: 1 }),
      ),
    )
    await store.durable(0)
    await store.fold()
    store.append(
      commit(
        [],
        change([["z", "0"]]),
        change(
          [
            ["b", "2"],
            ["c", "2"],
          ],
          { cleared: true },
        ),
        change([["d", "3"]]),
      ),
    )
    await store.durable(1)
    await store.fold()
    assert.deepEqual(stateOf(store, "s", 0), [
      [
        0,
        [
          ["b", "2"],
          ["c", "2"],
          ["d", "3"],
        ],
      ],
      [1, [["a", "1"]]],
    ])
    store.append(commit([], change([], { cleared: true })))
    await store.durable(2)
    await store.fold()
    assert.deepEqual(stateOf(store, "s", 0), [[1, [["a", "1"]]]])
  })

  check("lists buckets in the order of their numbers", async (store) => {
    const buckets = [5, -5, 0, 1e300, -1e300, 0.5, -0.5, 2 ** 53, 256, 255, Infinity, -Infinity, Number.MIN_VALUE]
    store.append(commit([], ...buckets.map((bucket) => change([["k", String(bucket)]], { bucket }))))
    await store.durable(0)
    await store.fold()
    const ordered = buckets.toSorted((a, b) => (a < b ? -1 : 1))
    assert.deepEqual(
      stateOf(store, "s", 0),
      ordered.map((bucket) => [bucket, [["k", String(bucket)]]]),
    )
  })

  check("takes 0 and -0 for one bucket", async (store) => {
    store.append(commit([], change([["k", "1"]], { bucket: 0 }), change([["l", "2"]], { bucket: -0 })))
    await store.durable(0)
    await store.fold()
    assert.deepEqual(
      store.state.buckets("s", 0).map((bucket) => bucket + 0),
      [0],
    )
    assert.deepEqual(bucketOf(store, "s", 0, -0), [
      ["k", "1"],
      ["l", "2"],
    ])
  })

  check("lists keys by their bytes, whatever they are", async (store) => {
    const keys = [
      "",
      "a",
      "a\0",
      "a\0b",
      "aa",
      "b",
      "é",
      "日本",
      "\u{1F600}",
      "\uFFFD",
      "z".repeat(256),
      "__proto__",
      "0",
      "-1",
    ]
    store.append(commit([], change(keys.map((key) => [key, `of ${key}`]))))
    await store.durable(0)
    await store.fold()
    const ordered = keys.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
    assert.deepEqual(
      bucketOf(store, "s", 0, 0),
      ordered.map((key) => [key, `of ${key}`]),
    )
  })

  check("keeps scopes and partitions apart, also where one name begins like another", async (store) => {
    const places = ["s", "st", "s/t", "é"].flatMap((scope) =>
      [0, 1, 255, 256, 1023].map((partition) => ({ scope, partition })),
    )
    store.append(commit([], ...places.map((at) => change([["k", JSON.stringify(at)]], at))))
    await store.durable(0)
    await store.fold()
    for (const at of places)
      assert.deepEqual(stateOf(store, at.scope, at.partition), [[0, [["k", JSON.stringify(at)]]]])
    store.append(commit([], change([], { scope: "s", partition: 255, cleared: true })))
    await store.durable(1)
    await store.fold()
    for (const at of places)
      assert.equal(stateOf(store, at.scope, at.partition).length, at.scope === "s" && at.partition === 255 ? 0 : 1)
  })

  check("applies the sections of a commit in order", async (store) => {
    store.append({ appends: [], state: [changes(change([["k", "1"]])), changes(change([["k", "2"]]))] })
    await store.durable(0)
    await store.fold()
    assert.deepEqual(bucketOf(store, "s", 0, 0), [["k", "2"]])
  })

  check("is the same after a fold of nothing new", async (store) => {
    await store.fold()
    store.append(commit([], change([["k", "1"]])))
    await store.durable(0)
    assert.ok(store.unfoldedBytes > 0)
    await Promise.all([store.fold(), store.fold()])
    await store.fold()
    assert.equal(store.unfoldedBytes, 0)
    assert.deepEqual(stateOf(store, "s", 0), [[0, [["k", "1"]]]])
  })

  check("is read key by key and range by range, in the order of UTF-8", async (store) => {
    // The last two are in another order by their UTF-16 code units.
    const names = ["a", "a\u0000x", "a\u0000y", "ab", "b", "\uff5e", "\u{1f600}"]
    store.append(commit([], change(names.map((name) => [name, `<${name}>`])), change([["a", "other"]], { bucket: 1 })))
    await store.durable(0)
    await store.fold()
    const { state: reader } = store
    const text = (bytes: Uint8Array | undefined): string | undefined => (bytes === undefined ? undefined : Buffer.from(bytes).toString("utf8"))
    for (const name of names) assert.equal(text(reader.get("s", 0, 0, name)), `<${name}>`)
    assert.equal(text(reader.get("s", 0, 1, "a")), "other")
    for (const [scope, partition, bucket, key] of [["s", 0, 0, ""], ["s", 0, 0, "aa"], ["s", 0, 1, "b"], ["s", 1, 0, "a"], ["t", 0, 0, "a"]] as const)
      assert.equal(reader.get(scope, partition, bucket, key), undefined)
    const keys = (range?: StateRange): string[] => [...reader.entries("s", 0, 0, range)].map(([key]) => key)
    assert.deepEqual(keys(), names)
    assert.deepEqual(keys({ prefix: "a\u0000" }), ["a\u0000x", "a\u0000y"])
    assert.deepEqual(keys({ prefix: "a", after: "a\u0000x", limit: 1 }), ["a\u0000y"])
    assert.deepEqual(keys({ after: "b" }), ["\uff5e", "\u{1f600}"])
    assert.deepEqual(keys({ prefix: "b", after: "a" }), ["b"])
    assert.deepEqual(keys({ after: "\u{1f600}" }), [])
    assert.deepEqual(keys({ limit: 2 }), ["a", "a\u0000x"])
  })

  check("can be read bucket within bucket", async (store) => {
    store.append(
      commit(
        [],
        change([
          ["a", "1"],
          ["b", "2"],
        ]),
        change([["c", "3"]], { bucket: 1 }),
      ),
    )
    await store.durable(0)
    await store.fold()
    const seen: string[] = []
    for (const [outer] of store.state.entries("s", 0, 0)) {
      for (const bucket of store.state.buckets("s", 0))
        for (const [inner] of store.state.entries("s", 0, bucket)) seen.push(outer + inner)
    }
    assert.deepEqual(seen, ["aa", "ab", "ac", "ba", "bb", "bc"])
  })
}
