// A disk that takes no more: full, failing to write, failing to sync.
import assert from "node:assert/strict"
import { execFileSync } from "node:child_process"
import fs from "node:fs"
import path from "node:path"
import { describe, it, type TestContext } from "node:test"
import { fileURLToPath } from "node:url"
import { commit, mounted, readLines, stateOf } from "@millrace/conformance"
import type { Committed, Store } from "@millrace/engine"
import { isMillraceError, limits, type MillraceError } from "@millrace/model"
import { segments } from "../test/history.ts"
import { scratch } from "../test/scratch.ts"
import { openDiskStore } from "./store.ts"

interface Bench {
  readonly dir: string
  readonly clock: { now: number }
  readonly lost: Array<{ sequence: number; reason: Error }>
  readonly open: (segmentBytes?: number) => Promise<Store>
}

function bench(dir: string): Bench {
  const clock = { now: 1000 }
  const lost: Bench["lost"] = []
  const onLost = (sequence: number, reason: Error): void => void lost.push({ sequence, reason })
  const open = (segmentBytes = 1e6): Promise<Store> =>
    openDiskStore({ dir, now: () => clock.now, onLost, segmentBytes, tailBytes: 0 })
  return { dir, clock, lost, open }
}

const line = (store: Store, text: string): Committed =>
  store.append(commit([{ stream: "a", partition: 0, lines: [text] }]))

async function refusalOf(code: string, failing: () => unknown): Promise<MillraceError> {
  try {
    await failing()
  } catch (error) {
    assert.ok(isMillraceError(error) && error.code === code, `expected ${code}: ${String(error)}`)
    return error
  }
  assert.fail(`expected ${code}, and it went well`)
}

/** Appends a line as soon as the store takes it again, the clock going on meanwhile. */
async function onceTaken(store: Store, clock: { now: number }, text: string): Promise<Committed> {
  for (let turn = 0; turn < 10_000; turn++) {
    try {
      return line(store, text)
    } catch (error) {
      assert.ok(isMillraceError(error))
      clock.now += limits.diskProbeMsMin
      await new Promise((resolve) => setImmediate(resolve))
    }
  }
  assert.fail("the store refuses for ever")
}

