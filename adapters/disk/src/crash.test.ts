// What is left of a journal after a crash or a fault of the disk: every cut, every flipped bit.
import assert from "node:assert/strict"
import fs from "node:fs"
import path from "node:path"
import { describe, it, type TestContext } from "node:test"
import { isMillraceError, type MillraceError } from "@millrace/model"
import { appendStep, assertPrefix, assertTrueOrNamed, live, type Moment, open, segments } from "../test/history.ts"
import { scratch } from "../test/scratch.ts"
import { DurableMark } from "./durable-mark.ts"
import { frameMagic } from "./frame.ts"
import { inspectDirectory } from "./inspect.ts"

const commits = 9

/** A directory in which a store lived, and a way to get copies of it. */
async function lived(t: TestContext, fold: boolean): Promise<{ moments: Moment[]; dir: string; copy: () => string }> {
  const home = scratch(t)
  const dir = path.join(home, "lived")
  const moments = await live(dir, commits, fold)
  const copied = path.join(home, "copy")
  const copy = (): string => {
    fs.rmSync(copied, { recursive: true, force: true })
    fs.cpSync(dir, copied, { recursive: true })
    return copied
  }
  return { moments, dir, copy }
}

/** Makes a copy look as it did when `segment` was the last and had `bytes` bytes. */
function cut(dir: string, segment: string, bytes: number): void {
  for (const file of segments(dir).filter((each) => path.basename(each) >= path.basename(segment))) {
    fs.rmSync(file.replace(/journal$/, "index"), { force: true })
    if (path.basename(file) === path.basename(segment)) fs.truncateSync(file, bytes)
    else fs.rmSync(file)
  }
}

function setMark(dir: string, acknowledged: number): void {
  const mark = new DurableMark(dir)
  mark.set(acknowledged)
  mark.close()
}

const everyCut = (dir: string): Array<readonly [segment: string, bytes: number]> =>
  segments(dir).flatMap((segment) =>
    Array.from({ length: fs.statSync(segment).size + 1 }, (_, bytes) => [segment, bytes] as const),
  )

async function damageOf(opening: Promise<unknown>): Promise<MillraceError> {
  const error: unknown = await opening.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  assert.ok(isMillraceError(error) && error.code === "MR1302", `opened, or failed otherwise: ${String(error)}`)
  return error
}

describe("a journal cut at any byte", () => {
  it("keeps every commit that was acknowledged by then, and invents nothing", async (t) => {
    const { moments, dir, copy } = await lived(t, false)
    assert.ok(segments(dir).length > 2, "the cuts go through several segments")
    for (const [segment, bytes] of everyCut(dir)) {
      const broken = copy()
      cut(broken, segment, bytes)
      const past = moments.filter(
        (moment) => moment.segment < segment || (moment.segment === segment && moment.bytes <= bytes),
      )
      const acknowledged = past.at(-1)?.acknowledged ?? 0
      setMark(broken, acknowledged)
      await assertPrefix(await open(broken), acknowledged)
      if (bytes % 10 === 0) await assertPrefix(await open(broken), acknowledged)
    }
  })

  it("goes on from the cut as if nothing had been", async (t) => {
    const { dir, copy } = await lived(t, false)
    const last = segments(dir).at(-1) as string
    const { size } = fs.statSync(last)
    for (const bytes of [size - 1, size - 40, 33, 32, 31, 0]) {
      const broken = copy()
      cut(broken, last, bytes)
      setMark(broken, 0)
      const store = await open(broken)
      const next = store.extent("a", 0)
      const { bases, sequence } = store.append({
        appends: [{ stream: "a", partition: 0, count: 1, block: Buffer.alloc(40, 1) }],
        state: [],
      })
      assert.deepEqual(bases, [next.next])
      await store.durable(sequence)
      await store.close()
      const again = await open(broken)
      assert.deepEqual(again.extent("a", 0), { first: 0, durable: next.next + 1, next: next.next + 1 })
      await again.close()
    }
  })

  it("is refused when something acknowledged lies behind the cut", async (t) => {
    const { dir, copy } = await lived(t, false)
    for (const [segment, bytes] of everyCut(dir)) {
      const broken = copy()
      cut(broken, segment, bytes)
      const opening = open(broken)
      if (segment === segments(dir).at(-1) && bytes === fs.statSync(segment).size) {
        await assertPrefix(await opening, commits)
        continue
      }
      const { details } = await damageOf(opening)
      if (bytes >= 32) assert.equal(path.basename(String(details["path"])), path.basename(segment))
      assert.ok((details["position"] as number) <= bytes)
    }
  })

  it("keeps its whole frames when the mark is lost too", async (t) => {
    const { dir, copy } = await lived(t, false)
    for (const [segment, bytes] of everyCut(dir)) {
      if (bytes % 7 !== 0) continue
      const broken = copy()
      cut(broken, segment, bytes)
      fs.rmSync(path.join(broken, "journal", "durable"))
      await assertPrefix(await open(broken), 0)
    }
  })

  it("is refused when its state knows of more commits", async (t) => {
    const { dir, copy } = await lived(t, true)
    const last = segments(dir).at(-1) as string
    const broken = copy()
    cut(broken, last, fs.statSync(last).size - 1)
    fs.rmSync(path.join(broken, "journal", "durable"))
    await damageOf(open(broken))
  })
})

