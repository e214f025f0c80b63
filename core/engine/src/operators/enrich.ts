/** Joins a flow with a table: each record gets the row that its key has when the record is processed. */
import { type JoinContext, type OperatorCode, type OperatorPlan, valueBytes } from "@millrace/model"
import type { Push, StageContext } from "../context.ts"
import type { Scope } from "../state.ts"
import type { View } from "../view.ts"
import { type KeptBytes, keptBytesCodec, keptValue } from "./kept-bytes.ts"

export class EnrichOperator implements View {
  readonly #rows: Scope<KeptBytes>
  readonly push: Push

  constructor(
    { name, type }: Extract<OperatorPlan, { kind: "enrich" }>,
    code: Extract<OperatorCode, { kind: "enrich" | "table-join" | "foreign-meet" }>,
    context: StageContext,
    next: Push,
  ) {
    const combine = code.combine as (left: unknown, right: unknown, at: JoinContext) => unknown
    const rows = context.state.scope(`${context.plan.service}/${name}`, keptBytesCodec)
    const at: { key: string; time: number } = { key: "", time: 0 }
    this.#rows = rows
    this.push = (sided, key, time) => {
      const [side, value] = sided as readonly [0 | 1, unknown]
      const bucket = rows.bucket(0)
      if (side === 1) {
        const [, row] = value as readonly [unknown, unknown]
        if (row === undefined) rows.remove(bucket, key)
        else {
          const bytes = valueBytes(row)
          ;(rows.change(bucket, key, () => ({ bytes })).value as KeptBytes).bytes = bytes
        }
        return
      }
      const row = rows.get(bucket, key)?.value
      if (row === undefined && type === "inner") return
      at.key = key
      at.time = time
      next(combine(value, keptValue(row), at), key, time)
    }
  }

  stateOf(key: string): unknown {
    return keptValue(this.#rows.get(this.#rows.bucket(0), key)?.value)
  }
}
