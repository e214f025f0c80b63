import type { Nexmark } from "../streams.ts"

/** Bounded side input: each bid with the value of its key, from a table that every partition has. */
export function q13({ bids, side }: Nexmark) {
  return bids.withBroadcast("values", side.toTable("side-input"), function* ({ auction, bidder, price, dateTime }, values) {
    const found = values.get(String(auction % 10_000))
    if (found !== undefined) yield { auction, bidder, price, dateTime, value: found.value }
  })
}
