/** The service whose latency is measured: each ping is answered by an echo. */
import { service, stream } from "millrace"

interface Ping {
  readonly id: string
  /** When it was sent, by the sender's own clock in ms. */
  readonly sent: number
}

const pings = stream<Ping>("pings", { key: (ping) => ping.id, partitions: 4 })
const echoes = stream<Ping>("echoes", { key: (ping) => ping.id, partitions: 4 })

export default service("echo", [pings.map((ping) => ({ id: ping.id, sent: ping.sent })).to(echoes)])
