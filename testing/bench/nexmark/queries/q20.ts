import type { Nexmark } from "../streams.ts"

/** Bids with their auction, of category 10. Both sides are kept for ever. */
export function q20({ bids, auctions }: Nexmark) {
  const wanted = auctions.filter(({ category }) => category === 10).keyBy(({ id }) => String(id))
  return bids
    .keyBy(({ auction }) => String(auction))
    .join("with-auction", wanted, {}, ({ dateTime, extra, ...bid }, auction) => ({
      ...bid,
      bidDateTime: dateTime,
      bidExtra: extra,
      itemName: auction.itemName,
      description: auction.description,
      initialBid: auction.initialBid,
      reserve: auction.reserve,
      auctionDateTime: auction.dateTime,
      expires: auction.expires,
      seller: auction.seller,
      category: auction.category,
      auctionExtra: auction.extra,
    }))
}
