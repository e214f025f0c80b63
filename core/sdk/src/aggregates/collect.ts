import { type Aggregate, limits, MillraceError } from "@millrace/model"
import { checkFunction } from "../setting.ts"

/**
 * All values in the order of arrival; over the groups of a table, in the order of their rows' keys. Missing values (null,
 * undefined) are passed over; of none it is empty. At most 100,000 for one key and window: a record beyond them becomes a
 * dead letter (MR1205).
 *
 * @example `.aggregate({ delays: collect((f) => f.delay) })`
 */
export function collect<T, V>(of: (value: T) => V): Aggregate<T, ReadonlyArray<NonNullable<V>>> {
  checkFunction(of, "collect")
  return {
    kind: "collect",
    slots: 1,
    mutable: true,
    init(acc, at) {
      acc[at] = []
    },
    add(acc, at, value) {
      const given = of(value)
      if (given === null || given === undefined) return
      const items = acc[at] as unknown[]
      if (items.length >= limits.collectItemsMax) throw full()
      items.push(given)
    },
    merge(acc, at, other) {
      const items = acc[at] as unknown[]
      const more = other[at] as readonly unknown[]
      if (items.length + more.length > limits.collectItemsMax) throw full()
      for (const item of more) items.push(item)
    },
    rows: { of, give: "all" },
    // A copy: with allowed lateness the window goes on collecting.
    result: (acc, at) => (acc[at] as NonNullable<V>[]).slice(),
  }
}

function full(): MillraceError {
  return new MillraceError(
    "MR1205",
    `collect holds ${limits.collectItemsMax} values of one key and window and takes no more. ` +
      "Make the window shorter or the key finer, or keep less with aggregate({ … }).",
    { most: limits.collectItemsMax },
  )
}