function fault(code: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${code}: made by the test`), { code })
}

/** Makes a call of `node:fs` fail with a code until `mend` is called; counts the calls. */
function failing(
  t: TestContext,
  call: "fdatasync" | "writev" | "fsync",
  code: string,
): { mend: () => void; calls: () => number } {
  const mocked = t.mock.method(fs, call, (...args: unknown[]) => {
    const done = args.at(-1) as (error: Error) => void
    process.nextTick(done, fault(code))
  })
  return { mend: () => mocked.mock.restore(), calls: () => mocked.mock.callCount() }
}

describe("a full disk", () => {
  it("fails what it cannot take, keeps what was acknowledged, and goes on once there is room", async (t) => {
    const disk = mounted(t, "size=3m")
    if (disk === undefined) return
    const { clock, lost, open } = bench(path.join(disk.dir, "data"))
    const ballast = path.join(disk.dir, "ballast")
    fs.writeFileSync(ballast, Buffer.alloc(1_000_000))
    const store = await open(400_000)
    const big = "x".repeat(40_000)
    let acknowledged = 0
    const refused = await refusalOf("MR1303", async () => {
      for (; acknowledged < 200; acknowledged++) await store.durable(line(store, `${acknowledged}${big}`).sequence)
    })
    assert.ok(acknowledged > 10)
    assert.match(refused.message, /is full: free some space/)
    assert.deepEqual(
      lost.map(({ sequence, reason }) => [sequence, reason]),
      [[acknowledged, refused]],
    )
    assert.deepEqual([store.durableSequence, store.queuedBytes], [acknowledged, 0])
    assert.deepEqual(store.extent("a", 0), { first: 0, durable: acknowledged, next: acknowledged })
    await refusalOf("MR1303", () => line(store, "no"))
    assert.equal((await readLines(store, "a", 0, 0, 1e6)).length, acknowledged)

    fs.rmSync(ballast)
    const { sequence, bases } = await onceTaken(store, clock, "after")
    assert.deepEqual([sequence, bases], [acknowledged, [acknowledged]])
    await store.durable(sequence)
    await store.close()
    const again = await open(400_000)
    const lines = await readLines(again, "a", 0, 0, 1e6)
    assert.deepEqual(
      lines.map((each) => Number.parseInt(each, 10)),
      [...Array(acknowledged).keys(), Number.NaN],
    )
    assert.equal(lines.at(-1), "after")
    await again.close()
  })

  it("leaves the state as it was when a fold does not fit", async (t) => {
    const disk = mounted(t, "size=4m")
    if (disk === undefined) return
    const { open } = bench(path.join(disk.dir, "data"))
    const store = await open()
    const change = (value: string) => ({
      scope: "s",
      partition: 0,
      bucket: 0,
      entries: Array.from({ length: 40 }, (_, i) => [`k${i}`, value] as const),
    })
    await store.durable(store.append(commit([], change("old"))).sequence)
    await store.fold()
    await store.durable(store.append(commit([], change("new".repeat(5_000)))).sequence)
    const ballast = path.join(disk.dir, "ballast")
    const { bavail, bsize } = fs.statfsSync(disk.dir)
    fs.writeFileSync(ballast, Buffer.alloc((bavail - 4) * bsize))
    await refusalOf("MR1303", () => store.fold())
    assert.equal(stateOf(store, "s", 0)[0]?.[1][0]?.[1], "old".toString())
    fs.rmSync(ballast)
    await store.fold()
    assert.equal(stateOf(store, "s", 0)[0]?.[1][0]?.[1].length, 15_000)
    assert.equal(store.unfoldedBytes, 0)
    await store.close()
  })

  it("is named when a store is opened on it, however little room is left", (t) => {
    for (const room of [4096, 8192, 12_288, 20_480, 36_864, 65_536]) {
      const disk = mounted(t, "size=1m")
      if (disk === undefined) return
      fs.writeFileSync(path.join(disk.dir, "ballast"), Buffer.alloc(1_048_576 - room))
      // In a process of its own: LMDB is known to end it where it finds no room.
      const program = fileURLToPath(new URL("../test/opener.ts", import.meta.url))
      const args = ["--conditions=@millrace/source", program, path.join(disk.dir, "data")]
      const said = execFileSync(process.execPath, args, { encoding: "utf8" })
      assert.match(said, /^MR1303 .* one that could not start is to be started again\./)
      assert.ok(said.includes(path.join(disk.dir, "data")))
    }
  })
})

describe("a disk that fails", () => {
  for (const [call, code, expected] of [
    ["writev", "EIO", "MR1304"],
    ["writev", "EDQUOT", "MR1303"],
    ["writev", "EFBIG", "MR1304"],
    ["writev", "EROFS", "MR1304"],
    ["fdatasync", "EIO", "MR1304"],
    ["fdatasync", "ENOSPC", "MR1303"],
  ] as const) {
    it(`with ${code} at ${call} loses no acknowledged commit and goes on when it is well`, async (t) => {
      const { clock, lost, open } = bench(scratch(t))
      const store = await open()
      await store.durable(line(store, "kept").sequence)
      const disk = failing(t, call, code)
      // Small ones are written at once, not by another thread.
      const first = line(store, call === "writev" ? "lost".padEnd(limits.writeInlineBytesMax + 1) : "lost")
      const waiting = [store.durable(first.sequence), store.durable(line(store, "lost too").sequence)]
      await Promise.resolve()
      const next = line(store, "built on what was lost")
      const order: string[] = []
      waiting.push(
        store.durable(next.sequence).catch((error: unknown) => {
          order.push(`rejected, told ${lost.length} times`)
          throw error
        }),
      )
      for (const each of await Promise.allSettled(waiting)) {
        assert.ok(each.status === "rejected" && isMillraceError(each.reason) && each.reason.code === expected)
      }
      assert.deepEqual(order, ["rejected, told 1 times"])
      assert.deepEqual(
        lost.map(({ sequence }) => sequence),
        [1],
      )
      assert.deepEqual(store.extent("a", 0), { first: 0, durable: 1, next: 1 })
      assert.deepEqual(await readLines(store, "a", 0, 0, 1e6), ["kept"])
      assert.equal(store.queuedBytes, 0)
      await refusalOf(expected, () => line(store, "refused"))
      await refusalOf(expected, () => store.durable(next.sequence))
      disk.mend()

      const { sequence, bases } = await onceTaken(store, clock, "after")
      assert.deepEqual([sequence, bases], [1, [1]])
      await store.durable(sequence)
      assert.deepEqual(await readLines(store, "a", 0, 0, 1e6), ["kept", "after"])
      await store.close()
      const again = await open()
      assert.deepEqual(await readLines(again, "a", 0, 0, 1e6), ["kept", "after"])
      await again.close()
    })
  }

  it("at a small write, which is done at once, loses no acknowledged commit", async (t) => {
    const { clock, lost, open } = bench(scratch(t))
    const store = await open()
    await store.durable(line(store, "kept").sequence)
    const mocked = t.mock.method(fs, "writevSync", () => {
      throw fault("EIO")
    })
    const waiting = [line(store, "lost"), line(store, "lost too")].map(({ sequence }) => store.durable(sequence))
    for (const each of await Promise.allSettled(waiting)) assert.ok(each.status === "rejected" && isMillraceError(each.reason) && each.reason.code === "MR1304")
    await refusalOf("MR1304", () => line(store, "refused"))
    assert.deepEqual([lost.map(({ sequence }) => sequence), store.extent("a", 0)], [[1], { first: 0, durable: 1, next: 1 }])
    mocked.mock.restore()
    await store.durable((await onceTaken(store, clock, "after")).sequence)
    assert.deepEqual(await readLines(store, "a", 0, 0, 1e6), ["kept", "after"])
    await store.close()
  })

  it("does not bring back to life what was refused, when the process dies right after", async (t) => {
    const { dir, open } = bench(scratch(t))
    const store = await open()
    await store.durable(line(store, "kept").sequence)
    failing(t, "fdatasync", "EIO")
    await refusalOf("MR1304", () => store.durable(line(store, "lost").sequence))
    const copy = scratch(t)
    fs.cpSync(dir, copy, { recursive: true })
    fs.rmSync(path.join(copy, "lock"), { recursive: true })
    t.mock.restoreAll()
    const again = await bench(copy).open()
    assert.deepEqual(await readLines(again, "a", 0, 0, 1e6), ["kept"])
    await again.close()
    await store.close()
  })

  it("is tried again once in a while, not with every commit", async (t) => {
    const { clock, open } = bench(scratch(t))
    const store = await open()
    const disk = failing(t, "fdatasync", "EIO")
    await refusalOf("MR1304", () => store.durable(line(store, "lost").sequence))
    assert.equal(disk.calls(), 1)
    const attempts = async (): Promise<void> => {
      for (let i = 0; i < 20; i++) {
        await refusalOf("MR1304", () => line(store, "refused"))
        await new Promise((resolve) => setImmediate(resolve))
      }
    }
    await attempts()
    assert.equal(disk.calls(), 1)
    clock.now += limits.diskProbeMsMin
    await attempts()
    await store.close()
    assert.equal(disk.calls(), 2)
  })

  it("at the creation of a segment fails the commits that were to go there, no others", async (t) => {
    const { clock, open } = bench(scratch(t))
    const store = await open(10)
    await store.durable(line(store, "0").sequence)
    const disk = failing(t, "fsync", "EIO")
    await refusalOf("MR1304", () => store.durable(line(store, "lost").sequence))
    disk.mend()
    await store.durable((await onceTaken(store, clock, "1")).sequence)
    await store.durable(line(store, "2").sequence)
    await store.close()
    const again = await open(10)
    assert.deepEqual(await readLines(again, "a", 0, 0, 1e6), ["0", "1", "2"])
    await again.close()
  })

  it("and lost what it had acknowledged is refused for good, with the place", async (t) => {
    const { dir, clock, open } = bench(scratch(t))
    const store = await open()
    await store.durable(line(store, "kept").sequence)
    const disk = failing(t, "fdatasync", "EIO")
    await refusalOf("MR1304", () => store.durable(line(store, "lost").sequence))
    disk.mend()
    const [segment = ""] = segments(dir)
    const bytes = fs.readFileSync(segment)
    bytes.fill(0, 60)
    fs.writeFileSync(segment, bytes)
    clock.now += limits.diskProbeMsMin
    await refusalOf("MR1304", () => line(store, "refused"))
    let last: unknown
    for (let turn = 0; turn < 1000 && !(isMillraceError(last) && last.code === "MR1302"); turn++) {
      await new Promise((resolve) => setImmediate(resolve))
      last = await Promise.resolve()
        .then(() => line(store, "refused"))
        .catch((error: unknown) => error)
    }
    assert.ok(isMillraceError(last) && last.code === "MR1302")
    assert.deepEqual([last.details["path"], last.details["position"]], [segment, 32])
    await store.close()
  })
})
