/** What cep1 and cep2 look for: bids whose average, so far, stays below 10,000, ended by the first that lifts it. */
import type { AfterMatch, Flow } from "millrace"
import type { Bid } from "../events.ts"

export function lowAverages(bids: Flow<Bid, "unkeyed">, skip: AfterMatch<"low" | "high">) {
  return bids
    .keyBy(({ auction, bidder }) => `${auction} ${bidder}`)
    .match("low-average", (pattern) =>
      pattern
        .begin("low", (bid, _, low) => isLow([...low, bid]))
        .oneOrMore()
        .consecutive()
        .greedy()
        .next("high", () => true)
        .skip(skip),
    )
    .flatMap(({ low }) => {
      const [first, last] = [low[0], low.at(-1)]
      if (first === undefined || last === undefined) return []
      const { auction, bidder, dateTime } = first
      return [{ auction, bidder, start_tstamp: dateTime, end_tstamp: last.dateTime, avg_price: Math.trunc(total(low) / low.length) }]
    })
}

function isLow(bids: readonly Bid[]): boolean {
  return total(bids) < 10_000 * bids.length
}

function total(bids: readonly Bid[]): number {
  return bids.reduce((sum, { price }) => sum + price, 0)
}
