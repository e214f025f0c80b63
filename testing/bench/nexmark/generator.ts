/**
 * The Nexmark generator: every event is a pure function of the seed and the event's id. Proportions, ids, times and
 * distributions are those of github.com/nexmark/nexmark; random numbers are not, since its own are unseeded. Two
 * things differ from its Java code on purpose: a bidder's id is offset by 1000 once (there twice, by mistake), and the
 * channel_id of channel-1 is 2147483648 (there negative, an overflow).
 *
 * N1  Of 50 consecutive event ids 1 is a person, 3 are auctions, 46 are bids, in this order.
 * N2  Ids of persons and of auctions count up from 1000 with the event id and have no gaps.
 * N3  Event times grow with the event id at the given rate.
 *
 * In which order, how often and how late events arrive is not decided here: see emission.ts.
 */
import type { AuctionEvent, BidEvent, NexmarkEvent, PersonEvent } from "./events.ts"
import { Letters } from "./letters.ts"
import { EventRandom } from "./random.ts"

export interface GeneratorOptions {
  /** Another seed, other events. @default 1 */
  readonly seed?: number
  /** Events per second of event time, all generators together. @default 10_000 */
  readonly rate?: number
  /** Time of number 0, in ms. @default 2026-01-01T00:00Z */
  readonly baseTime?: number
  /** Event id of number 0. @default 1, as in Flink */
  readonly firstEventId?: number
  /** The first number that is emitted. @default 1, as in Flink */
  readonly firstEventNumber?: number
  /** Events change places within groups of so many. @default 1: in order */
  readonly outOfOrderGroup?: number
  /** Generators that share the rate. @default 1 */
  readonly generators?: number
  /** One in so many bids is *not* for the hot auction: higher is more skewed. @default 2 */
  readonly hotAuctions?: number
  /** One in so many bids is *not* by the hot bidder. @default 4 */
  readonly hotBidders?: number
  /** One in so many auctions is *not* by the hot seller. @default 4 */
  readonly hotSellers?: number
}

const persons = 1
const auctions = 3
const bids = 46
const eventsPerEpoch = persons + auctions + bids

const firstPersonId = 1000
const firstAuctionId = 1000
const firstCategoryId = 10
const categories = 5
/** The hot one is the first (bidders: second) of so many. */
const hotEvery = 100
const activePeople = 1000
const auctionsInFlight = 100
/** Ids that name what is not yet created. */
const lead = 10
const personBytes = 200
const auctionBytes = 500
const bidBytes = 100
const channels = 10_000

const firstNames = ["Peter", "Paul", "Luke", "John", "Saul", "Vicky", "Kate", "Julie", "Sarah", "Deiter", "Walter"]
const lastNames = ["Shultz", "Abrams", "Spencer", "White", "Bartels", "Walton", "Smith", "Jones", "Noris"]
const cities = "Phoenix,Los Angeles,San Francisco,Boise,Portland,Bend,Redmond,Seattle,Kent,Cheyenne".split(",")
const states = ["AZ", "CA", "ID", "OR", "WA", "WY"]
const hotChannels = ["Google", "Facebook", "Baidu", "Apple"]

/** Makes any event of a run. */
export class Generator {
  readonly firstEventId: number
  readonly firstEventNumber: number
  readonly outOfOrderGroup: number
  readonly #baseTime: number
  readonly #delayUs: number
  readonly #hotAuctions: number
  readonly #hotBidders: number
  readonly #hotSellers: number
  readonly #random: EventRandom
  readonly #letters: Letters
  readonly #hotUrls: readonly string[]
  readonly #names: readonly string[]
  readonly #urls: readonly string[]

