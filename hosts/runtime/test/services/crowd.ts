// One window with very many keys.
import { count, service, stream, tumbling } from "@millrace/sdk"

const arrivals = stream<{ who: string; at: number }>("arrivals", { partitions: 2, key: ({ who }) => who, time: ({ at }) => at })
const crowds = stream<{ who: string; n: number }>("crowds", { partitions: 2, key: ({ who }) => who })

export default service("crowd", [
  arrivals
    .window("crowd", tumbling("1d"))
    .aggregate({ n: count() })
    .map(({ key: who, n }) => ({ who, n }))
    .to(crowds),
])
