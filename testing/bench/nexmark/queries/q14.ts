import type { Nexmark } from "../streams.ts"
import { euros } from "./q1.ts"

/** Calculation: bids of a middling price in euros, by time of day, with the letters c of their padding counted. */
export function q14({ bids }: Nexmark) {
  return bids
    .map((bid) => ({ ...bid, price: euros(bid.price) }))
    .filter(({ price }) => price > 1_000_000 && price < 50_000_000)
    .map(({ auction, bidder, price, dateTime, extra }) => ({
      auction,
      bidder,
      price,
      bidTimeType: timeOfDay(dateTime),
      dateTime,
      extra,
      c_counts: occurrences("c", extra),
    }))
}

function timeOfDay(time: number): "dayTime" | "nightTime" | "otherTime" {
  const hour = new Date(time).getUTCHours()
  if (hour >= 8 && hour <= 18) return "dayTime"
  return hour <= 6 || hour >= 20 ? "nightTime" : "otherTime"
}

function occurrences(letter: string, text: string): number {
  let found = 0
  for (let at = text.indexOf(letter); at >= 0; at = text.indexOf(letter, at + 1)) found++
  return found
}
