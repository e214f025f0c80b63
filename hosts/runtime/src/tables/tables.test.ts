// Tables of the real node, read while it runs.
import assert from "node:assert/strict"
import { it } from "node:test"
import { codeOf, hanging, idle, openNode, send, statusOf } from "../../test/bench.ts"
import type { Node } from "../node.ts"
import type { TableView } from "./tables.ts"

interface Sale {
  readonly item: string
  readonly shop: string
  readonly amount: number
  readonly gone?: boolean
}

/** The same sales for the same numbers; some take an item back. */
function sale(i: number): Sale {
  const item = `item-${(i * 7) % 40}`
  return { item, shop: `shop-${(i * 3) % 5}`, amount: i % 9, ...(i % 11 === 0 ? { gone: true } : {}) }
}

function salesOf(from: number, length: number): Sale[] {
  return Array.from({ length }, (_, i) => sale(from + i))
}

/** The item of each key, as all sales so far leave it. */
function itemsOf(sales: readonly Sale[]): Map<string, Sale> {
  const items = new Map<string, Sale>()
  for (const each of sales) {
    if (each.gone === true) items.delete(each.item)
    else items.set(each.item, each)
  }
  return items
}

function rowsOf<Row>({ rows }: TableView): Array<[string, Row]> {
  return rows.map(({ key, value }) => [key, JSON.parse(value ?? "null") as Row])
}

/** All rows, page by page. */
async function allOf<Row>(node: Node, table: string, limit: number, prefix = ""): Promise<Array<[string, Row]>> {
  const all: Array<[string, Row]> = []
  for (let after: string | undefined; ; ) {
    const page = await node.tables.page(table, { prefix, limit, ...(after === undefined ? {} : { after }) })
    assert.ok(page.rows.length <= limit)
    all.push(...rowsOf<Row>(page))
    if (!page.more) return all
    after = page.rows.at(-1)?.key
  }
}

it("rows are those of the records processed so far, by key, prefix and page, before and after checkpoints and restarts", async (t) => {
  const bench = await openNode(t, ["shop-tables"])
  const { dir } = bench
  let { node } = bench
  const sent: Sale[] = []
  for (let round = 0; round < 6; round++) {
    const more = salesOf(sent.length, 50)
    sent.push(...more)
    await send(node, "sales", more)
    await idle(node)
    const items = [...itemsOf(sent)].toSorted(([a], [b]) => (a < b ? -1 : 1))
    assert.deepEqual(await allOf(node, "items", 7), items)
    assert.deepEqual(await allOf(node, "items", 1000, "item-1"), items.filter(([key]) => key.startsWith("item-1")))
    for (const key of ["item-0", "item-1", "item-39"]) {
      const { rows, position, stream, service } = await node.tables.row("items", key)
      const row = new Map(items).get(key)
      assert.deepEqual(rows, [{ key, value: row === undefined ? undefined : JSON.stringify(row) }])
      assert.deepEqual([stream, service], ["sales", "shop"])
      assert.equal(position.reduce((a, b) => a + b), sent.length)
    }
    const shops = await allOf<{ items: number; names: string[] }>(node, "shops", 2)
    assert.deepEqual(shops.flatMap(([, { names }]) => names).toSorted(), items.map(([key]) => key))
    if (round % 2 === 0) continue
    await node.close()
    ;({ node } = await openNode(t, ["shop-tables"], { dir, workers: round, bounds: { checkpointBytes: round === 3 ? 1 : 1e9 } }))
  }
})

it("what is read while records are processed is as of one commit, whose position says which records it reflects", async (t) => {
  const { node } = await openNode(t, ["shop-tables"], { bounds: { checkpointBytes: 2_000, segmentBytes: 20_000, sweepMs: 20 } })
  let sent = 0
  const sending = (async () => {
    for (; sent < 6_000; sent += 100) await send(node, "sales", salesOf(sent, 100))
  })()
  let looked = 0
  let between = 0
  for (let last = 0; last < 6_000; looked++) {
    const page = await node.tables.page("counted", { prefix: "", limit: 1000 })
    const reflected = page.position.reduce((a, b) => a + b)
    assert.equal(rowsOf<{ n: number }>(page).reduce((sum, [, { n }]) => sum + n, 0), reflected)
    assert.ok(reflected >= last)
    if (reflected > 0 && reflected < 6_000) between++
    last = reflected
  }
  await sending
  assert.ok(between > 0, `none of ${looked} looks saw a table in the making`)
})

