/**
 * Figures as Prometheus text. prom-client writes it and adds the figures of the process; it is loaded when figures are
 * first asked for, since it costs 20 MB of memory and 20 ms, and a node that nobody watches should not pay for it.
 */
import { routes } from "@millrace/protocol"
import type { Metric, Registry } from "prom-client"
import type { Sample } from "./sample.ts"
import { durationBounds, type Metrics } from "./metrics.ts"

/** A metric whose figures are kept elsewhere: what prom-client asks of one to write it. */
interface Kept {
  readonly name: string
  readonly help: string
  readonly type: "counter" | "gauge" | "histogram"
  readonly values: readonly {
    readonly labels: Readonly<Record<string, string | number>>
    readonly value: number
    readonly metricName?: string
  }[]
}

/** What the text is made of. */
export interface Figures {
  readonly metrics: Metrics
  readonly readers: { readonly count: number; readonly cut: number }
  readonly samples: readonly Sample[]
}

/** Figures of the process: kept by prom-client, in one registry for the life of the process. */
let ofProcess: Promise<{ readonly registry: Registry; readonly fresh: () => Registry }> | undefined

/** The text and its content type. */
export async function exposition(figures: Figures): Promise<{ readonly text: string; readonly contentType: string }> {
  ofProcess ??= load()
  const { registry, fresh } = await ofProcess
  const ours = fresh()
  for (const kept of [...ofGateway(figures), ...figures.samples.map(ofNode)]) ours.registerMetric(asMetric(kept))
  return { text: `${await ours.metrics()}\n${await registry.metrics()}`, contentType: registry.contentType }
}

async function load(): Promise<{ readonly registry: Registry; readonly fresh: () => Registry }> {
  const { default: client } = await import("prom-client")
  const registry = new client.Registry()
  client.collectDefaultMetrics({ register: registry })
  return { registry, fresh: () => new client.Registry() }
}

function ofNode({ name, help, kind, values }: Sample): Kept {
  return { name, help, type: kind, values: values.map(({ labels, value, part }) => (part === undefined ? { labels, value } : { labels, value, metricName: `${name}_${part}` })) }
}

function ofGateway({ metrics, readers }: Figures): Kept[] {
  const requests: { labels: Record<string, string | number>; value: number }[] = []
  const durations: { labels: Record<string, string | number>; value: number; metricName: string }[] = []
  const name = "millrace_http_request_duration_seconds"
  for (const [id, { statuses, buckets, seconds }] of metrics.routes) {
    const route = id === "none" ? "none" : (routes.find((each) => each.id === id)?.path ?? id)
    const method = id === "none" ? "any" : (routes.find((each) => each.id === id)?.method ?? "any")
    for (const [status, value] of statuses) requests.push({ labels: { method, route, status }, value })
    let count = 0
    for (const [place, inBucket] of buckets.entries()) {
      count += inBucket
      durations.push({
        labels: { method, route, le: durationBounds[place] ?? "+Inf" },
        value: count,
        metricName: `${name}_bucket`,
      })
    }
    durations.push({ labels: { method, route }, value: seconds, metricName: `${name}_sum` })
    durations.push({ labels: { method, route }, value: count, metricName: `${name}_count` })
  }
  return [
    { name: "millrace_http_requests_total", help: "Requests by route and status.", type: "counter", values: requests },
    {
      name,
      help: "Time from a request's arrival to the end of its answer; live readings are left out.",
      type: "histogram",
      values: durations,
    },
    {
      name: "millrace_http_body_bytes_total",
      help: "Bytes of record bodies, decompressed.",
      type: "counter",
      values: [{ labels: {}, value: metrics.bodyBytes }],
    },
    {
      name: "millrace_http_live_readers",
      help: "Readers that follow a stream.",
      type: "gauge",
      values: [{ labels: {}, value: readers.count }],
    },
    {
      name: "millrace_http_live_readers_cut_total",
      help: "Readers cut off for taking nothing.",
      type: "counter",
      values: [{ labels: {}, value: readers.cut }],
    },
  ]
}

/** prom-client's registry reads `name` and `get()` of a metric and nothing else; its types ask for its own classes. */
function asMetric(kept: Kept): Metric {
  return { name: kept.name, get: () => Promise.resolve(kept) } as unknown as Metric
}
