import assert from "node:assert/strict"
import { test } from "node:test"
import { type Change, isMillraceError } from "@millrace/model"
import { aggregate, collect, count, type Flow, max, mean, type Outlet, stream, type Table, type TopOptions } from "../index.ts"

interface Bid {
  readonly auction: string
  readonly bidder: string
  readonly price: number
}

const bids = stream<Bid>("bids", { key: (bid) => bid.auction })

function is<T>(thing: T): T {
  return thing
}

test("the types of rows are known through tables, groups and changes", () => {
  const best = bids.topN("best", { n: 2, by: (bid) => [bid.price, bid.bidder] })
  is<Table<readonly Bid[]>>(best)
  const prices = best.map(([first]) => first?.price ?? 0)
  is<Table<number>>(prices)
  is<Flow<Change<number>, "keyed">>(prices.changes())
  is<Flow<number, "keyed">>(prices.toStream())
  const perKind = bids.toTable("newest").groupBy((bid) => bid.bidder).aggregate("by-bidder", { n: count(), mean: mean((bid) => bid.price) })
  is<Table<{ readonly key: string; readonly n: number; readonly mean: number }>>(perKind)
  const changing = bids.toTable("newest").groupBy((bid) => bid.bidder)
  is<Table<{ readonly key: string; readonly highest: number; readonly prices: readonly number[] }>>(
    changing.aggregate("prices", { highest: max((bid) => bid.price), prices: collect((bid) => bid.price) }),
  )
  is<Table<readonly Bid[]>>(changing.topN("best-of-bidder", { n: 3, by: (bid) => bid.price }))
  is<Table<readonly Bid[]>>(bids.toTable("newest").topN("best-of-all", { n: 3, by: (bid) => [bid.price, bid.bidder] }))
  is<Table<{ readonly key: string; readonly n: number }>>(bids.toTable("newest").aggregate("how-many", { n: count() }))
  is<Table<Bid>>(bids.reduce("highest", (high, bid) => (bid.price > high.price ? bid : high)))
  is<Flow<Bid, "keyed">>(bids.distinct("once", { of: (bid) => bid.bidder, within: "1h" }).late)
  is<Table<Bid>>(bids.deduplicate("first-bid", { keep: "first" }))
  is<Flow<Bid, "keyed">>(bids.deduplicate("last-bid", { keep: "last", within: "1h" }).late)
  // @ts-expect-error -- without a time bound nothing is ever final, so it is no flow
  is<Flow<Bid, "keyed">>(bids.deduplicate("no-flow"))
  is<Outlet<Change<number>>>(prices.to(stream<Change<number>>("prices")))
  // @ts-expect-error -- a stream of rows does not take changes
  assert.ok(prices.to(stream<number>("rows")))
  // @ts-expect-error -- a flow without a key makes no table
  assert.ok(stream<Bid>("unkeyed").toTable("t"))
  // @ts-expect-error -- a price has no order with a text
  assert.ok(bids.topN("bad", { n: 1, by: (bid) => ({ price: bid.price }) }))
})

function refused(says: RegExp, define: () => unknown): void {
  assert.throws(define, (error: unknown) => isMillraceError(error) && error.code === "MR1101" && says.test(error.message), String(says))
}

test("what cannot be meant is refused with its name and the mend", () => {
  refused(/^topN "t", n: 0 is not a whole number from 1 to 1000\.$/, () => bids.topN("t", { n: 0, by: (bid) => bid.price }))
  refused(/^topN "t", order: "up" is neither/, () => bids.topN("t", { n: 1, by: (bid: Bid) => bid.price, order: "up" } as unknown as TopOptions<Bid>))
  refused(/^distinct "d", within: 0 must be at least 1 ms\.$/, () => bids.distinct("d", { within: 0 }))
  refused(/^distinct "d": there is no option "by"/, () => bids.distinct("d", { by: 1 } as object))
  refused(/^deduplicate "d", within: 0 must be at least 1 ms\.$/, () => bids.deduplicate("d", { within: 0 }))
  refused(/^deduplicate "d", keep: "newest" is neither "first" nor "last"\.$/, () => bids.deduplicate("d", { keep: "newest" } as object))
  refused(/^deduplicate "d": there is no option "of"/, () => bids.deduplicate("d", { of: 1 } as object))
  refused(/^suppress "s", within: 0 must be at least 1 ms\.$/, () => bids.toTable("t").suppress("s", { within: 0 }))
  refused(/^suppress "s", time: "clock" is neither "event" nor "processing"\.$/, () => bids.toTable("t").suppress("s", { within: 1, time: "clock" } as never))
  refused(/^suppress "s": there is no option "every"/, () => bids.toTable("t").suppress("s", { within: 1, every: 2 } as object as { within: 1 }))
  refused(/^toTable: "no name" is not a name/, () => bids.toTable("no name"))
  refused(/^reduce "r": expected a function/, () => bids.reduce("r", undefined as never))
  const grouped = bids.toTable("newest").groupBy((bid) => bid.bidder)
  const product = { init: () => 1, add: (acc: number, bid: Bid) => acc * bid.price, merge: (a: number, b: number) => a * b, result: (acc: number) => acc }
  refused(/^aggregate "g": "product" \(custom\) cannot take out a row .* or aggregate\({ … }\) with remove\.$/, () =>
    grouped.aggregate("g", { product: aggregate(product) }),
  )
  refused(/^topN "t", n: 1001 is not a whole number/, () => grouped.topN("t", { n: 1001, by: (bid) => bid.price }))
})

test("joins with tables know their types, and refuse what cannot be meant", () => {
  const auctions = stream<{ id: string; seller: string }>("auctions", { key: (auction) => auction.id })
  const table = auctions.toTable("auctions-now")
  const joined = bids.join("j", table, { type: "left" }, (bid, auction) => {
    // @ts-expect-error -- there may be none
    is<{ id: string }>(auction)
    return { price: bid.price, seller: auction?.seller }
  })
  is<Flow<{ price: number; seller: string | undefined }, "keyed">>(joined)
  is<Flow<string, "keyed">>(bids.joinAsOf("v", auctions, {}, (_, auction) => auction.seller))
  is<Flow<string, "keyed">>(bids.withBroadcast("b", table, (_, rows) => [...rows.values()].map(({ seller }) => seller)))
  is<Flow<string, "unkeyed">>(stream<Bid>("unkeyed").withBroadcast("c", table, (_, rows) => [...rows.keys()]))
  const outer = bids.toTable("bids-now").join("o", table, { type: "outer" }, (bid, auction) => [bid?.price, auction?.seller] as const)
  is<Table<readonly [number | undefined, string | undefined]>>(outer)
  bids.toTable("bids-too").join("f", table, { on: (bid) => bid.auction }, (bid, auction) => [bid.price, auction.seller] as const)
  refused(/^join "x", type: "outer" is neither "inner" nor "left"\.$/, () => bids.join("x", table, { type: "outer" } as object, () => 1))
  // @ts-expect-error a row that no row names has no key in the result
  refused(/^join "x" with on, type: "outer" is neither/, () => table.join("x", table, { type: "outer", on: () => "a" }, () => 1))
  refused(/^join "x": a table is joined with a table/, () => table.join("x", bids as never, {}, () => 1))
  refused(/^withBroadcast "x": expected a table/, () => bids.withBroadcast("x", bids as never, () => []))
  refused(/^joinAsOf "x": there is no option "within"/, () => bids.joinAsOf("x", bids, { within: 1 } as object, () => 1))
})
