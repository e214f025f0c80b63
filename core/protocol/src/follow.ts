/** Follows a stream by its `live`: each record once, with the position after it. */
import { eventsOf, type Following } from "./events-of.ts"
import type { ReceivedRecord } from "./record-view.ts"

export interface LiveOptions {
  /** `earliest`, `latest`, a time in ISO 8601, or a position. @default latest */
  readonly from?: string
  /** Ends the iteration. */
  readonly signal?: AbortSignal
}

export interface LiveRecord<Value = unknown> {
  /** The position after this record: give it as `from` to go on after it. */
  readonly position: string
  readonly record: ReceivedRecord<Value>
}

/** @throws what the node's problem details say; MR1602 when it was never reached, in all attempts */
export function follow<Value>(following: Following, { from, signal }: LiveOptions): AsyncGenerator<LiveRecord<Value>, void, undefined> {
  const url = from === undefined ? following.url : `${following.url}?from=${encodeURIComponent(from)}`
  return eventsOf<LiveRecord<Value>>({ ...following, url }, signal, {
    read: ({ name, data, id }) => (name === "message" ? { position: id, record: JSON.parse(data) as ReceivedRecord<Value> } : undefined),
    last: "end",
  })
}
