// Pages and followers, on the real node.
import assert from "node:assert/strict"
import fs from "node:fs"
import { it } from "node:test"
import fc from "fast-check"
import { codeOf, idle, openNode, send, statusOf, until } from "../test/bench.ts"
import { ordersOf } from "../test/counted.ts"
import type { From } from "./readers.ts"
import type { Node } from "./node.ts"

/** Follows a stream until so many records have come. */
async function follow(node: Node, stream: string, from: From, count: number): Promise<string[]> {
  const stop = new AbortController()
  const seen: string[] = []
  for await (const { records } of node.follow(stream, from, stop.signal)) {
    for (const { value } of records) seen.push(value)
    if (seen.length >= count) stop.abort()
  }
  return seen
}

const seqs = (values: readonly string[]): number[] => values.map((value) => (JSON.parse(value) as { seq: number }).seq).toSorted((a, b) => a - b)

it("a page begins at an end, an offset or an event time, before and after a restart", async (t) => {
  const bench = await openNode(t, ["orders"])
  const { dir } = bench
  let { node } = bench
  for (let i = 0; i < 10; i++) await send(node, "orders", Array.from({ length: 10 }, (_, j) => ({ key: "k0", seq: i * 10 + j })))
  await idle(node)
  for (let round = 0; round < 2; round++) {
    const partition = [0, 1, 2, 3].find((each) => node.status().stages[each] !== undefined && each === partitionOf(node)) ?? 0
    const page = async (from: From, limit: number) => {
      const { records, next, first, end } = await node.read("orders", partition, from, limit)
      return { seqs: seqs(records.map(({ value }) => value)), next, first, end }
    }
    assert.deepEqual(await page({ kind: "earliest" }, 3), { seqs: [0, 1, 2], next: 3, first: 0, end: 100 })
    assert.deepEqual(await page({ kind: "latest" }, 3), { seqs: [], next: 100, first: 0, end: 100 })
    assert.deepEqual(await page({ kind: "offsets", offsets: new Map([[partition, 98]]) }, 30), { seqs: [98, 99], next: 100, first: 0, end: 100 })
    assert.deepEqual((await page({ kind: "time", time: 45 }, 2)).seqs, [45, 46])
    assert.deepEqual((await page({ kind: "time", time: 1e12 }, 2)).seqs, [])
    await node.close()
    ;({ node } = await openNode(t, ["orders"], { dir }))
  }
})

function partitionOf(node: Node): number {
  const stage = node.status().stages.find((each) => (each as { stage: string; next: number }).stage === "orders" && (each as { next: number }).next > 0)
  return (stage as { partition: number }).partition
}

it("a page ends once it is large, however many records were asked for", async (t) => {
  const { node } = await openNode(t, ["orders"])
  const text = "x".repeat(900_000)
  for (let i = 0; i < 12; i++) await send(node, "orders", [{ key: "k0", seq: i, text }])
  await idle(node)
  const { records, next } = await node.read("orders", partitionOf(node), { kind: "earliest" }, 10_000)
  assert.equal(records.length, 5)
  assert.equal(next, 5)
})

it("a follower gets every record once, whenever it is appended, in the order of its partition", async (t) => {
  const { node } = await openNode(t, ["orders"])
  let sent = 0
  const property = fc.asyncProperty(fc.array(fc.record({ count: fc.integer({ min: 1, max: 20 }), turns: fc.nat({ max: 6 }) }), { minLength: 1, maxLength: 12 }), async (steps) => {
    const before = sent
    const offsets = new Map<number, number>()
    for (let partition = 0; partition < 4; partition++) {
      offsets.set(partition, (await node.read("counted", partition, { kind: "latest" }, 1)).end)
    }
    const total = steps.reduce((sum, { count }) => sum + count, 0)
    const following = follow(node, "counted", { kind: "offsets", offsets }, total)
    for (const { count, turns } of steps) {
      await send(node, "orders", ordersOf(sent, count))
      sent += count
      for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => setImmediate(resolve))
    }
    assert.deepEqual(seqs(await following), Array.from({ length: total }, (_, i) => before + i))
    await idle(node)
  })
  await fc.assert(property, { numRuns: 20 })
})

it("in a stream of bytes the first record at or after a time is found, whatever blocks the records lie in", async (t) => {
  let now = 1_000
  const { node } = await openNode(t, [], { clock: () => now })
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(fc.nat({ max: 3 }), fc.integer({ min: 1, max: 5 })), { maxLength: 20 }), fc.nat({ max: 70 }), async (puts, from) => {
      const name = `b${now}`
      await node.records.keepStream(name, { partitions: 1, retentionMs: 86_400_000 }, "{}")
      const begin = now
      const times: number[] = []
      for (const [later, count] of puts) {
        now += later
        await node.records.put(name, Array.from({ length: count }, () => ({ key: "k", partition: 0, data: new Uint8Array(3) })))
        for (let i = 0; i < count; i++) times.push(now)
      }
      const found = times.findIndex((time) => time >= begin + from)
      assert.equal(await node.records.seek(name, 0, begin + from), found < 0 ? times.length : found)
      now += 100
    }),
    { numRuns: 40 },
  )
})

