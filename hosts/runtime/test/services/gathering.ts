// Three shards, two batches of each at once.
import { fn, service, stream } from "@millrace/sdk"

const orders = stream<{ key: string }>("orders", { key: ({ key }) => key, partitions: 3 })
const dir = process.env["MILLRACE_TEST_GATHERED"] ?? ""

export default service("shop", [
  fn("gather", "../functions/gathers.ts", {
    timeout: "1m",
    env: { BEGUN: `${dir}/begun`, GO: `${dir}/go` },
    on: { stream: orders, batchSize: 1, parallelizationFactor: 2 },
  }),
])
