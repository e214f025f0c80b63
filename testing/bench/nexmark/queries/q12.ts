import { count, tumbling } from "millrace"
import type { Nexmark } from "../streams.ts"

/** Bids of each bidder in every 10 s of the clock. */
export function q12({ bids }: Nexmark) {
  return bids
    .keyBy(({ bidder }) => String(bidder))
    .window("bids-per-bidder", tumbling("10s"), { time: "processing" })
    .aggregate({ bid_count: count() })
    .map(({ key, bid_count, start, end }) => ({
      bidder: Number(key),
      bid_count,
      starttime: start.getTime(),
      endtime: end.getTime(),
    }))
}
