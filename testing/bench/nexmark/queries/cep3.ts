import type { Nexmark } from "../streams.ts"

/** Price drop: a bid more than 50 below an earlier one of its bidder, less than 5 s later, all between them above that mark. */
export function cep3({ bids }: Nexmark) {
  return bids
    .keyBy(({ auction, bidder }) => `${auction} ${bidder}`)
    .match("price-drop", (pattern) =>
      pattern
        .begin("high")
        .next("between", (bid, { high }) => bid.price > high.price - 50)
        .oneOrMore()
        .consecutive()
        .greedy()
        .optional()
        .next("low", (bid, { high }) => bid.price < high.price - 50)
        .within("5s")
        .skip("past-last"),
    )
    .map(({ high, low }) => ({
      auction: high.auction,
      bidder: high.bidder,
      drop_time: low.dateTime,
      drop_diff: high.price - low.price,
    }))
}
