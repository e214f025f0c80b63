/** A table in which each key's values are made one, in the order in which they come. Gives each change as `[old, new]`. */
import { type OperatorCode, valueBytes, valueFrom } from "@millrace/model"
import type { Push, StageContext } from "../context.ts"
import type { Scope } from "../state.ts"
import type { View } from "../view.ts"
import { type KeptBytes, keptBytesCodec } from "./kept-bytes.ts"

export class ReduceOperator implements View {
  readonly #kept: Scope<KeptBytes>

  constructor(name: string, context: StageContext) {
    this.#kept = context.state.scope(`${context.plan.service}/${name}`, keptBytesCodec)
  }

  push({ fn }: Extract<OperatorCode, { kind: "reduce" }>, context: StageContext, next: Push): Push {
    const reduce = fn as (before: unknown, value: unknown) => unknown
    return (value, key, time) => {
      const bucket = this.#kept.bucket(0)
      const before = this.#kept.get(bucket, key)?.value
      if (before === undefined) {
        this.#kept.change(bucket, key, () => ({ bytes: valueBytes(value) }))
        next([undefined, value], key, Math.max(time, context.watermark))
        return
      }
      const old = valueFrom(before.bytes)
      const now = reduce(valueFrom(before.bytes), value)
      const bytes = valueBytes(now)
      ;(this.#kept.change(bucket, key, () => ({ bytes })).value as KeptBytes).bytes = bytes
      next([old, now], key, Math.max(time, context.watermark))
    }
  }

  stateOf(key: string): unknown {
    const bytes = this.#kept.get(this.#kept.bucket(0), key)?.value?.bytes
    return bytes === undefined ? undefined : valueFrom(bytes)
  }

  *rows(after?: string): Iterable<readonly [key: string, value: unknown]> {
    for (const { key, value } of this.#kept.entries(this.#kept.bucket(0), after)) yield [key, valueFrom(value.bytes)]
  }
}
