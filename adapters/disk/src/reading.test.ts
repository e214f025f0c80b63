// Reading from segments: their indexes, their files, and what happens to them meanwhile.
import assert from "node:assert/strict"
import fs from "node:fs"
import { describe, it } from "node:test"
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import { commit, linesOf, readLines } from "@millrace/conformance"
import type { Store } from "@millrace/engine"
import { isMillraceError, limits } from "@millrace/model"
import { live, open, segments } from "../test/history.ts"
import { scratch } from "../test/scratch.ts"
import { BlockPlaces } from "./block-places.ts"
import { openDiskStore } from "./store.ts"

/** A line a commit, a few lines a segment. */
async function fill(store: Store, from: number, to: number): Promise<string[]> {
  for (let i = from; i < to; i++)
    await store.durable(store.append(commit([{ stream: "a", partition: 0, lines: [`line ${i}`] }])).sequence)
  return Array.from({ length: to }, (_, i) => `line ${i}`)
}

const openFiles = (dir: string): number =>
  fs.readdirSync("/proc/self/fd").filter((fd) => {
    try {
      return fs.readlinkSync(`/proc/self/fd/${fd}`).startsWith(`${dir}/journal/0`)
    } catch {
      return false
    }
  }).length

const megabyte = 1_048_576

/** What buffers take when those that nobody has are gone. */
function heldMegabytes(): number {
  setFlagsFromString("--expose-gc")
  const collect = runInNewContext("gc") as () => void
  collect()
  // Buffers are given back by a thread of V8's own, which may be behind; the next collection waits for it.
  collect()
  return process.memoryUsage().arrayBuffers / megabyte
}

describe("reading from segments", () => {
  it(
    "goes through more segments than are held open at once",
    { skip: fs.existsSync("/proc/self/fd") ? false : "no /proc to count open files in" },
    async (t) => {
      const dir = scratch(t)
      const store = await open(dir, 100)
      const lines = await fill(store, 0, limits.segmentsOpenMax * 4)
      assert.ok(segments(dir).length > limits.segmentsOpenMax)
      assert.deepEqual(await readLines(store, "a", 0, 0, 0), lines)
      assert.ok(openFiles(dir) <= limits.segmentsOpenMax + 1, `${openFiles(dir)} files are open`)
      await Promise.all(
        lines.map(async (line, i) =>
          assert.deepEqual(linesOf((await store.read("a", 0, i, 0))[0]?.block ?? new Uint8Array()), [line]),
        ),
      )
      await store.close()
      assert.equal(openFiles(dir), 0)
    },
  )

  it("lets go of blocks that memory need not hold, each at once", async (t) => {
    const store = await openDiskStore({ dir: scratch(t), now: () => 0, onLost: () => undefined, tailBytes: 4 * megabyte })
    const before = heldMegabytes()
    for (let i = 0; i < 60; i++) {
      const block = new Uint8Array(megabyte)
      await store.durable(store.append({ appends: [{ stream: "a", partition: 0, count: 1, block }], state: [] }).sequence)
    }
    const held = heldMegabytes() - before
    assert.ok(held < 10, `${held} MB of 60 are held`)
    await store.close()
  })

  it("holds on to a block and not to what arrived with it", async (t) => {
    const store = await openDiskStore({ dir: scratch(t), now: () => 0, onLost: () => undefined })
    const before = heldMegabytes()
    for (let i = 0; i < 60; i++) {
      const block = new Uint8Array(megabyte).subarray(0, 100)
      await store.durable(store.append({ appends: [{ stream: "a", partition: 0, count: 1, block }], state: [] }).sequence)
    }
    const held = heldMegabytes() - before
    assert.ok(held < 30, `${held} MB are held for 60 blocks of 100 bytes`)
    await store.close()
  })

  it("finds the places again when index files are gone or damaged", async (t) => {
    const dir = scratch(t)
    const store = await open(dir, 200)
    const lines = await fill(store, 0, 30)
    await store.close()
    for (const spoil of [
      (file: string) => fs.rmSync(file),
      (file: string) => fs.writeFileSync(file, ""),
      (file: string) =>
        fs.writeFileSync(file, Buffer.concat([fs.readFileSync(file).subarray(0, -5), Buffer.alloc(5, 1)])),
    ]) {
      const again = await open(dir, 200)
      for (const segment of segments(dir).slice(0, -1)) spoil(segment.replace(/journal$/, "index"))
      assert.deepEqual(await readLines(again, "a", 0, 0, 50), lines)
      await again.close()
    }
  })

  it("that began before a sweep ends well", async (t) => {
    const dir = scratch(t)
    const store = await open(dir, 100)
    const lines = await fill(store, 0, 20)
    await store.fold()
    await store.close()
    const again = await open(dir, 100)
    const reading = Array.from({ length: 10 }, (_, i) => again.read("a", 0, i, 0))
    assert.ok((await again.sweep(() => false)) > 0)
    assert.equal(again.extent("a", 0).first, 19)
    for (const [i, read] of reading.entries())
      assert.deepEqual(linesOf((await read)[0]?.block ?? new Uint8Array()), [lines[i]])
    await again.close()
  })

  it("gives what lies before damage, then names it", async (t) => {
    const dir = scratch(t)
    const store = await open(dir, 1e6)
    await fill(store, 0, 10)
    const [segment = ""] = segments(dir)
    const bytes = fs.readFileSync(segment)
    const at = bytes.indexOf("line 6")
    bytes[at] = 0
    fs.writeFileSync(segment, bytes)
    const [slice] = await store.read("a", 0, 2, 1e6)
    assert.deepEqual(slice && [slice.base, slice.count], [2, 4])
    const error = await store.read("a", 0, 6, 1e6).catch((reason: unknown) => reason)
    assert.ok(isMillraceError(error) && error.code === "MR1302", String(error))
    const { path, position, stream, partition, base, end } = error.details
    assert.deepEqual(
      { path, stream, partition, base, end },
      { path: segment, stream: "a", partition: 0, base: 6, end: 7 },
    )
    assert.ok((position as number) <= at)
    assert.match(error.message, /stream "a", partition 0, offsets 6 to 6 do not fit/)
    assert.deepEqual(await readLines(store, "a", 0, 7, 1e6), ["line 7", "line 8", "line 9"])
    await store.close()
  })

  it("of a segment that somebody took away names it", async (t) => {
    const dir = scratch(t)
    const store = await open(dir, 100)
    await fill(store, 0, 10)
    const [segment = ""] = segments(dir)
    fs.rmSync(segment)
    const error = await store.read("a", 0, 0, 10).catch((reason: unknown) => reason)
    assert.ok(isMillraceError(error) && error.code === "MR1302" && error.details["path"] === segment, String(error))
    await store.close()
    const reopened = await open(dir, 100).catch((reason: unknown) => reason)
    assert.ok(isMillraceError(reopened) && reopened.code === "MR1302", String(reopened))
  })

  it("is over once the store is closed", async (t) => {
    const dir = scratch(t)
    await live(dir, 3, false)
    const store = await open(dir)
    await store.close()
    await assert.rejects(store.read("a", 0, 0, 10), /closed/)
  })
})

