// Windows that close together, each with a result that takes a while.
import { count, service, stream, tumbling } from "@millrace/sdk"

export interface Visit {
  readonly page: string
  readonly at: number
}

/** What each result takes, in ms. */
const takesMs = 50

const visits = stream<Visit>("visits", { key: ({ page }) => page, time: ({ at }) => at, partitions: 1 })
const totals = stream<{ page: string; n: number }>("totals", { key: ({ page }) => page, partitions: 1 })

const perSecond = visits
  .window("per-second", tumbling("1s"))
  .aggregate({ n: count() })
  .map(({ key, n }) => {
    const until = performance.now() + takesMs
    while (performance.now() < until);
    return { page: key, n }
  })

export default service("closings", [perSecond.to(totals)])
