// User code that hangs, throws, ends its thread or eats all memory: real worker threads, a real directory.
import assert from "node:assert/strict"
import { describe, it } from "node:test"
import type { DeadLetter } from "@millrace/engine"
import { limits } from "@millrace/model"
import { codeOf, figure, hanging, idle, openNode, send, serviceFile, until, valuesOf } from "../test/bench.ts"
import { assertCountedOnce, ordersOf } from "../test/counted.ts"
import type { Fault, Order } from "../test/services/orders.ts"

/** Sends good records around a bad one and sees what becomes of them; another service works on meanwhile. */
async function around(t: Parameters<typeof openNode>[0], fault: Fault, heap?: number) {
  // A heap is filled at one record, however long that takes.
  const bounds = heap === undefined ? (fault === "hang" ? hanging : {}) : { workerHeapMegabytesMax: heap, handlerMsMax: 600_000 }
  const bench = await openNode(t, ["orders", "parcels"], { bounds })
  const { node } = bench
  const good = ordersOf(0, 200)
  const bad: Order = { key: "k3", seq: 1000, map: fault }
  const parcels = Array.from({ length: 50 }, (_, i) => ({ id: `p${i}` }))
  await send(node, "orders", good.slice(0, 100))
  const [answer] = await Promise.all([
    send(node, "orders", [...good.slice(100, 150), bad, ...good.slice(150)]),
    send(node, "parcels", parcels.slice(0, 25)),
  ])
  assert.deepEqual([answer.accepted, answer.rejected], [101, []])
  await send(node, "parcels", parcels.slice(25))
  await idle(node)
  const shipped = await valuesOf<{ id: string }>(node, "shipped")
  assert.deepEqual(shipped.map(({ id }) => id).toSorted(), parcels.map(({ id }) => id).toSorted())
  return { ...bench, good, bad, letters: await valuesOf<DeadLetter>(node, "orders.dead-letter") }
}

describe("user code in an operator", () => {
  it("a record in an endless loop becomes a dead letter, its neighbours are processed once", async (t) => {
    const { node, good, bad, letters } = await around(t, "hang")
    await assertCountedOnce(node, good)
    assert.equal(letters.length, 1)
    const [letter] = letters
    assert.deepEqual([letter?.error.code, letter?.attempts, letter?.value, letter?.operator], ["MR1202", limits.workerDeathsMax, bad, "orders"])
    assert.match(letter?.error.message ?? "", new RegExp(`^service "orders", ${letter?.partition}@${letter?.offset} of stream "orders", in orders/1\\.map, count, orders/3\\.to-stream: User code held its worker`))
    assert.ok(limits.workerDeathsMax <= limits.attemptsMax)
    assert.equal(figure(node, "millrace_workers_replaced_total"), limits.workerDeathsMax)
  })

  it("a record that makes its worker run out of memory becomes a dead letter", async (t) => {
    const { node, good, letters } = await around(t, "heap", 64)
    await assertCountedOnce(node, good)
    assert.deepEqual(letters.map(({ error }) => error.code), ["MR1203"])
    assert.match(letters[0]?.error.message ?? "", /64 MB of heap/)
  })

  it("a record that fills the heap faster than V8 can end its thread becomes a dead letter, and the node goes on", async (t) => {
    const { node, good, letters } = await around(t, "heap at a stroke", 64)
    await assertCountedOnce(node, good)
    assert.deepEqual(letters.map(({ error }) => error.code), ["MR1203"])
  })

  it("a record that ends its thread becomes a dead letter", async (t) => {
    const { node, good, letters } = await around(t, "exit")
    await assertCountedOnce(node, good)
    assert.deepEqual(letters.map(({ error }) => error.code), ["MR1204"])
    assert.match(letters[0]?.error.message ?? "", /exit code 3/)
  })

  it("a throw in a timer or a promise takes no record with it", async (t) => {
    for (const fault of ["throw later", "reject later", "throw null later"] as const) {
      const { node, good, bad, letters, said } = await around(t, fault)
      await until("the worker is replaced", () => figure(node, "millrace_workers_replaced_total") >= 1)
      await idle(node)
      // The record itself did nothing wrong: it may be counted, once.
      const wanted = [...good.slice(0, 150), bad, ...good.slice(150)]
      await assertCountedOnce(node, wanted)
      assert.deepEqual(letters, [])
      assert.ok(said.some(({ facts }) => facts["code"] === "MR1201" && facts["during"] === "idle"))
    }
  })

  it("a worker that user code blocks outside of any record is replaced", async (t) => {
    const { node } = await openNode(t, ["orders"], { bounds: hanging })
    const first: Order = { key: "k1", seq: 0, map: "hang later" }
    await send(node, "orders", [first])
    await idle(node)
    const good = ordersOf(1, 100)
    // Whoever sends them waits for the blocked worker; its replacement takes them.
    await Promise.all([send(node, "orders", good.slice(0, 50)), send(node, "orders", good.slice(50))])
    await idle(node)
    await assertCountedOnce(node, [first, ...good])
    assert.equal(figure(node, "millrace_workers_replaced_total"), 1)
  })

  it("a record that throws is a dead letter with its error, and is processed when sent again to a mended service", async (t) => {
    const { node, good, bad, letters } = await around(t, "throw")
    const [letter] = letters
    assert.equal(letters.length, 1)
    assert.equal(letter?.error.code, "MR1201")
    assert.match(letter?.error.message ?? "", /made by the record/)
    assert.match(String(letter?.error.stack), /orders\.ts/)
    assert.deepEqual([letter?.attempts, letter?.stream, letter?.key], [limits.attemptsMax, "orders", "k3"])
    assert.ok(letter !== undefined)
    const { partition, offset } = letter
    const at = { kind: "offsets", offsets: new Map([[partition, offset]]) } as const
    const { records } = await node.read("orders", partition, at, 1)
    assert.deepEqual(JSON.parse(records[0]?.value ?? ""), bad)
    await node.deploy([serviceFile("orders-mended")])
    await send(node, "orders", [letter?.value as Order])
    await idle(node)
    await assertCountedOnce(node, [...good, bad])
  })
})

