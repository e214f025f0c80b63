import { max } from "millrace"
import type { Bid } from "../events.ts"
import type { Nexmark } from "../streams.ts"
import { bidStatistics, dayOf } from "./bid-statistics.ts"

/** Channel statistics: those of each channel and day, with the last minute that had a bid. */
export function q16({ bids }: Nexmark) {
  return bids
    .keyBy((bid) => `${dayOf(bid)} ${bid.channel}`)
    .aggregate("per-channel-and-day", { minute: max(minuteOf), ...bidStatistics })
    .map(({ key, ...counts }) => ({ channel: key.slice(11), day: key.slice(0, 10), ...counts }))
}

function minuteOf({ dateTime }: Bid): string {
  return new Date(dateTime).toISOString().slice(11, 16)
}
