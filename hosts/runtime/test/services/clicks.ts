// Two services: what one writes, the other reads.
import { count, service, stream, tumbling } from "@millrace/sdk"

export interface Click {
  readonly user: string
  readonly page: string
  readonly at: number
}

const clicks = stream<Click>("clicks", { key: ({ user }) => user, time: ({ at }) => at, partitions: 4 })
const views = stream<Click>("views", { key: ({ page }) => page, time: ({ at }) => at, partitions: 2, outOfOrder: "1h" })
const hits = stream<{ page: string; n: number }>("hits", { key: ({ page }) => page })

export const collector = service("collector", [clicks.to(views)])
export const counter = service("counter", [
  views.window("per-page", tumbling("1m")).aggregate({ n: count() }).map(({ key, n }) => ({ page: key, n })).to(hits),
])
