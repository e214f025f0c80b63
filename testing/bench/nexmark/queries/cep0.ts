import type { Nexmark } from "../streams.ts"

/** V shape: a bidder's bids on an auction fall at least twice in a row, then one is above the last but one of them. */
export function cep0({ bids }: Nexmark) {
  return bids
    .keyBy(({ auction, bidder }) => `${auction} ${bidder}`)
    .match("v-shape", (pattern) =>
      pattern
        .begin("start")
        .next("down", (bid, { start }, down) => bid.price < (down.at(-1) ?? start).price)
        .timesOrMore(2)
        .consecutive()
        .greedy()
        .next("up", (bid, { down }) => bid.price > (down.at(-2)?.price ?? Number.POSITIVE_INFINITY))
        .skip({ toLast: "up" }),
    )
    .map(({ start, down, up }) => ({
      auction: start.auction,
      bidder: start.bidder,
      start_tstamp: start.dateTime,
      bottom_tstamp: down.at(-1)?.dateTime,
      end_tstamp: up.dateTime,
    }))
}
