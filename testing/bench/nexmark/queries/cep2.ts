import type { Nexmark } from "../streams.ts"
import { lowAverages } from "./low-average.ts"

/** As cep1, but the next search begins with the next bid. */
export function cep2({ bids }: Nexmark) {
  return lowAverages(bids, "to-next")
}