describe("a commit", () => {
  it("whose block was transferred away before it was written is refused", async (t) => {
    const dir = scratch(t)
    const lost: number[] = []
    const { openDiskStore } = await import("./store.ts")
    const store = await openDiskStore({ dir, now: () => 0, onLost: (sequence) => void lost.push(sequence) })
    const block = new Uint8Array(10_000)
    const { sequence } = store.append({ appends: [{ stream: "a", partition: 0, count: 1, block }], state: [] })
    structuredClone(block, { transfer: [block.buffer] })
    await assert.rejects(store.durable(sequence), /changed or transferred/)
    assert.deepEqual(lost, [0])
    await store.close()
  })

  it("larger than a frame may be is refused", async (t) => {
    const store = await open(scratch(t))
    const block = new Uint8Array(limits.frameBytesMax / 4 + 1)
    const appends = Array.from({ length: 4 }, () => ({ stream: "a", partition: 0, count: 1, block }))
    assert.throws(() => store.append({ appends, state: [] }), /larger than a frame/)
    assert.equal(store.extent("a", 0).next, 0)
    await store.close()
  })
})

describe("block places", () => {
  it("come back from bytes as they were", () => {
    const places = new BlockPlaces()
    for (let i = 0; i < 40; i++)
      places.push({ position: 2 ** 33 + i, base: i * 3, count: 3, length: i, crc: 2 ** 32 - 1 - i })
    const again = BlockPlaces.fromBytes(new Uint8Array(places.toBytes()))
    assert.deepEqual([again.size, again.first, again.end], [40, 0, 120])
    for (let offset = 0; offset < 120; offset++) assert.equal(again.find(offset), Math.floor(offset / 3))
    assert.deepEqual(
      Array.from({ length: 40 }, (_, i) => again.at(i)),
      Array.from({ length: 40 }, (_, i) => places.at(i)),
    )
  })
})
