import type { Nexmark } from "../streams.ts"

/** Channel id: that of a well-known channel, or the one in the url; bids with neither are left out. */
export function q21({ bids }: Nexmark) {
  return bids
    .map(({ auction, bidder, price, channel, url }) => ({
      auction,
      bidder,
      price,
      channel,
      channel_id: wellKnown.get(channel.toLowerCase()) ?? /(?:&|^)channel_id=([^&]*)/.exec(url)?.[1],
    }))
    .filter(({ channel_id: id }) => id !== undefined)
}

const wellKnown = new Map([
  ["apple", "0"],
  ["google", "1"],
  ["facebook", "2"],
  ["baidu", "3"],
])
