// Known answers are worked out from the formulas of github.com/nexmark/nexmark (GeneratorConfig, PersonGenerator,
// AuctionGenerator, BidGenerator); shares are those that its distributions imply.
import assert from "node:assert/strict"
import { test } from "node:test"
import { type AuctionEvent, type BidEvent, type NexmarkEvent, type PersonEvent, timeOf } from "./events.ts"
import { Generator, lastAuction, lastPerson } from "./generator.ts"

const base = Date.UTC(2026, 0, 1)
const many = 200_000

test("event ids tell the kind: 1 person, 3 auctions, 46 bids in each 50", () => {
  const generator = new Generator({ firstEventId: 0, firstEventNumber: 0 })
  const kinds = Array.from({ length: 100 }, (_, k) => generator.event(generator.number(k)).event_type)
  const epoch = [0, 1, 1, 1, ...Array.from({ length: 46 }, () => 2)]
  assert.deepEqual(kinds, [...epoch, ...epoch])
})

test("the first event has id 2 as in Flink, so person 1000 and auction 1000 are never emitted", () => {
  const first = events({}, 200_000)
  assert.deepEqual(
    auctionsOf(first.slice(0, 2)).map(({ auction }) => auction.id),
    [1001, 1002],
  )
  const [person] = personsOf(first)
  assert.equal(person?.person.id, 1001)
  assert.equal(
    first.findIndex(({ event_type }) => event_type === 0),
    48,
  )
  assert.ok(!auctionsOf(first).some(({ auction }) => auction.id === 1000))
  assert.ok(bidsOf(first).some(({ bid }) => bid.auction === 1000))
})

test("ids of persons and auctions count up without gaps", () => {
  const run = events({ firstEventId: 0, firstEventNumber: 0 }, 50_000)
  assert.deepEqual(
    personsOf(run).map(({ person }) => person.id),
    Array.from({ length: 1_000 }, (_, i) => 1_000 + i),
  )
  assert.deepEqual(
    auctionsOf(run).map(({ auction }) => auction.id),
    Array.from({ length: 3_000 }, (_, i) => 1_000 + i),
  )
})

test("the newest person and auction as of an event", () => {
  const known = [
    { id: 0, person: 0, auction: -1 },
    { id: 1, person: 0, auction: 0 },
    { id: 3, person: 0, auction: 2 },
    { id: 49, person: 0, auction: 2 },
    { id: 50, person: 1, auction: 2 },
    { id: 51, person: 1, auction: 3 },
    { id: 5_000_000_049, person: 100_000_000, auction: 300_000_002 },
  ]
  assert.deepEqual(
    known.map(({ id }) => ({ id, person: lastPerson(id), auction: lastAuction(id) })),
    known,
  )
})

test("event time follows the number at the rate, in whole microseconds and then whole milliseconds", () => {
  const slow = new Generator({ rate: 1_000 })
  assert.deepEqual(
    [0, 1, 999, 1_000_000].map((x) => slow.time(x) - base),
    [0, 1, 999, 1_000_000],
  )
  // 300 a second: 3333.33 µs apart.
  const uneven = new Generator({ rate: 300 })
  assert.deepEqual(
    [1, 2, 3, 300].map((x) => uneven.time(x) - base),
    [3, 6, 10, 1_000],
  )
  const four = new Generator({ rate: 1_000, generators: 4 })
  assert.equal(four.time(1_000) - base, 4_000)
  // 100 M events at 10 M/s span 10 s.
  assert.equal(new Generator({ rate: 10_000_000 }).time(100_000_000) - base, 10_000)
})

test("a row's event time is the time of its number", () => {
  const generator = new Generator({ rate: 700 })
  for (let k = 0; k < 1_000; k++) {
    const number = generator.number(k)
    assert.equal(timeOf(generator.event(number)), generator.time(number))
  }
})

test("out of order, the events of a group change places and no group mixes with another", () => {
  const generator = new Generator({ outOfOrderGroup: 50, firstEventNumber: 0 })
  // e*953 mod 50 = 3e mod 50
  assert.deepEqual(
    [0, 1, 2, 16, 17, 49].map((k) => generator.number(k)),
    [0, 3, 6, 48, 1, 47],
  )
  const numbers = Array.from({ length: 100 }, (_, k) => generator.number(k))
  const inOrder = (from: number): number[] => Array.from({ length: 50 }, (_, i) => from + i)
  assert.deepEqual(
    numbers.slice(0, 50).toSorted((a, b) => a - b),
    inOrder(0),
  )
  assert.deepEqual(
    numbers.slice(50).toSorted((a, b) => a - b),
    inOrder(50),
  )
})

