/** What q15 and q16 count of bids: all, and by three price ranks, with their different bidders and auctions. */
import { count, distinctCount } from "millrace"
import type { Bid } from "../events.ts"

/** What they look at. */
type Counted = Pick<Bid, "auction" | "bidder" | "price">

const ranks = {
  rank1: ({ price }: Pick<Bid, "price">): boolean => price < 10_000,
  rank2: ({ price }: Pick<Bid, "price">): boolean => price >= 10_000 && price < 1_000_000,
  rank3: ({ price }: Pick<Bid, "price">): boolean => price >= 1_000_000,
}

export const bidCounts = {
  total_bids: count(),
  rank1_bids: count(ranks.rank1),
  rank2_bids: count(ranks.rank2),
  rank3_bids: count(ranks.rank3),
}

export const bidStatistics = {
  ...bidCounts,
  total_bidders: distinctCount(({ bidder }: Counted) => bidder),
  rank1_bidders: distinctCount((bid: Counted) => (ranks.rank1(bid) ? bid.bidder : null)),
  rank2_bidders: distinctCount((bid: Counted) => (ranks.rank2(bid) ? bid.bidder : null)),
  rank3_bidders: distinctCount((bid: Counted) => (ranks.rank3(bid) ? bid.bidder : null)),
  total_auctions: distinctCount(({ auction }: Counted) => auction),
  rank1_auctions: distinctCount((bid: Counted) => (ranks.rank1(bid) ? bid.auction : null)),
  rank2_auctions: distinctCount((bid: Counted) => (ranks.rank2(bid) ? bid.auction : null)),
  rank3_auctions: distinctCount((bid: Counted) => (ranks.rank3(bid) ? bid.auction : null)),
}

const dayMs = 86_400_000
let day = { number: Number.NaN, text: "" }

/** The day of a bid in UTC, as 2026-11-21: made once as long as it stays the same. */
export function dayOf({ dateTime }: Pick<Bid, "dateTime">): string {
  const number = Math.floor(dateTime / dayMs)
  if (number !== day.number) day = { number, text: new Date(dateTime).toISOString().slice(0, 10) }
  return day.text
}