  constructor(options: GeneratorOptions = {}) {
    const { seed = 1, rate = 10_000, generators = 1 } = options
    this.firstEventId = options.firstEventId ?? 1
    this.firstEventNumber = options.firstEventNumber ?? 1
    this.outOfOrderGroup = options.outOfOrderGroup ?? 1
    this.#baseTime = options.baseTime ?? Date.UTC(2026, 0, 1)
    this.#delayUs = (1e6 / rate) * generators
    this.#hotAuctions = options.hotAuctions ?? 2
    this.#hotBidders = options.hotBidders ?? 4
    this.#hotSellers = options.hotSellers ?? 4
    const random = new EventRandom(seed)
    this.#random = random
    this.#letters = new Letters(seed)
    this.#hotUrls = hotChannels.map((_, i) => this.#url(random.start(-10 - i)))
    this.#names = Array.from({ length: channels }, (_, i) => `channel-${i}`)
    this.#urls = Array.from({ length: channels }, (_, i) => {
      const url = this.#url(random.start(-100 - i))
      return random.below(10) > 0 ? `${url}&channel_id=${Math.abs(bitsReversed(i))}` : url
    })
  }

  /** The adjusted number of the k-th event, from 0: the place at which it would stand were all in order. */
  number(k: number): number {
    const number = this.firstEventNumber + k
    const group = this.outOfOrderGroup
    return Math.floor(number / group) * group + ((number * 953) % group)
  }

  /** Event time of a number, in ms. */
  time(number: number): number {
    return this.#baseTime + Math.floor(Math.floor(number * this.#delayUs) / 1000)
  }

  /** The event of an adjusted number. */
  event(number: number): NexmarkEvent {
    const id = this.firstEventId + number
    const random = this.#random.start(id)
    const rest = id % eventsPerEpoch
    // N1
    if (rest < persons) return this.#person(id, random, this.time(number))
    if (rest < persons + auctions) return this.#auction(id, random, number)
    return this.#bid(id, random, this.time(number))
  }

  #person(id: number, random: EventRandom, dateTime: number): PersonEvent {
    const name = `${of(firstNames, random)} ${of(lastNames, random)}`
    const emailAddress = `${this.#letters.words(random, 7)}@${this.#letters.words(random, 5)}.com`
    const creditCard = `${digits(random)} ${digits(random)} ${digits(random)} ${digits(random)}`
    const city = of(cities, random)
    const state = of(states, random)
    const size = 8 + name.length + emailAddress.length + creditCard.length + city.length + state.length
    const extra = this.#extra(random, size, personBytes)
    const person = { id: firstPersonId + lastPerson(id), name, emailAddress, creditCard, city, state, dateTime, extra }
    return { event_type: 0, person }
  }

  #auction(id: number, random: EventRandom, number: number): AuctionEvent {
    const hot = random.below(this.#hotSellers) > 0
    const seller = firstPersonId + (hot ? hotOf(lastPerson(id)) : somePerson(id, random))
    const category = firstCategoryId + random.below(categories)
    const initialBid = price(random)
    const dateTime = this.time(number)
    const horizonMs = this.time(number + Math.floor((auctionsInFlight * eventsPerEpoch) / auctions)) - dateTime
    const expires = dateTime + 1 + random.below(Math.max(horizonMs * 2, 1))
    const itemName = this.#letters.words(random, 20)
    const description = this.#letters.words(random, 100)
    const reserve = initialBid + price(random)
    const extra = this.#extra(random, 48 + itemName.length + description.length, auctionBytes)
    const auction = {
      id: firstAuctionId + lastAuction(id),
      itemName,
      description,
      initialBid,
      reserve,
      dateTime,
      expires,
      seller,
      category,
      extra,
    }
    return { event_type: 1, auction }
  }

  #bid(id: number, random: EventRandom, dateTime: number): BidEvent {
    const hotAuction = random.below(this.#hotAuctions) > 0
    const auction = firstAuctionId + (hotAuction ? hotOf(lastAuction(id)) : someAuction(id, random))
    // The second of its hundred, so that hot bidders are no hot sellers.
    const hotBidder = random.below(this.#hotBidders) > 0
    const bidder = firstPersonId + (hotBidder ? hotOf(lastPerson(id)) + 1 : somePerson(id, random))
    const cents = price(random)
    const hotChannel = random.below(2) > 0
    const number = random.below(hotChannel ? hotChannels.length : channels)
    const channel = (hotChannel ? hotChannels : this.#names)[number] as string
    const url = (hotChannel ? this.#hotUrls : this.#urls)[number] as string
    const extra = this.#extra(random, 32, bidBytes)
    return { event_type: 2, bid: { auction, bidder, price: cents, channel, url, dateTime, extra } }
  }

  /** Letters that bring a row of `size` bytes to about `wanted`. */
  #extra(random: EventRandom, size: number, wanted: number): string {
    if (size > wanted) return ""
    const rest = wanted - size
    const delta = Math.round(rest * 0.2)
    return this.#letters.letters(random, rest - delta + random.below(2 * delta))
  }

  #url(random: EventRandom): string {
    const path = [1, 2, 3].map(() => this.#letters.slug(random, 5)).join("/")
    return `https://www.nexmark.com/${path}/item.htm?query=1`
  }
}

/** N2. The newest person as of an event, from 0; the event's own person included. */
export function lastPerson(id: number): number {
  return Math.floor(id / eventsPerEpoch) * persons + Math.min(id % eventsPerEpoch, persons - 1)
}

/** N2. The newest auction as of an event, from 0; the event's own auction included. */
export function lastAuction(id: number): number {
  const epoch = Math.floor(id / eventsPerEpoch)
  const rest = id % eventsPerEpoch
  if (rest < persons) return epoch * auctions - 1
  return epoch * auctions + Math.min(rest - persons, auctions - 1)
}

function somePerson(id: number, random: EventRandom): number {
  const people = lastPerson(id) + 1
  const active = Math.min(people, activePeople)
  return people - active + random.below(active + lead)
}

function someAuction(id: number, random: EventRandom): number {
  const last = lastAuction(id)
  const lowest = Math.max(last - auctionsInFlight, 0)
  return lowest + random.below(last - lowest + 1 + lead)
}

function hotOf(last: number): number {
  return Math.floor(last / hotEvery) * hotEvery
}

/** 1 to 1,000,000 in money, each order of magnitude as likely as any other; in cents. */
function price(random: EventRandom): number {
  return Math.round(100 * 10 ** (6 * random.unit()))
}

function digits(random: EventRandom): string {
  return String(random.below(10_000)).padStart(4, "0")
}

function of(choices: readonly string[], random: EventRandom): string {
  return choices[random.below(choices.length)] as string
}

function bitsReversed(value: number): number {
  let reversed = 0
  for (let bit = 0; bit < 32; bit++) reversed = (reversed << 1) | ((value >>> bit) & 1)
  return reversed
}