describe("a group torn by a power cut", () => {
  /** Three commits acknowledged one by one, then a group of three; returns where the frames begin. */
  const grouped = async (t: TestContext): Promise<{ dir: string; segment: string; frames: number[] }> => {
    const dir = path.join(scratch(t), "lived")
    const store = await open(dir, 1e6)
    for (let i = 0; i < 3; i++) await store.durable(appendStep(store, i))
    for (let i = 3; i < 5; i++) appendStep(store, i)
    await store.durable(appendStep(store, 5))
    await store.close()
    const [segment = ""] = segments(dir)
    const bytes = fs.readFileSync(segment)
    const frames: number[] = []
    for (let at = bytes.indexOf(frameMagic); at >= 0; at = bytes.indexOf(frameMagic, at + 1)) frames.push(at)
    assert.equal(frames.length, 6)
    return { dir, segment, frames }
  }

  it("is cut off at the tear, whole frames behind it included: nobody was told of them", async (t) => {
    const { dir, segment, frames } = await grouped(t)
    setMark(dir, 3)
    flip(segment, (frames[4] ?? 0) + 20)
    const store = await open(dir, 1e6)
    assert.equal(store.durableSequence, 4)
    await assertPrefix(store, 3)
    await assertPrefix(await open(dir, 1e6), 3)
  })

  it("is not mistaken for damage before it, even without the mark", async (t) => {
    const { dir, segment, frames } = await grouped(t)
    fs.rmSync(path.join(dir, "journal", "durable"))
    flip(segment, (frames[1] ?? 0) + 20)
    const { details } = await damageOf(open(dir, 1e6))
    assert.deepEqual([details["path"], details["position"]], [segment, frames[1]])
  })

  it("filled with zeros by the file system is cut off", async (t) => {
    const { dir, segment, frames } = await grouped(t)
    setMark(dir, 3)
    const bytes = fs.readFileSync(segment)
    fs.writeFileSync(segment, bytes.fill(0, frames[3]))
    await assertPrefix(await open(dir, 1e6), 3)
    assert.equal(fs.statSync(segment).size, frames[3])
  })
})

describe("a journal with a flipped bit in any byte", () => {
  it("gives back what is right and names the rest", (t) => flipEvery(t, 1, false))
  it("is as true to its word with its state folded", (t) => flipEvery(t, 3, true))
})

/** Flips a bit in one byte of `stride` of every file of the journal, each in a copy of its own. */
async function flipEvery(t: TestContext, stride: number, fold: boolean): Promise<void> {
  const { dir, copy } = await lived(t, fold)
  for (const file of fs.readdirSync(path.join(dir, "journal"))) {
    const { size } = fs.statSync(path.join(dir, "journal", file))
    for (let at = 0; at < size; at += stride) {
      const broken = copy()
      flip(path.join(broken, "journal", file), at)
      await assertTold(broken, file, at)
    }
  }
}

/** Asserts that nothing false comes out of a directory whose journal has a flipped bit, and nothing goes unnamed. */
async function assertTold(dir: string, file: string, at: number): Promise<void> {
  const what = `${file}, byte ${at}`
  const isSegment = file.endsWith(".journal")
  if (isSegment) {
    const { damage } = await inspectDirectory(dir)
    const seen = damage.some((each) => path.basename(each.file) === file && each.position <= at)
    assert.ok(seen, `the doctor does not see ${what}`)
  }
  const opened = await open(dir).catch((error: unknown) => error as Error)
  if (opened instanceof Error) assert.ok(isSegment, `${what}: nothing is lost with a derived file: ${opened}`)
  for (const error of opened instanceof Error ? [opened] : await assertTrueOrNamed(opened, commits)) {
    assert.ok(isMillraceError(error) && error.code === "MR1302", `${what}: ${error}`)
    assert.equal(path.basename(String(error.details["path"])), file, what)
    assert.ok(Number(error.details["position"]) <= at, what)
  }
}

function flip(file: string, at: number): void {
  const bytes = fs.readFileSync(file)
  bytes.writeUInt8(bytes.readUInt8(at) ^ (1 << (at % 8)), at)
  fs.writeFileSync(file, bytes)
}
