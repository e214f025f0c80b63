/**
 * A table of the first `n` rows of each group of a table, in an order: the row of a group is the list, the first in front. Rows that
 * change or go are taken out, and those behind move up, so all rows of a group are kept. Rows of one rank are in the order of their keys.
 * Gives each change as `[old, new]`; one that does not touch the list changes nothing.
 */
import { type OperatorCode, type OperatorPlan, valueBytes, valueFrom } from "@millrace/model"
import type { Push, StageContext } from "../context.ts"
import { type Scope, keyOfRow, rowsEnd } from "../state.ts"
import type { View } from "../view.ts"
import { type RankedRow, rankedRowCodec, RankedRows } from "./ranked-rows.ts"
import type { Regrouped } from "./regroup.ts"

export class TopRowsOperator implements View {
  readonly #n: number
  readonly #scope: Scope<RankedRow>
  readonly #rows: RankedRows
  readonly push: Push

  constructor(
    { name, n, order }: Extract<OperatorPlan, { kind: "top-rows" }>,
    code: Extract<OperatorCode, { kind: "top-rows" }>,
    context: StageContext,
    next: Push,
  ) {
    const by = code.by as (row: unknown) => unknown
    const scope = context.state.rows(`${context.plan.service}/${name}`, rankedRowCodec)
    const rows = new RankedRows(scope, "", { descending: order === "descending", nanFirst: false }, `operator "${name}", by`)
    this.#n = n
    this.#scope = scope
    this.#rows = rows
    this.push = (change, group, time) => {
      const [old, now, key] = change as Regrouped
      const before = rows.first(group, n)
      if (old !== undefined) rows.remove(group, key, by(old))
      if (now !== undefined) rows.add(group, key, by(now), valueBytes(now))
      const after = rows.first(group, n)
      if (before.length === after.length && before.every((row, i) => row === after[i])) return
      next([listOf(before), listOf(after)], group, Math.max(time, context.watermark))
    }
  }

  stateOf(group: string): unknown {
    return listOf(this.#rows.first(group, this.#n))
  }

  *rows(after?: string): Iterable<readonly [key: string, value: unknown]> {
    let last = after
    for (const { key } of this.#scope.entries(this.#scope.bucket(0), after === undefined ? undefined : rowsEnd(after))) {
      const group = keyOfRow(key)
      if (group === last) continue
      last = group
      yield [group, this.stateOf(group)]
    }
  }
}

/** Undefined: the group has no rows. */
function listOf(rows: readonly RankedRow[]): unknown[] | undefined {
  return rows.length === 0 ? undefined : rows.map(({ bytes }) => valueFrom(bytes))
}