test("every event is a pure function of the seed and its id", () => {
  const forward = new Generator({ seed: 5 })
  const backward = new Generator({ seed: 5 })
  const other = new Generator({ seed: 6 })
  const made = Array.from({ length: 2_000 }, (_, i) => forward.event(i))
  for (let i = 1_999; i >= 0; i--) assert.deepEqual(backward.event(i), made[i])
  const same = made.filter((event, i) => JSON.stringify(event) === JSON.stringify(other.event(i)))
  assert.equal(same.length, 0)
})

test("ids beyond 32 bits have events of their own", () => {
  const far = new Generator({ firstEventId: 2 ** 32 })
  const near = new Generator({ firstEventId: 0 })
  assert.notDeepEqual(texts(far.event(7)), texts(near.event(7)))
})

test("half of the bids are for the hot auction, three in four by the hot bidder", () => {
  const generator = new Generator({ firstEventId: 0 })
  let hotAuctions = 0
  let hotBidders = 0
  let bids = 0
  for (let id = 1_000_000; id < 1_000_000 + many; id++) {
    const event = generator.event(id)
    if (event.event_type !== 2) continue
    bids++
    if (event.bid.auction === 1000 + Math.floor(lastAuction(id) / 100) * 100) hotAuctions++
    if (event.bid.bidder === 1001 + Math.floor(lastPerson(id) / 100) * 100) hotBidders++
  }
  // One in 111 of the others meets the hot auction, one in 1010 the hot bidder.
  close(hotAuctions / bids, 0.5 + 0.5 / 111, 0.005)
  close(hotBidders / bids, 0.75 + 0.25 / 1010, 0.005)
})

test("other bids go to the newest 100 auctions, 10 of them not yet created, by 1000 people likewise", () => {
  const generator = new Generator({ firstEventId: 0, hotAuctions: 1, hotBidders: 1 })
  const auctionAges: number[] = []
  const bidderAges: number[] = []
  for (let id = 1_000_000; id < 1_000_000 + many; id++) {
    const event = generator.event(id)
    if (event.event_type !== 2) continue
    auctionAges.push(lastAuction(id) - (event.bid.auction - 1000))
    bidderAges.push(lastPerson(id) - (event.bid.bidder - 1000))
  }
  assert.deepEqual(spread(auctionAges), [-10, 100])
  assert.deepEqual(spread(bidderAges), [-10, 999])
  close(mean(auctionAges), 45, 1)
  close(mean(bidderAges), 494.5, 5)
})

test("higher hot ratios skew the keys", () => {
  const skewed = bidsOf(events({ hotAuctions: 100, hotBidders: 100 }, 4_900))
  const hot = skewed.filter(({ bid }) => bid.auction % 100 === 0 && bid.bidder % 100 === 1)
  close(hot.length / skewed.length, 0.99 * 0.99, 0.01)
})

test("prices spread evenly over six orders of magnitude", () => {
  const prices = bidsOf(events({}, many)).map(({ bid }) => bid.price)
  const share = (from: number, to: number): number => prices.filter((p) => p >= from && p < to).length / prices.length
  for (const from of [1e2, 1e3, 1e4, 1e5, 1e6, 1e7]) close(share(from, from * 10), 1 / 6, 0.005)
  const [least, most] = spread(prices)
  assert.ok(least >= 100 && most <= 1e8 && prices.every(Number.isInteger))
  // What q14 lets pass.
  close(prices.filter((p) => 0.908 * p > 1_000_000 && 0.908 * p < 50_000_000).length / prices.length, 0.283, 0.005)
})

test("half of the bids come by four hot channels, the others by 10,000, nine in ten of which have an id", () => {
  const bids = bidsOf(events({}, many))
  for (const hot of ["Google", "Facebook", "Baidu", "Apple"]) {
    close(bids.filter(({ bid }) => bid.channel === hot).length / bids.length, 1 / 8, 0.005)
  }
  const urls = new Map<string, string>()
  for (const { bid } of bids) {
    const known = urls.get(bid.channel)
    assert.ok(known === undefined || known === bid.url, `${bid.channel} has one url`)
    urls.set(bid.channel, bid.url)
    assert.match(
      bid.url,
      /^https:\/\/www\.nexmark\.com\/[a-z_]{3,4}\/[a-z_]{3,4}\/[a-z_]{3,4}\/item\.htm\?query=1(&channel_id=\d+)?$/,
    )
  }
  assert.equal(urls.size, 10_004)
  const without = bids.filter(({ bid }) => bid.channel.startsWith("channel-") && !bid.url.includes("channel_id"))
  close(without.length / bids.length, 0.05, 0.005)
})

