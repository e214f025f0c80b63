// Heartbeats, counted by the clock.
import { count, service, stream, tumbling } from "@millrace/sdk"

const beats = stream<{ id: string }>("beats", { partitions: 2, key: ({ id }) => id })
const counted = stream<{ id: string; n: number; ms: number }>("counted", { partitions: 1, key: ({ id }) => id })

export default service("beats", [
  beats
    .window("per-second", tumbling("1s"), { time: "processing" })
    .aggregate({ n: count() })
    .map(({ key, n, start, end }) => ({ id: key, n, ms: end.getTime() - start.getTime() }))
    .to(counted),
])
