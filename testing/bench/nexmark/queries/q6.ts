import type { Nexmark } from "../streams.ts"
import { q9 } from "./q9.ts"

/** One auction that found a buyer. */
interface Sale {
  readonly auction: number
  readonly price: number
  readonly at: number
}

/** As of each sale, the average price of its seller's last eleven sales, by the time of the winning bid. */
export function q6(input: Nexmark) {
  return q9(input)
    .changes()
    .flatMap(({ old, new: now }) => now ?? old ?? [])
    .keyBy(({ seller }) => String(seller))
    .process("last-eleven", {
      state: () => ({ sales: [] as Sale[] }),
      *onRecord({ id, seller, price, bidDateTime }, { state }) {
        // A bid that is outbid leaves its place to the new one.
        const before = state.sales.findIndex(({ auction }) => auction === id)
        if (before >= 0) state.sales.splice(before, 1)
        const sale = { auction: id, price, at: bidDateTime }
        const later = state.sales.findIndex((other) => isBefore(sale, other))
        const place = later < 0 ? state.sales.length : later
        state.sales.splice(place, 0, sale)
        // What changes: the averages of those that have either place among the ten before them.
        const first = before < 0 ? place : Math.min(before, place)
        for (const [i, { auction }] of state.sales.entries()) {
          if (i < first || i > Math.max(before, place) + 10) continue
          const last = state.sales.slice(Math.max(0, i - 10), i + 1)
          const total = last.reduce((sum, each) => sum + each.price, 0)
          yield { seller, auction, price: Math.trunc(total / last.length) }
        }
      },
    })
    .keyBy(({ auction }) => String(auction))
    .reduce("averages", (_, newest) => newest)
}

function isBefore(one: Sale, other: Sale): boolean {
  return one.at < other.at || (one.at === other.at && one.auction < other.auction)
}
