/**
 * Joins a flow with versions: each record gets the version of its key that was valid at its event time, the last one not after it. It
 * waits until the watermark proves that no such version is still to come, so the order of arrival does not show.
 *
 * K6  A record's result is that of the newest version at or before its event time, whenever either came.
 * K7  Versions that no record to come can ask for are forgotten.
 */
import {
  type JoinContext,
  type OperatorCode,
  type OperatorPlan,
  valueBytes,
  valueFrom,
} from "@millrace/model"
import type { Push, StageContext, TimedOperator } from "../context.ts"
import { type Scope, rowKey, rowNumber } from "../state.ts"
import { type DatedBytes, datedBytesCodec } from "./dated-bytes.ts"
import { type PagedRecord, valueOf } from "./record-page.ts"
import { WaitingRecords } from "./waiting-records.ts"

export class AsOfOperator implements TimedOperator {
  readonly #plan: Extract<OperatorPlan, { kind: "as-of" }>
  readonly #combine: Combine
  readonly #deleted: ((version: unknown) => boolean) | undefined
  readonly #context: StageContext
  readonly #next: Push
  readonly #late: Push
  /** Since a time each. */
  readonly #versions: Scope<DatedBytes>
  readonly #waiting: WaitingRecords
  readonly #at: { key: string; time: number } = { key: "", time: 0 }
  due: number = Number.POSITIVE_INFINITY
  readonly dueByClock: number = Number.POSITIVE_INFINITY

  constructor(
    plan: Extract<OperatorPlan, { kind: "as-of" }>,
    code: Extract<OperatorCode, { kind: "as-of" }>,
    context: StageContext,
    next: Push,
    late: Push,
  ) {
    const { state } = context
    const scope = `${context.plan.service}/${plan.name}`
    this.#plan = plan
    this.#combine = code.combine as Combine
    this.#deleted = code.deleted as ((version: unknown) => boolean) | undefined
    this.#context = context
    this.#next = next
    this.#late = late
    this.#versions = state.rows(`${scope}@versions`, datedBytesCodec)
    this.#waiting = new WaitingRecords(context, `${scope}@waiting`, (time) => time + 1)
    this.#settle()
  }

  push: Push = (sided, key, time) => {
    const [side, value] = sided as readonly [0 | 1, unknown]
    const context = this.#context
    if (side === 1) return this.#learn(value, key, time)
    if (time < context.watermark) {
      context.late.set(this.#plan.name, (context.late.get(this.#plan.name) ?? 0) + 1)
      this.#late(value, key, time)
      return
    }
    const due = this.#waiting.add(value, key, time)
    if (due < this.due) this.due = due
    if (due < context.due) context.due = due
  }

  advance(watermark: number): void {
    for (this.#settle(); this.due <= watermark; this.#settle()) if (!this.#waiting.takeAll(this.#take)) return this.#settle()
  }

  tick(): void {}

  end(): void {}

  reload(): void {
    this.#waiting.reload()
    this.#settle()
  }

  readonly #take = (kept: PagedRecord, key: string, time: number): void => {
    this.#context.guard(this.#plan.name, valueOf(kept), key, time, this.#answer)
    this.#forget(key, time)
  }

  readonly #answer: Push = (value, key, time) => {
    let valid: DatedBytes | undefined
    for (const { value: version } of this.#versions.group(this.#versions.bucket(0), key)) {
      if (version === undefined || version.since > time) break
      valid = version
    }
    const bytes = valid?.bytes
    if (bytes === undefined && this.#plan.type === "inner") return
    const at = this.#at
    at.key = key
    at.time = time
    this.#next(this.#combine(value, bytes === undefined ? undefined : valueFrom(bytes), at), key, time)
  }

  #learn(value: unknown, key: string, time: number): void {
    const gone = this.#deleted?.(value) === true
    const bucket = this.#versions.bucket(0)
    const name = rowKey(key, timeName(time))
    // Of one time, the version that came last is the one.
    this.#versions.remove(bucket, name)
    this.#versions.change(bucket, name, () => ({ since: time, bytes: gone ? undefined : valueBytes(value) }))
    this.#forget(key, this.#context.watermark - 1)
  }

  /** K7: of the versions at or before `time`, which the watermark has passed, only the last can still be asked for. */
  #forget(key: string, time: number): void {
    const bucket = this.#versions.bucket(0)
    const group = this.#versions.group(bucket, key)
    let over = 0
    while (over + 1 < group.length && (group[over + 1]?.value?.since ?? Number.POSITIVE_INFINITY) <= time) over++
    if (over > 0) for (const cell of group.slice(0, over)) this.#versions.remove(bucket, cell.key)
  }

  #settle(): void {
    this.due = this.#waiting.due
    if (this.due < this.#context.due) this.#context.due = this.due
  }
}

type Combine = (left: unknown, right: unknown, at: JoinContext) => unknown

/** Names that are in the order of the times, negative ones too. */
function timeName(time: number): string {
  return rowNumber(Math.floor(time) + 2 ** 52)
}
