import { max } from "millrace"
import type { Bid } from "../events.ts"
import type { Nexmark } from "../streams.ts"
import { bidStatistics, dayOf } from "./bid-statistics.ts"

/** Channel statistics: those of each channel and day, with the last minute that had a bid. */
export function q16({ bids }: Nexmark) {
  return bids
    .map(({ auction, bidder, price, channel, dateTime }) => ({ auction, bidder, price, channel, dateTime }))
    .keyBy((bid) => `${dayOf(bid)} ${bid.channel}`)
    .aggregate("per-channel-and-day", { minute: max(minuteOf), ...bidStatistics })
    .map(({ key, ...counts }) => ({ channel: key.slice(11), day: key.slice(0, 10), ...counts }))
}

function minuteOf({ dateTime }: Pick<Bid, "dateTime">): string {
  const minute = Math.floor(dateTime / 60_000) % 1_440
  return `${String(Math.floor(minute / 60)).padStart(2, "0")}:${String(minute % 60).padStart(2, "0")}`
}
