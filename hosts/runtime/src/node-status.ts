/** What a node says of itself: how far each stage is, what sinks have delivered, whether there is anything left to do. */
import type { Store } from "@millrace/engine"
import type { ErrorData } from "@millrace/model"
import type { SinkStatus } from "./deliveries.ts"
import type { Feed } from "./feed.ts"

export interface NodeStatus {
  readonly ready: boolean
  readonly unready?: ErrorData
  readonly services: readonly string[]
  /** All input is processed, what came of it is durable, and every decided file is delivered. */
  readonly idle: boolean
  readonly outDir: string
  readonly stages: readonly object[]
  readonly sinks: readonly SinkStatus[]
  /** What feeds functions, and how far it is. */
  readonly mappings: readonly object[]
}

/** One partition of one stage, as plain JSON. */
export function stageStatus(feed: Feed, store: Store): object {
  return {
    ...feed.seat,
    input: feed.input.name,
    state: feed.state,
    consumed: feed.consumed,
    next: store.extent(feed.input.name, feed.seat.partition).next,
    lagBytes: feed.lagBytes,
    watermark: Math.abs(feed.watermark) <= 8.64e15 ? new Date(feed.watermark).toISOString() : null,
    ended: feed.ended,
    records: feed.records,
    deadLetters: feed.deadLetters,
    late: Object.fromEntries(feed.late),
    keys: feed.keys,
    ...(feed.pending === 0 ? {} : { pendingCalls: feed.pending, held: feed.held }),
    ...(feed.error === undefined ? {} : { error: feed.error }),
  }
}
