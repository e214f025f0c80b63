/** What q15 and q16 count of bids: all, and by three price ranks, with their different bidders and auctions. */
import { count, distinctCount } from "millrace"
import type { Bid } from "../events.ts"

const ranks = {
  rank1: ({ price }: Bid): boolean => price < 10_000,
  rank2: ({ price }: Bid): boolean => price >= 10_000 && price < 1_000_000,
  rank3: ({ price }: Bid): boolean => price >= 1_000_000,
}

export const bidCounts = {
  total_bids: count(),
  rank1_bids: count(ranks.rank1),
  rank2_bids: count(ranks.rank2),
  rank3_bids: count(ranks.rank3),
}

export const bidStatistics = {
  ...bidCounts,
  total_bidders: distinctCount(({ bidder }: Bid) => bidder),
  rank1_bidders: distinctCount((bid: Bid) => (ranks.rank1(bid) ? bid.bidder : null)),
  rank2_bidders: distinctCount((bid: Bid) => (ranks.rank2(bid) ? bid.bidder : null)),
  rank3_bidders: distinctCount((bid: Bid) => (ranks.rank3(bid) ? bid.bidder : null)),
  total_auctions: distinctCount(({ auction }: Bid) => auction),
  rank1_auctions: distinctCount((bid: Bid) => (ranks.rank1(bid) ? bid.auction : null)),
  rank2_auctions: distinctCount((bid: Bid) => (ranks.rank2(bid) ? bid.auction : null)),
  rank3_auctions: distinctCount((bid: Bid) => (ranks.rank3(bid) ? bid.auction : null)),
}

/** The day of a bid in UTC, as 2026-11-21. */
export function dayOf({ dateTime }: Bid): string {
  return new Date(dateTime).toISOString().slice(0, 10)
}
