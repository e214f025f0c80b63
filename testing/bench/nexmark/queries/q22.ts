import type { Nexmark } from "../streams.ts"

/** Directories of the url. */
export function q22({ bids }: Nexmark) {
  return bids.map(({ auction, bidder, price, channel, url }) => {
    const [, , , dir1, dir2, dir3] = url.split("/")
    return { auction, bidder, price, channel, dir1, dir2, dir3 }
  })
}
