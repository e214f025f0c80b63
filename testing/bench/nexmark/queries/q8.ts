import { tumbling } from "millrace"
import type { Nexmark } from "../streams.ts"

/** New users: who has joined and opened an auction within the same 10 s, each once. */
export function q8({ persons, auctions }: Nexmark) {
  const sellers = auctions.keyBy(({ seller }) => String(seller))
  return persons
    .keyBy(({ id }) => String(id))
    .join("new-sellers", sellers, { window: tumbling("10s") }, ({ id, name }, _, { time }) => ({ id, name, start: time - 9_999 }))
    .distinct("once", { of: ({ start }) => start, within: "10s" })
}