it("what one record makes due is not one step: sixty results of a moment each hang nobody", async (t) => {
  const { node } = await openNode(t, ["closings"], { bounds: { handlerMsMax: 1_000 } })
  const pages = Array.from({ length: 60 }, (_, i) => `p${i}`)
  await send(node, "visits", [...pages.map((page) => ({ page, at: 0 })), { page: "last", at: 10_000 }])
  await idle(node)
  assert.deepEqual((await valuesOf<{ page: string }>(node, "totals")).map(({ page }) => page).toSorted(), pages.toSorted())
  assert.deepEqual(await valuesOf(node, "visits.dead-letter"), [])
  assert.equal(figure(node, "millrace_workers_replaced_total"), 0)
})

describe("user code while records are taken in", () => {
  for (const where of ["schema", "keyed", "timed"] as const) {
    it(`an endless loop in a function of the stream (${where}) rejects that record alone`, async (t) => {
      const { node } = await openNode(t, ["orders", "parcels"], { bounds: hanging })
      const good = ordersOf(0, 60)
      const bad: Order = { key: "k5", seq: 1000, [where]: "hang" }
      const also: Order = { key: "k6", seq: 1001, [where]: "exit" }
      const [answer, ...others] = await Promise.all([
        send(node, "orders", [...good.slice(0, 20), bad, ...good.slice(20, 30), also, ...good.slice(30, 40)]),
        send(node, "orders", good.slice(40, 50)),
        send(node, "orders", good.slice(50)),
        send(node, "parcels", [{ id: "p" }]),
      ])
      assert.equal(answer.accepted, 40)
      assert.deepEqual(answer.rejected.map(({ index, problem }) => [index, problem.code]), [[20, "MR1202"], [31, "MR1204"]])
      assert.match(answer.rejected[0]?.problem.message ?? "", /^record 20 of a request to stream "orders", in its schema, key or event time: User code held its worker/)
      assert.deepEqual(others.map(({ accepted }) => accepted), [10, 10, 1])
      await idle(node)
      assert.deepEqual((await valuesOf<{ seq: number }>(node, "counted")).map(({ seq }) => seq).toSorted((a, b) => a - b), good.map(({ seq }) => seq))
    })
  }

  it("a request that brings down worker after worker is refused", async (t) => {
    const { node } = await openNode(t, ["orders"])
    const bad = Array.from({ length: 5 }, (_, i): Order => ({ key: "k", seq: i, schema: "exit" }))
    assert.equal(await codeOf(() => send(node, "orders", bad)), "MR1204")
    assert.equal((await send(node, "orders", ordersOf(0, 5))).accepted, 5)
  })

  it("a schema that hangs on a record that was taken before makes it a dead letter", async (t) => {
    const first = await openNode(t, ["orders-mended"], { bounds: hanging })
    await first.node.close()
    const { dir } = first
    const taking = await openNode(t, ["orders-mended"], { dir })
    const good = ordersOf(0, 40)
    const bad: Order = { key: "k2", seq: 100, schema: "hang" }
    // The stage must not reach them before the service with the schema does.
    await Promise.all([send(taking.node, "orders", [...good.slice(0, 20), bad, ...good.slice(20)]), taking.node.deploy([serviceFile("orders")])])
    await idle(taking.node)
    const letters = await valuesOf<DeadLetter>(taking.node, "orders.dead-letter")
    if (letters.length === 0) await assertCountedOnce(taking.node, [...good.slice(0, 20), bad, ...good.slice(20)])
    else {
      await assertCountedOnce(taking.node, good)
      assert.deepEqual(letters.map(({ error, value }) => [error.code, value]), [["MR1202", bad]])
    }
  })
})

it("the log tells of dead letters, once for many, and where to read them", async (t) => {
  const { node, said } = await openNode(t, ["orders"], { workers: 1 })
  await send(node, "orders", Array.from({ length: 50 }, (_, seq) => ({ key: "k", seq, map: "throw" })))
  await idle(node)
  const told = said.filter(({ sentence }) => sentence.includes("could not be processed"))
  assert.equal(told.length, 1)
  assert.match(told[0]?.sentence ?? "", /see why: millrace tail orders\.dead-letter --from earliest$/)
})
