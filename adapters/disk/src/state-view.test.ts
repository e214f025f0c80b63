// State as of a commit, read beside the store that writes it, against what a fold brings.
import assert from "node:assert/strict"
import fs from "node:fs"
import { it } from "node:test"
import { type Change, commit } from "@millrace/conformance"
import type { StateReader, Store } from "@millrace/engine"
import { isMillraceError, limits } from "@millrace/model"
import fc from "fast-check"
import { open, segments } from "../test/history.ts"
import { scratch } from "../test/scratch.ts"
import { openStateView } from "./state-view.ts"

const scopes = ["s/t", "s/t@more", "other"]

const changes: fc.Arbitrary<readonly Change[]> = fc.array(
  fc.record({
    scope: fc.constantFrom(...scopes),
    partition: fc.nat(1),
    bucket: fc.constantFrom(0, -5),
    cleared: fc.integer({ min: 0, max: 9 }).map((n) => n === 0),
    entries: fc.uniqueArray(fc.tuple(fc.constantFrom("a", "ab", "b", "\uff5e", "\u{1f600}", "c\u0000d"), fc.option(fc.constantFrom("1", "22"), { nil: undefined })), {
      selector: ([key]) => key,
      maxLength: 4,
    }),
  }),
  { maxLength: 3 },
)

type Act = { readonly kind: "commit"; readonly changes: readonly Change[] } | { readonly kind: "fold" | "sweep" | "look" | "look after a fold" }

const acts: fc.Arbitrary<readonly Act[]> = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: changes.map((each): Act => ({ kind: "commit", changes: each })) },
    { weight: 4, arbitrary: fc.constantFrom<Act>({ kind: "fold" }, { kind: "sweep" }, { kind: "look" }, { kind: "look after a fold" }) },
  ),
  { maxLength: 40 },
)

/** All entries, each also found by its key, by its prefix and behind the one before it. */
function all(reader: StateReader): Map<string, string> {
  const found = new Map<string, string>()
  for (const scope of scopes.slice(0, 2)) {
    for (const partition of [0, 1]) {
      for (const bucket of reader.buckets(scope, partition)) {
        const entries = [...reader.entries(scope, partition, bucket)].map(([key, value]) => [key, Buffer.from(value).toString()] as const)
        assert.ok(entries.length > 0)
        const keys = entries.map(([key]) => key)
        for (const [i, [key, value]] of entries.entries()) {
          assert.equal(Buffer.from(reader.get(scope, partition, bucket, key) ?? []).toString(), value)
          assert.deepEqual([...reader.entries(scope, partition, bucket, { after: key })].map(([each]) => each), keys.slice(i + 1))
          assert.deepEqual([...reader.entries(scope, partition, bucket, { prefix: key })].map(([each]) => each), keys.filter((each) => each.startsWith(key)))
          assert.deepEqual([...reader.entries(scope, partition, bucket, { limit: i })].map(([each]) => each), keys.slice(0, i))
          found.set(`${scope} ${partition} ${bucket} ${key}`, value)
        }
        assert.equal(reader.get(scope, partition, bucket, "none"), undefined)
      }
    }
  }
  return found
}

it("what is read beside the store is what a fold would bring, and every change is told", async (t) => {
  await fc.assert(
    fc.asyncProperty(acts, fc.constantFrom(0, 1e9), async (given, bytesMost) => {
      const dir = scratch(t)
      const store: Store = await open(dir)
      const told = new Set<string>()
      const view = openStateView({
        dir,
        wanted: (scope) => scope !== "other",
        onChange: (scope, partition, key) => told.add(`${scope} ${partition} ${key}`),
        bytesMost,
      })
      let before: Map<string, string> | undefined
      for (const act of given) {
        if (act.kind === "commit") await store.durable(store.append(commit([{ stream: "a", partition: 0, lines: ["x"] }], ...act.changes)).sequence)
        else if (act.kind === "fold") await store.fold()
        else if (act.kind === "sweep") await store.sweep(() => false)
        else {
          const whole = view.catchUp(store.durableSequence)
          assert.equal(view.sequence, store.durableSequence)
          if (act.kind === "look after a fold") await store.fold()
          assert.ok(view.isWhole)
          const seen = all(view)
          await store.fold()
          assert.deepEqual(seen, all(store.state))
          if (whole && before !== undefined) {
            for (const key of new Set([...seen.keys(), ...before.keys()])) {
              if (seen.get(key) === before.get(key)) continue
              const [scope, partition, , ...rest] = key.split(" ")
              const cleared = !seen.has(key)
              assert.ok(cleared || told.has([scope, partition, ...rest].join(" ")), key)
            }
          }
          before = seen
          told.clear()
        }
      }
      view.close()
      await store.close()
      fs.rmSync(dir, { recursive: true, force: true })
    }),
    { numRuns: 150 },
  )
})

