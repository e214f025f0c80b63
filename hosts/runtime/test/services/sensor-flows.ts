// Windows by another key than the stream's, over several stages: what the model in sensors.test.ts computes naively.
import { type Service, count, service, stream, sum, tumbling } from "@millrace/sdk"
import { files } from "@millrace/sdk/files"

export interface Reading {
  readonly sensor: string
  readonly region: string
  readonly at: number
  readonly value: number
}

export interface Total {
  readonly region: string
  readonly start: number
  readonly n: number
  readonly sum: number
}

/** @param idle - how long a partition without input holds the others back */
export function sensors(idle: "30s" | "300ms"): Service {
  const readings = stream<Reading>("readings", {
    partitions: 4,
    key: ({ sensor }) => sensor,
    time: ({ at }) => at,
    outOfOrder: "1s",
    idle,
  })
  const totals = stream<Total>("totals", { partitions: 3, key: ({ region }) => region, time: ({ start }) => start, idle })
  const days = stream<Total>("days", { partitions: 2, key: ({ region }) => region, time: ({ start }) => start })

  const byRegion = readings
    .keyBy(({ region }) => region)
    .window("by-region", tumbling("1s"))
    .aggregate({ n: count(), sum: sum(({ value }) => value) })
    .map(({ key, start, n, sum: total }): Total => ({ region: key, start: start.getTime(), n, sum: total }))

  const grand = totals
    .window("grand", tumbling("10s"))
    .aggregate({ n: sum(({ n }) => n), sum: sum((total) => total.sum) })
    .map(({ key, start, n, sum: total }): Total => ({ region: key, start: start.getTime(), n, sum: total }))

  return service("sensors", [
    byRegion.to(totals),
    grand.to(days),
    byRegion.to(files("regions", { format: "ndjson", roll: { every: "1d", size: "1KB" } })),
  ])
}
