import { type Aggregate, compareRanks, limits, MillraceError } from "@millrace/model"
import type { RankedBy, TopOptions } from "../flow/table-options.ts"
import { checkedWhole, checkFunction, checkKeys } from "../setting.ts"

/** A value with what it is ranked by, and its event time. */
type Ranked = readonly [rank: RankedBy, time: number, value: unknown]

/**
 * The first `n` values in an order, as a list: the rank is the place in it. Of equal rank, the earlier by event time is first, then the one
 * that came first. For windows, and over all records of a key; of the groups of a table, see their `topN`.
 *
 * @throws MR1101 for an option that is not valid
 * @example `bids.window("ten-seconds", tumbling("10s")).aggregate({ best: topN({ n: 3, by: (bid) => bid.price }) })`
 */
export function topN<T>(options: TopOptions<T>): Aggregate<T, readonly T[]> {
  checkKeys(options, ["n", "by", "order"], "topN")
  const { by, order = "descending" } = options
  checkFunction(by, "topN, by")
  if (order !== "descending" && order !== "ascending") {
    throw new MillraceError("MR1101", `topN, order: ${JSON.stringify(order)} is neither "descending" nor "ascending".`)
  }
  const n = checkedWhole(options.n, 1, limits.topRecordsMax, "topN, n")
  const sign = order === "ascending" ? 1 : -1
  /** Whether `a`, which came later, is before `b`. */
  const isBefore = (a: Ranked, b: Ranked): boolean => {
    const ranks = sign * compareRanks(a[0], b[0], "topN")
    return ranks === 0 ? a[1] < b[1] : ranks < 0
  }
  const offer = (kept: Ranked[], given: Ranked): void => {
    let at = kept.length
    // Most belong behind all others.
    while (at > 0 && isBefore(given, kept[at - 1] as Ranked)) at--
    if (at === n) return
    kept.splice(at, 0, given)
    if (kept.length > n) kept.pop()
  }
  return {
    kind: "topN",
    slots: 1,
    mutable: true,
    init(acc, at) {
      acc[at] = []
    },
    add(acc, at, value, time) {
      const rank = by(value)
      // A rank that has no order is found at once, not when a second one comes.
      compareRanks(rank, rank, "topN")
      offer(acc[at] as Ranked[], [rank, time, value])
    },
    merge(acc, at, other) {
      for (const each of other[at] as readonly Ranked[]) offer(acc[at] as Ranked[], each)
    },
    result: (acc, at) => (acc[at] as readonly Ranked[]).map(([, , value]) => value as T),
  }
}
