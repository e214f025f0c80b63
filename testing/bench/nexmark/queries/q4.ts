import { max, sum, count } from "millrace"
import type { Nexmark } from "../streams.ts"

/** The average winning price of each category: a table of the highest bids, grouped, which takes out what is outbid. */
export function q4({ auctions, bids }: Nexmark) {
  const valid = auctions
    .keyBy(({ id }) => String(id))
    .join("valid-bids", bids.keyBy(({ auction }) => String(auction)), {}, (auction, bid) => ({
      category: auction.category,
      price: bid.price,
      valid: auction.dateTime <= bid.dateTime && bid.dateTime <= auction.expires,
    }))
    .filter((bid) => bid.valid)
  return valid
    .aggregate("winning-price", { category: max((bid) => bid.category), price: max((bid) => bid.price) })
    .groupBy(({ category }) => String(category))
    .aggregate("average-price", { total: sum(({ price }) => price), auctions: count() })
    .map(({ key, total, auctions: sold }) => ({ id: Number(key), final: Math.trunc(total / sold) }))
}
