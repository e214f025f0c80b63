import type { Nexmark } from "../streams.ts"

/** The ten highest bids of each auction, with their ranks. */
export function q19({ bids }: Nexmark) {
  return bids
    .keyBy(({ auction }) => String(auction))
    .topN("highest-bids", { n: 10, by: ({ price }) => price })
    .map((best) => best.map((bid, place) => ({ ...bid, rank_number: place + 1 })))
}
