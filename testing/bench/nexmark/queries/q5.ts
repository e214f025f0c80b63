import { aggregate, count, hopping, tumbling } from "millrace"
import type { Nexmark } from "../streams.ts"

/** Hot items: every 2 s, the auctions with the most bids in the last 10 s. */
export function q5({ bids }: Nexmark) {
  return bids
    .keyBy(({ auction }) => String(auction))
    .window("bids-per-auction", hopping({ size: "10s", every: "2s" }))
    .aggregate({ num: count() })
    .keyBy(({ end }) => end.toISOString())
    .window("most-bids", tumbling("2s"))
    .aggregate({ hottest })
    .flatMap(({ hottest: { auctions, num } }) => auctions.map((auction) => ({ auction: Number(auction), num })))
}

/** All auctions that share the highest count. */
const hottest = aggregate({
  init: () => ({ num: 0, auctions: [] as string[] }),
  add(best, { key, num }: { readonly key: string; readonly num: number }) {
    if (num > best.num) return { num, auctions: [key] }
    if (num === best.num) best.auctions.push(key)
    return best
  },
  merge(best, other) {
    if (best.num === other.num) best.auctions.push(...other.auctions)
    return other.num > best.num ? other : best
  },
  result: ({ num, auctions }) => ({ num, auctions: [...auctions] }),
})
