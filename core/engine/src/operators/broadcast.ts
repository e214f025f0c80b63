/**
 * Records beside all rows of a table, which every partition has: rules, rates, settings. A record sees the rows as they are when it is
 * processed. Rows are frozen: user code that tries to change one fails.
 */
import { type JoinContext, type OperatorCode, valueBytes } from "@millrace/model"
import type { Push, StageContext, TimedOperator } from "../context.ts"
import type { Scope } from "../state.ts"
import type { View } from "../view.ts"
import { asynchronous } from "./functions.ts"
import { type KeptBytes, keptBytesCodec, keptValue } from "./kept-bytes.ts"

export class BroadcastOperator implements TimedOperator, View {
  readonly #kept: Scope<KeptBytes>
  /** The rows decoded; undefined: not yet, or not since a rollback. */
  #rows: Map<string, unknown> | undefined
  readonly push: Push
  readonly due: number = Number.POSITIVE_INFINITY
  readonly dueByClock: number = Number.POSITIVE_INFINITY

  constructor(name: string, code: Extract<OperatorCode, { kind: "broadcast" }>, context: StageContext, next: Push) {
    const kept = context.state.scope(`${context.plan.service}/${name}`, keptBytesCodec)
    this.#kept = kept
    const fn = code.fn as (value: unknown, rows: ReadonlyMap<string, unknown>, at: JoinContext) => Iterable<unknown>
    const at: { key: string; time: number } = { key: "", time: 0 }
    this.push = (sided, key, time) => {
      const [side, value] = sided as readonly [0 | 1, unknown]
      const rows = this.#all()
      if (side === 0) {
        at.key = key
        at.time = time
        const items = fn(value, rows, at)
        if (items instanceof Promise) throw asynchronous(`operator "${name}"`)
        for (const item of items) next(item, key, time)
        return
      }
      const [, now] = value as readonly [unknown, unknown]
      const bucket = kept.bucket(0)
      if (now === undefined) {
        kept.remove(bucket, key)
        rows.delete(key)
        return
      }
      const bytes = valueBytes(now)
      const row = kept.change(bucket, key, () => ({ bytes })).value as KeptBytes
      row.bytes = bytes
      rows.set(key, frozen(keptValue(row)))
    }
  }

  advance(): void {}

  tick(): void {}

  end(): void {}

  reload(): void {
    this.#rows = undefined
  }

  *rows(): Iterable<readonly [key: string, value: unknown]> {
    for (const { key, value } of this.#kept.entries(this.#kept.bucket(0))) yield [key, keptValue(value)]
  }

  #all(): Map<string, unknown> {
    if (this.#rows === undefined) {
      this.#rows = new Map()
      for (const { key, value } of this.#kept.entries(this.#kept.bucket(0))) this.#rows.set(key, frozen(keptValue(value)))
    }
    return this.#rows
  }
}

function frozen(value: unknown): unknown {
  if (typeof value === "object" && value !== null && !Object.isFrozen(value) && !ArrayBuffer.isView(value)) {
    Object.freeze(value)
    for (const part of Object.values(value)) frozen(part)
  }
  return value
}