it("a view that the checkpoint has overtaken says so", async (t) => {
  const dir = scratch(t)
  const store = await open(dir)
  const put = async (value: string): Promise<void> => {
    const change = { scope: "s/t", partition: 0, bucket: 0, entries: [["k", value]] as const }
    await store.durable(store.append(commit([{ stream: "a", partition: 0, lines: ["x".repeat(300)] }], change)).sequence)
  }
  const changed: string[] = []
  const view = openStateView({ dir, wanted: () => true, onChange: (_, __, key) => changed.push(key) })
  await put("one")
  assert.ok(view.catchUp(store.durableSequence))
  assert.deepEqual(changed, [])
  await put("two")
  assert.ok(view.catchUp(store.durableSequence))
  assert.deepEqual(changed, ["k"])
  for (let i = 0; i < 5; i++) await put("three")
  await store.fold()
  assert.ok(!view.isWhole)
  await store.sweep(() => false)
  assert.ok(!view.catchUp(store.durableSequence), "changes in segments that are gone were not told")
  assert.ok(view.isWhole)
  assert.equal(Buffer.from(view.get("s/t", 0, 0, "k") ?? []).toString(), "three")
  view.close()
  await store.close()
})

it("a checkpoint at the end of a segment that is gone leads to the next one", async (t) => {
  const dir = scratch(t)
  const store = await open(dir)
  const put = async (value: string): Promise<void> => {
    const change = { scope: "s/t", partition: 0, bucket: 0, entries: [["k", value]] as const }
    await store.durable(store.append(commit([{ stream: "a", partition: 0, lines: ["x".repeat(300)] }], change)).sequence)
  }
  await put("one")
  await store.fold()
  await put("two")
  assert.equal(segments(dir).length, 2)
  assert.ok((await store.sweep(() => false)) > 0)
  const view = openStateView({ dir, wanted: () => true, onChange: () => undefined })
  view.catchUp(store.durableSequence)
  assert.equal(Buffer.from(view.get("s/t", 0, 0, "k") ?? []).toString(), "two")
  view.close()
  await store.close()
})

it("damage in the journal's tail is named, not shown", async (t) => {
  const dir = scratch(t)
  const store = await open(dir, 1e9)
  const change = { scope: "s/t", partition: 0, bucket: 0, entries: [["k", "vvvvvvvv"]] as const }
  await store.durable(store.append(commit([], change)).sequence)
  const [path] = segments(dir) as [string]
  const bytes = fs.readFileSync(path)
  const at = bytes.indexOf("vvvvvvvv")
  const fd = fs.openSync(path, "r+")
  fs.writeSync(fd, "w", at)
  fs.closeSync(fd)
  const view = openStateView({ dir, wanted: () => true, onChange: () => undefined })
  assert.throws(
    () => view.catchUp(store.durableSequence),
    (error: unknown) => isMillraceError(error) && error.code === "MR1302" && error.message.includes("do not fit their checksum"),
  )
  view.close()
  await store.close().catch(() => undefined)
})

it("what a view has read stays as it is, however much of the journal it reads behind it", async (t) => {
  const dir = scratch(t)
  const store = await open(dir)
  const view = openStateView({ dir, wanted: () => true, onChange: () => {}, bytesMost: 1e9 })
  const valueOf = (i: number): string => `value ${i} `.repeat(40)
  const count = 3 * Math.ceil(limits.journalSpanBytesMax / valueOf(0).length)
  let sequence = 0
  for (let i = 0; i < count; i += 100) {
    const entries = Array.from({ length: 100 }, (_, j) => [`k${i + j}`, valueOf(i + j)] as const)
    ;({ sequence } = store.append(commit([], { scope: "s/t", partition: 0, bucket: 0, entries })))
  }
  await store.durable(sequence)
  view.catchUp(sequence + 1)
  for (let i = 0; i < count; i++) assert.equal(Buffer.from(view.get("s/t", 0, 0, `k${i}`) ?? []).toString(), valueOf(i))
  const listed = new Map([...view.entries("s/t", 0, 0)].map(([key, value]) => [key, Buffer.from(value).toString()]))
  for (let i = 0; i < count; i++) assert.equal(listed.get(`k${i}`), valueOf(i))
  view.close()
  await store.close()
})
