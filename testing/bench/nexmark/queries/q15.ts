import type { Nexmark } from "../streams.ts"
import { bidStatistics, dayOf } from "./bid-statistics.ts"

/** Bidding statistics of each day. */
export function q15({ bids }: Nexmark) {
  return bids
    .keyBy(dayOf)
    .aggregate("per-day", bidStatistics)
    .map(({ key: day, ...counts }) => ({ day, ...counts }))
}
