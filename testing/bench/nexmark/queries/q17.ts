import { max, min, sum } from "millrace"
import type { Nexmark } from "../streams.ts"
import { bidCounts, dayOf } from "./bid-statistics.ts"

/** Auction statistics of each auction and day. */
export function q17({ bids }: Nexmark) {
  return bids
    .map(({ auction, price, dateTime }) => ({ auction, price, dateTime }))
    .keyBy((bid) => `${dayOf(bid)} ${bid.auction}`)
    .aggregate("per-auction-and-day", {
      ...bidCounts,
      min_price: min(({ price }) => price),
      max_price: max(({ price }) => price),
      sum_price: sum(({ price }) => price),
    })
    .map(({ key, ...counts }) => ({
      auction: Number(key.slice(11)),
      day: key.slice(0, 10),
      ...counts,
      avg_price: Math.trunc(counts.sum_price / counts.total_bids),
    }))
}
