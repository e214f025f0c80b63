import type { Nexmark } from "../streams.ts"
import { lowAverages } from "./low-average.ts"

/** Low averages of a bidder's bids on an auction; the next search begins behind the last match. */
export function cep1({ bids }: Nexmark) {
  return lowAverages(bids, "past-last")
}
