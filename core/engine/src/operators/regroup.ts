/** Changes of a table, by the group of their rows: a row that changes its group leaves one and enters another. */
import type { OperatorCode } from "@millrace/model"
import type { Push } from "../context.ts"
import { checkedKey } from "../event-time.ts"

/** A change of a row of a group, and the row's own key. */
export type Regrouped = readonly [old: unknown, now: unknown, key: string]

export function regroup(code: Extract<OperatorCode, { kind: "regroup" }>, name: string, next: Push): Push {
  const fn = code.fn as (row: unknown) => unknown
  const groupOf = (row: unknown): string => checkedKey(fn(row), `operator "${name}"`)
  return (change, key, time) => {
    const [before, after] = change as readonly [unknown, unknown]
    const from = before === undefined ? undefined : groupOf(before)
    const to = after === undefined ? undefined : groupOf(after)
    if (from === to) {
      if (to !== undefined) next([before, after, key] satisfies Regrouped, to, time)
      return
    }
    if (from !== undefined) next([before, undefined, key] satisfies Regrouped, from, time)
    if (to !== undefined) next([undefined, after, key] satisfies Regrouped, to, time)
  }
}