it("a follower begins at the earliest record, at the newest, or at an event time", async (t) => {
  const { node } = await openNode(t, ["orders"])
  await send(node, "orders", ordersOf(0, 100))
  assert.deepEqual(seqs(await follow(node, "orders", { kind: "earliest" }, 100)), ordersOf(0, 100).map(({ seq }) => seq))
  const late = await follow(node, "orders", { kind: "time", time: 90 }, 10)
  assert.deepEqual(seqs(late), ordersOf(90, 10).map(({ seq }) => seq))
  const stop = new AbortController()
  const newest = node.follow("orders", { kind: "latest" }, stop.signal)[Symbol.asyncIterator]()
  const first = newest.next()
  await send(node, "orders", [{ key: "k0", seq: 500 }])
  const { value } = await first
  assert.deepEqual(value.records.map((record: { value: string }) => JSON.parse(record.value).seq), [500])
  stop.abort()
  assert.equal((await newest.next()).done, true)
})

it("followers end when their reader leaves and fail when the node closes, and leave nothing behind", async (t) => {
  const { node } = await openNode(t, ["orders"])
  const stop = new AbortController()
  const seen: string[] = []
  const left = codeOf(async () => {
    for await (const { records } of node.follow("orders", { kind: "earliest" }, new AbortController().signal)) {
      for (const { value } of records) seen.push(value)
    }
  })
  const leaving = node.follow("orders", { kind: "earliest" }, stop.signal)[Symbol.asyncIterator]()
  const next = leaving.next()
  stop.abort()
  assert.equal((await next).done, true)
  await send(node, "orders", ordersOf(0, 10))
  await node.close()
  assert.equal(await left, "MR1401")
  assert.deepEqual(seqs(seen), ordersOf(0, 10).map(({ seq }) => seq))
})

it("a follower gets all of a stream that ends, and ends with it: a source, what stages write, dead letters", async (t) => {
  const bench = await openNode(t, ["orders"])
  const all = (node: Node, stream: string) => follow(node, stream, { kind: "earliest" }, Number.POSITIVE_INFINITY)
  const streams = ["orders", "counted", "orders.dead-letter"]
  const waiting = streams.map((stream) => all(bench.node, stream))
  await send(bench.node, "orders", [...ordersOf(0, 50), { key: "k1", seq: 50, map: "throw" }])
  await bench.node.end("orders")
  const wanted = [ordersOf(0, 51).map(({ seq }) => seq), ordersOf(0, 50).map(({ seq }) => seq)]
  const early = await Promise.all(waiting)
  assert.deepEqual([seqs(early[0] ?? []), seqs(early[1] ?? []), early[2]?.length], [...wanted, 1])
  // One that comes later gets the same, also from a node that was started since.
  const late = await Promise.all(streams.map((stream) => all(bench.node, stream)))
  assert.deepEqual([seqs(late[0] ?? []), seqs(late[1] ?? []), late[2]?.length], [...wanted, 1])
  await bench.node.close()
  const { node } = await openNode(t, ["orders"], { dir: bench.dir })
  const later = await Promise.all(streams.map((stream) => all(node, stream)))
  assert.deepEqual([seqs(later[0] ?? []), seqs(later[1] ?? []), later[2]?.length], [...wanted, 1])
})

it("an end that is not durable yet ends no follower", async (t) => {
  const { node } = await openNode(t, ["orders"])
  await send(node, "orders", ordersOf(0, 10))
  await idle(node)
  const held: (() => void)[] = []
  const real = fs.fdatasync
  const mocked = t.mock.method(fs, "fdatasync", (fd: number, done: (error: Error | null) => void) => {
    held.push(() => real(fd, done))
  })
  const ending = node.end("orders")
  await until("the end waits for the disk", () => held.length > 0)
  await until("the stage has seen it", () => statusOf(node).stages.every((stage) => stage.ended))
  let ended = 0
  const following = ["orders", "counted"].map(async (stream) => {
    await follow(node, stream, { kind: "earliest" }, Number.POSITIVE_INFINITY)
    ended++
  })
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve))
  assert.equal(ended, 0)
  mocked.mock.restore()
  for (const release of held) release()
  await Promise.all([ending, ...following])
})

it("only what is durable is shown, and answered", async (t) => {
  const { node } = await openNode(t, ["orders"])
  const held: (() => void)[] = []
  const real = fs.fdatasync
  const mocked = t.mock.method(fs, "fdatasync", (fd: number, done: (error: Error | null) => void) => {
    held.push(() => real(fd, done))
  })
  let answered = false
  const sending = send(node, "orders", ordersOf(0, 10)).then(() => (answered = true))
  await until("the records wait for the disk", () => held.length > 0)
  const end = async () => {
    const pages = await Promise.all([0, 1, 2, 3].map((partition) => node.read("orders", partition, { kind: "earliest" }, 10)))
    return pages.reduce((sum, page) => sum + page.end, 0)
  }
  assert.deepEqual([await end(), answered], [0, false])
  mocked.mock.restore()
  for (const release of held) release()
  await sending
  assert.equal(await end(), 10)
  await idle(node)
})
