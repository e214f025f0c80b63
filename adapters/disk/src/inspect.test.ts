// What the doctor is told of a data directory.
import assert from "node:assert/strict"
import fs from "node:fs"
import path from "node:path"
import { it } from "node:test"
import { appendStep, assertPrefix, live, open, segments } from "../test/history.ts"
import { scratch } from "../test/scratch.ts"
import { inspectDirectory } from "./inspect.ts"

it("a sound directory is described without being touched", async (t) => {
  const dir = path.join(scratch(t), "data")
  await live(dir, 20, true)
  const before = fs.readdirSync(dir, { recursive: true }).map(String).toSorted()
  const seen = await inspectDirectory(dir)
  assert.deepEqual(fs.readdirSync(dir, { recursive: true }).map(String).toSorted(), before)
  assert.deepEqual(
    [seen.version, seen.versionWanted, seen.holder, seen.damage, seen.tornBytes],
    ["2", "2", undefined, [], 0],
  )
  assert.deepEqual([seen.acknowledgedCommits, seen.foldedCommits], [20, 20])
  assert.deepEqual(
    seen.segments.map(({ file }) => file),
    segments(dir),
  )
  assert.deepEqual(
    seen.segments.map(({ index }) => index),
    [
      ...segments(dir)
        .slice(1)
        .map(() => "good"),
      "none yet",
    ],
  )
  assert.equal(seen.segments.at(-1)?.endCommit, 20)
  assert.deepEqual(
    seen.streams.find(({ stream, partition }) => stream === "a" && partition === 0),
    { stream: "a", partition: 0, first: 0, next: 14 },
  )
  assert.ok(seen.journalBytes > 0 && seen.storeBytes > 0 && seen.freeBytes > 0)
})

it("a directory in use is described with its holder", async (t) => {
  const dir = scratch(t)
  const store = await open(dir)
  await store.durable(appendStep(store, 0))
  const seen = await inspectDirectory(dir)
  assert.deepEqual([seen.holder?.pid, seen.holder?.alive, seen.damage], [process.pid, true, []])
  assert.deepEqual([seen.acknowledgedCommits, seen.foldedCommits], [1, undefined])
  await store.durable(appendStep(store, 1))
  await store.fold()
  await assertPrefix(store, 2)
})

it("an empty directory is described as such", async (t) => {
  const seen = await inspectDirectory(scratch(t))
  assert.deepEqual([seen.version, seen.segments, seen.damage, seen.acknowledgedCommits], [undefined, [], [], undefined])
})

it("a state store that makes no sense is listed, not opened", async (t) => {
  const dir = scratch(t)
  await live(dir, 3, true)
  const file = path.join(dir, "store", "data.mdb")
  fs.writeFileSync(file, Buffer.alloc(8192))
  const { damage, foldedCommits } = await inspectDirectory(dir)
  assert.deepEqual(damage, [{ file, position: 0, what: "it does not begin like a state store" }])
  assert.equal(foldedCommits, undefined)
})

it("every damaged place is listed, and what is torn at the end is told from it", async (t) => {
  const dir = scratch(t)
  await live(dir, 20, false)
  const [first = "", second = ""] = segments(dir)
  const last = segments(dir).at(-1) ?? ""
  for (const file of [first, second]) {
    const bytes = fs.readFileSync(file)
    for (const at of [40, bytes.length - 3]) bytes[at] = (bytes[at] ?? 0) ^ 1
    fs.writeFileSync(file, bytes)
  }
  fs.appendFileSync(last, "torn")
  const { damage, tornBytes } = await inspectDirectory(dir)
  assert.deepEqual(
    damage.map(({ file }) => file),
    [first, first, second, second],
  )
  assert.deepEqual(
    damage.map(({ position }, i) => (i % 2 === 0 ? position === 32 : position > 40)),
    [true, true, true, true],
  )
  assert.equal(tornBytes, 4)
  fs.rmSync(segments(dir)[3] ?? "")
  const without = await inspectDirectory(dir)
  assert.ok(without.damage.some(({ what }) => /commits \d+ to \d+ before it are missing/.test(what)))
})

it("a journal can be cut by hand at the damage, as docs/errors/MR1302.md says", async (t) => {
  const dir = scratch(t)
  await live(dir, 20, false)
  const last = segments(dir).at(-2) ?? ""
  const bytes = fs.readFileSync(last)
  bytes[100] = (bytes[100] ?? 0) ^ 1
  fs.writeFileSync(last, bytes)
  const [damage] = (await inspectDirectory(dir)).damage
  assert.equal(damage?.file, last)
  fs.truncateSync(last, damage.position)
  for (const file of segments(dir).filter((each) => each > last)) fs.rmSync(file)
  fs.rmSync(last.replace(/journal$/, "index"))
  fs.rmSync(path.join(dir, "journal", "durable"))
  await assertPrefix(await open(dir), 1)
})
