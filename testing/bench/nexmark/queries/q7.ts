import { max, tumbling } from "millrace"
import type { Nexmark } from "../streams.ts"

/** The highest bids of every 10 s: the highest price, joined back with the bids that have it, the window's very end included. */
export function q7({ bids }: Nexmark) {
  return bids
    .keyBy(() => "all")
    .window("highest-price", tumbling("10s"))
    .aggregate({ price: max(({ price }) => price) })
    .keyBy(({ price }) => String(price))
    .join("highest-bids", bids.keyBy(({ price }) => String(price)), { within: { before: "9999ms", after: "1ms" } }, (_, bid) => ({
      auction: bid.auction,
      bidder: bid.bidder,
      price: bid.price,
      dateTime: bid.dateTime,
      extra: bid.extra,
    }))
}
