/**
 * Joins a table with another by a key that its rows name. Each row of the left table travels to the key that it names, meets the right
 * table's row there, and the result travels back. Messages of different keys overtake each other, so each change of a left row has a
 * number (as in KIP-213 of Apache Kafka): what comes back with an older one than the newest is passed over.
 *
 * K8  The result of a left row's newest version wins, in whatever order results come back.
 * K9  Only the place that a row names now answers for it: the place that it has left is silent.
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
import type { Push, StageContext } from "../context.ts"
import { checkedKey } from "../event-time.ts"
import { type Scope, type StateCodec, rowKey, rowOf } from "../state.ts"
import type { View } from "../view.ts"
import { type DatedBytes, datedBytesCodec } from "./dated-bytes.ts"
import { type KeptBytes, keptBytesCodec, keptValue } from "./kept-bytes.ts"

/** On its way to the key that it names: the row, or that it has left (`undefined`), or that it is gone altogether (`null`). */
type Sent = readonly [leftKey: string, version: number, row: unknown]

/** On its way back. */
type Answer = readonly [version: number, result: unknown]

const versionCodec: StateCodec<number> = {
  write: (to: ByteWriter, version: number) => to.f64(version),
  read: (from: ByteReader) => from.f64(),
  copy: (version) => version,
}

/** Numbers the changes of each left row and sends them to where they belong. */
export function foreignSend(
  name: string,
  code: Extract<OperatorCode, { kind: "foreign-send" }>,
  context: StageContext,
  next: Push,
): Push {
  const versions = context.state.scope(`${context.plan.service}/${name}`, versionCodec)
  const on = code.on as (row: unknown) => unknown
  // A row that names no key has a place of its own where nothing is met.
  const placeOf = (row: unknown, key: string): string => {
    const given = on(row)
    return given === null || given === undefined ? `${nowhere}${key}` : checkedKey(given, `operator "${name}", on`)
  }
  return (change, key, time) => {
    const [old, now] = change as readonly [unknown, unknown]
    const cell = versions.change(versions.bucket(0), key, () => 0)
    const version = (cell.value as number) + 1
    cell.value = version
    const from = old === undefined ? undefined : placeOf(old, key)
    const to = now === undefined ? undefined : placeOf(now, key)
    if (from !== undefined && from !== to) next([key, version, to === undefined ? null : undefined] satisfies Sent, from, time)
    if (to !== undefined) next([key, version, now] satisfies Sent, to, time)
  }
}

/** Begins no key of a user's that names something. */
const nowhere = "\u0001"

interface Waiting {
  version: number
  bytes: Uint8Array
}

const waitingCodec: StateCodec<Waiting> = {
  write: (to: ByteWriter, { version, bytes }: Waiting) => {
    to.f64(version)
    to.u32(bytes.length)
    to.bytes(bytes)
  },
  read: (from: ByteReader): Waiting => {
    const version = from.f64()
    return { version, bytes: from.bytes(from.u32()).slice() }
  },
  copy: (waiting) => ({ ...waiting }),
}

/** Where rows of the left meet the right one: answers go back under the left row's key. */
export function foreignMeet(
  { name, type }: Extract<OperatorPlan, { kind: "foreign-meet" }>,
  code: Extract<OperatorCode, { kind: "enrich" | "table-join" | "foreign-meet" }>,
  context: StageContext,
  next: Push,
): Push {
  const { state, plan } = context
  const lefts = state.rows(`${plan.service}/${name}@left`, waitingCodec)
  const rights = state.scope(`${plan.service}/${name}@right`, keptBytesCodec)
  const combine = code.combine as (left: unknown, right: unknown, at: JoinContext) => unknown
  const at: { key: string; time: number } = { key: "", time: 0 }
  const answer = (leftKey: string, version: number, left: unknown, right: KeptBytes | undefined, time: number): void => {
    at.key = leftKey
    at.time = Math.max(time, context.watermark)
    const result = right === undefined && type === "inner" ? undefined : combine(left, keptValue(right), at)
    next([version, result] satisfies Answer, leftKey, at.time)
  }
  return (sided, key, time) => {
    const [side, value] = sided as readonly [0 | 1, unknown]
    const right = rights.bucket(0)
    if (side === 1) {
      const [, now] = value as readonly [unknown, unknown]
      if (now === undefined) rights.remove(right, key)
      else {
        const bytes = valueBytes(now)
        ;(rights.change(right, key, () => ({ bytes })).value as KeptBytes).bytes = bytes
      }
      const row = rights.get(right, key)?.value
      for (const cell of lefts.group(lefts.bucket(0), key).slice()) {
        const { version, bytes } = cell.value as Waiting
        answer(rowOf(cell.key), version, valueFrom(bytes), row, time)
      }
      return
    }
    const [leftKey, version, row] = value as Sent
    const bucket = lefts.bucket(0)
    const cellKey = rowKey(key, leftKey)
    if (row === undefined || row === null) {
      lefts.remove(bucket, cellKey)
      // K9: of a row that is gone, its last place says so.
      if (row === null) next([version, undefined] satisfies Answer, leftKey, Math.max(time, context.watermark))
      return
    }
    const bytes = valueBytes(row)
    const waiting = lefts.change(bucket, cellKey, () => ({ version, bytes })).value as Waiting
    waiting.version = version
    waiting.bytes = bytes
    answer(leftKey, version, row, rights.get(right, key)?.value, time)
  }
}

/** K8: the table of results, by the left table's keys. */
export class ForeignSettleOperator implements View {
  /** As of a version of the left row each. */
  readonly #results: Scope<DatedBytes>
  readonly push: Push

  constructor(name: string, context: StageContext, next: Push) {
    const results = context.state.scope(`${context.plan.service}/${name}`, datedBytesCodec)
    this.#results = results
    this.push = (value, key, time) => {
      const [version, result] = value as Answer
      const bucket = results.bucket(0)
      const before = results.get(bucket, key)?.value
      if (before !== undefined && version < before.since) return
      const old = before?.bytes === undefined ? undefined : valueFrom(before.bytes)
      const settled = results.change(bucket, key, () => ({ since: version, bytes: undefined })).value as DatedBytes
      settled.since = version
      settled.bytes = result === undefined ? undefined : valueBytes(result)
      if (old !== undefined || result !== undefined) next([old, result], key, Math.max(time, context.watermark))
    }
  }

  stateOf(key: string): unknown {
    const bytes = this.#results.get(this.#results.bucket(0), key)?.value?.bytes
    return bytes === undefined ? undefined : valueFrom(bytes)
  }

  *rows(after?: string): Iterable<readonly [key: string, value: unknown]> {
    for (const { key, value } of this.#results.entries(this.#results.bucket(0), after)) if (value.bytes !== undefined) yield [key, valueFrom(value.bytes)]
  }
}
