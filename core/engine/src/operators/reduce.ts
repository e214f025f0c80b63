/** A table in which each key's values are made one, in the order in which they come. Gives each change as `[old, new]`. */
import { type ByteReader, type ByteWriter, type OperatorCode, valueBytes, valueFrom } from "@millrace/model"
import type { Push, StageContext } from "../context.ts"
import type { Scope, StateCodec } from "../state.ts"
import type { View } from "../view.ts"

/** The value as bytes, so that user code cannot change what is kept. */
interface Kept {
  bytes: Uint8Array
}

const keptCodec: StateCodec<Kept> = {
  write: (to: ByteWriter, { bytes }: Kept) => {
    to.u32(bytes.length)
    to.bytes(bytes)
  },
  read: (from: ByteReader): Kept => ({ bytes: from.bytes(from.u32()).slice() }),
  copy: (kept) => ({ ...kept }),
}

export class ReduceOperator implements View {
  readonly #kept: Scope<Kept>

  constructor(name: string, context: StageContext) {
    this.#kept = context.state.scope(`${context.plan.service}/${name}`, keptCodec)
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
      ;(this.#kept.change(bucket, key, () => ({ bytes })).value as Kept).bytes = bytes
      next([old, now], key, Math.max(time, context.watermark))
    }
  }

  stateOf(key: string): unknown {
    const bytes = this.#kept.get(this.#kept.bucket(0), key)?.value?.bytes
    return bytes === undefined ? undefined : valueFrom(bytes)
  }

  *rows(): Iterable<readonly [key: string, value: unknown]> {
    for (const { key, value } of this.#kept.entries(this.#kept.bucket(0))) yield [key, valueFrom(value.bytes)]
  }
}
