import type { Nexmark } from "../streams.ts"

/** Winning bids: of each auction the highest valid bid, of equal ones the earliest. */
export function q9({ auctions, bids }: Nexmark) {
  return auctions
    .keyBy(({ id }) => String(id))
    .join("valid-bids", bids.keyBy(({ auction }) => String(auction)), {}, (auction, bid) => ({ auction, bid }))
    .filter(({ auction, bid }) => auction.dateTime <= bid.dateTime && bid.dateTime <= auction.expires)
    .topN("winning-bid", { n: 1, by: ({ bid }) => [bid.price, -bid.dateTime] })
    .map((best) =>
      best.map(({ auction, bid }) => ({
        ...auction,
        auction: bid.auction,
        bidder: bid.bidder,
        price: bid.price,
        bidDateTime: bid.dateTime,
        bidExtra: bid.extra,
      })),
    )
}
