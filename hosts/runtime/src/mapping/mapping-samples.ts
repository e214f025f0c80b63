/** The figures of mappings for `/metrics`, named after Lambda's event source mapping metrics. */
import type { Sample } from "../samples.ts"
import type { MappingStatus } from "./mapping.ts"

export function mappingSamples(all: readonly MappingStatus[]): Sample[] {
  if (all.length === 0) return []
  const by = (name: string, help: string, kind: Sample["kind"], of: (status: MappingStatus) => number): Sample => ({
    name: `millrace_mapping_${name}`,
    help,
    kind,
    values: all.map((status) => ({ labels: { function: status.function, stream: status.stream }, value: of(status) })),
  })
  return [
    by("polled_events_total", "Records that a mapping has read (PolledEventCount).", "counter", ({ figures }) => figures.polled),
    by("filtered_out_events_total", "Records that its filters have dropped (FilteredOutEventCount).", "counter", ({ figures }) => figures.filteredOut),
    by("invoked_events_total", "Records in invocations (InvokedEventCount).", "counter", ({ figures }) => figures.invoked),
    by("failed_invoke_events_total", "Records in invocations that failed (FailedInvokeEventCount).", "counter", ({ figures }) => figures.failedInvoke),
    by("dropped_events_total", "Records that were given up (DroppedEventCount).", "counter", ({ figures }) => figures.dropped),
    by(
      "on_failure_destination_delivered_events_total",
      "Records that a destination was told of (OnFailureDestinationDeliveredEventCount).",
      "counter",
      ({ figures }) => figures.delivered,
    ),
    by("throttles_total", "Invocations that were throttled.", "counter", ({ figures }) => figures.throttles),
    by("iterator_age_seconds", "Age of the last record of the newest batch when it was done (IteratorAge).", "gauge", ({ figures }) => figures.iteratorAgeMs / 1000),
    by("shards", "Shards that a mapping reads.", "gauge", ({ shards }) => shards),
  ]
}
