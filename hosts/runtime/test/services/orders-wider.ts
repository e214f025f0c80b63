// The service "orders" with another number of partitions.
import { service, stream } from "@millrace/sdk"
import type { Order } from "./orders.ts"

export default service("orders", [stream<Order>("orders", { partitions: 8, key: ({ key }) => key })])
