/**
 * The rows of Nexmark, an online auction: people join, auctions open, bids come in. Field names are the workload's
 * own. Times are milliseconds since 1970-01-01T00:00Z, prices are cents.
 */

export interface Person {
  readonly id: number
  readonly name: string
  readonly emailAddress: string
  readonly creditCard: string
  readonly city: string
  readonly state: string
  readonly dateTime: number
  readonly extra: string
}

export interface Auction {
  readonly id: number
  readonly itemName: string
  readonly description: string
  readonly initialBid: number
  readonly reserve: number
  readonly dateTime: number
  readonly expires: number
  readonly seller: number
  readonly category: number
  readonly extra: string
}

export interface Bid {
  readonly auction: number
  readonly bidder: number
  readonly price: number
  readonly channel: string
  readonly url: string
  readonly dateTime: number
  readonly extra: string
}

export interface PersonEvent {
  readonly event_type: 0
  readonly person: Person
}

export interface AuctionEvent {
  readonly event_type: 1
  readonly auction: Auction
}

export interface BidEvent {
  readonly event_type: 2
  readonly bid: Bid
}

/** A row of the one input table: all three kinds in one stream. */
export type NexmarkEvent = PersonEvent | AuctionEvent | BidEvent

/** The event time of a row, in ms. */
export function timeOf(event: NexmarkEvent): number {
  return event.event_type === 2
    ? event.bid.dateTime
    : event.event_type === 1
      ? event.auction.dateTime
      : event.person.dateTime
}
