import type { Nexmark } from "../streams.ts"

/** The last bid of each bidder on each auction. */
export function q18({ bids }: Nexmark) {
  return bids.keyBy(({ bidder, auction }) => `${bidder} ${auction}`).toTable("last-bid")
}
