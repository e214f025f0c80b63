import type { Nexmark } from "../streams.ts"

/** Local items: who sells in category 10 in three states. Both sides are kept for ever, so every pair is found. */
export function q3({ auctions, persons }: Nexmark) {
  const local = persons.filter(({ state }) => ["OR", "ID", "CA"].includes(state)).keyBy(({ id }) => String(id))
  return auctions
    .filter(({ category }) => category === 10)
    .keyBy(({ seller }) => String(seller))
    .join("local-items", local, {}, ({ id }, { name, city, state }) => ({ name, city, state, id }))
}
