import { count, session } from "millrace"
import type { Nexmark } from "../streams.ts"

/** User sessions: the bids of each bidder without a pause of 10 s. */
export function q11({ bids }: Nexmark) {
  return bids
    .keyBy(({ bidder }) => String(bidder))
    .window("sessions", session({ gap: "10s" }))
    .aggregate({ bid_count: count() })
    .map(({ key, bid_count, start, end }) => ({
      bidder: Number(key),
      bid_count,
      starttime: start.getTime(),
      endtime: end.getTime(),
    }))
}
