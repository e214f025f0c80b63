/**
 * Joins a flow with versions: each record gets the version of its key that was valid at its event time, the last one not after it. It
 * waits until the watermark proves that no such version is still to come, so the order of arrival does not show.
 *
 * K6  A record's result is that of the newest version at or before its event time, whenever either came.
 * K7  Versions that no record to come can ask for are forgotten.
 */
import {
  type ByteReader,
  type ByteWriter,
  type JoinContext,
  type OperatorCode,
  type OperatorPlan,
  valueBytes,
  valueFrom,
} from "@millrace/model"
import { BucketSchedule } from "../bucket-schedule.ts"
import type { Push, StageContext, TimedOperator } from "../context.ts"
import { type Scope, type StateCodec, rowKey, rowNumber, rowOf } from "../state.ts"
import { keyOfRow } from "../state/row.ts"
import { type KeptBytes, keptBytesCodec, keptValue } from "./kept-bytes.ts"

interface Version {
  readonly time: number
  /** Undefined: from here on there is none. */
  readonly bytes: Uint8Array | undefined
}

const none = 0xffffffff

const versionCodec: StateCodec<Version> = {
  write: (to: ByteWriter, { time, bytes }: Version) => {
    to.f64(time)
    to.u32(bytes?.length ?? none)
    if (bytes !== undefined) to.bytes(bytes)
  },
  read: (from: ByteReader): Version => {
    const time = from.f64()
    const length = from.u32()
    return { time, bytes: length === none ? undefined : from.bytes(length).slice() }
  },
  copy: (version) => version,
}

export class AsOfOperator implements TimedOperator {
  readonly #plan: Extract<OperatorPlan, { kind: "as-of" }>
  readonly #combine: Combine
  readonly #deleted: ((version: unknown) => boolean) | undefined
  readonly #context: StageContext
  readonly #next: Push
  readonly #late: Push
  readonly #versions: Scope<Version>
  /** Records that wait, by event time. */
  readonly #waiting: Scope<KeptBytes>
  readonly #schedule: BucketSchedule
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
    this.#versions = state.rows(`${scope}@versions`, versionCodec)
    this.#waiting = state.rows(`${scope}@waiting`, keptBytesCodec)
    this.#schedule = new BucketSchedule(state, this.#waiting, (time) => time + 1)
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
    const due = this.#schedule.note(time)
    if (due < this.due) this.due = due
    if (due < context.due) context.due = due
    const bucket = this.#waiting.bucket(time)
    const newest = this.#waiting.group(bucket, key).at(-1)
    const number = newest === undefined ? 0 : Number.parseInt(rowOf(newest.key), 36) + 1
    this.#waiting.change(bucket, rowKey(key, rowNumber(number)), () => ({ bytes: valueBytes(value) }))
  }

  advance(watermark: number): void {
    for (this.#settle(); this.due <= watermark; this.#settle()) {
      const time = this.#schedule.first
      const bucket = this.#waiting.bucket(time)
      let done = true
      for (const { key: name, value } of this.#waiting.entries(bucket)) {
        const key = keyOfRow(name)
        // Outside the guard: one that fails is a dead letter and not due again.
        this.#waiting.remove(bucket, name)
        this.#context.guard(this.#plan.name, keptValue(value), key, time, this.#answer)
        this.#forget(key, time)
        if (!this.#context.full()) continue
        done = false
        break
      }
      if (!done) return this.#settle()
      this.#waiting.drop(bucket)
    }
  }

  tick(): void {}

  end(): void {}

  reload(): void {
    this.#schedule.reload()
    this.#settle()
  }

  readonly #answer: Push = (value, key, time) => {
    let valid: Version | undefined
    for (const { value: version } of this.#versions.group(this.#versions.bucket(0), key)) {
      if (version === undefined || version.time > time) break
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
    this.#versions.change(bucket, name, () => ({ time, bytes: gone ? undefined : valueBytes(value) }))
    this.#forget(key, this.#context.watermark - 1)
  }

  /** K7: of the versions at or before `time`, which the watermark has passed, only the last can still be asked for. */
  #forget(key: string, time: number): void {
    const bucket = this.#versions.bucket(0)
    const group = this.#versions.group(bucket, key)
    let over = 0
    while (over + 1 < group.length && (group[over + 1]?.value?.time ?? Number.POSITIVE_INFINITY) <= time) over++
    if (over > 0) for (const cell of group.slice(0, over)) this.#versions.remove(bucket, cell.key)
  }

  #settle(): void {
    this.due = this.#schedule.due
    if (this.due < this.#context.due) this.#context.due = this.due
  }
}

type Combine = (left: unknown, right: unknown, at: JoinContext) => unknown

/** Names that are in the order of the times, negative ones too. */
function timeName(time: number): string {
  return rowNumber(Math.floor(time) + 2 ** 52)
}