test("a channel's id is its number with the bits reversed", () => {
  const ids = new Map(
    bidsOf(events({}, many)).flatMap(({ bid }) => {
      const id = /channel_id=(\d+)$/.exec(bid.url)?.[1]
      return id === undefined ? [] : [[bid.channel, Number(id)] as const]
    }),
  )
  // 2: 01000…; 3: 11000… = -(01000…) as a signed number; 9999 = 0b10011100001111 is negative as well.
  const known = new Map([
    ["channel-2", 2 ** 30],
    ["channel-3", 2 ** 30],
    ["channel-9999", 2 ** 32 - 0b11110000111001 * 2 ** 18],
  ])
  for (const [channel, id] of known) assert.equal(ids.get(channel) ?? id, id, channel)
  assert.ok([...known.keys()].filter((channel) => ids.has(channel)).length >= 2)
})

test("an auction expires within twice the time in which 100 auctions open", () => {
  const run = auctionsOf(events({ rate: 1_000 }, many))
  const lives = run.map(({ auction }) => auction.expires - auction.dateTime)
  const [least, most] = spread(lives)
  // 1666 events ahead at one a millisecond.
  assert.ok(least >= 1 && most <= 2 * 1_666)
  close(mean(lives), 1_666.5, 30)
})

test("sellers, categories and reserves of auctions", () => {
  const run = auctionsOf(events({}, 1_000_000))
  const hot = run.filter(({ auction }) => auction.seller % 100 === 0)
  close(hot.length / run.length, 0.75 + 0.25 / 100, 0.01)
  for (const category of [10, 11, 12, 13, 14]) {
    close(run.filter(({ auction }) => auction.category === category).length / run.length, 0.2, 0.01)
  }
  assert.ok(run.every(({ auction }) => auction.reserve >= auction.initialBid + 100))
})

test("persons live in ten cities and six states, each as likely", () => {
  const run = personsOf(events({}, 1_000_000))
  const states = Object.entries(Object.groupBy(run, ({ person }) => person.state))
  assert.deepEqual(states.map(([state]) => state).toSorted(), ["AZ", "CA", "ID", "OR", "WA", "WY"])
  for (const [, of = []] of states) close(of.length / run.length, 1 / 6, 0.01)
  assert.equal(new Set(run.map(({ person }) => person.city)).size, 10)
  assert.equal(new Set(run.map(({ person }) => person.name)).size, 99)
  for (const { person } of run.slice(0, 100)) {
    assert.match(person.creditCard, /^\d{4} \d{4} \d{4} \d{4}$/)
    assert.match(person.emailAddress, /^[a-z ]{1,6}@[a-z ]{1,4}\.com$/)
  }
})

test("rows are padded to about 200, 500 and 100 bytes", () => {
  const run = events({}, many)
  const people = personsOf(run).map(({ person: p }) =>
    size([p.name, p.emailAddress, p.creditCard, p.city, p.state, p.extra], 1),
  )
  const sales = auctionsOf(run).map(({ auction: a }) => size([a.itemName, a.description, a.extra], 6))
  const offers = bidsOf(run).map(({ bid }) => size([bid.extra], 4))
  close(mean(people), 200, 2)
  close(mean(sales), 500, 3)
  close(mean(offers), 100, 2)
  // 68 wanted, a fifth of it (14) more or less.
  assert.deepEqual(spread(bidsOf(run).map(({ bid }) => bid.extra.length)), [54, 81])
  assert.ok(bidsOf(run).every(({ bid }) => /^[a-z]+$/.test(bid.extra)))
})

test("each letter is as likely as any other", () => {
  const text = bidsOf(events({}, many))
    .map(({ bid }) => bid.extra)
    .join("")
  for (const letter of ["a", "c", "m", "z"]) close(text.split(letter).length / text.length, 1 / 26, 0.001)
})

function events(options: ConstructorParameters<typeof Generator>[0], count: number): NexmarkEvent[] {
  const generator = new Generator(options)
  return Array.from({ length: count }, (_, k) => generator.event(generator.number(k)))
}

function personsOf(run: readonly NexmarkEvent[]): PersonEvent[] {
  return run.filter((event) => event.event_type === 0)
}

function auctionsOf(run: readonly NexmarkEvent[]): AuctionEvent[] {
  return run.filter((event) => event.event_type === 1)
}

function bidsOf(run: readonly NexmarkEvent[]): BidEvent[] {
  return run.filter((event) => event.event_type === 2)
}

function texts(event: NexmarkEvent): string {
  return JSON.stringify(event.event_type === 2 ? event.bid.extra : event)
}

/** Texts at a byte a character, numbers at eight. */
function size(texts: readonly string[], numbers: number): number {
  return texts.join("").length + 8 * numbers
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

function spread(values: readonly number[]): [least: number, most: number] {
  return values.reduce<[number, number]>(
    ([least, most], value) => [Math.min(least, value), Math.max(most, value)],
    [Infinity, -Infinity],
  )
}

function close(found: number, wanted: number, within: number): void {
  assert.ok(Math.abs(found - wanted) <= within, `${found} is not within ${within} of ${wanted}`)
}
