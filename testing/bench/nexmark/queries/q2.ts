import type { Nexmark } from "../streams.ts"

/** Selection: the bids on every 123rd auction. */
export function q2({ bids }: Nexmark) {
  return bids.filter(({ auction }) => auction % 123 === 0).map(({ auction, price }) => ({ auction, price }))
}
