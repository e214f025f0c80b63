import type { Nexmark } from "../streams.ts"

/** Pass through: every bid. */
export function q0({ bids }: Nexmark) {
  return bids.map(({ auction, bidder, price, dateTime, extra }) => ({ auction, bidder, price, dateTime, extra }))
}
