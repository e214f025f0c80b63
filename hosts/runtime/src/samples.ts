/** The node's figures for `/metrics`, in Prometheus's naming. */
import type { SinkStatus } from "./deliveries.ts"
import type { Feed } from "./feed.ts"

export interface Sample {
  readonly name: string
  readonly help: string
  readonly kind: "counter" | "gauge" | "histogram"
  readonly values: ReadonlyArray<{
    readonly labels: Readonly<Record<string, string>>
    readonly value: number
    /** Of a histogram: which of its figures this is; a bucket's bound is its label `le`. */
    readonly part?: "bucket" | "sum" | "count"
  }>
}

export interface NodeFigures {
  readonly accepted: number
  readonly rejected: number
  readonly queuedRequestBytes: number
  readonly journalQueuedBytes: number
  readonly unfoldedBytes: number
  readonly workers: number
  readonly workersReplaced: number
  readonly feeds: readonly Feed[]
  readonly sinks: readonly SinkStatus[]
}

export function samplesOf(figures: NodeFigures): Sample[] {
  const one = (name: string, help: string, kind: Sample["kind"], value: number): Sample => ({ name, help, kind, values: [{ labels: {}, value }] })
  const byFeed = (name: string, help: string, kind: Sample["kind"], of: (feed: Feed) => number): Sample => ({
    name,
    help,
    kind,
    values: figures.feeds.map((feed) => {
      const { service, stage, partition } = feed.seat
      return { labels: { service, stage, partition: String(partition) }, value: of(feed) }
    }),
  })
  const bySink = (name: string, help: string, kind: Sample["kind"], of: (sink: SinkStatus) => number): Sample => ({
    name,
    help,
    kind,
    values: figures.sinks.map((status) => ({ labels: { service: status.service, sink: status.sink }, value: of(status) })),
  })
  return [
    one("millrace_records_accepted_total", "Records accepted by front doors.", "counter", figures.accepted),
    one("millrace_records_rejected_total", "Records rejected by front doors.", "counter", figures.rejected),
    one("millrace_request_queue_bytes", "Request bodies that wait for a worker.", "gauge", figures.queuedRequestBytes),
    one("millrace_journal_queue_bytes", "Bytes that wait for the disk.", "gauge", figures.journalQueuedBytes),
    one("millrace_journal_unfolded_bytes", "Journal bytes that a recovery would apply.", "gauge", figures.unfoldedBytes),
    one("millrace_workers", "Worker threads that run.", "gauge", figures.workers),
    one("millrace_workers_replaced_total", "Workers replaced because they hung or died.", "counter", figures.workersReplaced),
    byFeed("millrace_stage_records_total", "Records processed.", "counter", ({ records }) => records),
    byFeed("millrace_stage_dead_letters_total", "Records that became dead letters.", "counter", ({ deadLetters }) => deadLetters),
    byFeed("millrace_stage_late_records_total", "Records that came too late.", "counter", ({ late }) => sum(late.values())),
    byFeed("millrace_stage_lag_bytes", "Input appended and not yet processed.", "gauge", ({ lagBytes }) => lagBytes),
    byFeed("millrace_stage_watermark_seconds", "Watermark, in seconds since 1970.", "gauge", ({ watermark }) => watermark / 1000),
    byFeed("millrace_stage_keys", "Keys of state in memory.", "gauge", ({ keys }) => keys),
    byFeed("millrace_stage_calls_pending", "Records that wait for the results of asynchronous calls.", "gauge", ({ pending }) => pending),
    byFeed("millrace_stage_held", "1 while the stage takes no input before asynchronous calls have ended.", "gauge", ({ held }) => (held ? 1 : 0)),
    bySink("millrace_sink_files_pending", "Files decided and not yet delivered.", "gauge", ({ pending }) => pending),
    bySink("millrace_sink_delivery_failures_total", "Attempts at a file that failed.", "counter", ({ failures }) => failures),
    bySink("millrace_sink_files_delivered_total", "Files delivered.", "counter", ({ delivered }) => delivered),
    bySink("millrace_sink_rows_delivered_total", "Rows delivered.", "counter", ({ rows }) => rows),
    bySink("millrace_sink_rows_open", "Rows in files that are not full yet.", "gauge", ({ open }) => open),
  ]
}

function sum(values: Iterable<number>): number {
  let total = 0
  for (const value of values) total += value
  return total
}
