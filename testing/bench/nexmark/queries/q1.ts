import type { Nexmark } from "../streams.ts"

/** Currency conversion: every bid, its price in euros. */
export function q1({ bids }: Nexmark) {
  return bids.map(({ auction, bidder, price, dateTime, extra }) => ({
    auction,
    bidder,
    price: euros(price),
    dateTime,
    extra,
  }))
}

/** Exact to three decimals: whole thousandths are divided only once. */
export function euros(dollars: number): number {
  return (908 * dollars) / 1000
}
