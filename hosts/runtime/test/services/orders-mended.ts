// The service "orders" with its faults mended: whatever a record says, it is counted.
import { service, stream } from "@millrace/sdk"
import type { Order } from "./orders.ts"

const orders = stream<Order>("orders", { partitions: 4, key: ({ key }) => key, time: ({ seq }) => seq })
const counted = stream<{ key: string; seq: number; n: number }>("counted", { partitions: 4, key: ({ key }) => key })

export default service("orders", [
  orders
    .map((order) => order)
    .process("count", {
      state: () => ({ n: 0 }),
      *onRecord({ key, seq }, ctx) {
        ctx.state.n++
        yield { key, seq, n: ctx.state.n }
      },
    })
    .to(counted),
])
