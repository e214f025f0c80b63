/** Joins two tables by key, as a table: its row changes with either of the two. */
import { type JoinContext, type OperatorCode, type OperatorPlan, valueBytes } from "@millrace/model"
import type { Push, StageContext } from "../context.ts"
import { type Scope, compareKeys } from "../state.ts"
import type { View } from "../view.ts"
import { type KeptBytes, keptBytesCodec, keptValue } from "./kept-bytes.ts"

type Keys = Iterator<{ readonly key: string }>
type Combine = (left: unknown, right: unknown, at: JoinContext) => unknown

export class TableJoinOperator implements View {
  readonly #type: "inner" | "left" | "right" | "outer"
  readonly #combine: Combine
  readonly #sides: readonly [Scope<KeptBytes>, Scope<KeptBytes>]
  readonly #at: { key: string; time: number } = { key: "", time: 0 }
  readonly push: Push

  constructor(
    { name, type }: Extract<OperatorPlan, { kind: "table-join" }>,
    code: Extract<OperatorCode, { kind: "enrich" | "table-join" | "foreign-meet" }>,
    context: StageContext,
    next: Push,
  ) {
    const { state, plan } = context
    this.#type = type
    this.#combine = code.combine as Combine
    const sides = [
      state.scope(`${plan.service}/${name}@left`, keptBytesCodec),
      state.scope(`${plan.service}/${name}@right`, keptBytesCodec),
    ] as const
    this.#sides = sides
    this.push = (sided, key, time) => {
      const [side, change] = sided as readonly [0 | 1, readonly [unknown, unknown]]
      const at = Math.max(time, context.watermark)
      const before = this.#row(key, at)
      const rows = sides[side]
      const bucket = rows.bucket(0)
      const [, now] = change
      if (now === undefined) rows.remove(bucket, key)
      else {
        const bytes = valueBytes(now)
        ;(rows.change(bucket, key, () => ({ bytes })).value as KeptBytes).bytes = bytes
      }
      const after = this.#row(key, at)
      if (before !== undefined || after !== undefined) next([before, after], key, at)
    }
  }

  stateOf(key: string): unknown {
    return this.#row(key, 0)
  }

  *rows(after?: string): Iterable<readonly [key: string, value: unknown]> {
    const [lefts, rights] = this.#sides.map((side) => side.entries(side.bucket(0), after)[Symbol.iterator]()) as [Keys, Keys]
    let left = lefts.next()
    let right = rights.next()
    while (left.done !== true || right.done !== true) {
      const order = left.done === true ? 1 : right.done === true ? -1 : compareKeys(left.value.key, right.value.key)
      const { key } = ((order <= 0 ? left : right) as IteratorYieldResult<{ readonly key: string }>).value
      const row = this.#row(key, 0)
      if (row !== undefined) yield [key, row]
      if (order <= 0) left = lefts.next()
      if (order >= 0) right = rights.next()
    }
  }

  #row(key: string, time: number): unknown {
    const [leftRows, rightRows] = this.#sides
    const left = leftRows.get(leftRows.bucket(0), key)?.value
    const right = rightRows.get(rightRows.bucket(0), key)?.value
    const type = this.#type
    if (left === undefined && (right === undefined || type === "inner" || type === "left")) return undefined
    if (right === undefined && (type === "inner" || type === "right")) return undefined
    this.#at.key = key
    this.#at.time = time
    return this.#combine(keptValue(left), keptValue(right), this.#at)
  }
}