it("a follower who applies what it is told has the table", async (t) => {
  const { node } = await openNode(t, ["shop-tables"])
  await send(node, "sales", salesOf(0, 100))
  await idle(node)
  const replica = new Map(await allOf<Sale>(node, "items", 1000, "item-1"))
  const stop = new AbortController()
  const following = (async () => {
    for await (const { rows } of node.tables.follow("items", "item-1", stop.signal)) {
      for (const { key, value } of rows) {
        assert.ok(key.startsWith("item-1"))
        if (value === undefined) replica.delete(key)
        else replica.set(key, JSON.parse(value) as Sale)
        if (key === "item-1-last") stop.abort()
      }
    }
  })()
  for (let sent = 100; sent < 2_100; sent += 100) await send(node, "sales", salesOf(sent, 100))
  await idle(node)
  await send(node, "sales", [{ item: "item-1-last", shop: "s", amount: 1 }])
  await following
  assert.deepEqual(new Map([...replica].toSorted(([a], [b]) => (a < b ? -1 : 1))), new Map(await allOf<Sale>(node, "items", 1000, "item-1")))
})

it("a follower for whom too much has changed is told to read the table anew", async (t) => {
  const { node } = await openNode(t, ["shop-tables"], { bounds: { tableChangesMax: 5 } })
  const slow = node.tables.follow("items", "", new AbortController().signal)
  assert.deepEqual((await slow.next()).value?.rows, [])
  const other = node.tables.follow("items", "item-1", new AbortController().signal)
  await other.next()
  await send(node, "sales", salesOf(1, 39))
  await idle(node)
  assert.equal(await codeOf(() => slow.next()), "MR1014")
  // It is only that reader's matter.
  assert.equal((await node.tables.page("items", { prefix: "", limit: 100 })).rows.length, itemsOf(salesOf(1, 39)).size)
  await other.return()
})

it("a follower that leaves while nothing changes is let go, and a stopping node says so", async (t) => {
  const { node } = await openNode(t, ["shop-tables"])
  const stop = new AbortController()
  const left = (async () => {
    let views = 0
    for await (const _ of node.tables.follow("items", "", stop.signal)) if (++views === 1) setImmediate(() => stop.abort())
    return views
  })()
  assert.equal(await left, 1)
  const cut = (async () => {
    for await (const _ of node.tables.follow("items", "", new AbortController().signal)) setImmediate(() => void node.close())
  })()
  assert.equal(await codeOf(() => cut), "MR1401")
  assert.equal(await codeOf(() => node.tables.row("items", "a")), "MR1401")
})

it("an unknown table is refused with those that there are", async (t) => {
  const { node } = await openNode(t, ["shop-tables"])
  await assert.rejects(node.tables.row("item", "a"), /^MillraceError: There is no table "item"\. There are: .*items/)
  assert.equal(await codeOf(() => node.tables.page("none", { prefix: "", limit: 1 })), "MR1025")
  assert.deepEqual((await node.tables.row("shop/items", "none")).rows, [{ key: "none", value: undefined }])
  assert.deepEqual(
    new Map(node.tables.all.map(({ name, partitions }) => [name, partitions])),
    new Map([["counted", 3], ["items", 3], ["shops", 3], ["touchy", 3]]),
  )
})

it("a result that outgrows the heap of the thread that reads tables harms only the questions of that thread, and the node goes on", async (t) => {
  const { node } = await openNode(t, ["shop-tables"], { bounds: { workerHeapMegabytesMax: 64 } })
  const touchy = (item: string, amount: number): Sale => ({ item, shop: "touchy", amount })
  await send(node, "sales", [touchy("a", 1), touchy("b", 77)])
  await idle(node)
  assert.deepEqual(rowsOf(await node.tables.row("touchy", "a")), [["a", { key: "a", it: 1 }]])
  await assert.rejects(node.tables.row("touchy", "b"), { code: "MR1203", message: /A table's answer outgrew its thread's 64 MB of heap/ })
  assert.deepEqual(rowsOf(await node.tables.row("touchy", "a")), [["a", { key: "a", it: 1 }]])
})

it("a result that throws, or never comes, harms only its question", async (t) => {
  const { node } = await openNode(t, ["shop-tables"], { bounds: { ...hanging, loadMsMax: 2_000 } })
  const touchy = (item: string, amount: number): Sale => ({ item, shop: "touchy", amount })
  await send(node, "sales", [touchy("a", 1), touchy("b", 13), touchy("c", 99)])
  await idle(node)
  assert.deepEqual(rowsOf(await node.tables.row("touchy", "a")), [["a", { key: "a", it: 1 }]])
  await assert.rejects(node.tables.row("touchy", "b"), /thirteen/)
  assert.equal(await codeOf(() => node.tables.row("touchy", "b")), "MR1201")
  assert.equal(await codeOf(() => node.tables.row("touchy", "c")), "MR1202")
  assert.deepEqual(rowsOf(await node.tables.row("touchy", "a")), [["a", { key: "a", it: 1 }]])
  assert.equal(statusOf(node).stages.reduce((sum, { deadLetters }) => sum + deadLetters, 0), 0)
})
